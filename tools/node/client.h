// client.h - a client's connection to the front, and the requests that it has under way (exchange.h).
//
// Requests of HTTP/1.1 are taken one after the other; what a client sends ahead stays in its buffer. An instance is
// asked for only when the whole request is here, or 256 KiB of it, so a slow client costs a buffer; or at once, when
// the client waits to hear whether its body is wanted (Expect). Responses are taken from the worker as fast as the
// client takes them, and kWindow bytes ahead of it, so a slow reader costs a buffer, too. While it does not take what
// it has asked for it gets no more. Who begins as HTTP/2 does, or agreed on it with TLS, has streams instead
// (http2_streams.h), whose frames go through the same buffers.
//
// At any time it is clear whether the client is waited for, and with what (Awaited): that is what limits on time, and
// the choice of who has to go (admission.h), go by.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "exchange.h"
#include "http2_streams.h"

class Client final : public Source, public Exchange::Owner, public Http2Streams::Owner, public Admission::Guest {
 public:
  Client(LoopContext& front, int fd, const ClientAddress& from, uint16_t port, ListenAddress::Kind kind);
  ~Client();
  void on_events(uint32_t events) override;

  // From the exchange.
  void on_output() override;
  void on_room() override;
  void on_answered() override;
  void on_failed(int status, std::string_view text) override;

  void write_later() override;  // what the streams have
  void write_now();
  void greet();  // goes on with its handshake
  void check_time(uint64_t now);
  void on_drain();

  bool admin() const override { return admin_; }
  size_t held() const override { return held_; }
  std::optional<double> merit(uint64_t now) const override;
  void put_out(Closed why) override;
  std::list<std::unique_ptr<Client>>::iterator self;

 private:
  enum class State { Head, Body, Served, Streams, Closing };
  Awaited awaited() const;
  size_t most_ahead() const;
  bool has_room() const;               // for more of what the client sends
  uint64_t moved(Awaited what) const;  // bytes so far
  size_t pending() const { return out_.size() - written_; }
  void greet_later();
  bool is_greeting() const { return tls_ != nullptr && !tls_->established(); }
  void count_handshake();
  ssize_t receive(char* piece, size_t size);
  void read();
  void process();
  bool begins_http2();
  void begin_streams();
  void process_streams();
  void start_request();
  void answer_operator();
  void dispatch();
  void take_output();
  void end_request();  // its response is complete
  void answer(int status, std::string_view text, bool keep_alive, std::string_view fields = {});
  void finish_request();
  void write();
  void watch();
  void close_soon();         // when everything has been written
  void leave(Closed why);    // now
  void abandon(Closed why);  // the request, too
  void abandon();            // because the client has left
  void account();

  LoopContext& front_;
  const int fd_;
  const ClientAddress from_;
  const aotc_peer peer_;
  const Hop hop_;
  std::unique_ptr<TlsStream> tls_;  // null: it speaks without
  const bool admin_;                // it asks for what the operator looks at, not for apps
  State state_ = State::Head;
  uint32_t watched_ = 0;
  std::string in_, out_;
  size_t written_ = 0;
  bool read_closed_ = false, removed_ = false;
  uint64_t progress_;     // when something last came or went
  uint64_t shut_at_ = 0;  // when our side of the connection was closed
  uint64_t received_ = 0;
  Awaited paced_ = Awaited::Nothing;  // what pace_ is about
  Pace pace_;
  size_t held_ = 0;  // bytes in buffers

  Exchange exchange_;
  std::unique_ptr<Http2Streams> streams_;  // null: it speaks HTTP/1.1
  bool may_begin_http2_;                   // nothing has come of it
  bool writes_later_ = false, goes_on_ = false;
  bool keep_alive_ = false;
  bool greeted_ = false;                                 // its handshake has begun
  std::optional<std::list<Client*>::iterator> in_line_;  // for going on with it
};
