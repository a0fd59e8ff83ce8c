// tenant_link.cpp - the front's side of a tenant: asks for its process, and talks to its workers. See front.h.
#include <cstring>

#include "client.h"
#include "front.h"
#include "log.h"

namespace {

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
  ++front_.instances;
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
  if (!take_frames() || !alive)
    tenant.fail();
  else
    flush();
  front_.admission.keep_budget();
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
    if (head.type == Frame::Differs) {
      ++tenant.metrics.differences;
      write_log("error", tenant.app.name, "a reset left a difference, its process is ended: " + std::string(payload));
      return false;
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
        --front_.instances;
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

Tenant::Tenant(Front& front, const App& app, const Release& release, const ObeyedLists& lists)
    : app(app), metrics(front.metrics[app.name]), release(release), process(front.new_process()), front_(front) {
  ControlMessage message;
  message.kind = Control::StartTenant;
  message.process = process;
  message.app = front.place_of(app);
  set_text(message.index, release.index);
  set_text(message.statement, release.statement);
  set_text(message.own_list, lists.own);
  set_text(message.fleet_list, lists.fleet);
  front_.tell(message);
}

Tenant::~Tenant() {
  if (log_ >= 0) ::close(log_);
}

void Tenant::on_started(const std::vector<int>& descriptors) {
  log_ = descriptors[0];
  front_.loop.add(log_, EPOLLIN, this);
  for (size_t i = 1; i < descriptors.size(); ++i)
    links_.push_back(std::make_unique<Link>(front_, *this, descriptors[i]));
}

// Lines of its log.
void Tenant::on_events(uint32_t) {
  char piece[4096];
  ssize_t n = log_ < 0 ? -1 : ::read(log_, piece, sizeof piece);
  if (n == 0) front_.loop.remove(log_);
  for (ssize_t i = 0; i < n; ++i) {
    if (piece[i] != '\n' && line_.size() < kMaxLine) line_ += piece[i];
    if (piece[i] != '\n' && line_.size() < kMaxLine) continue;
    if (!line_.empty() && lines_++ < kMaxLines) write_log("info", app.name, line_, ",\"source\":\"program\"");
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
  front_.tell({.kind = Control::Kill, .process = process});
  RequestEnd end{};
  end.cause = EndCause::Error;
  for (const auto& link : links_) {
    front_.loop.remove(link->channel_.fd());
    std::unordered_map<uint32_t, Client*> clients;
    clients.swap(link->clients_);
    front_.instances -= clients.size();
    for (auto [id, client] : clients)
      if (client != nullptr) client->on_end(end, "its process ended");
  }
}
