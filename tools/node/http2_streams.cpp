// http2_streams.cpp - see http2_streams.h.
#include "http2_streams.h"

#include <algorithm>
#include <cstring>
#include <utility>

static constexpr uint64_t kNotice = 1'000'000'000;  // of the end of a connection

class Http2Streams::Stream final : public Exchange::Owner {
 public:
  Stream(Http2Streams& all, int32_t id) : all_(all), id_(id), exchange_(all.front_, all.peer_, *this) {
    exchange_.expect(&all.hop_);
  }

  void take_message(std::string_view bytes, size_t window);
  void refuse(int status, std::string_view text, std::string_view fields = {});
  void begin();       // with what there is of it
  void end_tunnel();  // the client sends no more through it, if it becomes one
  bool may_begin() const { return state_ == State::Body; }
  Piece take_body(char* place, size_t most);
  std::string_view trailers() const { return exchange_.response->trailers; }
  bool is_whole() const { return state_ == State::Answered && behind_ != Piece::Behind::Failure && left() == 0; }
  void leave();
  Awaited awaited() const;
  void check_time(uint64_t now);
  bool has_output() const { return left() > 0; }
  size_t held() const { return Http2Session::kStreamMemory + rest_.capacity() + out_.capacity() + exchange_.held(); }

  void on_output() override;
  void on_room() override;
  void on_answered() override;
  void on_failed(int status, std::string_view text) override;

 private:
  enum class State { Head, Body, Served, Answered };
  void settle();  // the window of what was taken
  void take_output(bool whole);
  size_t left() const { return out_.size() - sent_; }

  Http2Streams& all_;
  const int32_t id_;
  Exchange exchange_;
  State state_ = State::Head;
  std::string rest_;  // of what came, that makes no sense without more
  bool ended_ = false;
  std::string out_;  // body of the response
  size_t sent_ = 0;  // of it
  Piece::Behind behind_ = Piece::Behind::More;
  size_t owed_ = 0;  // window that is not credited yet
  uint64_t received_ = 0, taken_ = 0;
  unsigned lingers_ = 0;  // seconds
  Awaited paced_ = Awaited::Nothing;
  Pace pace_;
};

void Http2Streams::Stream::take_message(std::string_view bytes, size_t window) {
  received_ += bytes.size();
  owed_ += window;
  all_.owed_ += window;
  RequestReader& request = *exchange_.request;
  if (state_ != State::Answered) {
    rest_.append(bytes);
    const bool had_head = request.head_done();
    rest_.erase(0, request.feed(rest_));
    // Whoever wrote it as HTTP/1.1 and whoever reads it have to agree on where it ends.
    const bool waits = request.asks_for_tunnel && had_head;  // for that
    if (request.error() != 0 || !request.head_done() || (request.done() && !rest_.empty() && !waits))
      refuse(request.error() != 0 ? request.error() : 400, kRefusedRequest);
    else if (!had_head && !exchange_.find_app())
      refuse(404, kNoApp);
    else if (!had_head)
      state_ = State::Body;
    if (state_ == State::Body && exchange_.is_enough()) begin();
    if (state_ == State::Served) exchange_.pass_body();
  }
  settle();
}

void Http2Streams::Stream::begin() {
  const RequestReader& request = *exchange_.request;
  const auto refusal = exchange_.dispatch({.head_request = request.method == "HEAD",
                                           .expects_continue = request.expects_continue,
                                           .asks_for_tunnel = request.asks_for_tunnel,
                                           .coding = request.coding},
                                          ResponseReader::Form::Parts);
  if (refusal) return refuse(refusal->status, refusal->text, kRetryAfter);
  state_ = State::Served;
  if (exchange_.is_answered()) return on_answered();
  if (exchange_.response->started()) take_output(false);
  settle();
}

void Http2Streams::Stream::refuse(int status, std::string_view text, std::string_view fields) {
  if (state_ == State::Answered) return;
  if (exchange_.is_served()) exchange_.cancel();
  state_ = State::Answered;
  rest_ = {};
  if (exchange_.response && exchange_.response->started()) return all_.session_.reset(id_, Http2Session::Error::Cancel);
  exchange_.count(status);
  const bool has_body = exchange_.request->method != "HEAD";
  if (has_body) out_ = text;
  behind_ = Piece::Behind::Nothing;
  all_.session_.respond(id_, status, own_fields(text.size(), fields), has_body);
  all_.owner_.write_later();
}

// As much as the worker has taken, or nobody will.
void Http2Streams::Stream::settle() {
  const size_t waiting = state_ == State::Answered ? 0 : rest_.size() + exchange_.request->output.size();
  const size_t left = std::min(owed_, waiting);
  if (left == owed_) return;
  all_.session_.credit(id_, owed_ - left);
  all_.owed_ -= owed_ - left;
  owed_ = left;
  all_.owner_.write_later();
}

void Http2Streams::Stream::on_room() {
  if (exchange_.is_tunnel() && !rest_.empty()) {
    rest_.erase(0, exchange_.request->feed(rest_));
    exchange_.pass_body();
  }
  if (exchange_.is_tunnel() && ended_) exchange_.half_close();
  settle();
}

void Http2Streams::Stream::end_tunnel() {
  ended_ = true;
  if (exchange_.is_tunnel() && exchange_.is_served()) exchange_.half_close();
}

void Http2Streams::Stream::take_output(bool whole) {
  ResponseReader& response = *exchange_.response;
  if (left() == 0) {
    out_.clear();
    sent_ = 0;
    out_.swap(response.output);
  } else {
    out_ += response.output;
  }
  response.output.clear();
  if (whole) behind_ = response.trailers.empty() ? Piece::Behind::Nothing : Piece::Behind::Trailers;
  for (const ResponseReader::Head& head : std::exchange(response.heads, {})) {
    const bool has_body = left() > 0 || behind_ != Piece::Behind::Nothing;
    all_.session_.respond(id_, head.status, head.fields, has_body);
  }
  all_.session_.resume(id_);
  all_.owner_.write_later();
}

void Http2Streams::Stream::on_output() { take_output(false); }

void Http2Streams::Stream::on_answered() {
  state_ = State::Answered;
  take_output(true);
  settle();
}

void Http2Streams::Stream::on_failed(int status, std::string_view text) {
  take_output(false);
  if (status != 0) return refuse(status, text);
  // The client gets what there is, and hears that it is not all.
  state_ = State::Answered;
  behind_ = Piece::Behind::Failure;
  settle();
}

Http2Session::Owner::Piece Http2Streams::Stream::take_body(char* place, size_t most) {
  const size_t n = std::min(most, left());
  std::memcpy(place, out_.data() + sent_, n);
  sent_ += n;
  taken_ += n;
  all_.taken_ += n;
  if (left() == 0) {
    out_.clear();
    sent_ = 0;
  } else if (sent_ >= kWindow / 2) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  exchange_.report_taken(left());
  return {n, left() > 0 ? Piece::Behind::More : behind_};
}

// Its client wants no more of it.
void Http2Streams::Stream::leave() {
  if (exchange_.is_served()) {
    exchange_.count(0);
    exchange_.cancel();
  }
  if (!is_whole()) behind_ = Piece::Behind::Failure;
  state_ = State::Answered;
  settle();
}

Awaited Http2Streams::Stream::awaited() const {
  if (left() > 0 && all_.session_.is_blocked(id_)) return Awaited::Taking;
  if (state_ == State::Head || state_ == State::Body) return Awaited::More;
  const bool has_room = owed_ < Http2Session::kStreamWindow;
  const bool comes = state_ == State::Served && !exchange_.request->done() && !exchange_.is_tunnel();
  return comes && has_room ? Awaited::More : Awaited::Nothing;
}

void Http2Streams::Stream::check_time(uint64_t now) {
  exchange_.check_patience(now);
  // Answered, and still the request comes. Some clients forget the response when they are told at once (RFC 9113, 8.1).
  if (is_whole() && lingers_++ > 0) {
    all_.session_.reset(id_, Http2Session::Error::None);
    all_.owner_.write_later();
  }
  const Pace::Limits& limits = all_.front_.options.pace;
  const Awaited what = awaited(), before = std::exchange(paced_, what);
  if (what == Awaited::Nothing) return;
  const uint64_t total = what == Awaited::Taking ? taken_ : received_;
  if (before != what) return pace_.begin(now, total, limits);
  if (pace_.go_on(now, total, limits)) return;
  leave();
  all_.session_.reset(id_, Http2Session::Error::Cancel);
  all_.owner_.write_later();
}

Http2Streams::Http2Streams(LoopContext& front, const Hop& hop, const aotc_peer& peer, Owner& owner)
    : front_(front),
      hop_(hop),
      peer_(peer),
      owner_(owner),
      session_({.streams = static_cast<uint32_t>(front.options.max_streams),
                .header_bytes = static_cast<uint32_t>(front.options.max_header)},
               *this),
      idle_since_(Loop::now()) {
  ++front_.http2_counts.clients;
}

Http2Streams::~Http2Streams() = default;

bool Http2Streams::feed(std::string_view bytes) {
  const bool goes_on = session_.feed(bytes);
  // Nothing more of any can come, so those that came have to go on.
  if (owed_ < Http2Session::kConnectionWindow / 2) return goes_on;
  for (auto& [id, stream] : streams_)
    if (stream.may_begin()) stream.begin();
  return goes_on;
}

Http2Streams::Stream* Http2Streams::find(int32_t stream) {
  auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : &found->second;
}

void Http2Streams::on_stream(int32_t stream) {
  streams_.try_emplace(stream, *this, stream);
  ++front_.http2_counts.streams;
}

void Http2Streams::on_message(int32_t stream, std::string_view bytes, size_t window) {
  if (Stream* one = find(stream))
    one->take_message(bytes, window);
  else
    session_.credit(stream, window);
}

void Http2Streams::on_tunnel_end(int32_t stream) {
  if (Stream* one = find(stream)) one->end_tunnel();
}

void Http2Streams::on_refused(int32_t stream, int status) {
  if (Stream* one = find(stream)) one->refuse(status, kRefusedRequest);
}

void Http2Streams::on_closed(int32_t stream) {
  auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  Stream& one = found->second;
  front_.http2_counts.cut += !one.is_whole();
  one.leave();
  streams_.erase(found);
  idle_since_ = Loop::now();
}

Http2Session::Owner::Piece Http2Streams::take_body(int32_t stream, char* place, size_t most) {
  Stream* one = find(stream);
  return one != nullptr ? one->take_body(place, most) : Piece{0, Piece::Behind::Failure};
}

std::string_view Http2Streams::trailers(int32_t stream) {
  const Stream* one = find(stream);
  return one != nullptr ? one->trailers() : std::string_view{};
}

void Http2Streams::leave() {
  for (auto& [id, stream] : streams_) stream.leave();
}

// The first word is for those whose requests are on their way.
void Http2Streams::drain() {
  session_.announce_end();
  drained_at_ = Loop::now();
  owner_.write_later();
}

bool Http2Streams::holds_responses() const {
  return session_.is_blocked() &&
         std::any_of(streams_.begin(), streams_.end(), [](const auto& one) { return one.second.has_output(); });
}

bool Http2Streams::check_time(uint64_t now) {
  session_.every_second();
  for (auto& [id, stream] : streams_) stream.check_time(now);
  if (drained_at_ != 0 && now >= drained_at_ + kNotice) {
    drained_at_ = 0;
    session_.end();
    owner_.write_later();
  }
  const Pace::Limits& limits = front_.options.pace;
  const bool before = std::exchange(paced_, holds_responses());
  if (paced_ && !before) pace_.begin(now, taken_, limits);
  return !paced_ || pace_.go_on(now, taken_, limits);
}

// One that waits for us is enough.
Awaited Http2Streams::awaited() const {
  if (session_.in_header()) return Awaited::More;
  if (streams_.empty()) return Awaited::Request;
  if (holds_responses()) return Awaited::Taking;
  Awaited all = Awaited::Taking;
  for (const auto& [id, stream] : streams_) {
    const Awaited what = stream.awaited();
    if (what == Awaited::Nothing) return what;
    if (what == Awaited::More) all = what;
  }
  return all;
}

size_t Http2Streams::held() const {
  size_t sum = Http2Session::kMemory;
  for (const auto& [id, stream] : streams_) sum += stream.held();
  return sum;
}
