// front_context.h - what those ask of the front (front.h) that it runs apps by: the processes, their releases.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "control.h"
#include "front_loop.h"
#include "revoked.h"

class Tenant;

class FrontContext {
 public:
  // `loop` is the one that the front itself runs in.
  FrontContext(FrontShared& shared, Loop& loop) : shared(shared), options(shared.options), loop(loop) {}

  // To the supervisor.
  virtual void tell(const ControlMessage& message) = 0;
  // In each loop, soon and in this order.
  virtual void in_all(const std::function<void(FrontLoop&)>& what) = 0;
  virtual size_t loops() const = 0;
  virtual FrontLoop& loop_at(size_t i) = 0;
  virtual void on_ready(Tenant& tenant) = 0;
  // From a puller. A release that ran before is also known after a restart.
  virtual void on_release(const App& app, const Release& release, bool good) = 0;
  // What the release document of an app says that runs for all who ask, and since which one there is no canary.
  virtual void on_document(const App& app, const aotc::ReleaseDocument& document) = 0;
  virtual void on_none(const App& app, uint64_t sequence) = 0;
  // What its processes must obey from now on, and a release that must not run any more.
  virtual void on_lists(const App& app, const ObeyedLists& lists) = 0;
  virtual void on_revoked(const App& app, const std::string& index, const Revocation& revocation) = 0;

  // A number for a process that is asked for.
  uint32_t new_process() { return ++last_process_; }
  AppLog& log_of(const App& app) {
    auto [at, is_new] = logs_.try_emplace(app.name, nullptr);
    if (is_new) at->second = std::make_unique<AppLog>(at->first);
    return *at->second;
  }

  FrontShared& shared;
  const Options& options;
  Loop& loop;
  std::map<std::string, AppMetrics> metrics;  // what no loop counts
  uint64_t now = 0;

 protected:
  ~FrontContext() = default;

  std::map<std::string, std::unique_ptr<AppLog>> logs_;  // of each app that there ever was

 private:
  uint32_t last_process_ = 0;
};
