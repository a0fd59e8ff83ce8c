// http2_session.h - HTTP/2 (RFC 9113) from the server's side: frames on the one hand, on the other a request of each
// stream as HTTP/1.1 writes it, and responses in parts. http2_session.cpp is the only user of nghttp2.
//
// A WebSocket (RFC 8441) is a request for a tunnel as HTTP/1.1 makes it, then bytes both ways.
//
// It knows no sockets, no time and no apps: bytes go in by feed(), come out by fill(), and its owner says when a second
// has passed. What a client can make it hold or do is bounded: streams at a time, bytes of a header, frames that belong
// to one, bytes of bodies by the windows that are credited when somebody has taken them, and frames besides those that
// requests and bytes explain, resets of streams above all. A client that exceeds the last is told to keep calm, and no
// frame of it is read any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

struct nghttp2_session;

class Http2Session {
 public:
  static constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  // What a client may send ahead: of one body, of all.
  static constexpr uint32_t kStreamWindow = 256 << 10, kConnectionWindow = 1 << 20;
  // What a connection takes besides the buffers of its owner, and each stream, about.
  static constexpr size_t kMemory = 24 << 10, kStreamMemory = 2 << 10;

  struct Limits {
    uint32_t streams;       // at a time
    uint32_t header_bytes;  // of a request: names, values and 32 for each field
  };
  enum class Error : uint32_t { None = 0, Internal = 2, Cancel = 8 };  // codes of RFC 9113

  class Owner {
   public:
    // A new stream; then what its request is, with how many bytes of window, or how to refuse it.
    virtual void on_stream(int32_t stream) = 0;
    virtual void on_message(int32_t stream, std::string_view bytes, size_t window) = 0;
    virtual void on_tunnel_end(int32_t stream) = 0;  // nothing more comes of what asked to be one
    virtual void on_refused(int32_t stream, int status) = 0;
    virtual void on_closed(int32_t stream) = 0;  // it is no more
    // Body for the client: at most so many bytes. None and not the last: resume() will be called.
    struct Piece {
      size_t size;
      enum class Behind { More, Trailers, Nothing, Failure } behind;
    };
    virtual Piece take_body(int32_t stream, char* place, size_t most) = 0;
    virtual std::string_view trailers(int32_t stream) = 0;

   protected:
    ~Owner() = default;
  };
  Http2Session(const Limits& limits, Owner& owner);
  ~Http2Session();

  bool feed(std::string_view bytes);         // false: nothing that comes will be read
  void fill(std::string& out, size_t most);  // whole frames, until it holds so much or there are none
  void every_second();                       // what a client may send is counted by these
  // A response: `fields` are lines as HTTP/1.1 has them; interim ones, then one that has a body or not.
  void respond(int32_t stream, int status, std::string_view fields, bool has_body);
  void resume(int32_t stream);  // there is more of its body, or the end of it
  void reset(int32_t stream, Error code);
  void credit(int32_t stream, size_t window);  // somebody has taken it; a stream that is no more has none
  void announce_end();                         // streams that are under way on the wire still count
  void end();                                  // those that are here go on, no more of them

  bool over() const;                                  // nothing will come or go any more
  bool in_header() const { return header_of_ != 0; }  // the rest of one has to come before anything else
  bool is_blocked() const;                            // the client lets no more of any body come
  bool is_blocked(int32_t stream) const;              // the client lets nothing more of it come
  bool has_much_to_say() const;                       // frames in a queue
  bool flooded() const { return flooded_; }

 private:
  struct Callbacks;
  struct Incoming;
  int flood();
  void stop(uint32_t code);
  void pass_head(int32_t stream, Incoming& in, bool ends);
  void pass_end(int32_t stream, Incoming& in);
  Owner& owner_;
  const Limits limits_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, Incoming> incoming_;
  int64_t allowance_, resets_;  // what is left of these
  int32_t last_ = 0;            // stream
  int32_t header_of_ = 0;       // the stream whose header has begun to come, or 0
  bool flooded_ = false, dead_ = false;
  std::string farewell_;  // when it is dead
};
