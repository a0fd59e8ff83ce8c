// http_stream.h - a connection on which a program speaks HTTP/1.1 with one origin, and behind which the broker does: a
// request is parsed and made anew, over a connection that another instance of the app may have used before, and its
// response is written anew. Nothing is one connection from end to end, so that keeping, sharing and HTTP/2 are the
// broker's affair, and a program cannot smuggle a request past the rule that allows it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http_pool.h"
#include "http_request.h"
#include "stream.h"

class HttpStream final : public Stream, public Transfer {
 public:
  struct Origin {
    std::string host;
    uint16_t port;
    bool tls;
  };
  HttpStream(Program& program, uint32_t number, Broker& broker, App& app, const aotc::OutboundRule& rule, Origin origin,
             std::vector<aotc::AddressBytes> addresses);
  ~HttpStream() override;
  void start();

  void data(std::string_view bytes) override;
  void end() override;
  void resume() override;

 private:
  using Fields = std::unique_ptr<curl_slist, void (*)(curl_slist*)>;
  static size_t on_field(char* bytes, size_t one, size_t size, void* self);
  static size_t on_body(char* bytes, size_t one, size_t size, void* self);
  static size_t on_upload(char* to, size_t one, size_t size, void* self);
  void on_done(CURLcode code) override;

  void advance();
  void begin();
  void refuse(int status, const std::string& why);
  void take_field(std::string_view line);
  void write_head();
  void finish();
  void acknowledge();
  void say(std::string_view bytes);
  void end_after_what_was_said();
  void pump();
  void fail(int error);
  std::string shown_origin() const;

  Broker& broker_;
  App& app_;
  HttpPool& pool_;
  const aotc::OutboundRule rule_;
  const Origin origin_;
  const std::vector<aotc::AddressBytes> addresses_;

  HttpRequest request_;
  bool said_end_ = false;
  uint32_t received_ = 0;  // and not acknowledged
  std::string pending_;    // that has been said, and for which there is no room yet
  bool ends_ = false;      // after it

  // Of the exchange under way:
  Easy easy_;
  Fields fields_, resolved_;
  char failure_[CURL_ERROR_SIZE] = {};
  bool running_ = false, upload_paused_ = false, body_paused_ = false, stopped_ = false;
  bool closes_ = false;  // the program's connection, after it
  int status_ = 0;
  std::string head_, trailers_;  // of the response, written anew
  bool head_written_ = false, chunked_ = false, bodiless_ = false, head_over_ = false;
  std::string connection_fields_;
};
