// http2_streams.h - the requests of a client that speaks HTTP/2: each stream is one, and goes to an instance of its own
// as one of HTTP/1.1 does.
//
// Streams share their client's connection, so what one of them waits for must not hold up another: each is credited
// with window as its program takes its body, has a buffer for its response, and is reset alone when its client is too
// slow with it. When what has come of all bodies fills half of the connection's window, those that came with it begin,
// complete or not, for the rest of them could not come. Whatever is to be written waits until the loop has heard all
// that came with it (write_later): then it is one piece.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "exchange.h"
#include "http2_session.h"

class Http2Streams final : private Http2Session::Owner {
 public:
  class Owner {
   public:
    virtual void write_later() = 0;  // there is something to fill() with

   protected:
    ~Owner() = default;
  };
  // The others outlive it.
  Http2Streams(LoopContext& front, const Hop& hop, const aotc_peer& peer, Owner& owner);
  ~Http2Streams();

  bool feed(std::string_view bytes);
  void fill(std::string& out, size_t most) { session_.fill(out, most); }
  // Every second. False when the client is too slow with all of them; those with which it is slow alone end.
  bool check_time(uint64_t now);
  void drain();  // no more of them
  void end() { session_.end(); }
  void leave();  // the client is gone

  bool over() const { return session_.over(); }
  bool flooded() const { return session_.flooded(); }
  bool in_header() const { return session_.in_header(); }
  bool has_much_to_say() const { return session_.has_much_to_say(); }
  Awaited awaited() const;
  uint64_t idle_since() const { return idle_since_; }  // when there are no streams
  size_t held() const;                                 // bytes of memory, about

 private:
  class Stream;
  void on_stream(int32_t stream) override;
  void on_message(int32_t stream, std::string_view bytes, size_t window) override;
  void on_tunnel_end(int32_t stream) override;
  void on_refused(int32_t stream, int status) override;
  void on_closed(int32_t stream) override;
  Piece take_body(int32_t stream, char* place, size_t most) override;
  std::string_view trailers(int32_t stream) override;
  Stream* find(int32_t stream);
  bool holds_responses() const;  // that the client lets not come

  LoopContext& front_;
  const Hop& hop_;
  const aotc_peer& peer_;
  Owner& owner_;
  Http2Session session_;
  std::map<int32_t, Stream> streams_;
  size_t owed_ = 0;     // window of all of them that is not credited yet
  uint64_t taken_ = 0;  // bytes of responses
  bool paced_ = false;  // because it holds responses
  Pace pace_;
  uint64_t idle_since_;
  uint64_t drained_at_ = 0;  // when it was said that there will be an end
};
