// main.cpp - `aotc-node`: the edge daemon. What the operator starts is the supervisor; it starts this program again as
// the front, as a tenant that runs one app's program, and as a puller that fetches one from a registry.
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "aotc/program.h"
#include "certificates.h"
#include "front.h"
#include "image_files.h"
#include "listen.h"
#include "option_table.h"
#include "process_words.h"
#include "pull.h"
#include "sandbox/sandbox.h"
#include "supervisor.h"
#include "support/exit_codes.h"
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
    return kExitUsage;
  }
  std::fputs(text, stdout);
  std::free(text);
  return aotc_finish_stdout("aotc-node") ? 0 : kExitFailed;
}

int print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return aotc_finish_stdout("aotc-node") ? 0 : kExitFailed;
}

int wrong_usage(const std::string& what) {
  std::fprintf(stderr, "aotc-node: %s\n", what.c_str());
  return kExitUsage;
}

// What can be seen of the files that the options name, before anything is served.
std::string wrong_file(const Options& options) {
  std::string wrong;
  for (const App& app : options.served->apps) {
    TrustRoot root;
    if (!read_trust(app.pull.trust, root, wrong)) return "--trust: " + wrong;
  }
  if (!options.served->certificates.empty() && read_certificates(options.served->certificates, wrong) == nullptr)
    return "--certificate: " + wrong;
  std::string key;
  if (!options.canary_key.empty() && !read_file(options.canary_key, kMaxCanaryKey, key, wrong))
    return "--canary-key: " + wrong;
  return "";
}

// What else they name, which may come later, and so does not keep a node from starting.
std::string missing_file(const Options& options) {
  for (const ListenAddress& listen : listen_addresses(options)) {
    std::string error;
    if (!is_listen_address(listen.address, error)) return error;
  }
  for (const App& app : options.served->apps) {
    std::vector<std::string> named = {app.values.config, app.values.secrets, app.pull.token_file};
    if (!app.pulled) named.push_back(app.artifact);
    for (const Secret& secret : app.secrets) named.push_back(secret.file);
    for (const std::string& file : named)
      if (!file.empty() && access(file.c_str(), R_OK) != 0)
        return "app " + app.name + ": " + file + ": " + std::strerror(errno);
  }
  return "";
}

int serve(Told told) {
  const Options options = options_of(told.settings);
  std::string wrong = wrong_file(options);
  if (wrong.empty() && told.check_only) wrong = missing_file(options);
  if (!wrong.empty()) return wrong_usage(wrong);
  if (!told.check_only) return Supervisor(std::move(told)).run();
  const size_t apps = options.served->apps.size();
  return print(std::string("nothing is wrong: ") + std::to_string(apps) + (apps == 1 ? " app\n" : " apps\n"));
}

int run(int argc, char** argv) {
  if (argc >= 2 && std::strcmp(argv[1], "--tenant") == 0) return run_tenant(parse_tenant_words(argv + 2));
  if (argc >= 2 && std::strcmp(argv[1], "--pull") == 0) return run_puller(parse_pull_words(argv + 2));
  if (argc >= 3 && std::strcmp(argv[1], "--front") == 0)
    return run_front(options_of(unpacked(STDIN_FILENO)), static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)));
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string first = words.empty() ? "" : words[0];
  if (words.size() == 1 && first == "--version") return print(std::string("aotc-node ") + aotc_version + "\n");
  if (words.size() == 1 && first == "--print-schema") return print(schema_text());
  if (words.size() == 1 && first.starts_with(kPrint)) return print_sandbox(first.c_str() + kPrint.size());
  for (const std::string& word : words)
    if ((word == "--help" || word == "-h") && (first == word || first == "serve")) return print(help_text());
  if (first != "serve") {
    std::fputs(help_text().c_str(), stderr);
    return kExitUsage;
  }
  try {
    return serve(told_by({words.begin() + 1, words.end()}));
  } catch (const SettingError& error) {
    return wrong_usage(error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  aotc_begin_program();
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "aotc-node: %s\n", error.what());
    return kExitFailed;
  }
}
