// resolver.h - addresses of names, found by the C library in threads of its own, and remembered for some seconds. An
// app whose names take long, or that asks for many, waits for itself: it has few threads at a time, and its own memory.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "node/loop.h"
#include "support/outbound_rule.h"

class Resolver final : public Source {
 public:
  struct Found {
    int error = 0;  // an errno: ENOENT when there is no such name
    std::vector<aotc::AddressBytes> addresses;
  };
  using Then = std::function<void(const Found&)>;

  // `event` is an eventfd, which is closed with it.
  Resolver(Loop& loop, int event);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  void start();

  // What is found for one of `whom` nobody else is told, so that nobody notices what others ask for. `then` may be
  // called at once.
  void look_up(const std::string& whom, const std::string& name, Then then);

 private:
  struct Known {
    Found found;
    uint64_t until = 0;  // 0: it is being looked up
    std::vector<Then> waiting;
  };
  struct Memory {
    std::map<std::string, Known> names;
    uint64_t next_forgetting = 0;
    void forget_old(uint64_t now);
  };
  // Of one app: names in the order in which they are asked for, and threads that look for some.
  struct Questions {
    std::deque<std::string> names;
    unsigned running = 0;
  };
  struct Answer {
    std::string whom, name;
    Found found;
  };
  void on_events(uint32_t events) override;
  void work();
  std::map<std::string, Questions>::iterator next_question();

  Loop& loop_;
  const int event_;
  std::map<std::string, Memory> known_;  // by whom
  std::mutex mutex_;                     // of what follows
  std::condition_variable asked_;
  std::map<std::string, Questions> questions_;
  std::string last_;  // whose turn it was
  std::deque<Answer> answers_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};
