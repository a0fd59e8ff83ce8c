// main.cpp - `aotc-node`: the edge daemon. As a tenant it runs one app's program, as a puller it fetches one from a
// registry, else it is the front.
#include <cstring>

#include "front.h"
#include "options.h"
#include "pull.h"
#include "tenant.h"

int main(int argc, char** argv) {
  constexpr int kTenantWords = 8, kPullWords = 7;
  if (argc >= 2 + kTenantWords && std::strcmp(argv[1], "--tenant") == 0)
    return run_tenant(parse_tenant_words(argv + 2));
  if (argc >= 2 + kPullWords && std::strcmp(argv[1], "--pull") == 0) return run_puller(argv + 2);
  Front front(parse_options(argc, argv));
  return front.run();
}
