// loop_context.h - what the parts of a loop of the front (front_loop.h) share, and what they ask of the whole, which
// they need not know.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "front_shared.h"
#include "loop.h"
#include "metrics.h"
#include "tls.h"

class Arrival;
class Caching;
class Client;
class Link;
class NextHandler;
class Refresh;
class TenantLinks;

class Decider {
 public:
  // Called on the thread of the first loop: a tenant has come up as far as a loop is concerned, or has to be ended; a
  // loop has no place for a client, or there are too many bytes, and none of its own can go for that.
  virtual void on_loop_ready(uint32_t process) = 0;
  virtual void on_loop_failed(uint32_t process, EndCause cause, const std::string& why) = 0;
  virtual void on_loop_full() = 0;
  // For the operator, whose listener the first loop has.
  virtual std::string metrics_text() = 0;
  virtual std::string releases_text() = 0;
  virtual void ask_reload() = 0;
  struct Said {
    int status;
    std::string text;
  };
  virtual Said health(bool of_all) const = 0;       // /healthz, and /readyz if all apps have to be ready
  virtual Said purge(std::string_view target) = 0;  // "/purge?app=..."

 protected:
  ~Decider() = default;
};

class LoopContext {
 public:
  LoopContext(FrontShared& shared, Decider& decider);

  virtual TenantLinks* tenant_of(uint32_t place) const = 0;  // that takes the requests of this app now, or null
  virtual void on_ready(uint32_t process) = 0;
  virtual void on_failed(uint32_t process, EndCause cause, const std::string& why) = 0;
  virtual void ask_for_places() = 0;  // or bytes, of all loops
  // Of a handler's request, whose worker is at the other end of `link`.
  virtual std::unique_ptr<NextHandler> make_next_handler(const std::string& app, const aotc_peer& asker,
                                                         uint32_t version, Link& link, uint32_t request) = 0;
  // A response that is over is made anew, by the process that made it; nobody waits.
  virtual void refresh(const aotc_peer& asker, TenantLinks& tenant, Caching& caching) = 0;
  virtual void post(std::function<void()> what) = 0;  // from any thread: to be done in the loop's own, soon
  virtual void remove(Client* client) = 0;
  virtual void remove(Refresh* refresh) = 0;
  virtual void remove(Arrival* arrival) = 0;
  void keep_budget() {
    if (!admission.keep_budget()) ask_for_places();
  }
  void flush_later(Link* link) { unflushed_.push_back(link); }
  void write_later(Client* client) { unwritten_.push_back(client); }
  // A client has something of a handshake: when all others have had their turn.
  std::list<Client*>::iterator greet_later(Client* client) { return greeting_.insert(greeting_.end(), client); }
  void forget_greeting(std::list<Client*>::iterator place) { greeting_.erase(place); }
  void go_on_later(Link* link) { unfinished_.push_back(link); }
  void forget(Link* link) { std::erase(unfinished_, link); }

  FrontShared& shared;
  const Options& options;
  std::shared_ptr<const Served> served;
  std::map<uint32_t, CanaryRules> canary_rules;  // of apps that follow release documents, by their places
  Decider& decider;
  Loop loop;
  std::map<std::string, AppMetrics> metrics;  // what happened in this loop
  std::list<std::unique_ptr<Client>> clients;
  std::list<std::unique_ptr<Arrival>> arrivals;  // that will be
  std::list<std::unique_ptr<Refresh>> refreshes;
  Admission admission{shared.options, shared.admission};
  std::shared_ptr<const TlsConfig> tls;  // for clients to come
  TlsCounts tls_counts{};
  Http2Counts http2_counts{};
  bool draining = false;
  uint64_t now = 0;  // when this turn of the loop began

 protected:
  ~LoopContext();
  std::vector<Link*> unflushed_, unfinished_;
  std::vector<Client*> unwritten_;
  std::list<Client*> greeting_;
};
