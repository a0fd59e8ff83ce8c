// front.h - the front: accepts clients, finds the app of each request, decides which processes there are to be, logs.
//
//   FrontLoop (front_loop.h): clients, and channels to the workers; one for each of --loops
//   Tenant (tenant_link.h): a process of an app        PullerLink (puller_link.h): one that asks a registry
//
// It has its listeners and a socket to the supervisor (control.h), which starts the processes and hands over the ends
// of their channels; by itself it can open nothing. What is decided here runs on the first loop's thread; the others
// hear of it by FrontLoop::post(), in the same order. So a request that is begun while releases change has one of them.
// Objects that are to go are put aside and destroyed after the events were handled.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "certificates.h"
#include "control.h"
#include "front_context.h"
#include "health_check.h"
#include "puller_link.h"
#include "tenant_link.h"

// Descriptors of the front's process: the socket to the supervisor, what the broker counts, then the listeners of each
// loop.
constexpr int kControl = 3, kCounts = 4, kFirstListener = 5;
constexpr uint64_t kFrontDrainTime = 30'000'000'000;
// `user` is whom it becomes, when root starts it. Returns the exit code: 0 when it was asked to stop.
int run_front(Options options, unsigned user);

// The loops, before anybody decides anything: they and their threads are there from the beginning.
struct FrontLoops {
  FrontLoops(Options options, const std::shared_ptr<const TlsConfig>& tls, Decider& decider);
  FrontShared shared;
  std::vector<std::unique_ptr<FrontLoop>> all;
};

class Front : private FrontLoops, public Source, public FrontContext, public Decider {
 public:
  Front(Options options, const std::shared_ptr<const TlsConfig>& tls, int control);
  ~Front();
  // Threads of the loops but for the first; they wait until run().
  void start_threads();
  int run();
  void on_events(uint32_t events) override;  // of the supervisor

  // What its parts ask of it.
  void tell(const ControlMessage& message) override { control_.send(message); }
  void in_all(const std::function<void(FrontLoop&)>& what) override;
  size_t loops() const override { return all.size(); }
  FrontLoop& loop_at(size_t i) override { return *all[i]; }
  void on_loop_ready(uint32_t process) override;
  void on_loop_failed(uint32_t process, EndCause cause, const std::string& why) override;
  void on_loop_full() override;
  Said health(bool of_all) const override;
  bool going_on() const;  // whether a program does, after its response
  std::string metrics_text() override;
  std::string releases_text() override;
  void ask_reload() override { tell({.kind = Control::AskReload}); }
  Said purge(std::string_view target) override;
  void on_ready(Tenant& tenant) override;
  void on_release(const App& app, const Release& release, bool good) override;
  void on_document(const App& app, const aotc::ReleaseDocument& document) override;
  void on_none(const App& app, uint64_t sequence) override;
  void on_lists(const App& app, const ObeyedLists& lists) override;
  void on_revoked(const App& app, const std::string& index, const Revocation& revocation) override;

 private:
  struct Slot {  // of an app
    std::shared_ptr<const App> app;
    // Of two that differ in more than what they are made of: no client is led to the one yet, or still to the other,
    // until all that is new is ready.
    enum class State { Here, Arriving, Leaving } state = State::Here;
    bool changed = false;  // since its processes were started
    std::unique_ptr<Tenant> current, next;
    std::unique_ptr<HealthCheck> check;  // of the next
    std::string refusal;                 // why no client is led to the last one; empty: they are
    std::string passed;                  // index of the last release that passed
    CanaryWatch watch;                   // of a canary
    std::string given_up;                // why it gets no more requests; empty: it does
    std::string given_up_index;          // likewise, of a release
    std::deque<uint64_t> deaths;         // of its processes
    void forgive() {
      watch = {};
      given_up.clear();
      deaths.clear();
    }
    uint64_t retry_at = 0, backoff = 0;
    std::unique_ptr<PullerLink> puller;
    Rollout rollout;
    ObeyedLists lists;
    std::optional<aotc::ReleaseDocument> document;  // that it follows
    std::optional<CanaryRules> rules;               // that were made of it last
    uint64_t none = 0;                              // sequence of the document since which this is no canary
    bool is_canary() const { return !app->canary_of.empty(); }  // without which the app goes on
  };
  Tenant* find_tenant(uint32_t process) const;
  Tenant* tenant_of(const Slot& slot) const;  // that takes requests now, or null
  void show_current(const Slot& slot);
  void start_next(Slot& slot);
  void lead_to_next(Slot& slot);
  void on_health(uint32_t process, const std::string& why);
  void try_again_later(Slot& slot);
  void watch(Slot& canary);
  void show_rules(const Slot& of);
  static bool is_promoted(const Slot& stable, const Slot& canary);
  void end_canary(Slot& canary);
  void give_up(Slot& canary, Release release, size_t reason, const std::string& why);
  void on_next_failed(Slot& slot);
  static bool serves_another(const Slot& slot, const Release& release);
  void drop_next(Slot& slot);
  void retire_current(Slot& slot);
  void open_slot(std::shared_ptr<const App> app, Slot::State state);
  void take_served(const std::vector<int>& descriptors);
  void change(Slot& slot, std::shared_ptr<const App> app);
  static bool asks_as_told(const Slot& slot);
  void renew_puller(Slot& slot);
  bool is_settled(const Slot& slot) const;
  void lead_clients();
  void on_message(const ControlMessage& message, const std::vector<int>& descriptors);
  void on_started(const ControlMessage& message, const std::vector<int>& descriptors);
  void on_not_started(uint32_t process, const std::string& why);
  void on_ended(uint32_t process, int status, const std::string& why);
  void reload();
  bool flush_control();
  void on_death(Slot& slot, const Tenant& tenant, bool was_ready);
  void keep(Slot& slot, const Release& release);
  void remove(std::unique_ptr<Tenant> tenant);
  bool remove_old(uint32_t process);
  bool is_empty() const;
  void every_second();
  void drain();

  std::shared_ptr<const Served> served_;  // as far as it was asked for
  bool to_lead_ = false;                  // clients are still led as before that
  std::map<std::string, Slot> slots_;
  std::vector<std::unique_ptr<Tenant>> old_;
  std::vector<std::unique_ptr<Tenant>> removed_;
  ControlSocket control_;
  std::vector<std::thread> threads_;
  std::atomic<bool> begun_ = false;
  std::atomic<size_t> drained_ = 0;  // loops that take no more clients
  ArrivingCertificates certificates_;
  bool draining_ = false;
  bool supervised_ = true;
  std::map<uint32_t, std::vector<int>> arriving_;  // descriptors of a process that come in several packets
  uint64_t drain_until_ = 0;
};
