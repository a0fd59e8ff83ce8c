// tenant_link.h - a tenant as the front sees it: a process that serves one app. A reload or a crash makes a new one;
// the old one ends when it has nothing left to do.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "worker_link.h"

class Tenant final : public Source, public Link::Owner {
 public:
  Tenant(FrontContext& front, const App& app, const Release& release, const ObeyedLists& lists);
  ~Tenant();
  void on_started(const std::vector<int>& descriptors);
  void on_events(uint32_t events) override;  // of the log
  bool ready() const;
  Link* least_loaded();
  size_t load() const;
  size_t going_on() const;  // programs whose clients are answered
  void drain();
  void on_ready(Link& link) override;
  void end(EndCause cause, const std::string& why) override;
  void fail(EndCause cause, const std::string& why) override;
  void every_second();
  // A request is not over though all that it may wait for has passed.
  void give_up() { overdue_ = true; }
  const App& app;
  Release release;         // of a pulled app
  const uint32_t process;  // its number
  bool draining = false;

 private:
  void on_log(std::string_view text);
  FrontContext& front_;
  std::vector<std::unique_ptr<Link>> links_;
  int log_ = -1;
  std::string line_;
  size_t log_bytes_ = 0;  // likewise
  bool log_held_back_ = false;
  const uint64_t started_at_ = Loop::now();
  bool overdue_ = false;
  unsigned idle_ = 0;  // seconds without anything left to do
};
