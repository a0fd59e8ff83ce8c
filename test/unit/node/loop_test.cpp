// loop_test.cpp - events that have come for a source that is destroyed before they are delivered.
#include "loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <memory>

namespace {

// Destroys the other one.
struct Ending final : Source {
  Ending(Loop& loop, std::unique_ptr<Ending>& the_other, int& events)
      : other(the_other), count(events), fd(eventfd(1, 0)) {
    loop.add(fd, EPOLLIN, this);
  }
  ~Ending() { close(fd); }
  void on_events(uint32_t) override {
    ++count;
    other.reset();
  }
  std::unique_ptr<Ending>& other;
  int& count;
  int fd;
};

TEST(Loop, DeliversNothingToWhoIsNoMore) {
  Loop loop;
  int events = 0;
  std::unique_ptr<Ending> one, other;
  one = std::make_unique<Ending>(loop, other, events);
  other = std::make_unique<Ending>(loop, one, events);
  loop.wait(0);
  EXPECT_EQ(events, 1);
  EXPECT_NE(one == nullptr, other == nullptr);
  loop.wait(0);
  EXPECT_EQ(events, 2);
}

}  // namespace
