// tcp_stream.h - a connection to one of some addresses, whose bytes go to and fro as they are.
#pragma once

#include <string>
#include <vector>

#include "broker.h"
#include "stream.h"

class TcpStream final : public Stream, public Source, public Timed {
 public:
  TcpStream(Program& program, uint32_t number, Broker& broker, std::vector<aotc::AddressBytes> addresses,
            uint16_t port);
  ~TcpStream() override;
  void start();

  void data(std::string_view bytes) override;
  void end() override;
  void resume() override;

 private:
  void on_events(uint32_t events) override;
  void on_time() override;
  void connect_next(int error);
  void on_connected();
  void on_readable();
  void write_out();
  void watch();
  void fail(int error);
  void close_socket();

  Broker& broker_;
  const std::vector<aotc::AddressBytes> addresses_;
  const uint16_t port_;
  size_t next_ = 0;
  int fd_ = -1;
  uint32_t watched_ = 0;
  bool connected_ = false, said_end_ = false, shut_ = false, read_end_ = false;
  std::string out_;
  size_t sent_ = 0;
};
