// broker.cpp - see broker.h.
#include "broker.h"

#include <algorithm>
#include <cstdio>

#include "support/log.h"

namespace {

constexpr uint64_t kSecond = 1'000'000'000, kMillisecond = 1'000'000;
constexpr uint64_t kLinesPerSecond = 20;

}  // namespace

void App::spend(uint64_t bytes, uint64_t now) {
  if (max_rate == ~uint64_t{0}) return;
  rests_until = std::max(rests_until, now - std::min(now, kSecond)) + bytes * kSecond / max_rate;
}

void Broker::set_time(Timed* timed, uint64_t when) {
  forget_time(timed);
  timed->time_ = std::max<uint64_t>(when, 1);
  times_.insert({timed->time_, timed});
}

void Broker::forget_time(Timed* timed) {
  if (timed->time_ != 0) times_.erase({timed->time_, timed});
  timed->time_ = 0;
}

void Broker::turn() {
  int wait = -1;
  if (!times_.empty()) {
    const uint64_t now = Loop::now(), first = times_.begin()->first;
    wait = first <= now ? 0 : static_cast<int>(std::min<uint64_t>((first - now) / kMillisecond + 1, 60'000));
  }
  loop_.wait(wait);
  for (const uint64_t now = Loop::now(); !times_.empty() && times_.begin()->first <= now;) {
    Timed* timed = times_.begin()->second;
    forget_time(timed);
    timed->on_time();
  }
  dead_.clear();
}

void Broker::say(const App& app, const char* level, const std::string& target, const std::string& message) {
  if (plain_log_)
    std::fprintf(stderr, "aotc: %s: %s\n", target.c_str(), message.c_str());
  else
    aotc::write_log_line(
        level, ",\"app\":" + aotc::json_string(app.name) + ",\"target\":" + aotc::json_string(target, 400), message);
}

void Broker::say_own(const std::string& message, const char* level) {
  if (plain_log_)
    std::fprintf(stderr, "aotc: %s\n", message.c_str());
  else
    aotc::write_log_line(level, "", message);
}

bool Broker::may_say(App& app) {
  const uint64_t second = Loop::now() / kSecond;
  if (app.second != second) {
    const uint64_t unsaid = app.unsaid;
    app.second = second;
    app.lines = app.unsaid = 0;
    if (unsaid > 0) say(app, "warn", "...", "outbound: " + std::to_string(unsaid) + " more lines are left out");
  }
  const bool may = ++app.lines <= kLinesPerSecond;
  app.unsaid += !may;
  return may;
}

void Broker::say_refused(App& app, const std::string& target, const std::string& why) {
  if (may_say(app)) say(app, "warn", target, "outbound: refused, " + why);
}

void Broker::say_failed(App& app, const std::string& target, const std::string& why) {
  if (may_say(app)) say(app, "info", target, "outbound: " + why);
}
