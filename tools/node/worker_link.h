// worker_link.h - the front's side of a worker's channel: requests out, frames in, the watch over it.
//
// Requests are numbered; who asked is told what comes back, or nobody if it has left. What a program logs that goes on
// after its response is heard, too. A worker may be in wrong hands.
// What none of ours sends ends its process. It is heard in turns, a number of frames each, and those of a tenant for a
// second no more when they have sent more small ones than requests and bytes explain. One that says nothing while it
// has requests is asked to, and its process ended when it does not. What it does not read waits in its channel up to
// kMaxQueue, the rest with the clients, who may be put out for what they hold (admission.h).
//
// What it has to say of itself goes to its owner, of a request to whoever asked.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "channel.h"
#include "loop_context.h"
#include "program_log.h"

// Frames a second that a tenant's workers may send, besides those that its requests and their bytes explain.
constexpr int64_t kFramesPerSecond = 16384;
constexpr int64_t kFramesOfBody = 2;  // what comes through a tunnel may be answered
// Bytes in a channel above which clients wait with more: two of them with a full window.
constexpr size_t kMaxQueue = 2 * kWindow;

class Link : public Source {
 public:
  class Owner {
   public:
    Owner(FrontShared& shared, AppMetrics& metrics, TenantShared& counts)
        : metrics(metrics), counts(counts), shared_(shared) {}
    virtual void on_ready(Link& link) = 0;
    virtual void end(EndCause cause, const std::string& why) = 0;  // says so, kills it and tells those who wait
    virtual void on_ended() = 0;                                   // its process has
    void give_back(size_t places) {                                // that requests had
      counts.load -= places;
      shared_.instances -= places;
    }
    AppMetrics& metrics;
    TenantShared& counts;
    bool dead = false;
    int64_t allowance = kFramesPerSecond;

   protected:
    ~Owner() = default;

   private:
    FrontShared& shared_;
  };
  class Exchange {
   public:
    // False when it makes no sense.
    virtual bool on_response(std::string_view bytes) = 0;
    virtual bool on_consumed(uint32_t bytes) = 0;
    virtual bool on_onward(std::string_view bytes) = 0;
    virtual bool on_answer_taken(uint32_t bytes) = 0;
    virtual void on_end(const RequestEnd& end, std::string_view text) = 0;
    virtual void on_room() = 0;      // its channel takes more
    virtual bool begun() const = 0;  // the worker knows of it
    virtual std::string log_fields() const = 0;

   protected:
    ~Exchange() = default;
  };
  // `load` counts the requests of the worker at its other end, those of other loops included.
  Link(LoopContext& front, Owner& owner, int fd, std::atomic<uint32_t>& load);
  ~Link();
  void on_events(uint32_t events) override;
  void go_on();  // with frames that are here
  void take_last();
  void every_second();
  uint32_t open(Exchange* client);  // a new request, which has its place
  // Its client has left. Of one that has not begun the worker does not know.
  void forget(uint32_t id, bool begun);
  bool has_room() const { return channel_.queued() < kMaxQueue; }
  void wait_for_room(uint32_t id) { waiting_.push_back(id); }  // for its client's next frame
  void send(Frame type, uint32_t id, uint32_t value = 0, std::string_view payload = {}, std::string_view more = {}) {
    if (type == Frame::Body) owner_.allowance += kFramesOfBody;
    channel_.send(type, id, value, payload, more);
  }
  void flush();  // soon: what many clients send at once goes out in one piece
  void flush_now();
  void fail(const RequestEnd& end, const std::string& why);  // all that it has
  size_t load() const { return load_; }
  bool ready = false;

 private:
  struct Asked {
    Exchange* client;
    size_t in_vain = 0;  // bytes that came after it had left
    size_t onward_in_vain = 0;
    uint64_t left = 0;  // when
    std::unique_ptr<ProgramLog> log;
  };
  // The client is answered, the program not at its end.
  struct GoingOn {
    std::unique_ptr<ProgramLog> log;
    uint64_t since;
  };
  ProgramLog& log_of(Asked& asked);
  bool take_log(ProgramLog& log, const FrameHead& head, std::string_view entries);
  bool take_of_request(const FrameHead& head, std::string_view payload);
  bool take_of_going_on(const FrameHead& head, std::string_view payload);
  bool take_frames();
  bool take_end(const FrameHead& head, Asked& asked, std::string_view payload);
  void watch();
  void close_request(uint32_t id);
  LoopContext& front_;
  Owner& owner_;
  Channel channel_;
  std::atomic<uint32_t>& load_;
  uint32_t watched_ = 0;
  bool waits_for_flush_ = false;
  bool held_back_ = false;   // the tenant's allowance is used up
  bool unfinished_ = false;  // frames that are here wait for their turn
  bool heard_ = false;       // in this second
  unsigned silent_ = 0;      // seconds
  unsigned pings_ = 0;       // not answered
  uint32_t next_id_ = 1;
  std::deque<uint32_t> waiting_;  // requests, for room
  std::unordered_map<uint32_t, Asked> asked_;
  std::unordered_map<uint32_t, GoingOn> going_on_;
};
