// tenant_link.cpp - see tenant_link.h. Asks for its process, hears its log, ends it.
#include "tenant_link.h"

#include <unistd.h>
#include <algorithm>
#include <utility>

#include "log.h"

namespace {

constexpr size_t kMaxLine = 4096;
constexpr unsigned kLongEnd = 5;      // seconds
constexpr size_t kMaxLog = 16 << 20;  // bytes in a second; for more the program waits

}  // namespace

Tenant::Tenant(FrontContext& front, std::shared_ptr<const App> its_app, const Release& release,
               const ObeyedLists& lists)
    : app(*its_app),
      release(release),
      process(front.new_process()),
      front_(front),
      metrics_(front.metrics[app.name]),
      app_log_(front.log_of(app)),
      counts_(
          std::make_shared<TenantShared>(std::move(its_app), front.options.workers, app_log_, front.shared.caches)) {
  ControlMessage message;
  message.kind = Control::StartTenant;
  message.process = process;
  message.app = app.place;
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
  // Behind it each worker's channels, one for each loop.
  for (size_t at = 0; at < front_.loops(); ++at) {
    std::vector<int> channels;
    for (size_t i = 1 + at; i < descriptors.size(); i += front_.loops()) channels.push_back(descriptors[i]);
    FrontLoop& loop = front_.loop_at(at);
    loop.post([&loop, number = process, channels, counts = counts_] { loop.attach(number, channels, counts); });
  }
}

// Its log, whoever writes that: there may be more than anybody can hear.
void Tenant::on_events(uint32_t) {
  char piece[64 << 10];
  ssize_t n = log_ < 0 ? -1 : ::read(log_, piece, sizeof piece);
  if (n == 0) front_.loop.remove(log_);
  if (n <= 0) return;
  on_log({piece, static_cast<size_t>(n)});
  metrics_.log_bytes += static_cast<size_t>(n);
  log_bytes_ += static_cast<size_t>(n);
  if (log_bytes_ < kMaxLog || log_held_back_) return;
  log_held_back_ = true;
  ++metrics_.log_held_back;
  front_.loop.change(log_, 0, this);
}

void Tenant::on_log(std::string_view text) {
  while (!text.empty()) {
    // Where so much is dropped, only the end of the last line matters.
    const size_t last = app_log_.full() ? text.rfind('\n') : text.npos;
    if (last != text.npos) {
      app_log_.drop(
          static_cast<uint64_t>(std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(last) + 1, '\n')));
      line_.clear();
      text.remove_prefix(last + 1);
      continue;
    }
    const std::string_view part = text.substr(0, kMaxLine - line_.size());
    const size_t end = part.find('\n');
    line_.append(part.substr(0, end));
    text.remove_prefix(std::min(end, part.size() - 1) + 1);
    if (end == part.npos && line_.size() < kMaxLine) return;
    if (!line_.empty()) app_log_.write("info", line_);
    line_.clear();
  }
}

void Tenant::on_loop_ready() {
  ++ready_loops_;
  if (ready()) front_.on_ready(*this);
}

void Tenant::drain() {
  draining = true;
  if (counts_->cache != nullptr) counts_->cache->close();
  front_.in_all([number = process](FrontLoop& loop) { loop.drain_tenant(number); });
}

void Tenant::end(EndCause cause, const std::string& why) {
  write_log("error", app.name, "its process is ended: " + why);
  fail(cause, why);
}

void Tenant::fail(EndCause cause, const std::string& why) {
  if (dead) return;
  dead = true;
  if (counts_->cache != nullptr) counts_->cache->close();
  front_.tell({.kind = Control::Kill, .process = process});
  front_.in_all([number = process, cause, why](FrontLoop& loop) { loop.fail_tenant(number, cause, why); });
}

void Tenant::every_second() {
  log_bytes_ = 0;
  if (std::exchange(log_held_back_, false)) front_.loop.change(log_, EPOLLIN, this);
  if (dead) return;
  uint64_t limit = app.limits.start_timeout;
  if (!ready() && front_.now - started_at_ > limit)
    return end(EndCause::Stuck, "it is not ready after " + std::to_string(limit / 1'000'000'000) + " seconds");
  if (draining && load() + going_on() == 0 && ++idle_ > kLongEnd)
    return end(EndCause::Stuck, "it does not end by itself");
}
