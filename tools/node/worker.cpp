// worker.cpp - see worker.h.
#include "worker.h"

#include <poll.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <utility>

#include "filter.h"
#include "handling.h"
#include "upstream.h"

namespace {

constexpr uint64_t kNever = ~0ull;
constexpr uint32_t kMaxIdle = 64;           // warm slots that a worker keeps
constexpr uint64_t kPass = 10'000'000;      // nanoseconds of programs until the channel is looked at again
constexpr uint64_t kMeanwhile = 9'000'000;  // nanoseconds after which a busy program's output is shipped
constexpr uint64_t kInstance = 1 << 20;     // what one needs at least
constexpr size_t kMostRewritten = kWindow / 2, kRewrittenAtOnce = 64 << 10;
constexpr unsigned kBatch = 16;  // responses per write while others wait

uint32_t id_of(size_t channel, uint32_t number) {
  return static_cast<uint32_t>(channel) * (kMostId + 1) | (number & kMostId);
}

const char* version_of(uint32_t flags) {
  return flags & kHttp2Request ? "HTTP/2.0" : flags & kHttp10Request ? "HTTP/1.0" : "HTTP/1.1";
}

uint64_t now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

}  // namespace

struct Worker::Request {
  aotc_connection& connection() const { return *aotc_slot_connection(slot); }
  bool done() const { return filter ? filter->output.done() : response.done(); }  // all of the response is on its way
  bool bad() const { return response.bad() || (rewriter && rewriter->bad()); }

  // `compress`: null where nothing is to be.
  Request(Id id, Channel& channel, uint32_t flags, const CompressRules* compress)
      : id(id),
        channel(channel),
        response({.head_request = (flags & kHeadRequest) != 0, .asks_for_tunnel = (flags & kTunnelRequest) != 0},
                 ResponseReader::Form::Nothing) {
    if (compress == nullptr) return;
    const Coding coding = flags & kTakesZstd ? Coding::Zstd : flags & kTakesGzip ? Coding::Gzip : Coding::None;
    rewriter.emplace(
        ResponseReader::Client{.head_request = (flags & kHeadRequest) != 0, .coding = coding, .compress = compress});
  }
  struct Filter {  // of a program that knows no HTTP
    explicit Filter(bool head) : output(head) {}
    FilterInput input;
    FilterOutput output;
    size_t received = 0;     // bytes of the request that `input` was fed since the program had read all before
    bool succeeded = false;  // it has exited, and what it wrote is on its way
  };
  struct Handler {  // of a program that is called for it
    Handler(const Handling::Client& client, size_t most, const MemoryGauge& gauge) : handling(client, most, gauge) {}
    // From the next handler.
    void take(const FrameHead& head, std::string_view payload) {
      if (head.type == Frame::Passed) onward -= std::min(head.value, onward);
      if (head.type == Frame::AnswerEnd) handling.end_answer(static_cast<int>(head.value), payload);
      if (head.type != Frame::Answer) return;
      answered += payload.size();
      if (!handling.take_answer(payload)) handling.end_answer(502, "the next handler's response is too large\n");
    }
    Handling handling;
    size_t received = 0;                 // bytes of the request that the front does not know to have gone on
    bool too_large = false;              // of the request there is more than may be kept
    uint32_t onward = 0;                 // bytes that the next handler does not have
    size_t answered = 0;                 // bytes of its response that the front does not know to be taken
    std::unique_ptr<Upstream> upstream;  // the next handler, or null: the front knows it
  };
  void send(Frame type, uint32_t value, std::string_view payload = {}, std::string_view more = {}) const {
    channel.send(type, id & kMostId, value, payload, more);
  }
  const Id id;
  Channel& channel;
  aotc_peer from{};
  aotc_slot* slot = nullptr;
  std::string body;       // what the program reads, from connection.in_at on
  size_t unreported = 0;  // bytes that it has read and the front does not know of
  std::optional<Filter> filter;
  std::optional<Handler> handler;
  std::optional<ResponseReader> rewriter;  // what may be compressed goes through this before
  std::string rewritten;                   // by it, for which there was no room
  bool resumes = false;                    // the program waits for room that it has got by that
  ResponseReader response;                 // tells where that of any other program ends
  uint32_t under_way = 0;                  // bytes that the client has not taken
  bool begun = false, queued = false, refused = false;
  bool told_idle = false;
  bool exited = false;    // a program of Fastly Compute's, before all that it had written had gone on
  bool going_on = false;  // its client has its response, and it may go on until ...
  uint64_t over = kNever;
  bool half_closed = false, gone = false;  // the client will send no more; has left
  uint64_t thaw = 0, running = 0;
  uint64_t progress = 0;  // when something last came from or went to the client
  uint64_t wake = kNever;
  uint64_t time = kNever;  // under which it is in times_
};

Worker::Worker(int channel, int outbound, const TenantOptions& options, const aotc_image* image,
               const MemoryGauge& gauge)
    : outbound_(outbound < 0 ? nullptr : aotc_outbound_create(outbound)),
      options_(options),
      image_(image),
      stdio_(!aotc_serve_is_handler(image) && aotc_serve_uses_stdio(image)),
      handler_(aotc_serve_is_handler(image)),
      fastly_(!handler_ && aotc_serve_is_fastly(image)),
      gauge_(gauge) {
  for (unsigned i = 0; i < options.loops; ++i) {
    channels_.emplace_back(channel + static_cast<int>(i));
    polled_.push_back({.fd = channels_[i].fd(), .events = POLLIN, .revents = 0});
  }
  if (outbound_ != nullptr) polled_.push_back({.fd = aotc_outbound_fd(outbound_), .events = POLLIN, .revents = 0});
}

Worker::~Worker() = default;

// Their URLs were parsed when the operator said them.
void Worker::make_backends() {
  std::string wrong;
  for (const Backend& backend : options_.backends)
    servers_.push_back(aotc::parse_outbound_rule(backend.url, wrong).value_or(aotc::OutboundRule{}));
  for (size_t i = 0; i < servers_.size(); ++i)
    backends_.push_back({.name = options_.backends[i].name.c_str(),
                         .host = servers_[i].host.c_str(),
                         .port = servers_[i].port,
                         .tls = servers_[i].scheme == aotc::OutboundRule::Scheme::Https});
  fastly_options_ = {.limit = options_.max_memory, .backend_count = backends_.size(), .backends = backends_.data()};
}

std::string Worker::prepare() {
  const aotc_pool_options pool = {.max_memory = options_.max_memory,
                                  .may_grow = may_grow,
                                  .may_grow_data = this,
                                  .meanwhile = {.call = meanwhile, .data = this, .every = kMeanwhile},
                                  .compare_sample = static_cast<uint32_t>(options_.compare_sample)};
  aotc_serve_options serve = serve_options(options_);
  serve.outbound = outbound_;
  aotc_slot* slot;
  // What a handler's host keeps for it counts as the instance's.
  if (handler_) serve.write_buffer = options_.max_memory;
  if (fastly_) make_backends();
  const aotc_status created =
      fastly_
          ? aotc_fastly_pool_create(image_, &pool, &serve, &fastly_options_, &pool_, &error_)
          : (handler_ ? aotc_http_handler_pool_create : aotc_serve_pool_create)(image_, &pool, &serve, &pool_, &error_);
  if (created != AOTC_OK || aotc_pool_take(pool_, &slot, &error_) != AOTC_OK ||
      aotc_instance_set_deadline(slot->instance, options_.deadline, &error_) != AOTC_OK ||
      aotc_pool_give(pool_, slot, &error_) != AOTC_OK)
    return error_.message;
  idle_ = 1;
  return {};
}

bool Worker::flush() {
  return std::all_of(channels_.begin(), channels_.end(), [](Channel& one) { return one.flush(); });
}

bool Worker::has_sent_all() const {
  return std::all_of(channels_.begin(), channels_.end(), [](const Channel& one) { return one.queued() == 0; });
}

void Worker::run() {
  for (Channel& one : channels_) one.send(Frame::Ready, 0);
  while (flush()) {
    if (draining_ == channels_.size() && requests_.empty() && has_sent_all()) return;
    uint64_t time = times_.empty() ? kNever : times_.begin()->first, start = now();
    uint64_t left = !runnable_.empty() || time <= start ? 0 : time == kNever ? kNever : time - start;
    for (size_t i = 0; i < channels_.size(); ++i)
      polled_[i].events = static_cast<short>(channels_[i].queued() > 0 ? POLLIN | POLLOUT : POLLIN);
    if (outbound_ != nullptr) {
      aotc_outbound_flush(outbound_);
      polled_.back().fd = aotc_outbound_fd(outbound_);
      polled_.back().events = static_cast<short>(aotc_outbound_queued(outbound_) > 0 ? POLLIN | POLLOUT : POLLIN);
    }
    int n = idle_poll_.wait(left, [&](uint64_t nanoseconds) {
      const timespec timeout = {.tv_sec = static_cast<time_t>(nanoseconds / 1'000'000'000),
                                .tv_nsec = static_cast<long>(nanoseconds % 1'000'000'000)};
      return ppoll(polled_.data(), polled_.size(), nanoseconds == kNever ? nullptr : &timeout, nullptr);
    });
    if (n < 0 && errno != EINTR) return;
    for (size_t i = 0; n > 0 && i < channels_.size(); ++i)
      if ((polled_[i].revents & (POLLIN | POLLHUP | POLLERR)) && !take_frames(i)) return;
    if (n > 0 && outbound_ != nullptr && polled_.back().revents != 0)
      aotc_outbound_receive(outbound_, on_outbound, this);
    wake_due(now());
    // One pass: what becomes runnable meanwhile waits for the next one, after the channel was looked at. That is soon,
    // for the front wants answers (Ping), whatever the programs do.
    ran_ = 0;
    for (size_t left = runnable_.size(); left > 0 && ran_ <= kPass; --left) {
      const Id id = runnable_.front();
      runnable_.pop_front();
      auto found = requests_.find(id);
      if (found == requests_.end()) continue;
      found->second->queued = false;
      advance(*found->second);
    }
  }
}

bool Worker::take_frames(size_t at) {
  Channel& channel = channels_[at];
  if (!channel.receive()) return false;
  FrameHead head;
  std::string_view payload;
  while (channel.next(head, payload) == Channel::Next::Frame) {
    if (head.type == Frame::Drain) ++draining_;
    if (head.type == Frame::Ping) channel.send(Frame::Pong, 0);
    if (head.type == Frame::Request) {
      begin(at, head, payload);
      continue;
    }
    const Id id = id_of(at, head.id);
    auto found = requests_.find(id);
    if (found == requests_.end()) continue;
    Request& request = *found->second;
    request.progress = now();
    if (head.type == Frame::Body) add_body(request, payload);
    if (request.handler) request.handler->take(head, payload);
    if (head.type == Frame::Taken) request.under_way -= std::min(head.value, request.under_way);
    if (head.type == Frame::Cancel) {
      request.half_closed = true;
      request.gone |= head.value != 0;
    }
    if (!request.queued) runnable_.push_back(id);
    request.queued = true;
  }
  return true;
}

// The broker has something for a connection that an instance made.
void Worker::on_outbound(void* self, void* owner) {
  auto* worker = static_cast<Worker*>(self);
  auto found = worker->requests_.find(aotc_outbound_connection(owner)->number);
  if (found == worker->requests_.end()) return;
  Request& request = *found->second;
  request.progress = now();
  if (!request.queued) worker->runnable_.push_back(request.id);
  request.queued = true;
}

// An instance is taken only when the request's turn comes, so that requests that wait for theirs use the same warm one.
void Worker::begin(size_t at, const FrameHead& head, std::string_view payload) {
  const Id id = id_of(at, head.id);
  uint32_t flags = head.value;
  if (handler_ || fastly_) flags &= ~uint32_t{kTunnelRequest};
  if (!gauge_.has_room(Compressor::kMemory)) flags &= ~uint32_t{kTakesGzip | kTakesZstd};
  const bool compresses = options_.compress.on && !stdio_ && (flags & kTunnelRequest) == 0;
  auto request = std::make_unique<Request>(id, channels_[at], flags, compresses ? &options_.compress : nullptr);
  if (stdio_) request->filter.emplace(head.value & kHeadRequest);
  if (handler_)
    request->handler.emplace(
        Handling::Client{.head_request = (head.value & kHeadRequest) != 0, .version = version_of(head.value)},
        options_.max_memory, gauge_);
  if (payload.size() < sizeof request->from) return;  // the front sends no such thing
  std::memcpy(&request->from, payload.data(), sizeof request->from);
  take_body(*request, payload.substr(sizeof request->from));
  request->progress = now();
  request->queued = true;
  runnable_.push_back(id);
  requests_.emplace(id, std::move(request));
}

bool Worker::may_grow(void* self, uint64_t bytes) {
  auto* worker = static_cast<Worker*>(self);
  bool room = worker->gauge_.has_room(bytes);
  worker->refused_ |= !room;
  return room;
}

bool Worker::take_slot(Request& request) {
  while (idle_ == 0 && !going_on_.empty() && !gauge_.has_room(kInstance)) cut_short_oldest();
  if (idle_ == 0 && !gauge_.has_room(kInstance)) {
    std::snprintf(error_.message, sizeof error_.message, "the app's process has no memory left for another instance");
    return false;
  }
  if (aotc_pool_take(pool_, &request.slot, &error_) != AOTC_OK) return false;
  if (idle_ > 0) {
    idle_bytes_ -= idle_bytes_ / idle_;
    --idle_;
  }
  aotc_slot_set_peer(request.slot, &request.from);
  request.connection().number = request.id;
  if (!request.handler) add_body(request, {});
  return true;
}

void Worker::take_body(Request& request, std::string_view payload) {
  if (request.handler) {
    request.handler->received += payload.size();
    request.handler->too_large |= !request.handler->handling.take(payload);
    return;
  }
  if (!request.filter) {
    request.body.append(payload);
    return;
  }
  request.filter->input.feed(payload, request.body);
  request.filter->received += payload.size();
  if (!request.filter->input.takes_expectation()) return;
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  request.send(Frame::Response, 0, kContinue);
  request.under_way += static_cast<uint32_t>(kContinue.size());
}

void Worker::add_body(Request& request, std::string_view payload) {
  if (request.slot == nullptr || request.handler) return take_body(request, payload);
  aotc_connection& c = request.connection();
  request.body.erase(0, c.in_at);
  take_body(request, payload);
  if (request.filter && request.filter->input.done()) c.in_closed = true;
  c.in = reinterpret_cast<const uint8_t*>(request.body.data());
  c.in_at = 0;
  c.in_size = request.body.size();
}

// Calls the program, or lets it run until it waits or ends.
aotc_status Worker::run_program(Request& request) {
  running_ = &request;
  const uint64_t start = now();
  // What goes through a tunnel has one each time.
  const uint64_t before = request.response.tunnels() ? 0 : request.running;
  uint64_t left = options_.deadline > before ? options_.deadline - before : 1;
  if (request.going_on) left = std::min(left, request.over > start ? request.over - start : 1);
  aotc_instance* instance = request.slot->instance;
  aotc_status status = aotc_instance_set_deadline(instance, left, &error_);
  if (status == AOTC_OK && request.handler)
    status = request.handler->handling.call(request.slot, request.from, error_);
  else if (status == AOTC_OK)
    status = request.begun ? aotc_instance_continue(instance, &error_) : aotc_slot_begin(request.slot, &error_);
  const uint64_t ran = now() - start;
  running_ = nullptr;
  request.refused |= std::exchange(refused_, false);
  request.running += ran;
  ran_ += ran;
  if (!request.begun) request.thaw = request.slot->thaw_nanoseconds;
  request.begun = true;
  return status;
}

void Worker::advance(Request& request) {
  if (request.handler) return advance_handling(request);
  if (request.gone && request.slot == nullptr) return end(request, EndCause::Done, {});
  if (request.slot == nullptr && !take_slot(request)) return end(request, EndCause::Overload, error_.message);
  if (request.exited || (request.filter && request.filter->succeeded)) return settle(request, AOTC_EXITED);
  if (request.half_closed) request.connection().in_closed = true;
  aotc_connection& c = request.connection();
  size_t read = c.in_at;
  const aotc_status status = run_program(request);
  if (!request.filter)
    request.unreported += c.in_at - read;
  else if (c.in_at == c.in_size)
    request.unreported += std::exchange(request.filter->received, 0);
  if (request.unreported >= kReportConsumed) {
    request.send(Frame::Consumed, static_cast<uint32_t>(request.unreported));
    request.unreported = 0;
  }
  ship_log(request);
  settle(request, status);
}

// A handler is called as soon as there is what it is called for; between its calls nothing of it runs.
void Worker::advance_handling(Request& request) {
  Handling& handling = request.handler->handling;
  if (request.gone) return end(request, EndCause::Done, {});
  if (request.handler->too_large)
    return end(request, EndCause::Overload, "the request has more bytes than an instance may keep");
  move_onward(request);
  while (handling.wants_call()) {
    if (request.slot == nullptr && !take_slot(request)) return end(request, EndCause::Overload, error_.message);
    const aotc_status status = run_program(request);
    const bool anew = status == AOTC_EXITED && handling.starts_anew();
    // What it said before, it will say again.
    if (anew) request.connection().log_size = 0;
    ship_log(request);
    if (anew) {
      give_slot(request);
      request.begun = false;
    } else if (status != AOTC_OK) {
      ship_handling(request);
      return end_failed(request, status);
    } else if (handling.goes_on() && options_.next.empty()) {
      return end(request, EndCause::BadResponse, "it leaves the request to the next handler, and there is none");
    }
    move_onward(request);
  }
  if (!ship_handling(request)) return end(request, EndCause::BadResponse, "not an HTTP response");
  if (request.done()) return end(request, EndCause::Done, {});
  if (handling.broken() && handling.output.empty() && request.rewritten.empty())
    return end(request, EndCause::Aborted, "the next handler's response was not complete");
  request.wake = kNever;
  resume(request);
  schedule(request);
}

// To and from the next handler.
void Worker::move_onward(Request& request) {
  Request::Handler& h = *request.handler;
  Handling& handling = h.handling;
  if (handling.goes_on() && !options_.next.empty() && !options_.next_is_app) {
    if (h.upstream == nullptr)
      h.upstream = std::make_unique<Upstream>(outbound_, options_.next, aotc_slot_stream_owner(request.slot));
    const std::string failure = h.upstream->move(handling);
    if (!failure.empty()) aotc_connection_log(&request.connection(), 2, failure.data(), failure.size());
  } else if (handling.goes_on()) {
    const size_t size = std::min<size_t>(handling.onward.size(), kWindow - h.onward);
    if (size > 0) request.send(Frame::Onward, 0, std::string_view(handling.onward).substr(0, size));
    handling.onward.erase(0, size);
    h.onward += static_cast<uint32_t>(size);
    if (h.answered > 0 && handling.has_room()) {
      request.send(Frame::AnswerTaken, static_cast<uint32_t>(h.answered));
      h.answered = 0;
    }
  }
  const size_t waiting = handling.waiting();
  if (h.received < waiting + kReportConsumed) return;
  request.send(Frame::Consumed, static_cast<uint32_t>(h.received - waiting));
  h.received = waiting;
}

// False when it is no response.
bool Worker::ship_handling(Request& request) {
  std::string& output = request.handler->handling.output;
  if ((output.empty() && request.rewritten.empty()) || request.done()) return true;
  const bool full = output.size() >= kWindow;
  const size_t used = ship_bytes(request, output);
  if (request.bad()) return false;
  output.erase(0, used);
  request.resumes |= request.rewriter && full && output.size() < kWindow;
  return used > 0 || request.under_way > 0 || output.size() < kWindow;
}

// Of a response, as much as there is room for; tells how many bytes that were.
size_t Worker::ship_bytes(Request& request, std::string_view bytes) {
  if (!request.rewriter) return pass_bytes(request, bytes);
  ResponseReader& rewriter = *request.rewriter;
  pass_rewritten(request);
  size_t used = 0;
  while (used < bytes.size() && request.rewritten.size() < kMostRewritten) {
    const size_t n = rewriter.feed(bytes.substr(used, rewriter.started() ? kRewrittenAtOnce : bytes.npos));
    if (n == 0 || rewriter.bad()) break;
    used += n;
    pass_rewritten(request);
  }
  // Behind what its program has written it waits, or is at its end: the client is to have it.
  if (request.rewritten.size() < kMostRewritten) rewriter.flush();
  pass_rewritten(request);
  return used;
}

void Worker::pass_rewritten(Request& request) {
  request.rewritten += std::exchange(request.rewriter->output, {});
  request.rewritten.erase(0, pass_bytes(request, request.rewritten));
}

size_t Worker::pass_bytes(Request& request, std::string_view bytes) {
  bytes = bytes.substr(0, kWindow - request.under_way);
  const size_t used = request.response.feed(bytes);
  if (used == 0 || request.response.bad()) return used;
  request.send(Frame::Response, 0, bytes.substr(0, used));
  request.under_way += static_cast<uint32_t>(used);
  request.progress = now();
  return used;
}

// A program that computes on and on has flushed, perhaps. A filter has not: until it waits it can still fail cleanly.
void Worker::meanwhile(void* self) {
  auto* worker = static_cast<Worker*>(self);
  Request* request = worker->running_;
  if (request == nullptr || request->filter || request->handler) return;
  worker->ship_log(*request);
  worker->ship(*request);  // what is wrong with it, settle() will find
  request->channel.flush();
  if (worker->outbound_ != nullptr) aotc_outbound_flush(worker->outbound_);
}

void Worker::ship_log(Request& request) {
  aotc_connection& c = request.connection();
  if (c.log_size == 0 && c.lines_lost == 0) return;
  // For a front that does not listen nothing is kept.
  if (request.channel.queued() > 2 * kMaxFrame) {
    c.lines_lost += static_cast<uint32_t>(std::count(c.log, c.log + c.log_size, '\n'));
    c.log_size = 0;
  } else {
    request.send(Frame::Log, c.lines_lost, {reinterpret_cast<const char*>(c.log), c.log_size});
    c.log_size = c.lines_lost = 0;
  }
}

// What a program that knows no HTTP has written, with what makes it a response.
void Worker::ship_output(Request& request) {
  aotc_connection& c = request.connection();
  size_t room = kWindow - request.under_way;
  size_t size = room < FilterOutput::kOverhead ? 0 : std::min(c.out_size, room - FilterOutput::kOverhead);
  bool last = request.filter->succeeded && size == c.out_size && room >= FilterOutput::kOverhead;
  if (request.done() || (size == 0 && !last)) return;
  std::string bytes = request.filter->output.frame({reinterpret_cast<const char*>(c.out), size}, last);
  std::memmove(c.out, c.out + size, c.out_size - size);
  c.out_size -= size;
  request.send(Frame::Response, 0, bytes);
  request.under_way += static_cast<uint32_t>(bytes.size());
  request.progress = now();
}

// Sends what the client's window has room for. False when it is no response. One that its program left unfinished is
// bad when all of it was sent.
bool Worker::ship(Request& request) {
  if (request.filter) {
    ship_output(request);
    return true;
  }
  aotc_connection& c = request.connection();
  if (request.done()) return true;
  const bool full = c.out_size >= c.out_limit;
  const size_t size = request.rewriter ? c.out_size : std::min<size_t>(c.out_size, kWindow - request.under_way);
  const size_t used = ship_bytes(request, {reinterpret_cast<const char*>(c.out), size});
  if (request.bad()) return false;
  const bool whole = size == c.out_size;
  std::memmove(c.out, c.out + used, c.out_size - used);
  c.out_size -= used;
  // Half a header, or half of a chunk's, stays until the rest is there; behind what is last there is none.
  if (c.out_closed && !request.rewriter && whole) request.response.end();
  if (c.out_closed && request.rewriter && (used == size || request.rewritten.size() < kMostRewritten)) {
    request.rewriter->end();
    pass_rewritten(request);
  }
  request.resumes |= request.rewriter && full && c.out_size < c.out_limit;
  return used > 0 || size == 0 || c.out_size < c.out_limit || !request.rewritten.empty();
}

// Not before the others have had their turn.
void Worker::resume(Request& request) {
  if (!std::exchange(request.resumes, false) || request.queued) return;
  runnable_.push_back(request.id);
  request.queued = true;
}

void Worker::settle(Request& request, aotc_status status) {
  bool exited = status == AOTC_OK || status == AOTC_EXITED;
  if (request.filter && exited) request.filter->succeeded = aotc_instance_exit_code(request.slot->instance) == 0;
  // A filter that failed before anything was sent gets a clean 502.
  bool failed = request.filter && status != AOTC_FROZEN && !request.filter->succeeded;
  bool sensible = failed || ship(request);
  if (request.done() && goes_on(request, status)) return schedule(request);
  if (request.done()) return end(request, EndCause::Done, {});
  if (!sensible) return end(request, EndCause::BadResponse, "not an HTTP response");
  if (request.bad())
    return end(request, EndCause::Aborted, "the program closed the connection before its response was complete");
  // What the client has not taken yet still goes out, though the program has ended.
  if (fastly_ && exited && aotc_instance_exit_code(request.slot->instance) == 0)
    request.exited = request.connection().out_size > 0 || !request.rewritten.empty();
  const bool waits =
      status == AOTC_FROZEN || (exited && (request.exited || (request.filter && request.filter->succeeded)));
  if (!waits) return end_failed(request, status);
  if (request.gone) return end(request, EndCause::Done, {});
  request.wake = exited ? kNever : aotc_instance_wake_time(request.slot->instance);
  resume(request);
  schedule(request);
}

// Its program ended like this, and has not answered.
void Worker::end_failed(Request& request, aotc_status status) {
  bool memory = aotc_instance_memory_refused(request.slot->instance);
  switch (status) {
    case AOTC_FROZEN:
      return end(request, EndCause::Error, "it waits, which a handler cannot");
    case AOTC_OK:
    case AOTC_EXITED:
      return end(request,
                 request.refused ? EndCause::Overload
                 : memory        ? EndCause::Memory
                                 : EndCause::Exit,
                 "exit code " + std::to_string(aotc_instance_exit_code(request.slot->instance)) +
                     (request.refused ? ", as the app's process has no memory left" : ""));
    case AOTC_TRAPPED: {
      aotc_trap trap = aotc_instance_trap(request.slot->instance)->trap;
      return end(request,
                 trap == AOTC_TRAP_DEADLINE ? EndCause::Deadline
                 : request.refused          ? EndCause::Overload
                 : memory                   ? EndCause::Memory
                                            : EndCause::Trap,
                 std::string(aotc_trap_message(trap)) + where(request));
    }
    default:
      return end(request, EndCause::Error, error_.message);
  }
}

// Of a program whose response is complete: whether it has something left to do soon.
bool Worker::goes_on(Request& request, aotc_status status) {
  if (status != AOTC_FROZEN || options_.grace_after == 0) return false;
  request.wake = aotc_instance_wake_time(request.slot->instance);
  const bool told = std::exchange(request.told_idle, true), idle = aotc_slot_idle(request.slot);
  if (request.wake == kNever && !idle) return false;
  const uint64_t time = now();
  if (!request.going_on) request.over = time + options_.grace_after;
  // What it has to do when it is idle, it begins at once, and may wait for others meanwhile.
  if (idle)
    request.wake = told ? std::min(request.wake, request.over) : time;
  else if (request.wake >= request.over)
    return false;
  if (std::exchange(request.going_on, true)) return true;
  if (going_on_.size() == kMaxGoingOn) cut_short_oldest();
  send_end(request, EndCause::Done, kGoesOn, {});
  going_on_.push_back(request.id);
  return true;
}

void Worker::cut_short_oldest() { end(*requests_.at(going_on_.front()), EndCause::Done, {}, true); }

void Worker::send_end(const Request& request, EndCause cause, uint32_t flags, const std::string& text) {
  RequestEnd end{
      .cause = cause, .pages = last_pages_, .thaw = request.thaw, .run = request.running, .reset = last_reset_};
  request.send(Frame::End, flags, {reinterpret_cast<const char*>(&end), sizeof end}, text);
  // Early, but not for each of many: a frame that wakes the front up costs it more than one that it finds.
  if (runnable_.empty() || ++unsent_ % kBatch == 0) flush();
}

void Worker::end(Request& request, EndCause cause, const std::string& text, bool cut_short) {
  send_end(request, cause, cut_short ? uint32_t{kCutShort} : 0, text);
  if (request.going_on) std::erase(going_on_, request.id);
  if (request.time != kNever) times_.erase({request.time, request.id});
  give_slot(request);
  requests_.erase(request.id);
}

void Worker::give_slot(Request& request) {
  if (request.handler) request.handler->upstream.reset();
  aotc_slot* slot = std::exchange(request.slot, nullptr);
  if (slot == nullptr) return;
  uint64_t start = now();
  aotc_instance* instance = slot->instance;
  aotc_status status = aotc_pool_give(pool_, slot, &error_);
  if (status == AOTC_ERROR_DIFFERS) end_process(error_.message);
  if (status != AOTC_OK) {
    std::fprintf(stderr, "reset: %s\n", error_.message);
    return;
  }
  last_reset_ = now() - start;
  last_pages_ = aotc_instance_reset_counts(instance).copied;
  keep_idle(instance);
}

// Neither too many nor too much.
void Worker::keep_idle(const aotc_instance* instance) {
  idle_bytes_ += uint64_t{aotc_instance_reset_counts(instance).own} * 4096;
  if (++idle_ <= kMaxIdle && idle_bytes_ <= gauge_.idle()) return;
  uint32_t keep = idle_bytes_ <= gauge_.idle() ? kMaxIdle : idle_ / 2;
  idle_bytes_ = idle_bytes_ / idle_ * keep;
  idle_ = aotc_pool_trim(pool_, keep);
}

// What one instance has kept of a request, others of this process may have, too. Whoever ends it has to know why.
void Worker::end_process(const char* why) {
  Channel& channel = channels_[0];
  channel.send(Frame::Differs, 0, 0, why);
  pollfd p = {.fd = channel.fd(), .events = 0, .revents = 0};
  while (channel.flush() && (p.revents & (POLLHUP | POLLERR)) == 0) {
    p.events = channel.queued() > 0 ? POLLOUT : 0;
    poll(&p, 1, -1);
  }
  std::_Exit(1);
}

// Where a trap happened: the innermost function, and the program's own that led there.
std::string Worker::where(const Request& request) const {
  const aotc_trap_info* trap = aotc_instance_trap(request.slot->instance);
  const aotc_artifact* artifact = aotc_instance_artifact(request.slot->instance);
  std::string text;
  for (uint32_t i = 0; i < trap->frames; ++i) {
    std::string name = aotc_artifact_symbol(artifact, trap->code[i]);
    if (i == 0) text = " in " + name;
    if (name.rfind("main.", 0) != 0) continue;
    return i == 0 ? text : text + ", called from " + name;
  }
  return text;
}

// The client decides how long a program waits for it, the front how long a tunnel lasts; everything else has a limit.
void Worker::schedule(Request& request) {
  if (request.time != kNever) times_.erase({request.time, request.id});
  request.time = request.wake;
  if (!request.going_on && request.under_way < kWindow && !request.response.tunnels())
    request.time = std::min(request.time, request.progress + options_.timeout);
  if (request.time != kNever) times_.insert({request.time, request.id});
}

void Worker::wake_due(uint64_t now) {
  while (!times_.empty() && times_.begin()->first <= now) {
    const Id id = times_.begin()->second;
    Request& request = *requests_.at(id);
    if (!request.queued && request.wake > now && request.progress + options_.timeout <= now) {
      end(request, EndCause::Timeout, "nothing happened for too long");
      continue;
    }
    times_.erase(times_.begin());
    request.time = kNever;
    if (!request.queued) runnable_.push_back(id);
    request.queued = true;
  }
}
