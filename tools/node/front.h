// front.h - the front: accepts clients, finds the app of each request, decides which processes there are to be, logs.
//
//   Client (client.h) ── Exchange ── Link (worker_link.h) ── Tenant (tenant_link.h)
//
// It has its listeners and a socket to the supervisor (control.h), which starts the processes and hands over the ends
// of their channels; by itself it can open nothing. Everything runs on one thread. Objects that are to go are put aside
// and destroyed after the events were handled.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control.h"
#include "front_context.h"
#include "puller_link.h"
#include "tenant_link.h"

// Descriptors of the front's process: the socket to the supervisor, then the listeners.
constexpr int kControl = 3, kFirstListener = 4;
constexpr uint64_t kFrontDrainTime = 30'000'000'000;
// `user` is whom it becomes, when root starts it. Returns the exit code: 0 when it was asked to stop.
int run_front(Options options, unsigned user);

class Acceptor;

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
  bool going_on() const;  // whether a program does, after its response
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
