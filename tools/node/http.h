// http.h - HTTP/1.1 messages in transit: a request from a client to a program, a response from a program to a client.
//
// The front passes neither side's bytes on as they came. A message is parsed (Boost.Beast's parser, which only http.cpp
// uses) and written anew with one framing that both ends read alike, so that neither can smuggle a second message past
// us; hop-by-hop fields end here. Interim responses and trailers go through. A worker, whom the front does not trust
// anyway, hands over what its program wrote, and only looks where a response ends. Both readers are fed what has
// arrived and say how much of it they used.
//
// A request for a WebSocket (RFC 6455) that is answered with 101 becomes a tunnel: what both readers are fed from then
// on are bytes, which go through as they came.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compressor.h"
#include "forwarded.h"
#include "websocket_frames.h"

struct HttpLimits {
  uint32_t header_bytes = ~0u;
  uint64_t body_bytes = ~0ull;
  bool tunnels = false;  // a request may ask to become one; else that is left alone
};

class RequestReader {
 public:
  // What `output` gets; of Parts the body, without framing, besides `fields` and `trailers`.
  enum class Form { Message, Parts, Body };
  // `from` outlives the reader; null: what the request says of where it comes from stays as it is.
  explicit RequestReader(const HttpLimits& limits, const Hop* from = nullptr, Form form = Form::Message);
  ~RequestReader();

  // Returns how many bytes were used; 0 when there is less than a header. After an error nothing is used any more.
  size_t feed(std::string_view bytes);
  bool head_done() const;
  bool done() const;
  int error() const;  // status code to refuse the request with, or 0
  // It was answered with 101: what is fed now has no end, until it has been said that there is none: then nothing more
  // is taken, and what comes is dropped.
  void begin_tunnel() { tunnel_ = Tunnel::Open; }
  void end_tunnel();

  size_t held() const;  // bytes of memory, about

  // From head_done() on.
  std::string method, target, host;
  std::string client, country;  // who asks, and where that is, see forwarded.h
  bool http_10 = false;
  bool keep_alive = false;
  bool expects_continue = false;
  bool asks_for_tunnel = false;
  Coding coding = Coding::None;    // of those that the client accepts
  std::string output;              // head, then body, or only that, for the program; whoever takes it clears it
  std::string fields;              // lines, but for Host and those of the framing
  std::optional<uint64_t> length;  // of the body, if it was said
  bool chunked = false;            // it was not, and there may be one
  std::string trailers;            // lines, when it is done

 private:
  struct Parser;
  enum class Tunnel { None, Open, Ended };
  const Form form_;
  Tunnel tunnel_ = Tunnel::None;
  WebSocketFrames frames_;  // what goes through it
  std::unique_ptr<Parser> parser_;
};

class ResponseReader {
 public:
  // Sees the final response go by.
  class Watcher {
   public:
    // `lines` are its fields but for those of the framing; what is appended to `more` goes on with them.
    virtual void on_head(int status, std::string_view lines, std::string& more) = 0;
    virtual void on_body(std::string_view bytes) = 0;
    virtual void on_trailers() = 0;

   protected:
    ~Watcher() = default;
  };
  struct Client {
    bool head_request = false;
    bool http_10 = false;
    bool keep_alive = true;  // the client's connection is to stay open after this response
    bool expects_continue = false;
    bool asks_for_tunnel = false;
    Coding coding = Coding::None;             // that it wants
    const CompressRules* compress = nullptr;  // by which Message is compressed, if it is
    Watcher* watcher = nullptr;               // of what is not
  };
  // What `output` gets; of Parts the body, without framing, besides `heads` and `trailers`. There 101 is 200, as HTTP/2
  // has it (RFC 8441).
  enum class Form { Message, Parts, Nothing };
  struct Head {
    int status;
    std::string fields;  // lines
  };
  explicit ResponseReader(const Client& client, Form form = Form::Message);
  ~ResponseReader();

  size_t feed(std::string_view bytes);
  void end();            // the program closed the connection
  void flush();          // what has come is to be of use to the client
  bool started() const;  // the final status line is known
  bool done() const;
  bool bad() const;
  bool tunnels() const;  // it was 101, and what follows is no message any more

  int status = 0;
  bool closes = false;      // the client's connection ends behind it
  std::string output;       // for the client; whoever takes it clears it
  std::vector<Head> heads;  // likewise: of interim responses, and the final one
  std::string trailers;     // lines, when it is done

 private:
  struct Parser;
  void restart();
  const Client client_;
  bool continued_ = false;  // it was told to send its body
  bool tunnel_ = false, tunnel_ended_ = false;
  const Form form_;
  std::unique_ptr<Parser> parser_;
};

// "HTTP/1.1 200 OK\r\n"
std::string status_line(int status);

// Fields and body of a response of our own, and the whole of it.
std::string own_fields(size_t length, std::string_view more_fields = {});
std::string own_response(int status, std::string_view text, bool keep_alive, bool head_request,
                         std::string_view more_fields = {});
