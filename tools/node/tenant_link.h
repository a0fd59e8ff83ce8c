// tenant_link.h - a tenant as the front sees it: a process that serves one app. A reload or a crash makes a new one;
// the old one ends when it has nothing left to do. Its channels belong to the loops (tenant_links.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "front_context.h"

class Tenant final : public Source {
 public:
  Tenant(FrontContext& front, std::shared_ptr<const App> app, const Release& release, const ObeyedLists& lists);
  ~Tenant();
  void on_started(const std::vector<int>& descriptors);
  void on_events(uint32_t events) override;  // of the log
  void on_loop_ready();
  bool ready() const { return !dead && ready_loops_ == front_.loops(); }
  size_t load() const { return counts_->load; }
  size_t going_on() const { return counts_->going_on; }  // programs whose clients are answered
  uint64_t answered() const { return counts_->answered; }
  AnswerSums answers() const { return counts_->answers.sums(); }
  ResponseCache* cache() const { return counts_->cache.get(); }  // or null
  void drain();
  void end(EndCause cause, const std::string& why);   // says so, then
  void fail(EndCause cause, const std::string& why);  // kill it, and tell those who wait
  void every_second();
  const App& app;          // by which it was started
  Release release;         // of a pulled app
  const uint32_t process;  // its number
  bool draining = false, dead = false;

 private:
  void on_log(std::string_view text);
  FrontContext& front_;
  AppMetrics& metrics_;
  AppLog& app_log_;
  const std::shared_ptr<TenantShared> counts_;
  size_t ready_loops_ = 0;
  int log_ = -1;
  std::string line_;
  size_t log_bytes_ = 0;  // in this second
  bool log_held_back_ = false;
  const uint64_t started_at_ = Loop::now();
  unsigned idle_ = 0;  // seconds without anything left to do
};
