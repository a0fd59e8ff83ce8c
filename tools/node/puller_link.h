// puller_link.h - the front's side of a puller (pull.h): starts it again when it ends, and takes what it has found.
#pragma once

#include <string>

#include "front_context.h"

class PullerLink final : public Source {
 public:
  PullerLink(FrontContext& front, const App& app) : app(app), front_(front) {}
  ~PullerLink() { stop(); }
  void start(const Release& newest);
  void on_started(int descriptor);
  void stop();
  void on_events(uint32_t events) override;
  void look_now();
  void keep(const Release& release);  // in the cache, whatever comes
  // It ends by itself before each thorough look, for a new one to read the system's files anew.
  void on_ended(const std::string& how, bool well);
  const App& app;
  uint32_t process = 0;  // its number; 0: there is none
  uint64_t retry_at = 0;

 private:
  void send(const std::string& line);
  void on_line(const std::string& line);
  FrontContext& front_;
  int fd_ = -1;
  std::string heard_, kept_;
  bool announced_ = false;
  int failures_ = 0;  // one after the other
  uint64_t started_at_ = 0;
};
