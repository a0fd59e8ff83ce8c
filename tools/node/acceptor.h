// acceptor.h - a socket that clients come by: accepts them as long as there is room.
#pragma once

#include "front_context.h"

class Acceptor final : public Source {
 public:
  // To its clients either the apps are served, or what the operator looks at.
  Acceptor(FrontContext& front, int fd, bool admin);
  ~Acceptor();
  void stop();
  void resume();  // soon after there was no place for one
  void on_events(uint32_t events) override;

 private:
  void pause();
  FrontContext& front_;
  int fd_;
  const bool admin_;
  bool paused_ = false;
};
