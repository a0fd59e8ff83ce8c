// http2_session.cpp - see http2_session.h.
#include "http2_session.h"

#include <nghttp2/nghttp2.h>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <iterator>
#include <new>
#include <utility>
#include <vector>

namespace {

// Frames besides those that requests and bytes explain, and streams that end before their response does: at once, and
// for each second.
constexpr int64_t kMostFrames = 4096, kFramesPerSecond = 1024;
constexpr int64_t kMostResets = 256, kResetsPerSecond = 32;
constexpr int64_t kFramesOfRequest = 8;
constexpr size_t kBytesOfFrame = 1024;
constexpr size_t kMuchToSay = 256;        // frames
constexpr size_t kFieldOverhead = 32;     // as SETTINGS_MAX_HEADER_LIST_SIZE counts
constexpr size_t kTooLarge = 4;           // times the limit: whoever sends this is heard no more
constexpr size_t kLeastFrame = 16 << 10;  // that a header comes in, if its client means well

// What HTTP/1.1 says with CONNECT's :protocol; there a client has to draw a key, by which it knows that it was
// understood.
constexpr std::string_view kTunnelFields =
    "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: UkZDIDg0NDE6IG5vIGtleQ==\r\n";

std::string_view view(const uint8_t* data, size_t size) { return {reinterpret_cast<const char*>(data), size}; }

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

template <typename T, void (*free_it)(T*)>
struct Owned {
  T* one = nullptr;
  Owned() = default;
  Owned(const Owned&) = delete;
  ~Owned() { free_it(one); }
};

// Lines of HTTP/1.1 as nghttp2 takes them, with names as HTTP/2 writes them.
struct FieldList {
  explicit FieldList(std::string_view lines) : text(lines) {
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find("\r\n", at), text.size());
      const size_t colon = std::min(text.find(':', at), end);
      std::transform(text.begin() + static_cast<ptrdiff_t>(at), text.begin() + static_cast<ptrdiff_t>(colon),
                     text.begin() + static_cast<ptrdiff_t>(at),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      const size_t value = std::min(text.find_first_not_of(" \t", colon + 1), end);
      add(std::string_view(text).substr(at, colon - at), std::string_view(text).substr(value, end - value));
      at = end + 2;
    }
  }
  void add(std::string_view name, std::string_view value) {
    auto bytes = [](std::string_view part) { return reinterpret_cast<uint8_t*>(const_cast<char*>(part.data())); };
    // What is to be kept secret is not kept in the table of what came before.
    const uint8_t flags = name == "set-cookie" ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
    all.push_back({bytes(name), bytes(value), name.size(), value.size(), flags});
  }
  std::string text;
  std::vector<nghttp2_nv> all;
};

}  // namespace

// Of a stream: its header as it comes, then how its body is written.
struct Http2Session::Incoming {
  std::string method, scheme, path, authority, protocol, host, cookie, length;
  std::string fields, trailers;
  size_t size = 0;
  bool has_authority = false, has_trailer = false;
  bool head_done = false, chunked = false, tunnel = false;
  bool ended = false;  // the response is
  bool by_us = false;  // reset
};

struct Http2Session::Callbacks {
  static Http2Session& of(void* self) { return *static_cast<Http2Session*>(self); }
  static Incoming* find(void* self, int32_t stream) {
    auto found = of(self).incoming_.find(stream);
    return found == of(self).incoming_.end() ? nullptr : &found->second;
  }

  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* self) {
    of(self).header_of_ = 0;
    const bool empty = head->type == NGHTTP2_DATA && head->length == 0 && (head->flags & NGHTTP2_FLAG_END_STREAM) == 0;
    const bool explained = (head->type == NGHTTP2_DATA && !empty) || head->type == NGHTTP2_HEADERS;
    return explained || --of(self).allowance_ >= 0 ? 0 : of(self).flood();
  }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    of(self).header_of_ = frame->hd.stream_id;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    of(self).last_ = frame->hd.stream_id;
    of(self).allowance_ = std::min(of(self).allowance_ + kFramesOfRequest, kMostFrames);
    of(self).incoming_[frame->hd.stream_id];
    of(self).owner_.on_stream(frame->hd.stream_id);
    return 0;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name_data, size_t name_size,
                       const uint8_t* value_data, size_t value_size, uint8_t, void* self) {
    const std::string_view name = view(name_data, name_size), value = view(value_data, value_size);
    Incoming* in = find(self, frame->hd.stream_id);
    if (in == nullptr) return 0;
    in->size += name.size() + value.size() + kFieldOverhead;
    const size_t most = of(self).limits_.header_bytes;
    if (in->size > most) return in->size > kTooLarge * most ? of(self).flood() : 0;
    if (in->head_done) {
      in->trailers.append(name).append(": ").append(value).append("\r\n");
      return 0;
    }
    if (name[0] == ':') {
      in->has_authority |= name == ":authority";
      for (auto [known, place] : {std::pair<std::string_view, std::string*>{":method", &in->method},
                                  {":scheme", &in->scheme},
                                  {":path", &in->path},
                                  {":authority", &in->authority},
                                  {":protocol", &in->protocol}})
        if (name == known) *place = value;
    } else if (name == "host") {
      in->host = value;
    } else if (name == "sec-websocket-key" && !in->protocol.empty()) {
      // Here it means nothing, and there is one of ours.
    } else if (name == "content-length") {
      in->length = value;
    } else if (name == "cookie") {
      // They come apart, so that each can be referred to (RFC 9113, 8.2.3).
      in->cookie.append(in->cookie.empty() ? "" : "; ").append(value);
    } else {
      in->has_trailer |= name == "trailer";
      in->fields.append(name).append(": ").append(value).append("\r\n");
    }
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    of(self).header_of_ = 0;
    Incoming* in = find(self, frame->hd.stream_id);
    if (in == nullptr || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)) return 0;
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!in->head_done)
      of(self).pass_head(frame->hd.stream_id, *in, ends);
    else if (ends)
      of(self).pass_end(frame->hd.stream_id, *in);
    return 0;
  }

  static int on_invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* self) {
    of(self).header_of_ = 0;
    return 0;
  }

  static int on_data(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t size, void* self) {
    const Incoming* in = find(self, stream);
    if (in == nullptr) {
      of(self).credit(stream, size);
      return 0;
    }
    if (!in->chunked) {
      of(self).owner_.on_message(stream, view(data, size), size);
      return 0;
    }
    char line[24];
    char* end = std::to_chars(line, line + sizeof line, size, 16).ptr;
    std::string chunk;
    chunk.reserve(size + 2 + sizeof line);
    chunk.append(line, end).append("\r\n").append(view(data, size)).append("\r\n");
    of(self).owner_.on_message(stream, chunk, size);
    return 0;
  }

  static int on_close(nghttp2_session*, int32_t stream, uint32_t, void* self) {
    auto found = of(self).incoming_.find(stream);
    if (found == of(self).incoming_.end()) return 0;
    const bool in_vain = !found->second.ended && !found->second.by_us;
    if (of(self).header_of_ == stream) of(self).header_of_ = 0;
    of(self).incoming_.erase(found);
    of(self).owner_.on_closed(stream);
    return in_vain && --of(self).resets_ < 0 ? of(self).flood() : 0;
  }

  static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    Incoming* in = find(self, frame->hd.stream_id);
    if (in == nullptr || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)) return 0;
    of(self).allowance_ = std::min(of(self).allowance_ + 2, kMostFrames);
    in->ended |= (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    return 0;
  }

  static ssize_t read_body(nghttp2_session* session, int32_t stream, uint8_t* place, size_t most, uint32_t* flags,
                           nghttp2_data_source*, void* self) {
    using Behind = Owner::Piece::Behind;
    const Owner::Piece piece = of(self).owner_.take_body(stream, reinterpret_cast<char*>(place), most);
    switch (piece.behind) {
      case Behind::More:
        if (piece.size == 0) return NGHTTP2_ERR_DEFERRED;
        break;
      case Behind::Failure:
        if (piece.size > 0) break;
        if (Incoming* in = find(self, stream)) in->by_us = true;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
      case Behind::Trailers: {
        FieldList fields(of(self).owner_.trailers(stream));
        nghttp2_submit_trailer(session, stream, fields.all.data(), fields.all.size());
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        break;
      }
      case Behind::Nothing:
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        break;
    }
    return static_cast<ssize_t>(piece.size);
  }
};

Http2Session::Http2Session(const Limits& limits, Owner& owner)
    : owner_(owner), limits_(limits), allowance_(kMostFrames), resets_(kMostResets) {
  Owned<nghttp2_session_callbacks, nghttp2_session_callbacks_del> callbacks;
  Owned<nghttp2_option, nghttp2_option_del> options;
  if (nghttp2_session_callbacks_new(&callbacks.one) != 0 || nghttp2_option_new(&options.one) != 0)
    throw std::bad_alloc();
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks.one, Callbacks::on_begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks.one, Callbacks::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks.one, Callbacks::on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks.one, Callbacks::on_frame);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks.one, Callbacks::on_invalid_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks.one, Callbacks::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks.one, Callbacks::on_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks.one, Callbacks::on_sent);
  nghttp2_option_set_no_auto_window_update(options.one, 1);
  nghttp2_option_set_no_closed_streams(options.one, 1);
  nghttp2_option_set_max_continuations(options.one, limits.header_bytes / kLeastFrame + 8);
  if (nghttp2_session_server_new2(&session_, callbacks.one, this, options.one) != 0) throw std::bad_alloc();
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
                                             {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.header_bytes},
                                             {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
                                             {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

Http2Session::~Http2Session() { nghttp2_session_del(session_); }

int Http2Session::flood() {
  flooded_ = true;
  return NGHTTP2_ERR_CALLBACK_FAILURE;
}

// What nghttp2 has in its hands is of no use any more; the client is told why by a GOAWAY of our own.
void Http2Session::stop(uint32_t code) {
  if (std::exchange(dead_, true)) return;
  farewell_.assign("\0\0\x08\x07\0\0\0\0\0", 9);
  for (const uint32_t word : {static_cast<uint32_t>(last_), code})
    for (int shift = 24; shift >= 0; shift -= 8) farewell_ += static_cast<char>(word >> shift);
}

bool Http2Session::feed(std::string_view bytes) {
  if (dead_) return false;
  const ssize_t n = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  flooded_ |= n == NGHTTP2_ERR_FLOODED;
  if (n < 0) stop(flooded_ ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
  return !dead_;
}

void Http2Session::fill(std::string& out, size_t most) {
  while (!dead_ && out.size() < most) {
    const uint8_t* data = nullptr;
    const ssize_t n = nghttp2_session_mem_send(session_, &data);
    if (n < 0) stop(flooded_ ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_INTERNAL_ERROR);
    if (n <= 0) break;
    out.append(view(data, static_cast<size_t>(n)));
    allowance_ = std::min(allowance_ + n / static_cast<ssize_t>(kBytesOfFrame), kMostFrames);
  }
  if (dead_) out.append(std::exchange(farewell_, {}));
}

void Http2Session::every_second() {
  allowance_ = std::min(allowance_ + kFramesPerSecond, kMostFrames);
  resets_ = std::min(resets_ + kResetsPerSecond, kMostResets);
}

// The header is complete: passed on as HTTP/1.1 would have it. Whoever reads it checks it once more.
void Http2Session::pass_head(int32_t stream, Incoming& in, bool ends) {
  in.head_done = true;
  const size_t size = std::exchange(in.size, 0);
  if (size > limits_.header_bytes) return owner_.on_refused(stream, 431);
  in.tunnel = in.method == "CONNECT" && in.protocol == "websocket";
  if (in.method == "CONNECT" && !in.tunnel) return owner_.on_refused(stream, 501);
  const bool two_hosts = in.has_authority && !in.host.empty() && !same(in.host, in.authority);
  const bool bad_tunnel = in.tunnel && (ends || !in.length.empty());
  if (two_hosts || bad_tunnel || (in.scheme != "http" && in.scheme != "https")) return owner_.on_refused(stream, 400);
  in.chunked = !ends && !in.tunnel && (in.length.empty() || in.has_trailer);
  std::string head;
  head.reserve(size + 64);
  head.append(in.tunnel ? "GET" : in.method).append(" ").append(in.path).append(" HTTP/1.1\r\nHost: ");
  head.append(in.has_authority ? in.authority : in.host).append("\r\n").append(in.fields);
  if (!in.cookie.empty()) head.append("cookie: ").append(in.cookie).append("\r\n");
  if (in.tunnel)
    head.append(kTunnelFields);
  else if (in.chunked)
    head.append("transfer-encoding: chunked\r\n");
  else if (!in.length.empty())
    head.append("content-length: ").append(in.length).append("\r\n");
  head.append("\r\n");
  for (std::string* part :
       {&in.method, &in.scheme, &in.path, &in.authority, &in.protocol, &in.host, &in.cookie, &in.length, &in.fields})
    *part = {};
  owner_.on_message(stream, head, 0);
}

void Http2Session::pass_end(int32_t stream, Incoming& in) {
  if (in.tunnel) return owner_.on_tunnel_end(stream);
  if (in.size > limits_.header_bytes) return owner_.on_refused(stream, 431);
  if (in.chunked) owner_.on_message(stream, "0\r\n" + std::exchange(in.trailers, {}) + "\r\n", 0);
}

void Http2Session::respond(int32_t stream, int status, std::string_view fields, bool has_body) {
  if (dead_) return;
  char code[4] = "000";
  std::to_chars(code, code + 3, status);
  FieldList list(fields);
  list.add(":status", {code, 3});
  std::rotate(list.all.begin(), list.all.end() - 1, list.all.end());
  if (status < 200) {
    nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream, nullptr, list.all.data(), list.all.size(), nullptr);
    return;
  }
  const nghttp2_data_provider body = {.source = {}, .read_callback = Callbacks::read_body};
  nghttp2_submit_response(session_, stream, list.all.data(), list.all.size(), has_body ? &body : nullptr);
}

void Http2Session::resume(int32_t stream) {
  if (!dead_) nghttp2_session_resume_data(session_, stream);  // one that waits for nothing is none of its
}

void Http2Session::reset(int32_t stream, Error code) {
  if (dead_) return;
  if (auto found = incoming_.find(stream); found != incoming_.end()) found->second.by_us = true;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, static_cast<uint32_t>(code));
}

void Http2Session::credit(int32_t stream, size_t window) {
  if (!dead_ && window > 0) nghttp2_session_consume(session_, stream, window);
}

void Http2Session::announce_end() {
  if (!dead_) nghttp2_submit_shutdown_notice(session_);
}

void Http2Session::end() {
  if (!dead_)
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                          NGHTTP2_NO_ERROR, nullptr, 0);
}

bool Http2Session::over() const {
  return dead_ ? farewell_.empty()
               : nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

bool Http2Session::is_blocked() const { return dead_ || nghttp2_session_get_remote_window_size(session_) <= 0; }

bool Http2Session::is_blocked(int32_t stream) const {
  return dead_ || nghttp2_session_get_stream_remote_window_size(session_, stream) <= 0;
}

bool Http2Session::has_much_to_say() const {
  return !dead_ && nghttp2_session_get_outbound_queue_size(session_) > kMuchToSay;
}
