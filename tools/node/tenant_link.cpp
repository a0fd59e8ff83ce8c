// tenant_link.cpp - a tenant as the front sees it: asks for its process, hears its log, ends it. See front.h.
#include <algorithm>

#include "client.h"
#include "front.h"
#include "log.h"

namespace {

constexpr size_t kMaxLine = 4096;
constexpr int64_t kMostFrames = 8 * kFramesPerSecond;  // saved up
constexpr unsigned kLongEnd = 5;                       // seconds
constexpr unsigned kMaxLines = 200;  // of one app's log per second; the rest is dropped

}  // namespace

Tenant::Tenant(Front& front, const App& app, const Release& release, const ObeyedLists& lists)
    : app(app), metrics(front.metrics[app.name]), release(release), process(front.new_process()), front_(front) {
  ControlMessage message;
  message.kind = Control::StartTenant;
  message.process = process;
  message.app = front.place_of(app);
  set_text(message.index, release.index);
  set_text(message.statement, release.statement);
  set_text(message.own_list, lists.own);
  set_text(message.fleet_list, lists.fleet);
  front_.tell(message);
}

Tenant::~Tenant() {
  if (log_ >= 0) ::close(log_);
}

void Tenant::on_started(const std::vector<int>& descriptors) {
  log_ = descriptors[0];
  front_.loop.add(log_, EPOLLIN, this);
  for (size_t i = 1; i < descriptors.size(); ++i)
    links_.push_back(std::make_unique<Link>(front_, *this, descriptors[i]));
}

// Lines of its log.
void Tenant::on_events(uint32_t) {
  char piece[4096];
  ssize_t n = log_ < 0 ? -1 : ::read(log_, piece, sizeof piece);
  if (n == 0) front_.loop.remove(log_);
  for (ssize_t i = 0; i < n; ++i) {
    if (piece[i] != '\n' && line_.size() < kMaxLine) line_ += piece[i];
    if (piece[i] != '\n' && line_.size() < kMaxLine) continue;
    if (!line_.empty() && lines_++ < kMaxLines) write_log("info", app.name, line_, ",\"source\":\"program\"");
    line_.clear();
  }
}

bool Tenant::ready() const {
  if (dead || links_.empty()) return false;
  for (const auto& link : links_)
    if (!link->ready) return false;
  return true;
}

Link* Tenant::least_loaded() {
  Link* best = links_[0].get();
  for (const auto& link : links_)
    if (link->load() < best->load()) best = link.get();
  return best;
}

size_t Tenant::load() const {
  size_t sum = 0;
  for (const auto& link : links_) sum += link->load();
  return sum;
}

void Tenant::drain() {
  draining = true;
  for (const auto& link : links_) {
    link->send(Frame::Drain, 0);
    link->flush();
  }
}

void Tenant::end(EndCause cause, const std::string& why) {
  write_log("error", app.name, "its process is ended: " + why);
  fail(cause, why);
}

void Tenant::fail(EndCause cause, const std::string& why) {
  if (dead) return;
  dead = true;
  front_.tell({.kind = Control::Kill, .process = process});
  RequestEnd end{};
  end.cause = cause;
  for (const auto& link : links_) {
    front_.loop.remove(link->channel_.fd());
    std::unordered_map<uint32_t, Link::Asked> all;
    all.swap(link->asked_);
    metrics.ends[static_cast<unsigned>(cause)] += all.size();
    front_.instances -= all.size();
    for (const auto& [id, asked] : all)
      if (asked.client != nullptr) asked.client->on_end(end, why);
  }
}

void Tenant::every_second() {
  lines_ = 0;
  if (dead) return;
  uint64_t limit = front_.options.start_timeout;
  if (!ready() && front_.now - started_at_ > limit)
    return end(EndCause::Stuck, "it is not ready after " + std::to_string(limit / 1'000'000'000) + " seconds");
  if (overdue_) return end(EndCause::Stuck, "a request is not over though all that it may wait for has passed");
  if (draining && load() == 0 && ++idle_ > kLongEnd) return end(EndCause::Stuck, "it does not end by itself");
  allowance = std::min(allowance + kFramesPerSecond, kMostFrames);
  for (const auto& link : links_)
    if (!dead) link->every_second();
}
