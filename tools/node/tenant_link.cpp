// tenant_link.cpp - the front's side of a tenant: starts its process, and talks to its workers. See front.h.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <cstring>
#include <fstream>
#include <iterator>

#include "client.h"
#include "front.h"
#include "spawn_self.h"

namespace {

constexpr int kHighDescriptor = 512;  // out of the way of those that the child expects
constexpr size_t kMaxLine = 4096;
constexpr unsigned kMaxLines = 200;  // of one app's log per second; the rest is dropped

}  // namespace

Link::Link(Front& front, Tenant& tenant, int fd) : tenant(tenant), front_(front), channel_(fd) {
  front_.loop.add(fd, EPOLLIN, this);
}

Link::~Link() { ::close(channel_.fd()); }

uint32_t Link::open(Client* client) {
  uint32_t id;
  do id = next_id_++;
  while (id == 0 || clients_.count(id));
  clients_[id] = client;
  return id;
}

void Link::flush() {
  if (!waits_for_flush_) front_.flush_later(this);
  waits_for_flush_ = true;
}

void Link::flush_now() {
  waits_for_flush_ = false;
  if (tenant.dead) return;
  channel_.flush();  // that the other side is gone will be seen when reading
  if (channel_.has_output() == writing_) return;
  writing_ = !writing_;
  front_.loop.change(channel_.fd(), EPOLLIN | (writing_ ? EPOLLOUT : 0u), this);
}

void Link::on_events(uint32_t events) {
  if (tenant.dead) return;
  bool alive = !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || channel_.receive();
  // What arrived before the end counts.
  if (!take_frames() || !alive) return tenant.fail();
  flush();
}

bool Link::take_frames() {
  FrameHead head;
  std::string_view payload;
  for (;;) {
    Channel::Next next = channel_.next(head, payload);
    if (next == Channel::Next::Nothing || tenant.dead) return true;
    if (next == Channel::Next::Bad) return false;
    if (head.type == Frame::Ready) {
      ready = true;
      if (tenant.ready()) front_.on_ready(tenant);
      continue;
    }
    auto found = clients_.find(head.id);
    if (found == clients_.end()) return false;
    Client* client = found->second;
    switch (head.type) {
      case Frame::Consumed:
        if (client != nullptr) client->on_consumed(head.value);
        break;
      case Frame::Response:
        if (client != nullptr) client->on_response(payload);
        break;
      case Frame::End: {
        RequestEnd end;
        if (payload.size() < sizeof end) return false;
        std::memcpy(&end, payload.data(), sizeof end);
        if (static_cast<unsigned>(end.cause) >= kEndCauses) return false;
        clients_.erase(found);
        AppMetrics& m = tenant.metrics;
        ++m.ends[static_cast<unsigned>(end.cause)];
        if (end.cause == EndCause::Done) ++tenant.answered;
        m.thaw.add(static_cast<double>(end.thaw) / 1e3);
        m.run.add(static_cast<double>(end.run) / 1e3);
        if (end.reset != 0) {
          m.reset.add(static_cast<double>(end.reset) / 1e3);
          m.pages.add(end.pages);
        }
        if (client != nullptr) client->on_end(end, payload.substr(sizeof end));
        break;
      }
      default:
        return false;
    }
  }
}

namespace {

// "NAME=value" from the secret's file, without a line feed at its end.
bool read_secret(const Secret& secret, std::vector<std::string>& out, std::string& error) {
  std::ifstream file(secret.file, std::ios::binary);
  std::string value{std::istreambuf_iterator<char>(file), {}};
  if (!value.empty() && value.back() == '\n') value.pop_back();
  if (file.fail() || value.find('\0') != std::string::npos) {
    error = "cannot read the secret " + secret.name + " in " + secret.file;
    return false;
  }
  out.push_back(secret.name + "=" + value);
  return true;
}

}  // namespace

Tenant::Tenant(Front& front, const App& app, const Release& release)
    : app(app), metrics(front.metrics[app.name]), release(release), front_(front) {}

Tenant::~Tenant() {
  if (log_ >= 0) ::close(log_);
}

bool Tenant::start(std::string& error) {
  int pipes[2];
  if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0) {
    error = std::strerror(errno);
    return false;
  }
  log_ = pipes[0];
  front_.loop.add(log_, EPOLLIN, this);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
  posix_spawn_file_actions_adddup2(&actions, pipes[1], 2);
  std::vector<int> ends;
  bool good = true;
  for (unsigned i = 0; i < front_.options.workers && good; ++i) {
    int pair[2];
    good = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0;
    if (!good) break;
    int high = fcntl(pair[1], F_DUPFD_CLOEXEC, kHighDescriptor);
    ::close(pair[1]);
    int size = static_cast<int>(kMaxFrame);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(high, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    ends.push_back(high);
    posix_spawn_file_actions_adddup2(&actions, high, kFirstChannel + static_cast<int>(i));
    links_.push_back(std::make_unique<Link>(front_, *this, pair[0]));
  }
  std::vector<std::string> secrets;
  for (const Secret& secret : front_.options.secrets)
    if (secret.app == app.name) good = good && read_secret(secret, secrets, error);
  std::vector<char*> environment;
  for (std::string& secret : secrets) environment.push_back(secret.data());
  environment.push_back(nullptr);
  int status = good ? spawn_self(tenant_words(front_.options, app, release), actions, environment.data(), &pid) : EIO;
  posix_spawn_file_actions_destroy(&actions);
  for (int fd : ends) ::close(fd);
  ::close(pipes[1]);
  if (status != 0 && error.empty()) error = std::strerror(status);
  return status == 0;
}

// Lines of its log.
void Tenant::on_events(uint32_t) {
  char piece[4096];
  ssize_t n = ::read(log_, piece, sizeof piece);
  if (n == 0) front_.loop.remove(log_);
  for (ssize_t i = 0; i < n; ++i) {
    if (piece[i] != '\n' && line_.size() < kMaxLine) line_ += piece[i];
    if (piece[i] != '\n' && line_.size() < kMaxLine) continue;
    if (!line_.empty() && lines_++ < kMaxLines) front_.log("info", app.name, line_, ",\"source\":\"program\"");
    line_.clear();
  }
}

bool Tenant::ready() const {
  if (dead || links_.empty()) return false;
  for (const auto& link : links_)
    if (!link->ready) return false;
  return true;
}

Link* Tenant::least_loaded() {
  Link* best = links_[0].get();
  for (const auto& link : links_)
    if (link->load() < best->load()) best = link.get();
  return best;
}

size_t Tenant::load() const {
  size_t sum = 0;
  for (const auto& link : links_) sum += link->load();
  return sum;
}

void Tenant::drain() {
  draining = true;
  for (const auto& link : links_) {
    link->send(Frame::Drain, 0);
    link->flush();
  }
}

void Tenant::fail() {
  if (dead) return;
  dead = true;
  if (pid > 0) kill(pid, SIGKILL);
  RequestEnd end{};
  end.cause = EndCause::Error;
  for (const auto& link : links_) {
    front_.loop.remove(link->channel_.fd());
    std::unordered_map<uint32_t, Client*> clients;
    clients.swap(link->clients_);
    for (auto [id, client] : clients)
      if (client != nullptr) client->on_end(end, "its process ended");
  }
}
