// main.cpp - `aotc-node`: the edge daemon. What the operator starts is the supervisor; it starts this program again as the
// front, as a tenant that runs one app's program, and as a puller that fetches one from a registry.
#include <cstdio>
#include <cstring>
#include <exception>

#include "aotc/standard_streams.h"
#include "front.h"
#include "options.h"
#include "pull.h"
#include "supervisor.h"
#include "tenant.h"

namespace {

int run(int argc, char** argv) {
  if (argc >= 2 && std::strcmp(argv[1], "--tenant") == 0) return run_tenant(parse_tenant_words(argv + 2));
  if (argc >= 2 && std::strcmp(argv[1], "--pull") == 0) return run_puller(parse_pull_words(argv + 2));
  if (argc >= 2 && std::strcmp(argv[1], "--front") == 0) return run_front(parse_options(argc - 1, argv + 1));
  Options options = parse_options(argc, argv);
  std::string wrong;
  aotc::TrustedKeys keys;
  for (const App& app : options.apps) {
    if (read_keys(app.pull.trust, keys, wrong)) continue;
    std::fprintf(stderr, "aotc-node: --trust: %s\n", wrong.c_str());
    return 2;
  }
  return Supervisor(std::move(options), {argv + 1, argv + argc}).run();
}

}  // namespace

int main(int argc, char** argv) {
  aotc_hold_standard_streams();
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "aotc-node: %s\n", error.what());
    return 1;
  }
}
