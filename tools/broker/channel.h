// channel.h - the channel to one thread of a tenant (aotc/outbound.h): frames in, frames out, its streams.
//
// What comes is hostile: a frame that is too large, of an unknown kind, or beyond a window ends the channel, and with
// it whatever the tenant has open. A tenant that sends more than is taken, or does not read, is not heard for as long.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "broker.h"
#include "stream.h"

class Channel final : public Source, public Program, public Timed {
 public:
  Channel(Broker& broker, App& app, int fd);
  ~Channel();
  bool is_over() const { return over_; }
  // Writes what was said in this turn.
  void flush();

 private:
  void on_events(uint32_t events) override;
  void on_time() override;
  void opened(uint32_t number, const aotc_outbound_ends& ends) override;
  void send(uint32_t number, std::string_view bytes) override;
  void end(uint32_t number) override;
  void taken(uint32_t number, uint32_t bytes) override;
  void fail(uint32_t number, int error) override;
  bool takes_more() const override;

  void frame(uint32_t number, aotc_outbound_kind kind, uint32_t value, std::string_view payload);
  bool take_frames();
  bool take(const aotc_outbound_frame& head, std::string_view payload);
  void open(uint32_t number, aotc_outbound_service service, uint16_t port, std::string_view name);
  std::shared_ptr<Stream> begin(uint32_t number, aotc_outbound_service service, uint16_t port, const std::string& name,
                                int& error);
  void close(uint32_t number);
  void count(Stream& stream, size_t bytes, bool received);
  void look_soon();
  void watch();
  void give_up();

  Broker& broker_;
  App& app_;
  int fd_;
  bool over_ = false, stalled_ = false, looks_ = false;
  uint32_t watched_;
  std::string in_, out_;
  size_t sent_ = 0;
  uint64_t held_ = 0;  // bytes of the tenant's that have not gone on
  std::map<uint32_t, std::shared_ptr<Stream>> streams_;
};
