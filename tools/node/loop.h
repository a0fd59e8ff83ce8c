// loop.h - the front's event loop: epoll, one thread. Whoever wants events derives from Source, and may be destroyed
// whenever it runs nothing itself: what had come for it is not delivered.
#pragma once

#include <sys/epoll.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <span>

class Source {
 public:
  virtual void on_events(uint32_t events) = 0;

 protected:
  ~Source();
};

class Loop {
 public:
  Loop() : fd_(epoll_create1(EPOLL_CLOEXEC)) {}
  ~Loop() { close(fd_); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  bool add(int fd, uint32_t events, Source* source) { return control(EPOLL_CTL_ADD, fd, events, source); }
  void change(int fd, uint32_t events, Source* source) { control(EPOLL_CTL_MOD, fd, events, source); }
  void remove(int fd) { control(EPOLL_CTL_DEL, fd, 0, nullptr); }
  // From the events of `watched` to `events`; none: then nothing is told of, not even the other side's end.
  void watch(int fd, uint32_t& watched, uint32_t events, Source* source) {
    if (events == watched) return;
    if (events == 0)
      remove(fd);
    else if (watched == 0)
      add(fd, events, source);
    else
      change(fd, events, source);
    watched = events;
  }
  void wait(int milliseconds) {
    epoll_event events[128];
    const int n = epoll_wait(fd_, events, 128, milliseconds);
    for (undelivered_ = {events, static_cast<size_t>(std::max(n, 0))}; !undelivered_.empty();) {
      const epoll_event event = undelivered_.front();
      undelivered_ = undelivered_.subspan(1);
      if (event.data.ptr != nullptr) static_cast<Source*>(event.data.ptr)->on_events(event.events);
    }
  }
  static uint64_t now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
  }

 private:
  friend class Source;
  bool control(int operation, int fd, uint32_t events, Source* source) {
    epoll_event event{.events = events, .data = {.ptr = source}};
    return epoll_ctl(fd_, operation, fd, &event) == 0;
  }
  int fd_;
  inline static thread_local std::span<epoll_event> undelivered_;  // of this thread's loop
};

inline Source::~Source() {
  for (epoll_event& event : Loop::undelivered_)
    if (event.data.ptr == this) event.data.ptr = nullptr;
}
