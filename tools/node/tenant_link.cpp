// tenant_link.cpp - see tenant_link.h. Asks for its process, hears its log, ends it.
#include "tenant_link.h"

#include <unistd.h>
#include <algorithm>
#include <utility>

#include "log.h"

namespace {

constexpr size_t kMaxLine = 4096;
constexpr int64_t kMostFrames = 8 * kFramesPerSecond;  // saved up
constexpr unsigned kLongEnd = 5;                       // seconds
constexpr size_t kMaxLog = 16 << 20;                   // bytes in a second; for more the program waits

}  // namespace

Tenant::Tenant(FrontContext& front, const App& app, const Release& release, const ObeyedLists& lists)
    : Owner(app.name, front.metrics[app.name]),
      app(app),
      release(release),
      process(front.new_process()),
      front_(front) {
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

// Its log, whoever writes that: there may be more than anybody can hear.
void Tenant::on_events(uint32_t) {
  char piece[64 << 10];
  ssize_t n = log_ < 0 ? -1 : ::read(log_, piece, sizeof piece);
  if (n == 0) front_.loop.remove(log_);
  if (n <= 0) return;
  on_log({piece, static_cast<size_t>(n)});
  metrics.log_bytes += static_cast<size_t>(n);
  log_bytes_ += static_cast<size_t>(n);
  if (log_bytes_ < kMaxLog || log_held_back_) return;
  log_held_back_ = true;
  ++metrics.log_held_back;
  front_.loop.change(log_, 0, this);
}

void Tenant::on_log(std::string_view text) {
  while (!text.empty()) {
    // Where so much is dropped, only the end of the last line matters.
    const size_t last = log.full() ? text.rfind('\n') : text.npos;
    if (last != text.npos) {
      log.drop(static_cast<uint64_t>(std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(last) + 1, '\n')));
      line_.clear();
      text.remove_prefix(last + 1);
      continue;
    }
    const std::string_view part = text.substr(0, kMaxLine - line_.size());
    const size_t end = part.find('\n');
    line_.append(part.substr(0, end));
    text.remove_prefix(std::min(end, part.size() - 1) + 1);
    if (end == part.npos && line_.size() < kMaxLine) return;
    if (!line_.empty()) log.write("info", line_);
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

size_t Tenant::going_on() const {
  size_t sum = 0;
  for (const auto& link : links_) sum += link->going_on();
  return sum;
}

void Tenant::drain() {
  draining = true;
  for (const auto& link : links_) {
    link->send(Frame::Drain, 0);
    link->flush();
  }
}

void Tenant::on_ready(Link&) {
  if (ready()) front_.on_ready(*this);
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
    link->going_on_.clear();
    metrics.ends[static_cast<unsigned>(cause)] += all.size();
    front_.instances -= all.size();
    for (const auto& [id, asked] : all)
      if (asked.client != nullptr) asked.client->on_end(end, why);
  }
}

void Tenant::every_second() {
  log.every_second();
  log_bytes_ = 0;
  if (std::exchange(log_held_back_, false)) front_.loop.change(log_, EPOLLIN, this);
  if (dead) return;
  uint64_t limit = front_.options.start_timeout;
  if (!ready() && front_.now - started_at_ > limit)
    return end(EndCause::Stuck, "it is not ready after " + std::to_string(limit / 1'000'000'000) + " seconds");
  if (overdue_) return end(EndCause::Stuck, "a request is not over though all that it may wait for has passed");
  if (draining && load() + going_on() == 0 && ++idle_ > kLongEnd)
    return end(EndCause::Stuck, "it does not end by itself");
  allowance = std::min(allowance + kFramesPerSecond, kMostFrames);
  for (const auto& link : links_)
    if (!dead) link->every_second();
}
