// front_shared.h - what the loops of the front (front_loop.h) share: the options that do not change, and the counts
// that limits for the whole node go by. All else belongs to one loop.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "admission.h"
#include "handshakes.h"
#include "options.h"
#include "program_log.h"
#include "response_cache.h"

struct FrontShared {
  explicit FrontShared(Options o) : options(std::move(o)) {
    caches.most = options.front_memory / 2;
    admission.cached = &caches.held;
  }
  const Options options;  // `served` is that of the start: what is served now each loop knows itself
  CacheBudget caches;
  AdmissionTotals admission;
  HandshakeLimits handshakes{options.max_handshakes, options.pace.grace};
  std::atomic<size_t> instances = 0;   // requests that workers have
  std::atomic<uint64_t> requests = 0;  // that they have had
};

// Of one tenant: whose it is, by which options, and what its loops count together.
struct TenantShared {
  TenantShared(std::shared_ptr<const App> its_app, size_t workers, AppLog& its_log, CacheBudget& caches)
      : app(std::move(its_app)), log(its_log), of_workers(workers) {
    if (app->response_cache > 0) cache = std::make_shared<ResponseCache>(app->response_cache, caches);
  }
  // How long nothing may happen to one of `requests` that a worker has.
  uint64_t patience(size_t requests) const {
    return app->limits.timeout + app->limits.deadline * (requests + 1) + 5'000'000'000;
  }
  const std::shared_ptr<const App> app;
  AppLog& log;
  std::atomic<size_t> load = 0;                   // requests that it has
  std::atomic<size_t> going_on = 0;               // programs whose clients are answered
  std::atomic<uint64_t> answered = 0;             // requests, well
  AnswerCounts answers;                           // what their clients got
  std::vector<std::atomic<uint32_t>> of_workers;  // the load of each
  std::shared_ptr<ResponseCache> cache;           // null: it has none
};
