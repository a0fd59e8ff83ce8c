// front.h - the front: accepts clients, finds the app of each request, decides which processes there are to be, logs.
//
//   Client (client.h) ── Exchange ── Link (a worker's channel) ── Tenant (a process)
//
// It has its listeners and a socket to the supervisor (control.h), which starts the processes and hands over the ends of
// their channels; by itself it can open nothing. Everything runs on one thread. Objects that are to go are put aside and destroyed after the events were handled.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "admission.h"
#include "channel.h"
#include "control.h"
#include "loop.h"
#include "metrics.h"
#include "options.h"
#include "revoked.h"

class Client;
class Front;
class Listener;
class Tenant;
struct App;

// Frames that a tenant's workers may send, besides those that its requests and their bytes explain. One costs the front some
// microseconds.
constexpr int64_t kFramesPerSecond = 16384;
// Bytes in a channel above which clients wait with more: two of them with a full window.
constexpr size_t kMaxQueue = 2 * kWindow;

// One worker of a tenant. Requests are numbered; who asked is told what comes back, or nobody if it has left.
//
// A worker may be in wrong hands. What none of ours sends ends its process. It is heard in turns, a number of frames each,
// and those of a tenant for a second no more when they have sent more small ones than requests and bytes explain.
// One that says nothing while it has requests is asked to, and its process ended when it does not. What it does not read waits in
// its channel up to kMaxQueue, the rest with the clients, who may be put out for what they hold (admission.h).
class Link : public Source {
 public:
  Link(Front& front, Tenant& tenant, int fd);
  ~Link();
  void on_events(uint32_t events) override;
  void go_on();  // with frames that are here
  void every_second();
  uint32_t open(Client* client);  // a new request
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
  Tenant& tenant;

 private:
  friend class Tenant;
  struct Asked {
    Client* client;
    size_t in_vain;  // bytes that came after it had left
  };
  bool take_frames();
  bool take_end(uint32_t id, Client* client, std::string_view payload);
  void watch();
  Front& front_;
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
class Tenant : public Source {
 public:
  Tenant(Front& front, const App& app, const Release& release, const ObeyedLists& lists);
  ~Tenant();
  void on_started(const std::vector<int>& descriptors);
  void on_events(uint32_t events) override;  // of the log
  bool ready() const;
  Link* least_loaded();
  size_t load() const;
  void drain();
  void end(EndCause cause, const std::string& why);   // says so, then
  void fail(EndCause cause, const std::string& why);  // kill it, and tell those who wait
  void every_second();
  // A request is not over though all that it may wait for has passed.
  void give_up() { overdue_ = true; }
  const App& app;
  AppMetrics& metrics;
  Release release;  // of a pulled app
  const uint32_t process;  // its number
  bool draining = false, dead = false;
  uint64_t answered = 0;
  int64_t allowance = kFramesPerSecond;

 private:
  void hear(std::string_view text);  // of its log
  Front& front_;
  std::vector<std::unique_ptr<Link>> links_;
  int log_ = -1;
  std::string line_;
  unsigned lines_ = 0;      // this second
  size_t log_bytes_ = 0;    // likewise
  bool log_held_back_ = false;
  const uint64_t started_at_ = Loop::now();
  bool overdue_ = false;
  unsigned idle_ = 0;  // seconds without anything left to do
};

// The front's side of a puller (pull.h): starts it again when it ends, and hears what it has found.
class Puller : public Source {
 public:
  Puller(Front& front, const App& app) : app(app), front_(front) {}
  ~Puller() { stop(); }
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
  void say(const std::string& line);
  void hear(const std::string& line);
  Front& front_;
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

class Front : public Source {
 public:
  Front(Options options, int control);
  ~Front();
  int run();
  void on_events(uint32_t events) override;  // of the supervisor

  // A number for a process that is asked for.
  uint32_t new_process() { return ++last_process_; }
  void tell(const ControlMessage& message) { control_.send(message); }
  uint32_t place_of(const App& app) const { return static_cast<uint32_t>(&app - options.apps.data()); }

  // The app that a request is for, or null.
  const App* find_app(const std::string& host, const std::string& target) const;
  // Its process that takes requests now, or null.
  Tenant* tenant_of(const App& app) const;
  bool healthy() const;
  std::string metrics_text();
  void remove(Client* client);
  // How long nothing may happen to a request that its worker has.
  uint64_t patience(const Link& link) const {
    return options.timeout + options.deadline * (link.load() + 1) + 5'000'000'000;
  }
  // From a puller. A release that ran before is also known after a restart.
  void on_release(const App& app, const Release& release, bool good);
  // What its processes must obey from now on, and a release that must not run any more.
  void on_lists(const App& app, const ObeyedLists& lists);
  void on_revoked(const App& app, const std::string& index, const Revocation& revocation);
  void flush_later(Link* link) { unflushed_.push_back(link); }
  void go_on_later(Link* link) { unfinished_.push_back(link); }
  void forget(Link* link) { std::erase(unfinished_, link); }

  const Options options;
  Loop loop;
  std::map<std::string, AppMetrics> metrics;
  std::list<std::unique_ptr<Client>> clients;
  Admission admission{options, clients};
  bool draining = false;
  size_t instances = 0;  // requests that workers have
  uint64_t now = 0;      // when this turn of the loop began

 private:
  struct Slot {  // of an app
    std::unique_ptr<Tenant> current, next;
    uint64_t retry_at = 0, backoff = 0;
    std::unique_ptr<Puller> puller;
    Rollout rollout;
    ObeyedLists lists;
  };
  void start_next(const App& app, Slot& slot);
  void on_ready(Tenant& tenant);
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
  friend class Link;

  std::map<std::string, Slot> slots_;
  std::vector<std::unique_ptr<Tenant>> old_;
  std::vector<std::unique_ptr<Tenant>> removed_;
  std::list<std::unique_ptr<Client>> gone_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<Link*> unflushed_, unfinished_;
  ControlSocket control_;
  bool supervised_ = true;
  uint32_t last_process_ = 0;
  std::map<uint32_t, std::vector<int>> arriving_;  // descriptors of a process that come in several packets
  uint64_t drain_until_ = 0;
};
