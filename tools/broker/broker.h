// broker.h - what all parts of the broker share: its loop, times, the apps, what is over.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kv_store.h"
#include "node/loop.h"
#include "policy.h"
#include "resolver.h"
#include "stream.h"
#include "support/outbound_counts.h"

class HttpPool;

// Who wants to be told of a time.
class Timed {
 public:
  virtual void on_time() = 0;

 protected:
  ~Timed() = default;

 private:
  friend class Broker;
  uint64_t time_ = 0;
};

struct App {
  App(std::string app_name, size_t number) : name(std::move(app_name)), place(number) {}
  const std::string name;
  const size_t place;  // of the first with its name among them
  Policy policy;
  uint64_t max_connections = 1024;
  uint64_t max_bytes = ~uint64_t{0}, max_time = ~uint64_t{0};  // of each: both ways; nanoseconds
  uint64_t connections = 0;
  // Bytes a second of all of them together, of which those of one second may come at once; beyond that it rests.
  uint64_t max_rate = ~uint64_t{0}, rests_until = 0;
  void spend(uint64_t bytes, uint64_t now);
  bool rests(uint64_t now) const { return rests_until > now; }
  // Of its own where nobody else looks at them.
  OutboundCounts own_counts{};
  OutboundCounts* counts = &own_counts;
  std::shared_ptr<HttpPool> http;
  // Of lines of the log, in the present second; the others are counted.
  uint64_t second = 0, lines = 0, unsaid = 0;
};

class Broker {
  Loop loop_;
  std::set<std::pair<uint64_t, Timed*>> times_;

 public:
  Broker(bool plain_log, int event) : resolver(loop_, event), plain_log_(plain_log) {}
  Loop& loop() { return loop_; }
  void set_time(Timed* timed, uint64_t when);
  void forget_time(Timed* timed);
  // Kept until what happens now has happened.
  void bury(std::shared_ptr<void> dead) { dead_.push_back(std::move(dead)); }
  // One turn: waits for events, delivers them and the times that have come.
  void turn();

  // To the log: that a program wanted something which it may not.
  void say_refused(App& app, const std::string& target, const std::string& why);
  // That something went wrong on the way.
  void say_failed(App& app, const std::string& target, const std::string& why);
  // About itself.
  void say_own(const std::string& message, const char* level = "error");

  std::vector<std::unique_ptr<App>> apps;
  Resolver resolver;
  std::unique_ptr<KvStore> kv;  // null: there is none

 private:
  bool may_say(App& app);
  void say(const App& app, const char* level, const std::string& target, const std::string& message);
  std::vector<std::shared_ptr<void>> dead_;
  const bool plain_log_;
};
