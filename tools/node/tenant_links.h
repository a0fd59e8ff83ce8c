// tenant_links.h - a tenant as a loop of the front sees it: a channel to each of its workers. What becomes of its
// process somebody else decides (tenant_link.h), who is told what the loop has seen.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "worker_link.h"

class TenantLinks final : public Link::Owner {
 public:
  TenantLinks(LoopContext& front, uint32_t process, const std::vector<int>& channels,
              std::shared_ptr<TenantShared> shared);
  // For one more request, in the tenant and in the node; whoever has it gives it to a link.
  bool take_place();
  Link* least_loaded();
  // Of its app: what its program leaves requests to, if that is another one.
  const std::string* next() const { return shared_->app->next_is_app ? &shared_->app->next : nullptr; }
  const std::string& app_name() const { return shared_->app->name; }
  uint64_t patience(size_t requests) const { return shared_->patience(requests); }
  const std::shared_ptr<ResponseCache>& cache() const { return shared_->cache; }  // null: it has none
  const AppLimits& limits() const { return shared_->app->limits; }
  void count_answer(bool failed, uint64_t microseconds) { counts.answers.add(failed, microseconds); }
  void drain();
  bool draining() const { return draining_; }
  void on_ready(Link& link) override;
  void end(EndCause cause, const std::string& why) override;
  void on_ended() override;
  void take_last();  // what its workers had sent before they ended
  void fail(EndCause cause, const std::string& why);
  void fail_here(EndCause cause, const std::string& why);  // somebody else has said so
  void every_second();
  // A request is not over though all that it may wait for has passed.
  void give_up() { overdue_ = true; }

 private:
  LoopContext& front_;
  const uint32_t process_;
  const std::shared_ptr<TenantShared> shared_;
  std::vector<std::unique_ptr<Link>> links_;
  bool overdue_ = false, draining_ = false;
};
