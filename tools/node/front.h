// front.h - the front: accepts clients, finds the app of each request, decides which processes there are to be, logs.
//
//   Client (client.h) ── Exchange ── Link (a worker's channel) ── Tenant (a process)
//
// It has its listeners and a socket to the supervisor (control.h), which starts the processes and hands over the ends
// of their channels; by itself it can open nothing. Everything runs on one thread. Objects that are to go are put aside
// and destroyed after the events were handled.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "channel.h"
#include "control.h"
#include "front_context.h"

// Frames that a tenant's workers may send, besides those that its requests and their bytes explain. One costs the front
// some microseconds.
constexpr int64_t kFramesPerSecond = 16384;
// Bytes in a channel above which clients wait with more: two of them with a full window.
constexpr size_t kMaxQueue = 2 * kWindow;

// One worker of a tenant. Requests are numbered; who asked is told what comes back, or nobody if it has left.
//
// A worker may be in wrong hands. What none of ours sends ends its process. It is heard in turns, a number of frames
// each, and those of a tenant for a second no more when they have sent more small ones than requests and bytes explain.
// One that says nothing while it has requests is asked to, and its process ended when it does not. What it does not
// read waits in its channel up to kMaxQueue, the rest with the clients, who may be put out for what they hold
// (admission.h).
//
// What it has to say of itself goes to its owner, of a request to whoever asked.
class Link : public Source {
 public:
  class Owner {
   public:
    Owner(AppMetrics& metrics) : metrics(metrics) {}
    virtual void on_ready(Link& link) = 0;
    virtual void end(EndCause cause, const std::string& why) = 0;   // says so, then
    virtual void fail(EndCause cause, const std::string& why) = 0;  // kill it, and tell those who wait
    AppMetrics& metrics;
    uint64_t answered = 0;
    bool dead = false;
    int64_t allowance = kFramesPerSecond;

   protected:
    ~Owner() = default;
  };
  class Exchange {
   public:
    // False when it makes no sense.
    virtual bool on_response(std::string_view bytes) = 0;
    virtual bool on_consumed(uint32_t bytes) = 0;
    virtual void on_end(const RequestEnd& end, std::string_view text) = 0;
    virtual void on_room() = 0;      // its channel takes more
    virtual bool begun() const = 0;  // the worker knows of it

   protected:
    ~Exchange() = default;
  };
  Link(FrontContext& front, Owner& owner, int fd);
  ~Link();
  void on_events(uint32_t events) override;
  void go_on();  // with frames that are here
  void every_second();
  uint32_t open(Exchange* client);  // a new request
  // Its client has left. Of one that has not begun the worker does not know.
  void forget(uint32_t id, bool begun);
  bool has_room() const { return channel_.queued() < kMaxQueue; }
  void wait_for_room(uint32_t id) { waiting_.push_back(id); }  // for its client's next frame
  void send(Frame type, uint32_t id, uint32_t value = 0, std::string_view payload = {}) {
    channel_.send(type, id, value, payload);
  }
  void flush();  // soon: what many clients send at once goes out in one piece
  void flush_now();
  size_t load() const { return asked_.size(); }
  bool ready = false;

 private:
  friend class Tenant;
  struct Asked {
    Exchange* client;
    size_t in_vain;  // bytes that came after it had left
  };
  bool take_frames();
  bool take_end(uint32_t id, Exchange* client, std::string_view payload);
  void watch();
  FrontContext& front_;
  Owner& owner_;
  Channel channel_;
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
};

// A process that serves one app. A reload or a crash makes a new one; the old one ends when it has nothing left to do.
class Tenant : public Source, public Link::Owner {
 public:
  Tenant(FrontContext& front, const App& app, const Release& release, const ObeyedLists& lists);
  ~Tenant();
  void on_started(const std::vector<int>& descriptors);
  void on_events(uint32_t events) override;  // of the log
  bool ready() const;
  Link* least_loaded();
  size_t load() const;
  void drain();
  void on_ready(Link& link) override;
  void end(EndCause cause, const std::string& why) override;
  void fail(EndCause cause, const std::string& why) override;
  void every_second();
  // A request is not over though all that it may wait for has passed.
  void give_up() { overdue_ = true; }
  const App& app;
  Release release;         // of a pulled app
  const uint32_t process;  // its number
  bool draining = false;

 private:
  void on_log(std::string_view text);
  FrontContext& front_;
  std::vector<std::unique_ptr<Link>> links_;
  int log_ = -1;
  std::string line_;
  unsigned lines_ = 0;    // this second
  size_t log_bytes_ = 0;  // likewise
  bool log_held_back_ = false;
  const uint64_t started_at_ = Loop::now();
  bool overdue_ = false;
  unsigned idle_ = 0;  // seconds without anything left to do
};

// The front's side of a puller (pull.h): starts it again when it ends, and takes what it has found.
class PullerLink : public Source {
 public:
  PullerLink(FrontContext& front, const App& app) : app(app), front_(front) {}
  ~PullerLink() { stop(); }
  void start(const Release& newest);
  void on_started(int descriptor);
  void stop();
  void on_events(uint32_t events) override;
  void look_now();
  void keep(const Release& release);  // in the cache, whatever comes
  // It ends by itself before each thorough look, for a new one to read the system's files anew.
  void on_ended(const std::string& how, bool well);
  const App& app;
  uint32_t process = 0;  // its number; 0: there is none
  uint64_t retry_at = 0;

 private:
  void send(const std::string& line);
  void on_line(const std::string& line);
  FrontContext& front_;
  int fd_ = -1;
  std::string heard_, kept_;
  bool announced_ = false;
  int failures_ = 0;  // one after the other
  uint64_t started_at_ = 0;
};

// Descriptors of the front's process: the socket to the supervisor, then the listeners.
constexpr int kControl = 3, kFirstListener = 4;
constexpr uint64_t kFrontDrainTime = 30'000'000'000;
// `user` is whom it becomes, when root starts it. Returns the exit code: 0 when it was asked to stop.
int run_front(Options options, unsigned user);

class Front : public Source, public FrontContext {
 public:
  Front(Options options, int control);
  ~Front();
  int run();
  void on_events(uint32_t events) override;  // of the supervisor

  // What its parts ask of it.
  void tell(const ControlMessage& message) override { control_.send(message); }
  const App* find_app(const std::string& host, const std::string& target) const override;
  Tenant* tenant_of(const App& app) const override;
  bool healthy() const override;
  std::string metrics_text() override;
  void remove(Client* client) override;
  void on_ready(Tenant& tenant) override;
  void on_release(const App& app, const Release& release, bool good) override;
  void on_lists(const App& app, const ObeyedLists& lists) override;
  void on_revoked(const App& app, const std::string& index, const Revocation& revocation) override;

 private:
  struct Slot {  // of an app
    std::unique_ptr<Tenant> current, next;
    uint64_t retry_at = 0, backoff = 0;
    std::unique_ptr<PullerLink> puller;
    Rollout rollout;
    ObeyedLists lists;
  };
  void start_next(const App& app, Slot& slot);
  void on_message(const ControlMessage& message, const std::vector<int>& descriptors);
  void on_started(const ControlMessage& message, const std::vector<int>& descriptors);
  void on_not_started(uint32_t process, const std::string& why);
  void on_ended(uint32_t process, int status, const std::string& why);
  void reload();
  bool flush_control();
  void on_death(const App& app, Slot& slot, const Tenant& tenant, bool was_ready);
  void keep(const App& app, Slot& slot, const Release& release);
  bool remove_old(uint32_t process);
  void every_second();
  void drain();

  std::map<std::string, Slot> slots_;
  std::vector<std::unique_ptr<Tenant>> old_;
  std::vector<std::unique_ptr<Tenant>> removed_;
  std::list<std::unique_ptr<Client>> gone_;
  std::vector<std::unique_ptr<Acceptor>> listeners_;
  ControlSocket control_;
  bool supervised_ = true;
  std::map<uint32_t, std::vector<int>> arriving_;  // descriptors of a process that come in several packets
  uint64_t drain_until_ = 0;
};
