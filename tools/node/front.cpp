// front.cpp - see front.h.
#include "front.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "client.h"
#include "pull.h"

namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr size_t kMaxClients = 16384, kOtherFiles = 1024;
constexpr uint64_t kDrainTime = 30 * kSecond, kMaxBackoff = 30 * kSecond;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text.substr(0, 1000)) {
    char code[8];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) {
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned char>(c));
      out += code;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// For the log.
std::string shown_release(const Release& release) {
  if (release.empty()) return "";
  return ",\"index\":" + quoted(release.index) + ",\"sequence\":" + std::to_string(release.sequence);
}

// Whether `path` starts with `prefix` as a whole part of it.
bool path_matches(std::string_view path, std::string_view prefix) {
  if (path.substr(0, prefix.size()) != prefix) return false;
  return prefix.empty() || prefix.back() == '/' || path.size() == prefix.size() || path[prefix.size()] == '/' ||
         path[prefix.size()] == '?';
}

struct Address {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t size = 0;  // 0: not an address
};

// A numeric one, like 127.0.0.1:80, :80 or [::1]:80.
Address parse_address(const std::string& text) {
  Address address;
  std::memset(&address.v6, 0, sizeof address.v6);
  size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon + 1 == text.size()) return address;
  char* end;
  unsigned long port = std::strtoul(text.c_str() + colon + 1, &end, 10);
  std::string host = text.substr(0, colon);
  if (*end != 0 || port > 65535) return address;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(static_cast<uint16_t>(port));
    if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &address.v6.sin6_addr) == 1)
      address.size = sizeof address.v6;
    return address;
  }
  address.v4.sin_family = AF_INET;
  address.v4.sin_port = htons(static_cast<uint16_t>(port));
  if (host.empty() || inet_pton(AF_INET, host.c_str(), &address.v4.sin_addr) == 1) address.size = sizeof address.v4;
  return address;
}

std::string shown_address(int fd) {
  Address address;
  char host[INET6_ADDRSTRLEN] = "?";
  address.size = sizeof address.v6;
  if (getsockname(fd, &address.any, &address.size) != 0) return host;
  bool v6 = address.any.sa_family == AF_INET6;
  inet_ntop(address.any.sa_family, v6 ? static_cast<void*>(&address.v6.sin6_addr) : &address.v4.sin_addr, host,
            sizeof host);
  std::string port = std::to_string(ntohs(v6 ? address.v6.sin6_port : address.v4.sin_port));
  return (v6 ? "[" + std::string(host) + "]:" : std::string(host) + ":") + port;
}

}  // namespace

// --- Listener

Listener::~Listener() { stop(); }

bool Listener::open(const std::string& address, std::string& error) {
  const Address parsed = parse_address(address);
  if (parsed.size == 0) {
    error = address + ": not an address like 127.0.0.1:8080";
    return false;
  }
  int one = 1;
  fd_ = socket(parsed.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  bool good = fd_ >= 0 && setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
              bind(fd_, &parsed.any, parsed.size) == 0 && listen(fd_, 4096) == 0;
  if (!good) error = address + ": " + std::strerror(errno);
  if (!good || !front_.loop.add(fd_, EPOLLIN, this)) return false;
  front_.log("info", "", "listening on " + shown_address(fd_));
  return true;
}

void Listener::stop() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Listener::resume() {
  if (paused_ && fd_ >= 0 && front_.clients.size() < front_.max_clients) front_.loop.change(fd_, EPOLLIN, this);
  paused_ = paused_ && front_.clients.size() >= front_.max_clients;
}

void Listener::on_events(uint32_t) {
  for (int i = 0; i < 64 && fd_ >= 0; ++i) {
    // The rest waits in the kernel's queue.
    if (front_.clients.size() >= front_.max_clients) {
      paused_ = true;
      front_.loop.change(fd_, 0, this);
      return;
    }
    int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    front_.clients.push_back(std::make_unique<Client>(front_, fd, apps, admin));
    front_.clients.back()->self = std::prev(front_.clients.end());
  }
}

// --- Front

Front::Front(Options o) : options(std::move(o)) {
  for (const App& app : options.apps) {
    metrics[app.name].pulled = app.pulled;
    Slot& slot = slots_[app.name];
    if (app.pulled) slot.puller = std::make_unique<Puller>(*this, app);
  }
}

Front::~Front() = default;

void Front::log(const char* level, const std::string& app, const std::string& message, const std::string& more) const {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  tm parts;
  gmtime_r(&t.tv_sec, &parts);
  char time[40];
  size_t n = std::strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(time + n, sizeof time - n, ".%03ldZ", t.tv_nsec / 1000000);
  std::string line = "{\"time\":\"" + std::string(time) + "\",\"level\":\"" + level + "\"";
  if (!app.empty()) line += ",\"app\":" + quoted(app);
  line += more + ",\"message\":" + quoted(message) + "}\n";
  (void)!::write(2, line.data(), line.size());
}

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

std::string Front::metrics_text() {
  for (auto& [name, slot] : slots_) {
    metrics[name].running = slot.current == nullptr ? 0 : slot.current->load();
    for (const auto& tenant : old_)
      if (tenant->app.name == name) metrics[name].running += tenant->load();
    if (slot.puller != nullptr) metrics[name].release = slot.current == nullptr ? Release{} : slot.current->release;
  }
  return write_metrics(metrics);
}

void Front::remove(Client* client) { gone_.splice(gone_.end(), clients, client->self); }

void Front::start_next(const App& app, Slot& slot) {
  std::string error;
  slot.retry_at = 0;
  if (app.pulled && slot.rollout.wanted().empty()) return;
  slot.next = std::make_unique<Tenant>(*this, app, slot.rollout.wanted());
  if (!slot.next->start(error)) {
    log("error", app.name, "cannot start its process: " + error);
    removed_.push_back(std::move(slot.next));
    slot.retry_at = Loop::now() + kSecond;
  }
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
  log("info", tenant.app.name, "ready", shown_release(slot.current->release));
}

// So that there is something to go back to, after a restart too.
void Front::keep(const App& app, Slot& slot, const Release& release) {
  if (release.empty()) return;
  slot.rollout.set_good(release);
  slot.puller->say("good " + release_words(release));
}

void Front::on_release(const App& app, const Release& release, bool good) {
  Slot& slot = slots_.at(app.name);
  if (good) return slot.rollout.set_good(release);
  bool known = release.is(slot.rollout.newest());
  slot.rollout.set_newest(release);
  log("info", app.name, known ? "signed anew" : "pulled", shown_release(release));
  // Restarts are to find a statement that has not expired.
  if (slot.current != nullptr && slot.current->release.is(release)) slot.current->release = release;
}

void Front::on_death(const App& app, Slot& slot, const Tenant& tenant, bool was_ready) {
  if (tenant.release.empty() || !slot.rollout.died(tenant.release, was_ready, Loop::now())) return;
  ++metrics[app.name].rollbacks;
  log("error", app.name, was_ready ? "crashes in a loop: goes back" : "cannot be run: goes back",
      shown_release(slot.rollout.good()));
  slot.puller->say("good " + release_words(slot.rollout.good()));
}

void Front::on_child(pid_t pid, int status) {
  std::string how = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                        : "exit code " + std::to_string(WEXITSTATUS(status));
  for (auto it = old_.begin(); it != old_.end(); ++it)
    if ((*it)->pid == pid) {
      (*it)->fail();
      removed_.push_back(std::move(*it));
      old_.erase(it);
      return;
    }
  for (const App& app : options.apps) {
    Slot& slot = slots_.at(app.name);
    if (slot.puller != nullptr && slot.puller->pid == pid) {
      slot.puller->on_events(EPOLLIN);
      log("error", app.name, "its puller ended: " + how);
      slot.puller->stop();
      return;
    }
    bool current = slot.current != nullptr && slot.current->pid == pid;
    if (!current && (slot.next == nullptr || slot.next->pid != pid)) continue;
    std::unique_ptr<Tenant>& tenant = current ? slot.current : slot.next;
    tenant->on_events(EPOLLIN);  // its last words
    log("error", app.name, "its process ended: " + how, shown_release(tenant->release));
    tenant->fail();
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

void Front::on_events(uint32_t) {
  signalfd_siginfo info;
  while (::read(signals_, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) drain();
    if (info.ssi_signo == SIGHUP && !draining)
      for (const App& app : options.apps) {
        Slot& slot = slots_.at(app.name);
        slot.rollout.forgive();
        if (slot.puller != nullptr)
          slot.puller->say("now");
        else if (slot.next == nullptr)
          start_next(app, slot);
      }
    if (info.ssi_signo != SIGCHLD) continue;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) on_child(pid, status);
  }
}

void Front::drain() {
  if (draining) return;
  draining = true;
  drain_until_ = Loop::now() + kDrainTime;
  log("info", "", "draining");
  for (auto& listener : listeners_) listener->stop();
  for (auto it = clients.begin(); it != clients.end();) (*it++)->on_drain();
}

void Front::every_second(uint64_t now) {
  for (auto it = clients.begin(); it != clients.end();) (*it++)->check_time(now);
  for (const App& app : options.apps) {
    Slot& slot = slots_.at(app.name);
    if (slot.current != nullptr && slot.current->ready()) slot.backoff = 0;
    if (slot.current != nullptr) slot.current->every_second();
    if (slot.puller == nullptr) continue;
    if (slot.puller->pid < 0 && !draining && slot.puller->retry_at <= now) slot.puller->start();
    if (slot.current != nullptr && slot.current->answered >= Rollout::kProven && !slot.current->release.is(slot.rollout.good()))
      keep(app, slot, slot.current->release);
  }
  for (auto& listener : listeners_) listener->resume();
}

int Front::run() {
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    max_clients =
        std::min<size_t>(kMaxClients, files.rlim_cur > 2 * kOtherFiles ? files.rlim_cur - kOtherFiles : kOtherFiles);
  }
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  loop.add(signals_, EPOLLIN, this);

  std::string error;
  listeners_.push_back(std::make_unique<Listener>(*this, true, options.admin.empty()));
  bool good = listeners_.back()->open(options.listen, error);
  if (good && !options.admin.empty()) {
    listeners_.push_back(std::make_unique<Listener>(*this, false, true));
    good = listeners_.back()->open(options.admin, error);
  }
  if (!good) {
    std::fprintf(stderr, "aotc-node: %s\n", error.c_str());
    return 1;
  }
  for (const App& app : options.apps) start_next(app, slots_.at(app.name));

  bool started = false;
  for (uint64_t next_second = 0;;) {
    uint64_t now = Loop::now();
    if (now >= next_second) {
      every_second(now);
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
      if (slot.retry_at == 0) continue;
      if (!started && !app.pulled) return 1;  // what is wrong at the start will not get better
      if (slot.retry_at <= now && slot.next == nullptr) start_next(app, slot);
      wait = 100;
    }
    loop.wait(wait);
    for (Link* link : unflushed_) link->flush_now();
    unflushed_.clear();
    gone_.clear();
    removed_.clear();
    bool up = true;
    for (const App& app : options.apps) up &= app.pulled || tenant_of(app) != nullptr;
    started |= up;
    if (draining && (clients.empty() || Loop::now() > drain_until_)) break;
  }
  log("info", "", "stopped");
  for (auto& [name, slot] : slots_)
    if (slot.current != nullptr) kill(slot.current->pid, SIGKILL);
  clients.clear();
  return 0;
}
