// front_loop.cpp - see front_loop.h.
#include "front_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

#include "acceptor.h"
#include "arrival.h"
#include "client.h"
#include "next_app.h"
#include "refresh.h"
#include "tenant_links.h"

static constexpr uint64_t kSecond = 1'000'000'000;
static constexpr uint64_t kLeastGreeting = 1'000'000;  // of a turn

LoopContext::LoopContext(FrontShared& s, Decider& d)
    : shared(s), options(s.options), served(options.served), decider(d) {}

LoopContext::~LoopContext() = default;

FrontLoop::FrontLoop(FrontShared& s, Decider& d, FrontLoop* first)
    : LoopContext(s, d), first_(first), wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  loop.add(wake_, EPOLLIN, this);
}

FrontLoop::~FrontLoop() {
  arrivals.clear();
  clients.clear();
  refreshes.clear();
  ::close(wake_);
}

void FrontLoop::on_events(uint32_t) {
  uint64_t count;
  (void)!::read(wake_, &count, sizeof count);
}

void FrontLoop::post(std::function<void()> what) {
  bool first_of_them;
  {
    const std::lock_guard lock(mutex_);
    first_of_them = posts_.empty();
    posts_.push_back(std::move(what));
  }
  const uint64_t one = 1;
  if (first_of_them) (void)!::write(wake_, &one, sizeof one);
}

void FrontLoop::take_posts() {
  std::vector<std::function<void()>> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(posts_);
  }
  for (const auto& what : taken) what();
}

void FrontLoop::listen(int fd, ListenAddress::Kind kind) {
  listeners_.push_back(std::make_unique<Acceptor>(*this, fd, kind));
}

void FrontLoop::run() {
  while (!stopped_) turn(1000);
}

void FrontLoop::turn(int longest) {
  now = Loop::now();
  if (now >= next_second_) {
    every_second();
    next_second_ = now + kSecond;
  }
  const bool waits = unfinished_.empty() && unflushed_.empty() && unwritten_.empty() && greeting_.empty();
  loop.wait(waits ? longest : 0);
  now = Loop::now();
  for (Link* link : std::exchange(unfinished_, {})) link->go_on();
  take_posts();
  // What one of them does may be more to do for the other.
  while (!unwritten_.empty() || !unflushed_.empty()) {
    for (Client* client : std::exchange(unwritten_, {})) client->write_now();
    for (size_t i = 0; i < unflushed_.size(); ++i) unflushed_[i]->flush_now();
    unflushed_.clear();
  }
  greet();
  gone_.clear();
  gone_arrivals_.clear();
  gone_refreshes_.clear();
  removed_.clear();
}

// Handshakes cost much, and anybody can have them: while there is anything else to do they get no more of the loop's
// time than that, and the rest of them waits for its turn.
void FrontLoop::greet() {
  if (greeting_.empty()) return;
  const uint64_t begin = Loop::now();
  const uint64_t most = std::max(begin - now, kLeastGreeting);
  while (!greeting_.empty() && Loop::now() - begin < most) {
    Client* client = greeting_.front();
    greeting_.pop_front();
    client->greet();
  }
}

void FrontLoop::every_second() {
  for (auto it = clients.begin(); it != clients.end();) (*it++)->check_time(now);
  for (auto it = arrivals.begin(); it != arrivals.end();) (*it++)->check_time(now);
  for (auto it = refreshes.begin(); it != refreshes.end();) (*it++)->check_time(now);
  for (auto& [process, tenant] : tenants_) tenant->every_second();
  keep_budget();
  for (auto& listener : listeners_) listener->resume();
}

void FrontLoop::attach(uint32_t process, const std::vector<int>& channels, std::shared_ptr<TenantShared> shared) {
  tenants_[process] = std::make_unique<TenantLinks>(*this, process, channels, std::move(shared));
}

void FrontLoop::set_current(uint32_t place, uint32_t process) {
  auto found = tenants_.find(process);
  current_[place] = found == tenants_.end() ? nullptr : found->second.get();
}

void FrontLoop::drain_tenant(uint32_t process) {
  if (auto found = tenants_.find(process); found != tenants_.end()) found->second->drain();
}

void FrontLoop::fail_tenant(uint32_t process, EndCause cause, const std::string& why) {
  auto found = tenants_.find(process);
  if (found == tenants_.end()) return;
  found->second->take_last();
  found->second->fail_here(cause, why);
}

void FrontLoop::remove_tenant(uint32_t process) {
  auto found = tenants_.find(process);
  if (found == tenants_.end()) return;
  std::erase_if(current_, [&](const auto& current) { return current.second == found->second.get(); });
  removed_.push_back(std::move(found->second));
  tenants_.erase(found);
}

void FrontLoop::drain() {
  draining = true;
  for (auto& listener : listeners_) listener->stop();
  for (auto it = arrivals.begin(); it != arrivals.end();) (*it++)->leave(Closed::Done);
  for (auto it = clients.begin(); it != clients.end();) (*it++)->on_drain();
}

TenantLinks* FrontLoop::tenant_of(uint32_t place) const {
  auto found = current_.find(place);
  TenantLinks* tenant = found == current_.end() ? nullptr : found->second;
  return tenant != nullptr && !tenant->dead ? tenant : nullptr;
}

TenantLinks* FrontLoop::tenant_with(uint32_t process) const {
  auto found = tenants_.find(process);
  return found == tenants_.end() || found->second->dead ? nullptr : found->second.get();
}

void FrontLoop::on_ready(uint32_t process) {
  first().post([this, process] { decider.on_loop_ready(process); });
}

void FrontLoop::on_failed(uint32_t process, EndCause cause, const std::string& why) {
  first().post([this, process, cause, why] { decider.on_loop_failed(process, cause, why); });
}

void FrontLoop::ask_for_places() {
  first().post([this] { decider.on_loop_full(); });
}

std::unique_ptr<NextHandler> FrontLoop::make_next_handler(const std::string& app, const aotc_peer& asker,
                                                          uint32_t version, Link& link, uint32_t request) {
  return std::make_unique<NextApp>(*this, app, asker, version, link, request);
}

void FrontLoop::refresh(const aotc_peer& asker, TenantLinks& tenant, Caching& caching) {
  refreshes.push_back(std::make_unique<Refresh>(*this, asker));
  refreshes.back()->self = std::prev(refreshes.end());
  refreshes.back()->begin(tenant, caching);
}

void FrontLoop::remove(Refresh* refresh) { gone_refreshes_.splice(gone_refreshes_.end(), refreshes, refresh->self); }

void FrontLoop::remove(Client* client) { gone_.splice(gone_.end(), clients, client->self); }

void FrontLoop::remove(Arrival* arrival) { gone_arrivals_.splice(gone_arrivals_.end(), arrivals, arrival->self); }
