// fuzz_http2.cpp - frames of HTTP/2 that clients send to a node's front: what becomes of a stream has to be one whole
// message of HTTP/1.1, or a refusal, and what is held for a client has bounds.
//
// An input is a byte, then what a client sends behind the preface. The byte says where it is cut in two.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include "http.h"
#include "http2_session.h"

namespace {

constexpr std::string_view kAnswer = "an answer";

void check(bool good) {
  if (!good) std::abort();
}

class Streams final : public Http2Session::Owner {
 public:
  Http2Session session{{.streams = 8, .header_bytes = 16 << 10}, *this};
  size_t opened = 0;

 private:
  struct Stream {
    explicit Stream(const Hop& from) : request({.tunnels = true}, &from) {}
    RequestReader request;
    std::string rest;
    bool answered = false;
    size_t sent = 0;
  };

  void on_stream(int32_t stream) override {
    check(streams_.try_emplace(stream, from_).second && streams_.size() <= 8);
    ++opened;
  }
  void on_message(int32_t stream, std::string_view bytes, size_t window) override {
    Stream& one = streams_.at(stream);
    session.credit(stream, window);
    if (one.answered) return;
    const bool had_head = one.request.head_done();
    one.rest.append(bytes);
    one.rest.erase(0, one.request.feed(one.rest));
    // A header comes whole, and is one or none; the end of a body is where the stream's is.
    if (one.request.error() != 0) return answer(stream, one, one.request.error());
    check(one.request.head_done() && (had_head || one.rest.empty()) && !(one.request.done() && !one.rest.empty()));
    if (one.request.done()) answer(stream, one, 200);
  }
  void on_tunnel_end(int32_t stream) override { check(streams_.at(stream).request.head_done()); }
  void on_refused(int32_t stream, int status) override { answer(stream, streams_.at(stream), status); }
  void on_closed(int32_t stream) override { check(streams_.erase(stream) == 1); }
  Piece take_body(int32_t stream, char* place, size_t most) override {
    Stream& one = streams_.at(stream);
    const size_t n = std::min(most, kAnswer.size() - one.sent);
    std::memcpy(place, kAnswer.data() + one.sent, n);
    one.sent += n;
    return {n, one.sent == kAnswer.size() ? Piece::Behind::Trailers : Piece::Behind::More};
  }
  std::string_view trailers(int32_t) override { return "X-Trailer: 1\r\n"; }
  void answer(int32_t stream, Stream& one, int status) {
    if (one.answered) return;
    one.answered = true;
    session.respond(stream, 103, "Link: </a>\r\n", false);
    session.respond(stream, status, own_fields(kAnswer.size()), true);
  }

  const Hop from_{ClientAddress{}, false};
  std::map<int32_t, Stream> streams_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t cut = bytes.size() * data[0] / 256;
  Streams streams;
  std::string out;
  bool goes_on = streams.session.feed(Http2Session::kPreface);
  for (const std::string_view part : {bytes.substr(0, cut), bytes.substr(cut)}) {
    goes_on = goes_on && streams.session.feed(part);
    streams.session.fill(out, SIZE_MAX);
    streams.session.every_second();
  }
  check(goes_on || streams.session.over());
  // So much for each frame that explains one, and for each byte of a body.
  check(out.size() <= (64 << 10) + 2048 * streams.opened + 32 * size);
  return 0;
}
