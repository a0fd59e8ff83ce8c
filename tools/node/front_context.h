// front_context.h - what the parts of the front (front.h) share, and what they ask of the whole, which they need not
// know.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "admission.h"
#include "control.h"
#include "loop.h"
#include "metrics.h"
#include "options.h"
#include "revoked.h"

class Client;
class Link;
class Tenant;

class FrontContext {
 public:
  explicit FrontContext(Options o);

  // To the supervisor.
  virtual void tell(const ControlMessage& message) = 0;
  // The app that a request is for, or null.
  virtual const App* find_app(const std::string& host, const std::string& target) const = 0;
  // Its process that takes requests now, or null.
  virtual Tenant* tenant_of(const App& app) const = 0;
  virtual bool healthy() const = 0;
  virtual std::string metrics_text() = 0;
  virtual void remove(Client* client) = 0;
  virtual void on_ready(Tenant& tenant) = 0;
  // From a puller. A release that ran before is also known after a restart.
  virtual void on_release(const App& app, const Release& release, bool good) = 0;
  // What its processes must obey from now on, and a release that must not run any more.
  virtual void on_lists(const App& app, const ObeyedLists& lists) = 0;
  virtual void on_revoked(const App& app, const std::string& index, const Revocation& revocation) = 0;

  // A number for a process that is asked for.
  uint32_t new_process() { return ++last_process_; }
  uint32_t place_of(const App& app) const { return static_cast<uint32_t>(&app - options.apps.data()); }
  // How long nothing may happen to one of `load` requests that a worker has.
  uint64_t patience(size_t load) const { return options.timeout + options.deadline * (load + 1) + 5'000'000'000; }
  void flush_later(Link* link) { unflushed_.push_back(link); }
  void go_on_later(Link* link) { unfinished_.push_back(link); }
  void forget(Link* link) { std::erase(unfinished_, link); }

  const Options options;
  Loop loop;
  std::map<std::string, AppMetrics> metrics;
  std::list<std::unique_ptr<Client>> clients;
  Admission admission{options};
  bool draining = false;
  size_t instances = 0;   // requests that workers have
  uint64_t requests = 0;  // that they have had
  uint64_t now = 0;       // when this turn of the loop began

 protected:
  ~FrontContext();
  std::vector<Link*> unflushed_, unfinished_;

 private:
  uint32_t last_process_ = 0;
};
