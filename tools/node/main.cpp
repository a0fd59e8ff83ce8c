// main.cpp - `aotc-node`: the edge daemon. What the operator starts is the supervisor; it starts this program again as
// the front, as a tenant that runs one app's program, and as a puller that fetches one from a registry.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "aotc/program.h"
#include "certificates.h"
#include "front.h"
#include "process_words.h"
#include "pull.h"
#include "sandbox/sandbox.h"
#include "supervisor.h"
#include "support/version.h"
#include "tenant.h"

namespace {

const std::string kPrint = "--print-sandbox";

// `which`: empty, or "=PROCESS".
int print_sandbox(const char* which) {
  if (*which == '=') ++which;
  char* text = aotc_sandbox_text("aotc-node", which);
  if (text == nullptr) {
    std::fprintf(stderr, "aotc-node: --print-sandbox: no such process: %s\n", which);
    return 2;
  }
  std::fputs(text, stdout);
  std::free(text);
  return aotc_finish_stdout("aotc-node") ? 0 : 1;
}

int print_version() {
  std::printf("aotc-node %s\n", aotc_version);
  return aotc_finish_stdout("aotc-node") ? 0 : 1;
}

int run(int argc, char** argv) {
  if (argc >= 2 && std::strcmp(argv[1], "--tenant") == 0) return run_tenant(parse_tenant_words(argv + 2));
  if (argc >= 2 && std::strcmp(argv[1], "--pull") == 0) return run_puller(parse_pull_words(argv + 2));
  if (argc >= 3 && std::strcmp(argv[1], "--front") == 0)
    return run_front(parse_options(argc - 2, argv + 2), static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)));
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) return print_version();
  if (argc == 2 && std::string(argv[1]).rfind(kPrint, 0) == 0) return print_sandbox(argv[1] + kPrint.size());
  Options options = parse_options(argc, argv);
  std::string wrong;
  for (const App& app : options.apps) {
    TrustRoot root;
    if (read_trust(app.pull.trust, root, wrong)) continue;
    std::fprintf(stderr, "aotc-node: --trust: %s\n", wrong.c_str());
    return 2;
  }
  if (!options.certificates.empty() && read_certificates(options.certificates, wrong) == nullptr) {
    std::fprintf(stderr, "aotc-node: --certificate: %s\n", wrong.c_str());
    return 2;
  }
  return Supervisor(std::move(options), {argv + 1, argv + argc}).run();
}

}  // namespace

int main(int argc, char** argv) {
  aotc_begin_program();
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "aotc-node: %s\n", error.what());
    return 1;
  }
}
