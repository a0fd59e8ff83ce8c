// loop.h - the front's event loop: epoll, one thread. Whoever wants events derives from Source.
#pragma once

#include <sys/epoll.h>
#include <unistd.h>
#include <cerrno>
#include <cstdint>
#include <ctime>

class Source {
 public:
  virtual void on_events(uint32_t events) = 0;

 protected:
  ~Source() = default;
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
  // Sources must not be destroyed while their events are delivered; whoever wants to, does so after this.
  void wait(int milliseconds) {
    epoll_event events[128];
    int n = epoll_wait(fd_, events, 128, milliseconds);
    for (int i = 0; i < n; ++i) static_cast<Source*>(events[i].data.ptr)->on_events(events[i].events);
  }
  static uint64_t now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
  }

 private:
  bool control(int operation, int fd, uint32_t events, Source* source) {
    epoll_event event{.events = events, .data = {.ptr = source}};
    return epoll_ctl(fd_, operation, fd, &event) == 0;
  }
  int fd_;
};
