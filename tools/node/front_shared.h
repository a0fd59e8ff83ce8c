// front_shared.h - what the loops of the front (front_loop.h) share: the options, and the counts that limits for the
// whole node go by. All else belongs to one loop.
#pragma once

#include <atomic>
#include <deque>
#include <string>
#include <vector>

#include "admission.h"
#include "options.h"
#include "program_log.h"

struct FrontShared {
  explicit FrontShared(Options o) : options(std::move(o)) {
    for (const App& app : options.apps) logs.emplace_back(app.name);
  }
  // The app that a request is for, or null.
  const App* find_app(const std::string& host, const std::string& target) const;
  size_t place_of(const App& app) const { return static_cast<size_t>(&app - options.apps.data()); }
  // How long nothing may happen to one of `load` requests that a worker has.
  uint64_t patience(size_t load) const { return options.timeout + options.deadline * (load + 1) + 5'000'000'000; }

  const Options options;
  std::deque<AppLog> logs;  // of each app
  AdmissionTotals admission;
  std::atomic<size_t> instances = 0;   // requests that workers have
  std::atomic<uint64_t> requests = 0;  // that they have had
};

// Of one tenant.
struct TenantCounts {
  explicit TenantCounts(size_t workers) : of_workers(workers) {}
  std::atomic<size_t> load = 0;                   // requests that it has
  std::atomic<size_t> going_on = 0;               // programs whose clients are answered
  std::atomic<uint64_t> answered = 0;             // requests, well
  std::vector<std::atomic<uint32_t>> of_workers;  // the load of each
};
