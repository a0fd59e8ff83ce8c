// resolver.h - addresses of names, found by the C library in threads of its own, and remembered for some seconds.
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
  using Key = std::pair<std::string, std::string>;
  struct Answer {
    Key key;
    Found found;
  };
  void on_events(uint32_t events) override;
  void forget_old(uint64_t now);
  void work();

  Loop& loop_;
  const int event_;
  std::map<Key, Known> known_;
  std::mutex mutex_;  // of what follows
  std::condition_variable asked_;
  std::deque<Key> questions_;
  std::deque<Answer> answers_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};
