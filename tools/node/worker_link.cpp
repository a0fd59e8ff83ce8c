// worker_link.cpp - see worker_link.h.
#include "worker_link.h"

#include <unistd.h>
#include <cstring>
#include <utility>

namespace {

constexpr unsigned kFramesPerTurn = 256;
constexpr int64_t kFramesOfRequest = 8;
constexpr uint32_t kBytesOfFrame = 1024;  // a frame is free if it is as large
constexpr unsigned kGrace = 3;            // seconds, besides the deadline

}  // namespace

Link::Link(LoopContext& front, Owner& owner, int fd, std::atomic<uint32_t>& load)
    : front_(front), owner_(owner), channel_(fd), load_(load), watched_(EPOLLIN) {
  front_.loop.add(fd, watched_, this);
}

Link::~Link() {
  front_.forget(this);
  ::close(channel_.fd());
}

uint32_t Link::open(Exchange* client) {
  uint32_t id;
  do id = next_id_++ & kMostId;
  while (id == 0 || asked_.count(id) || going_on_.count(id));
  asked_[id] = {.client = client, .log = nullptr};
  owner_.allowance += kFramesOfRequest;
  ++load_;
  return id;
}

void Link::close_request(uint32_t id) {
  asked_.erase(id);
  --load_;
  owner_.give_back(1);
}

void Link::forget(uint32_t id, bool begun) {
  if (begun) {
    Asked& asked = asked_[id];
    log_of(asked);
    asked.client = nullptr;
    asked.left = front_.now;
  } else {
    close_request(id);
  }
}

void Link::flush() {
  if (!waits_for_flush_) front_.flush_later(this);
  waits_for_flush_ = true;
}

void Link::flush_now() {
  if (!owner_.dead) {
    channel_.flush();  // that the other side is gone will be seen when reading
    while (!waiting_.empty() && has_room()) {
      auto found = asked_.find(waiting_.front());
      waiting_.pop_front();
      if (found == asked_.end() || found->second.client == nullptr) continue;
      found->second.client->on_room();
      channel_.flush();
    }
    watch();
  }
  waits_for_flush_ = false;
}

void Link::watch() {
  uint32_t events = (held_back_ ? 0u : EPOLLIN) | (channel_.queued() > 0 ? EPOLLOUT : 0u);
  if (events != watched_) front_.loop.change(channel_.fd(), events, this);
  watched_ = events;
}

void Link::on_events(uint32_t events) {
  if (owner_.dead) return;
  // Who has closed its channel may not keep the loop awake until it is heard again.
  if (held_back_ && (events & (EPOLLHUP | EPOLLERR)))
    return owner_.end(EndCause::Error, "its worker left while it was held back");
  if (held_back_ || unfinished_) return flush();
  bool alive = !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || channel_.receive();
  // What arrived before the end counts.
  go_on();
  if (!alive && !unfinished_ && !held_back_) owner_.on_ended();
}

void Link::take_last() {
  if (owner_.dead) return;
  channel_.receive();
  do go_on();
  while (unfinished_ && !held_back_);
}

void Link::go_on() {
  unfinished_ = false;
  if (owner_.dead) return;
  if (take_frames())
    flush();
  else
    owner_.end(EndCause::Error, "its worker sends what makes no sense");
  front_.keep_budget();
}

// False when it is not what a worker of ours sends.
bool Link::take_frames() {
  FrameHead head;
  std::string_view payload;
  for (unsigned taken = 0; !owner_.dead; ++taken) {
    if (taken == kFramesPerTurn && owner_.allowance > 0) {
      unfinished_ = true;
      front_.go_on_later(this);
      return true;
    }
    if (owner_.allowance <= 0) {
      owner_.metrics.held_back += !held_back_;
      held_back_ = true;
      return true;
    }
    Channel::Next next = channel_.next(head, payload);
    if (next == Channel::Next::Nothing) return true;
    if (next == Channel::Next::Bad) return false;
    heard_ = true;
    owner_.allowance += int64_t{head.size / kBytesOfFrame} - 1;
    ++owner_.metrics.frames;
    if (head.type == Frame::Ready) {
      if (ready) return false;
      ready = true;
      owner_.on_ready(*this);
      continue;
    }
    if (head.type == Frame::Pong) {
      if (pings_ == 0) return false;
      --pings_;
      continue;
    }
    if (head.type == Frame::Differs) {
      ++owner_.metrics.differences;
      owner_.end(EndCause::Error, "a reset left a difference: " + std::string(payload));
      return true;
    }
    if (!take_of_request(head, payload)) return false;
  }
  return true;
}

bool Link::take_of_request(const FrameHead& head, std::string_view payload) {
  auto found = asked_.find(head.id);
  if (found == asked_.end()) return take_of_going_on(head, payload);
  Asked& asked = found->second;
  if (asked.client != nullptr && !asked.client->begun()) return false;
  switch (head.type) {
    case Frame::Consumed:
      return head.value >= kReportConsumed && (asked.client == nullptr || asked.client->on_consumed(head.value));
    case Frame::Response:
      // Without a client nothing more is taken, so there can be no more than its window.
      if (asked.client == nullptr) asked.in_vain += payload.size();
      return !payload.empty() && asked.in_vain <= kWindow &&
             (asked.client == nullptr || asked.client->on_response(payload));
    case Frame::Onward:
      if (asked.client == nullptr) asked.onward_in_vain += payload.size();
      return !payload.empty() && asked.onward_in_vain <= kWindow &&
             (asked.client == nullptr || asked.client->on_onward(payload));
    case Frame::AnswerTaken:
      return head.value > 0 && (asked.client == nullptr || asked.client->on_answer_taken(head.value));
    case Frame::Log:
      return take_log(log_of(asked), head, payload);
    case Frame::End:
      return take_end(head, asked, payload);
    default:
      return false;
  }
}

bool Link::take_of_going_on(const FrameHead& head, std::string_view payload) {
  auto found = going_on_.find(head.id);
  if (found == going_on_.end()) return false;
  switch (head.type) {
    case Frame::Consumed:
      return head.value >= kReportConsumed;
    case Frame::Log:
      return take_log(*found->second.log, head, payload);
    case Frame::End:
      owner_.metrics.cut_short += head.value == kCutShort;
      going_on_.erase(found);
      --owner_.counts.going_on;
      return true;
    default:
      return false;
  }
}

ProgramLog& Link::log_of(Asked& asked) {
  if (asked.log == nullptr) asked.log = std::make_unique<ProgramLog>(owner_.counts.log, asked.client->log_fields());
  return *asked.log;
}

// Nobody asked for a certain number of them, so all of their bytes count.
bool Link::take_log(ProgramLog& log, const FrameHead& head, std::string_view entries) {
  owner_.allowance -= 2 * int64_t{head.size / kBytesOfFrame};
  owner_.metrics.log_bytes += entries.size();
  if (head.value > 0) owner_.counts.log.drop(head.value);
  return log.take(entries);
}

bool Link::take_end(const FrameHead& head, Asked& asked, std::string_view payload) {
  RequestEnd end;
  if (payload.size() < sizeof end) return false;
  std::memcpy(&end, payload.data(), sizeof end);
  if (end.cause >= EndCause::Stuck) return false;
  Exchange* client = asked.client;
  if (head.value == kGoesOn) {
    if (going_on_.size() == kMaxGoingOn) return false;
    log_of(asked);
    going_on_[head.id] = {std::move(asked.log), front_.now};
    ++owner_.counts.going_on;
  }
  close_request(head.id);
  AppMetrics& m = owner_.metrics;
  ++m.ends[static_cast<unsigned>(end.cause)];
  if (end.cause == EndCause::Done) ++owner_.counts.answered;
  m.thaw.add(static_cast<double>(end.thaw) / 1e3);
  m.run.add(static_cast<double>(end.run) / 1e3);
  if (end.reset != 0) {
    m.reset.add(static_cast<double>(end.reset) / 1e3);
    m.pages.add(end.pages);
  }
  if (client != nullptr) client->on_end(end, payload.substr(sizeof end));
  return true;
}

void Link::fail(const RequestEnd& end, const std::string& why) {
  front_.loop.remove(channel_.fd());
  std::unordered_map<uint32_t, Asked> all;
  all.swap(asked_);
  owner_.counts.going_on -= going_on_.size();
  going_on_.clear();
  owner_.metrics.ends[static_cast<unsigned>(end.cause)] += all.size();
  load_ -= static_cast<uint32_t>(all.size());
  owner_.give_back(all.size());
  for (const auto& [id, asked] : all)
    if (asked.client != nullptr) asked.client->on_end(end, why);
}

// By the number of calls, not by the clock: a machine that stood still for a while has stopped the worker, too.
void Link::every_second() {
  for (const auto& [id, asked] : asked_)
    if (asked.client == nullptr && front_.now > asked.left + owner_.counts.patience(load()))
      return owner_.end(EndCause::Stuck, "a request is not over though its client has left");
  for (const auto& [id, one] : going_on_)
    if (front_.now > one.since + owner_.counts.app->limits.grace_after + owner_.counts.patience(load() + kMaxGoingOn))
      return owner_.end(EndCause::Stuck, "a program goes on for too long after its response");
  bool silent = !asked_.empty() && !heard_ && !held_back_;
  heard_ = false;
  silent_ = silent ? silent_ + 1 : 0;
  if (held_back_) {
    held_back_ = false;
    unfinished_ = true;
    front_.go_on_later(this);
    watch();
  }
  if (silent_ == 1) {
    ++pings_;
    send(Frame::Ping, 0);
    flush();
  } else if (silent_ > kGrace + owner_.counts.app->limits.deadline / 1'000'000'000) {
    owner_.end(EndCause::Stuck, "its worker does not answer");
  }
}
