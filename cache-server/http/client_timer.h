// client_timer.h - what a client is waited for, and until when.
//
// A client is behind since the moment at which one of the lowest rate would have moved as many bytes; what is our own
// delay does not count.
#pragma once

#include <algorithm>
#include <chrono>

#include "connections.h"
#include "listener.h"

namespace aotc::server {

class ClientTimer {
 public:
  using Clock = std::chrono::steady_clock;
  ClientTimer(Connections::Slot& slot, const HttpLimits& limits) : slot_(slot), limits_(limits) {}

  Closed late() const { return late_; }  // why it is closed when it is over
  void set_late(Closed reason) { late_ = reason; }
  bool waits() const { return deadline_ != Clock::time_point::max(); }
  bool is_over(Clock::time_point now) const { return now >= deadline_; }

  void wait_from_now(Closed reason, double seconds) {
    behind_since_ = Clock::now();
    wait_for_client(reason, seconds);
  }

  // Between two waits of one transfer the time is ours.
  void begin_transfer() { behind_since_ = worked_since_ = Clock::now(); }

  void go_on_with_transfer(Closed reason) {
    behind_since_ += Clock::now() - worked_since_;
    wait_for_client(reason, limits_.body_seconds);
  }

  void moved(size_t bytes) {
    double seconds = static_cast<double>(bytes) / static_cast<double>(limits_.least_rate);
    behind_since_ = std::min(Clock::now(), behind_since_ + time(seconds));
    wait_for_client(late_, limits_.body_seconds);
  }

  void work_for_client() {
    worked_since_ = Clock::now();
    deadline_ = Clock::time_point::max();
    slot_.works_for_client();
  }

 private:
  static Clock::duration time(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }

  void wait_for_client(Closed reason, double seconds) {
    late_ = reason;
    deadline_ = behind_since_ + time(seconds);
    slot_.waits_for_client(behind_since_);
  }

  Connections::Slot& slot_;
  const HttpLimits& limits_;
  Closed late_ = Closed::Done;
  Clock::time_point deadline_ = Clock::time_point::max(), behind_since_, worked_since_;
};

}  // namespace aotc::server
