// main.cpp - `aotc-node`: the edge daemon. As a tenant it runs one app's program, as a puller it fetches one from a
// registry, else it is the front.
#include <sched.h>
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
  // Under load a process that has got something to do should not interrupt the one that gave it, for it would find one
  // request where it could soon find ten: 13 % more requests a second with 64 clients. The tenants inherit it.
  const sched_param none = {};
  sched_setscheduler(0, SCHED_BATCH, &none);
  return front.run();
}
