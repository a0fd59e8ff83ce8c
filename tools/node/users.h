// users.h - whom the processes of a node become when root starts it: each kind, and each app, a user of its own, so
// that none can signal, trace or read another.
#pragma once

#include <string>

#include "options.h"

class Users {
 public:
  // False when --uid-base asks for what this system has not.
  bool choose(const Options& options, std::string& error);
  // Whether there is one for the app in this place, too.
  bool has(uint32_t place) const;
  // 0: they stay who they are, or become nobody.
  unsigned front() const { return base_; }
  unsigned puller() const { return base_ == 0 ? 0 : base_ + 1; }
  unsigned broker() const { return base_ == 0 ? 0 : base_ + 2; }
  unsigned tenant(uint32_t place) const { return base_ == 0 ? 0 : base_ + kOthers + place; }
  // Root, but without users for its processes.
  bool shares_nobody() const { return shares_nobody_; }

 private:
  static constexpr unsigned kOthers = 3;
  unsigned base_ = 0;
  bool shares_nobody_ = false;
};
