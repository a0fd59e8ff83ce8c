// puller_link.h - the front's side of a puller (pull.h): starts it again when it ends, and takes what it has found.
#pragma once

#include <memory>
#include <string>

#include "front_context.h"

class PullerLink final : public Source {
 public:
  PullerLink(FrontContext& front, std::shared_ptr<const App> its_app)
      : app(*its_app), front_(front), app_(std::move(its_app)) {}
  ~PullerLink() { stop(); }
  void start(const Release& newest);
  void on_started(int descriptor);
  void stop();
  void on_events(uint32_t events) override;
  void look_now();
  void keep(const Release& release);  // in the cache, whatever comes
  // It ends by itself before each thorough look, for a new one to read the system's files anew.
  void on_ended(const std::string& how, bool well);
  bool failed() const { return failures_ > 0; }  // to ask, so far
  const App& app;                                // by which it asks
  uint32_t process = 0;                          // its number; 0: there is none
  uint64_t retry_at = 0;

 private:
  void send(const std::string& line);
  void on_line(const std::string& line);
  FrontContext& front_;
  const std::shared_ptr<const App> app_;
  int fd_ = -1;
  std::string heard_, kept_;
  bool announced_ = false;
  int failures_ = 0;  // one after the other
  uint64_t started_at_ = 0;
};
