// front_loop.h - a loop of the front: a thread with listeners, clients and channels of its own.
//
//   Client (client.h) ── Exchange ── Link (worker_link.h) ── TenantLinks (tenant_links.h)
//
// The kernel deals connections out to the loops (SO_REUSEPORT). Each loop has a channel to every worker of every
// tenant, so a request goes to the worker with the least to do, whoever its client belongs to. Loops share what is in
// front_shared.h and call each other by post() only. The first one runs on the thread that decides what is to run
// (front.h), which the others ask for nothing and tell three things (Decider).
//
// Objects that are to go are put aside and destroyed after the events were handled.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "loop_context.h"

class Acceptor;

class FrontLoop final : public Source, public LoopContext {
 public:
  // `first` is null for the first.
  FrontLoop(FrontShared& shared, Decider& decider, FrontLoop* first);
  ~FrontLoop();
  void on_events(uint32_t events) override;  // somebody has posted
  // From any thread: to be done in the loop's own, soon and in this order.
  void post(std::function<void()> what) override;
  void listen(int fd, ListenAddress::Kind kind);
  void run();              // until stop()
  void turn(int longest);  // waits for events, at most so many milliseconds, and handles them

  // Of a tenant: its channels, one for each worker; what becomes of it.
  void attach(uint32_t process, const std::vector<int>& channels, std::shared_ptr<TenantShared> shared);
  void set_current(uint32_t place, uint32_t process);  // takes the app's requests now; 0: none does
  void drain_tenant(uint32_t process);
  void fail_tenant(uint32_t process, EndCause cause, const std::string& why);
  void remove_tenant(uint32_t process);
  void drain();  // no more clients
  void stop() { stopped_ = true; }

  TenantLinks* tenant_with(uint32_t process) const;  // or null

  // What its parts ask of it.
  TenantLinks* tenant_of(uint32_t place) const override;
  void on_ready(uint32_t process) override;
  void on_failed(uint32_t process, EndCause cause, const std::string& why) override;
  void ask_for_places() override;
  std::unique_ptr<NextHandler> make_next_handler(const std::string& app, const aotc_peer& asker, uint32_t version,
                                                 Link& link, uint32_t request) override;
  void refresh(const aotc_peer& asker, TenantLinks& tenant, Caching& caching) override;
  void remove(Client* client) override;
  void remove(Refresh* refresh) override;
  void remove(Arrival* arrival) override;

 private:
  void take_posts();
  void greet();
  void every_second();
  FrontLoop& first() { return first_ == nullptr ? *this : *first_; }

  FrontLoop* const first_;
  const int wake_;  // an eventfd
  std::mutex mutex_;
  std::vector<std::function<void()>> posts_;  // under the mutex
  bool stopped_ = false;
  uint64_t next_second_ = 0;
  std::map<uint32_t, std::unique_ptr<TenantLinks>> tenants_;
  std::map<uint32_t, TenantLinks*> current_;  // of apps, by their places
  std::vector<std::unique_ptr<TenantLinks>> removed_;
  std::list<std::unique_ptr<Client>> gone_;
  std::list<std::unique_ptr<Arrival>> gone_arrivals_;
  std::list<std::unique_ptr<Refresh>> gone_refreshes_;
  std::vector<std::unique_ptr<Acceptor>> listeners_;
};
