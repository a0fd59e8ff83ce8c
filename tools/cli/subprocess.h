// subprocess.h - a program that a command runs for its user, who trusts it: with his environment, terminal and rights.
// (What touches something hostile is started by process/child_process.h.)
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "llvm/Support/Error.h"
#include "support/unique_fd.h"

// While it lives SIGINT, SIGTERM and SIGHUP are read from fd() instead of ending this process.
class CaughtSignals {
 public:
  static llvm::Expected<CaughtSignals> make();
  CaughtSignals(CaughtSignals&& other) noexcept
      : fd_(std::move(other.fd_)), blocked_(std::exchange(other.blocked_, false)) {}
  ~CaughtSignals();
  int fd() const { return fd_.get(); }
  // The next one, 0 when there is none.
  int take() const;

 private:
  CaughtSignals() = default;
  aotc::UniqueFd fd_;
  bool blocked_ = false;
};

class Subprocess {
 public:
  struct How {
    std::vector<std::string> words;      // the first is found on PATH, unless there is a / in it
    std::vector<std::string> variables;  // "NAME=VALUE", in place of ours
    int out = -1, err = -1;              // -1: ours
  };
  // It gets SIGTERM when this process ends.
  static llvm::Expected<Subprocess> start(How how);
  Subprocess(Subprocess&& other) noexcept
      : name_(std::move(other.name_)), process_(std::exchange(other.process_, -1)), end_(std::move(other.end_)) {}
  Subprocess& operator=(Subprocess&&) = delete;
  // Kills what still runs.
  ~Subprocess();

  int fd() const { return end_.get(); }  // can be read from when it has ended
  void signal(int number) const;
  // Once it has ended, or until then: fails unless it exited with 0.
  llvm::Error wait();

 private:
  Subprocess() = default;
  std::string name_;
  pid_t process_ = -1;
  aotc::UniqueFd end_;
};

// This process was to end while a program ran, which was told.
class Interrupted : public llvm::ErrorInfo<Interrupted> {
 public:
  static char ID;
  explicit Interrupted(int number) : number_(number) {}
  int number() const { return number_; }
  void log(llvm::raw_ostream& os) const override { os << "signal " << number_; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

 private:
  int number_;
};

// Runs it to its end. SIGINT, SIGTERM and SIGHUP go on to it, and then are an Interrupted error: what is to be done
// before the end can be, and end_as_asked() does the rest.
llvm::Error run_program(Subprocess::How how);

// Ends this process by the signal of an Interrupted error; another is returned.
llvm::Error end_as_asked(llvm::Error error);
