// pause.h - the sleep of a std::jthread, which ends early when the thread is to stop.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace aotc::server {

// False when it is time to stop.
inline bool pause(const std::stop_token& stop, std::chrono::duration<double> time) {
  std::mutex mutex;
  std::unique_lock<std::mutex> lock(mutex);
  std::condition_variable_any().wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace aotc::server
