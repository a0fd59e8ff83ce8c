// health_check.h - the gate: an app's health path is asked of a new process, in a fresh instance as any request is,
// before its clients are.
//
// It is well when it answers with a status from 200 to 399. What it answers goes nowhere; a trap, a deadline or the end
// of its process is an answer, too. The request is made in the loop of the front that decides, by the process' channels
// there, and counts for no client.
#pragma once

#include <functional>
#include <string>

#include "exchange.h"

class FrontLoop;

class HealthCheck final : public Exchange::Owner {
 public:
  // What it says is why clients must not be led there; empty: they may. Once, and not from within this call.
  using Result = std::function<void(uint32_t process, const std::string& why)>;
  HealthCheck(FrontLoop& loop, uint32_t process, const App& app, Result result);
  ~HealthCheck();
  void check_time(uint64_t now);

  void on_output() override;
  void on_room() override {}
  void on_answered() override;
  void on_failed(int status, std::string_view text) override;

 private:
  void report(const std::string& why);

  FrontLoop& loop_;
  const uint32_t process_;
  const std::string path_;
  const uint64_t overdue_at_;
  const Result result_;
  const aotc_peer nobody_{};
  AppMetrics uncounted_;
  Exchange exchange_;
  bool reported_ = false;
};
