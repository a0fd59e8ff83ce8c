// tenant_links.cpp - see tenant_links.h.
#include "tenant_links.h"

#include <algorithm>

#include "log.h"

static constexpr int64_t kMostFrames = 8 * kFramesPerSecond;  // saved up

TenantLinks::TenantLinks(LoopContext& front, uint32_t process, const std::vector<int>& channels,
                         std::shared_ptr<TenantShared> shared)
    : Owner(front.shared, front.metrics[shared->app->name], *shared),
      front_(front),
      process_(process),
      shared_(std::move(shared)) {
  for (size_t i = 0; i < channels.size(); ++i)
    links_.push_back(std::make_unique<Link>(front_, *this, channels[i], shared_->of_workers[i]));
}

// An app that has none gets one, however many the others have.
bool TenantLinks::take_place() {
  const size_t before = counts.load.fetch_add(1);
  if (before < shared_->app->limits.max_concurrency) {
    const size_t all = front_.shared.instances.fetch_add(1);
    if (before == 0 || all < front_.options.max_instances) return true;
    --front_.shared.instances;
  }
  --counts.load;
  return false;
}

Link* TenantLinks::least_loaded() {
  Link* best = links_[0].get();
  for (const auto& link : links_)
    if (link->load() < best->load()) best = link.get();
  return best;
}

void TenantLinks::drain() {
  draining_ = true;
  for (const auto& link : links_) {
    link->send(Frame::Drain, 0);
    link->flush();
  }
}

void TenantLinks::on_ready(Link&) {
  if (std::all_of(links_.begin(), links_.end(), [](const auto& link) { return link->ready; }))
    front_.on_ready(process_);
}

void TenantLinks::end(EndCause cause, const std::string& why) {
  write_log("error", shared_->app->name, "its process is ended: " + why);
  fail(cause, why);
}

void TenantLinks::on_ended() {
  take_last();
  fail(EndCause::Error, "its process ended");
}

void TenantLinks::take_last() {
  for (const auto& link : links_) link->take_last();
}

void TenantLinks::fail(EndCause cause, const std::string& why) {
  if (dead) return;
  front_.on_failed(process_, cause, why);
  fail_here(cause, why);
}

void TenantLinks::fail_here(EndCause cause, const std::string& why) {
  if (dead) return;
  dead = true;
  RequestEnd end{};
  end.cause = cause;
  for (const auto& link : links_) link->fail(end, why);
}

void TenantLinks::every_second() {
  if (dead) return;
  if (overdue_) return end(EndCause::Stuck, "a request is not over though all that it may wait for has passed");
  allowance = std::min(allowance + kFramesPerSecond, kMostFrames);
  for (const auto& link : links_)
    if (!dead) link->every_second();
}
