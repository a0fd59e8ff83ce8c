// front.cpp - see front.h.
#include "front.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "acceptor.h"
#include "client.h"
#include "log.h"
#include "pull.h"
#include "sandbox/sandbox.h"

namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr size_t kOtherFiles = 1024;
constexpr uint64_t kMaxBackoff = 30 * kSecond;

// For the log.
std::string shown_release(const Release& release) {
  if (release.empty()) return "";
  return ",\"index\":" + aotc::json_string(release.index) + ",\"sequence\":" + std::to_string(release.sequence);
}

// Whether `path` starts with `prefix` as a whole part of it.
bool path_matches(std::string_view path, std::string_view prefix) {
  if (path.substr(0, prefix.size()) != prefix) return false;
  return prefix.empty() || prefix.back() == '/' || path.size() == prefix.size() || path[prefix.size()] == '/' ||
         path[prefix.size()] == '?';
}

}  // namespace

FrontContext::FrontContext(Options o) : options(std::move(o)) {}

FrontContext::~FrontContext() = default;

Front::Front(Options o, int control) : FrontContext(std::move(o)), control_(control) {
  rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  admission.set_places(files.rlim_cur > 2 * kOtherFiles ? files.rlim_cur - kOtherFiles : files.rlim_cur / 2);
  for (const App& app : options.apps) {
    metrics[app.name].pulled = app.pulled;
    Slot& slot = slots_[app.name];
    if (app.pulled) slot.puller = std::make_unique<PullerLink>(*this, app);
  }
}

Front::~Front() = default;

const App* Front::find_app(const std::string& host, const std::string& target) const {
  std::string name = host.substr(0, host.find(':'));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  auto by_name = [&](std::string_view wanted) -> const App* {
    for (const App& app : options.apps)
      if (app.name == wanted) return &app;
    return nullptr;
  };
  if (options.routes.empty()) {
    if (options.apps.size() == 1) return &options.apps[0];
    if (const App* app = by_name(name)) return app;
    if (const App* app = by_name(std::string_view(name).substr(0, name.find('.')))) return app;
    std::string_view path(target);
    if (path.empty() || path[0] != '/') return nullptr;
    path.remove_prefix(1);
    return by_name(path.substr(0, path.find_first_of("/?")));
  }
  const Route* best = nullptr;
  for (const Route& route : options.routes) {
    if (!route.host.empty() && route.host != name) continue;
    if (!path_matches(target, route.path)) continue;
    bool better = best == nullptr || route.host.empty() < best->host.empty() ||
                  (route.host.empty() == best->host.empty() && route.path.size() > best->path.size());
    if (better) best = &route;
  }
  return best == nullptr ? nullptr : by_name(best->app);
}

Tenant* Front::tenant_of(const App& app) const {
  Tenant* tenant = slots_.at(app.name).current.get();
  return tenant != nullptr && tenant->ready() ? tenant : nullptr;
}

bool Front::healthy() const {
  if (draining) return false;
  for (const App& app : options.apps)
    if (tenant_of(app) == nullptr) return false;
  return true;
}

bool Front::going_on() const {
  return std::any_of(
             slots_.begin(), slots_.end(),
             [](const auto& slot) { return slot.second.current != nullptr && slot.second.current->going_on() > 0; }) ||
         std::any_of(old_.begin(), old_.end(), [](const auto& tenant) { return tenant->going_on() > 0; });
}

std::string Front::metrics_text() {
  for (auto& [name, slot] : slots_) {
    metrics[name].running = slot.current == nullptr ? 0 : slot.current->load();
    metrics[name].going_on = slot.current == nullptr ? 0 : slot.current->going_on();
    for (const auto& tenant : old_) {
      if (tenant->app.name != name) continue;
      metrics[name].running += tenant->load();
      metrics[name].going_on += tenant->going_on();
    }
    metrics[name].revoked = slot.rollout.is_revoked(slot.rollout.newest());
    if (slot.puller != nullptr) metrics[name].release = slot.current == nullptr ? Release{} : slot.current->release;
  }
  return write_metrics(metrics, admission.counts());
}

void Front::remove(Client* client) { gone_.splice(gone_.end(), clients, client->self); }

void Front::start_next(const App& app, Slot& slot) {
  slot.retry_at = 0;
  if (app.pulled && slot.rollout.wanted().empty()) return;
  slot.next = std::make_unique<Tenant>(*this, app, slot.rollout.wanted(), slot.lists);
}

void Front::on_ready(Tenant& tenant) {
  Slot& slot = slots_.at(tenant.app.name);
  if (slot.next.get() != &tenant) return;
  if (slot.current != nullptr) {
    if (!slot.current->release.is(tenant.release)) keep(tenant.app, slot, slot.current->release);
    slot.current->drain();
    old_.push_back(std::move(slot.current));
  }
  slot.current = std::move(slot.next);
  write_log("info", tenant.app.name, "ready", shown_release(slot.current->release));
}

// So that there is something to go back to, after a restart too.
void Front::keep(const App& app, Slot& slot, const Release& release) {
  if (release.empty() || slot.rollout.is_revoked(release)) return;
  slot.rollout.set_good(release);
  slot.puller->keep(release);
}

void Front::on_release(const App& app, const Release& release, bool good) {
  Slot& slot = slots_.at(app.name);
  if (good) return slot.rollout.set_good(release);
  const Release before = slot.rollout.newest();
  // So that the puller knows of every release that runs, whatever becomes of the next one.
  if (slot.current != nullptr && slot.current->ready() && !slot.current->release.is(release) &&
      !slot.current->release.is(slot.rollout.good()))
    keep(app, slot, slot.current->release);
  slot.rollout.set_newest(release);
  if (!release.is(before) || release.statement != before.statement)
    write_log("info", app.name, release.is(before) ? "signed anew" : "pulled", shown_release(release));
  // Restarts are to find a statement that has not expired.
  if (slot.current != nullptr && slot.current->release.is(release)) slot.current->release = release;
}

void Front::on_lists(const App& app, const ObeyedLists& lists) {
  Slot& slot = slots_.at(app.name);
  if (lists == slot.lists) return;
  slot.lists = lists;
  ++metrics[app.name].revocations[0];
  write_log("info", app.name, "obeys its revocations");
}

// Whatever runs of it ends now, with the requests that it has: they would be answered by what nobody wants to run.
void Front::on_revoked(const App& app, const std::string& index, const Revocation& revocation) {
  Slot& slot = slots_.at(app.name);
  if (!slot.rollout.revoke(index, revocation.through)) return;
  Release release;
  release.index = index;
  bool left = !slot.rollout.wanted().empty();
  write_log("error", app.name, (left ? "revoked: " : "revoked, and nothing else may run: ") + revocation.reason,
            shown_release(release));
  for (std::unique_ptr<Tenant>* tenant : {&slot.current, &slot.next})
    if (*tenant != nullptr && slot.rollout.is_revoked((*tenant)->release)) old_.push_back(std::move(*tenant));
  for (auto& tenant : old_)
    if (&tenant->app == &app && slot.rollout.is_revoked(tenant->release))
      tenant->fail(EndCause::Error, revocation.reason);
  slot.retry_at = slot.backoff = 0;
}

void Front::on_death(const App& app, Slot& slot, const Tenant& tenant, bool was_ready) {
  if (tenant.release.empty() || !slot.rollout.died(tenant.release, was_ready, Loop::now())) return;
  ++metrics[app.name].rollbacks;
  write_log("error", app.name, was_ready ? "crashes in a loop: goes back" : "cannot be run: goes back",
            shown_release(slot.rollout.good()));
  slot.puller->keep(slot.rollout.good());
}

void Front::on_started(const ControlMessage& message, const std::vector<int>& descriptors) {
  std::vector<int>& all = arriving_[message.process];
  all.insert(all.end(), descriptors.begin(), descriptors.end());
  if (all.size() < static_cast<size_t>(message.value)) return;
  const std::vector<int> whole = std::move(all);
  arriving_.erase(message.process);
  for (auto& [name, slot] : slots_) {
    if (slot.next != nullptr && slot.next->process == message.process) return slot.next->on_started(whole);
    if (slot.puller != nullptr && slot.puller->process == message.process) return slot.puller->on_started(whole[0]);
  }
  for (int fd : whole) ::close(fd);
}

void Front::on_ended(uint32_t process, int status, const std::string& why) {
  std::string how = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                        : "exit code " + std::to_string(WEXITSTATUS(status));
  if (!why.empty()) how += ": " + why;
  if (remove_old(process)) return;
  for (const App& app : options.apps) {
    Slot& slot = slots_.at(app.name);
    if (slot.puller != nullptr && slot.puller->process == process) {
      slot.puller->on_ended(how, WIFEXITED(status) && WEXITSTATUS(status) == 0);
      return;
    }
    bool current = slot.current != nullptr && slot.current->process == process;
    if (!current && (slot.next == nullptr || slot.next->process != process)) continue;
    std::unique_ptr<Tenant>& tenant = current ? slot.current : slot.next;
    tenant->on_events(EPOLLIN);  // its last words
    write_log("error", app.name, "its process ended: " + how, shown_release(tenant->release));
    tenant->fail(EndCause::Error, "its process ended");
    if (!current && slot.current != nullptr && !slot.current->release.is(tenant->release))
      keep(app, slot, slot.current->release);
    on_death(app, slot, *tenant, current);
    removed_.push_back(std::move(tenant));
    if (slot.next != nullptr || (!current && slot.current != nullptr)) return;
    ++metrics[app.name].restarts;
    slot.backoff = slot.backoff == 0 ? kSecond / 10 : std::min(slot.backoff * 2, kMaxBackoff);
    slot.retry_at = Loop::now() + slot.backoff;
  }
}

// One that has nothing to do any more, or must not.
bool Front::remove_old(uint32_t process) {
  auto it = std::find_if(old_.begin(), old_.end(), [&](const auto& tenant) { return tenant->process == process; });
  if (it == old_.end()) return false;
  (*it)->fail(EndCause::Error, "its process ended");
  removed_.push_back(std::move(*it));
  old_.erase(it);
  return true;
}

// There is no process: that is not the release's fault.
void Front::on_not_started(uint32_t process, const std::string& why) {
  if (remove_old(process)) return;
  for (const App& app : options.apps) {
    Slot& slot = slots_.at(app.name);
    bool puller = slot.puller != nullptr && slot.puller->process == process;
    if (!puller && (slot.next == nullptr || slot.next->process != process)) continue;
    write_log("error", app.name, std::string("cannot start its ") + (puller ? "puller: " : "process: ") + why);
    if (puller) return slot.puller->stop();
    slot.next->dead = true;
    removed_.push_back(std::move(slot.next));
    slot.retry_at = Loop::now() + kSecond;
  }
}

void Front::reload() {
  if (draining) return;
  for (const App& app : options.apps) {
    Slot& slot = slots_.at(app.name);
    slot.rollout.forgive();
    if (slot.puller != nullptr)
      slot.puller->look_now();
    else if (slot.next == nullptr)
      start_next(app, slot);
  }
}

void Front::on_message(const ControlMessage& message, const std::vector<int>& descriptors) {
  switch (message.kind) {
    case Control::Started:
      return on_started(message, descriptors);
    case Control::NotStarted:
      return on_not_started(message.process, text_of(message.text));
    case Control::Ended:
      return on_ended(message.process, message.value, text_of(message.text));
    case Control::Reload:
      return reload();
    case Control::Drain:
      return drain();
    default:
      return;
  }
}

void Front::on_events(uint32_t) {
  for (;;) {
    ControlMessage message;
    std::vector<int> descriptors;
    ControlSocket::Next next = control_.receive(message, &descriptors);
    if (next == ControlSocket::Next::Gone) supervised_ = false;
    if (next != ControlSocket::Next::Message) return;
    on_message(message, descriptors);
  }
}

void Front::drain() {
  if (draining) return;
  draining = true;
  drain_until_ = Loop::now() + kFrontDrainTime;
  write_log("info", "", "draining");
  for (auto& listener : listeners_) listener->stop();
  for (auto it = clients.begin(); it != clients.end();) (*it++)->on_drain();
}

void Front::every_second() {
  for (auto it = clients.begin(); it != clients.end();) (*it++)->check_time(now);
  for (const App& app : options.apps) {
    Slot& slot = slots_.at(app.name);
    if (slot.current != nullptr && slot.current->ready()) slot.backoff = 0;
    for (Tenant* tenant : {slot.current.get(), slot.next.get()})
      if (tenant != nullptr) tenant->every_second();
    if (slot.puller == nullptr) continue;
    if (slot.current != nullptr && slot.current->answered >= Rollout::kProven &&
        !slot.current->release.is(slot.rollout.good()))
      keep(app, slot, slot.current->release);
  }
  for (auto& tenant : old_) tenant->every_second();
  for (auto& listener : listeners_) listener->resume();
}

int Front::run() {
  int fd = kFirstListener;
  for (const ListenAddress& listen : listen_addresses(options))
    listeners_.push_back(std::make_unique<Acceptor>(*this, fd++, listen.admin));
  loop.add(control_.fd(), EPOLLIN, this);
  for (const App& app : options.apps) start_next(app, slots_.at(app.name));

  bool started = false;
  for (uint64_t next_second = 0;;) {
    now = Loop::now();
    if (now >= next_second) {
      every_second();
      next_second = now + kSecond;
    }
    int wait = 1000;
    for (const App& app : options.apps) {
      Slot& slot = slots_.at(app.name);
      // An app from a registry runs what is wanted now.
      const Release& wanted = slot.rollout.wanted();
      if (!draining && !wanted.empty() && slot.next == nullptr && slot.retry_at == 0 &&
          (slot.current == nullptr || !slot.current->release.is(wanted)))
        start_next(app, slot);
      if (slot.puller != nullptr && slot.puller->process == 0 && !draining) {
        if (slot.puller->retry_at <= now) slot.puller->start(slot.rollout.newest());
        wait = std::min(wait, 100);
      }
      if (slot.retry_at == 0) continue;
      if (!started && !app.pulled) return 1;  // what is wrong at the start will not get better
      if (slot.retry_at <= now && slot.next == nullptr) start_next(app, slot);
      wait = 100;
    }
    if (!flush_control()) return 1;
    loop.wait(unfinished_.empty() ? wait : 0);
    now = Loop::now();
    for (Link* link : std::exchange(unfinished_, {})) link->go_on();
    for (size_t i = 0; i < unflushed_.size(); ++i) unflushed_[i]->flush_now();
    unflushed_.clear();
    gone_.clear();
    removed_.clear();
    bool up = true;
    for (const App& app : options.apps) up &= app.pulled || tenant_of(app) != nullptr;
    if (up && !started) tell({.kind = Control::Up});
    started |= up;
    if (draining && ((clients.empty() && !going_on()) || Loop::now() > drain_until_)) break;
  }
  write_log("info", "", "stopped");
  clients.clear();
  return 0;
}

// False when the supervisor is gone, and with it the node.
bool Front::flush_control() {
  bool had_output = control_.has_output();
  supervised_ = supervised_ && control_.flush();
  if (had_output || control_.has_output())
    loop.change(control_.fd(), EPOLLIN | (control_.has_output() ? EPOLLOUT : 0u), this);
  return supervised_;
}

int run_front(Options options, unsigned user) {
  const sched_param none = {};
  // Under load a process that has got something to do should not interrupt the one that gave it, for it would find one
  // request where it could soon find ten.
  sched_setscheduler(0, SCHED_BATCH, &none);
  Front front(std::move(options), kControl);
  tzset();  // the C library asks for its file even to show UTC
  aotc_grants grants = {};
  grants.parent = getppid();
  grants.uid = grants.gid = user;
  if (const char* failed = aotc_sandbox_enter(AOTC_FRONT, &grants)) {
    write_log("error", "", std::string("cannot confine the front: ") + failed + ": " + std::strerror(errno));
    return 1;
  }
  return front.run();
}
