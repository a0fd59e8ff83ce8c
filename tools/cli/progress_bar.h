// progress_bar.h - one line on the terminal that is drawn again, at most ten times a second, while functions are
// compiled.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "compile.h"
#include "output.h"

class ProgressBar {
 public:
  explicit ProgressBar(std::string label) : label_(std::move(label)) {}
  ProgressBar(const ProgressBar&) = delete;
  ~ProgressBar() {
    if (drawn_) std::fputs("\r\033[K", stderr);
  }

  // If there is a terminal.
  void follow(aotc::CompileOptions& options) {
    if (isatty(STDERR_FILENO)) options.progress = [this](size_t done, size_t total) { update(done, total); };
  }
  void update(size_t done, size_t total) {
    auto now = std::chrono::steady_clock::now();
    if (total == 0 || (drawn_ && now - last_ < std::chrono::milliseconds(100))) return;
    last_ = now;
    drawn_ = true;
    constexpr size_t kWidth = 30;
    size_t filled = kWidth * done / total;
    print(stderr, "\r{} [{:=<{}}{: <{}}] {}/{} functions\033[K", label_, "", filled, "", kWidth - filled, done, total);
    std::fflush(stderr);
  }

 private:
  std::string label_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};
