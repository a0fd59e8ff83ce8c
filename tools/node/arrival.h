// arrival.h - a connection by a proxy of --proxy-protocol, until it has said who the client is; then the client's.
//
// Nothing behind its header is read here. It has as long as the grace of --min-rate, and until then a place among the
// clients, but no buffers.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "loop_context.h"

class Arrival final : public Source, public Admission::Guest {
 public:
  Arrival(LoopContext& front, int fd, const ClientAddress& proxy, uint16_t port, ListenAddress::Kind kind);
  ~Arrival();
  void on_events(uint32_t events) override;
  void check_time(uint64_t now);
  void leave(Closed why);

  bool admin() const override { return false; }
  size_t held() const override { return 0; }
  std::optional<double> merit(uint64_t now) const override;
  void put_out(Closed why) override { leave(why); }
  std::list<std::unique_ptr<Arrival>>::iterator self;

 private:
  void become_client(const ClientAddress& from, uint16_t port);
  void go();

  LoopContext& front_;
  int fd_;
  const ClientAddress proxy_;
  const uint16_t port_;
  const ListenAddress::Kind kind_;
  const uint64_t since_;
  std::string header_;  // as far as it has come
  bool gone_ = false;
};
