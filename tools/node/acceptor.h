// acceptor.h - a socket that clients come by: accepts them as long as there is room.
#pragma once

#include "loop_context.h"

class Acceptor final : public Source {
 public:
  // To its clients either the apps are served, or what the operator looks at.
  Acceptor(LoopContext& front, int fd, ListenAddress::Kind kind);
  ~Acceptor();
  void stop();
  void resume();  // soon after there was no place for one
  void on_events(uint32_t events) override;

 private:
  void pause();
  LoopContext& front_;
  int fd_;
  const ListenAddress::Kind kind_;
  bool paused_ = false;
};
