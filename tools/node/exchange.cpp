// exchange.cpp - see exchange.h.
#include "exchange.h"

#include <algorithm>
#include <utility>

#include "log.h"

static constexpr uint32_t kReportTaken = 32 << 10;
static constexpr uint64_t kLongestWait = 3'000'000'000;  // for what another request makes

aotc_peer peer_of(const ClientAddress& address, uint16_t port) {
  aotc_peer peer{};
  std::copy(address.bytes.begin(), address.bytes.end(), peer.address);
  peer.port = port;
  const std::string host = address.is_v4() ? address.text() : "[" + address.text() + "]";
  const std::string text = host + ":" + std::to_string(port);
  peer.text_size = static_cast<uint16_t>(text.copy(peer.text, sizeof peer.text));
  return peer;
}

void Exchange::expect(const Hop* hop) {
  const Options& options = front_.options;
  request = std::make_unique<RequestReader>(HttpLimits{.header_bytes = static_cast<uint32_t>(options.max_header),
                                                       .body_bytes = options.max_body,
                                                       .tunnels = hop != nullptr},
                                            hop);
}

bool Exchange::find_app() {
  const App* app = front_.served->find(request->host, request->target);
  if (app == nullptr) return false;
  take_app(*app);
  if (!app->canary_place || front_.tenant_of(*app->canary_place) == nullptr) return true;
  const auto followed = front_.canary_rules.find(app->place);
  if (followed == front_.canary_rules.end() && app->pull.follows()) return true;
  const CanaryRules& rules = followed == front_.canary_rules.end() ? app->canary : followed->second;
  is_canary_ = is_for_canary(rules, front_.options.canary_key, request->output, request->client);
  instead_ = app->place;
  if (is_canary_) take_app(*front_.served->by_place(*app->canary_place));
  return true;
}

void Exchange::take_app(const App& app) {
  place_ = app.place;
  metrics_ = &front_.metrics[app.name];
}

void Exchange::be_part_of(uint32_t place, const std::string& app, uint64_t number, uint32_t version) {
  place_ = place;
  metrics_ = &front_.metrics[app];
  number_ = number;
  version_ = version;
}

void Exchange::be_asked_of(TenantLinks& tenant, AppMetrics& metrics) {
  asked_ = &tenant;
  metrics_ = &metrics;
}

bool Exchange::is_enough() const {
  return request->done() || request->expects_continue || request->output.size() >= kWindow;
}

std::optional<Exchange::Refusal> Exchange::dispatch(const ResponseReader::Client& client, ResponseReader::Form form) {
  client_ = client;
  form_ = form;
  started_ = Loop::now();
  begun_ = half_closed_ = said_half_closed_ = waits_for_room_ = false;
  unread_ = 0;
  return begin();
}

std::optional<Exchange::Refusal> Exchange::begin() {
  TenantLinks* tenant = asked_ != nullptr ? asked_ : front_.tenant_of(place_);
  // The canary has ended since then.
  if (const App* app = tenant == nullptr && is_canary_ ? front_.served->by_place(instead_) : nullptr) {
    take_app(*app);
    tenant = front_.tenant_of(place_);
  }
  if (tenant == nullptr) return Refusal{503, kNotReady};
  if (asked_ != nullptr || tenant->cache() == nullptr) return forward(*tenant);
  // Another process has another cache.
  if (caching_ == nullptr || &caching_->cache() != tenant->cache().get())
    caching_ =
        std::make_unique<Caching>(front_, tenant->cache(), *metrics_, *request, static_cast<Caching::Owner&>(*this));
  switch (caching_->look()) {
    case Caching::Next::Give:
      if (caching_->refreshes()) front_.refresh(asker(), *tenant, *caching_);
      give(false);
      return std::nullopt;
    case Caching::Next::Wait:
      response.emplace(client_, form_);
      cached_ = Cached::Awaited;
      return std::nullopt;
    case Caching::Next::Refuse:
      return Refusal{504, "it is not kept\n"};
    case Caching::Next::Make:
      return forward(*tenant);
  }
  return std::nullopt;
}

std::optional<Exchange::Refusal> Exchange::forward(TenantLinks& tenant) {
  if (!tenant.take_place()) {
    ++metrics_->ends[static_cast<unsigned>(EndCause::Overload)];
    if (caching_ == nullptr || !caching_->has_fallback()) return Refusal{503, "too many requests at the same time\n"};
    give(true);
    return std::nullopt;
  }
  started_ = Loop::now();
  ResponseReader::Client client = client_;
  client.watcher = caching_.get();
  response.emplace(client, form_);
  tenant_ = &tenant;
  link_ = tenant.least_loaded();
  id_ = link_->open(this);
  if (number_ == 0) {
    number_ = ++front_.shared.requests;
    if (request->http_10) version_ = kHttp10Request;
    if (form_ == ResponseReader::Form::Parts) version_ = kHttp2Request;
  }
  flags_ = (client.asks_for_tunnel ? uint32_t{kTunnelRequest} : 0u) |
           (request->method == "HEAD" ? uint32_t{kHeadRequest} : 0u) |
           (client.coding == Coding::Gzip ? uint32_t{kTakesGzip} : 0u) |
           (client.coding == Coding::Zstd ? uint32_t{kTakesZstd} : 0u);
  touched_ = front_.now;
  pass_body();
  return std::nullopt;
}

void Exchange::refresh(Caching& of) { caching_ = of.refresh(*metrics_, *this); }

// A response that is kept, as if a worker sent it; `instead` of what it has sent.
void Exchange::give(bool instead) {
  response.emplace(client_, form_);
  cached_ = Cached::Giving;
  response->feed(caching_->begin_giving(instead));
  give_more();
}

void Exchange::give_more() {
  if (!response->done()) response->feed(caching_->give(kWindow));
  touched_ = front_.now;
  if (!response->done()) return;
  cached_ = Cached::Given;
  count(response->status);
}

void Exchange::tell_given() {
  if (cached_ == Cached::Given)
    owner_.on_answered();
  else if (cached_ == Cached::Giving)
    owner_.on_output();
}

void Exchange::on_cache() {
  if (cached_ == Cached::Giving) {
    give_more();
    return tell_given();
  }
  if (cached_ != Cached::Awaited) return;
  cached_ = Cached::No;
  if (const auto refusal = begin()) return owner_.on_failed(refusal->status, refusal->text);
  tell_given();
}

aotc_peer Exchange::asker() const {
  aotc_peer asker = peer_;
  asker.request = number_;
  request->client.copy(asker.client, sizeof asker.client - 1);
  request->country.copy(asker.country, sizeof asker.country - 1);
  return asker;
}

void Exchange::pass_body() {
  size_t n = std::min<size_t>(request->output.size(), kWindow - unread_);
  if (waits_for_room_ || link_ == nullptr) return;
  if (n == 0 && begun_) return say_half_closed();
  if (!link_->has_room()) {
    waits_for_room_ = true;
    return link_->wait_for_room(id_);
  }
  const std::string_view bytes = std::string_view(request->output).substr(0, n);
  if (begun_) {
    link_->send(Frame::Body, id_, 0, bytes);
  } else {
    const aotc_peer from = asker();
    link_->send(Frame::Request, id_, version_ | flags_, {reinterpret_cast<const char*>(&from), sizeof from}, bytes);
  }
  begun_ = true;
  if (tunnel_ != nullptr) tunnel_->count_in(n);
  request->output.erase(0, n);
  unread_ += static_cast<uint32_t>(n);
  touched_ = front_.now;
  link_->flush();
  say_half_closed();
}

void Exchange::on_room() {
  waits_for_room_ = false;
  if (next_ != nullptr) next_->on_room();
  pass_body();
  owner_.on_room();
}

void Exchange::half_close() {
  half_closed_ = true;
  say_half_closed();
}

// Behind all that came before.
void Exchange::say_half_closed() {
  if (!half_closed_ || !begun_ || link_ == nullptr || !request->output.empty() ||
      std::exchange(said_half_closed_, true))
    return;
  link_->send(Frame::Cancel, id_);
  link_->flush();
}

bool Exchange::on_consumed(uint32_t bytes) {
  if (bytes > unread_) return false;
  unread_ -= bytes;
  touched_ = front_.now;
  pass_body();
  owner_.on_room();
  return true;
}

bool Exchange::on_response(std::string_view bytes) {
  // A worker of ours sends nothing else: whole pieces of one response, and no more than the client has room for.
  size_t used = untaken_ + bytes.size() <= kWindow ? response->feed(bytes) : 0;
  if (used != bytes.size() || response->bad()) return false;
  touched_ = front_.now;
  untaken_ += bytes.size();
  if (caching_ != nullptr && caching_->swallows()) {
    response->output.clear();
    response->heads.clear();
    report_taken(0);
    return true;
  }
  const bool begins = response->tunnels() && tunnel_ == nullptr;
  if (begins)
    begin_tunnel();
  else if (tunnel_ != nullptr)
    tunnel_->count_out(bytes.size());
  // The end comes right behind the last bytes, so one write is enough for both.
  if (!response->done()) owner_.on_output();
  // So that nobody who takes it slowly holds up others who wait for it: there is a bound for what is kept.
  if (caching_ != nullptr && caching_->fills()) report_taken(0);
  // What the client has sent ahead waits for that.
  if (begins && link_ != nullptr) owner_.on_room();
  return true;
}

void Exchange::begin_tunnel() {
  count(response->status);
  tunnel_ = std::make_unique<Tunnel>(*metrics_, front_.now);
  request->begin_tunnel();
}

void Exchange::check_tunnel(uint64_t now) {
  if (!tunnel_->is_ending()) {
    const auto why =
        front_.draining || tenant_->draining() ? TunnelEnd::Drain : tunnel_->overdue(now, touched_, tenant_->limits());
    if (!why) return;
    tunnel_->begin_end(*why, now);
    request->end_tunnel();
    half_closed_ = true;
    return pass_body();
  }
  if (!tunnel_->is_over(now)) return;
  cancel();
  owner_.on_failed(0, {});
}

void Exchange::end_tunnel(TunnelEnd why) {
  if (tunnel_ == nullptr) return;
  tunnel_->finish(why, tenant_->app_name(), log_fields());
  tunnel_.reset();
}

bool Exchange::on_onward(std::string_view bytes) {
  const std::string* app = tenant_->next();
  if (app == nullptr) return false;
  touched_ = front_.now;
  if (next_ == nullptr) next_ = front_.make_next_handler(*app, asker(), version_, *link_, id_);
  return next_->on_onward(bytes);
}

bool Exchange::on_answer_taken(uint32_t bytes) {
  touched_ = front_.now;
  return next_ != nullptr && next_->on_answer_taken(bytes);
}

void Exchange::end_next() {
  if (next_ != nullptr) next_->cancel();
  next_.reset();
}

void Exchange::on_end(const RequestEnd& end, std::string_view text) {
  link_ = nullptr;
  end_next();
  untaken_ = 0;
  if (end.cause == EndCause::Done && !response->done()) response->end();
  if (!response->done() || end.cause != EndCause::Done) {
    const std::string cause = ",\"cause\":\"" + std::string(end_cause_name(end.cause)) + "\"";
    write_log("error", tenant_->app_name(), std::string(text), cause + log_fields());
  }
  const bool tunneled = tunnel_ != nullptr;
  end_tunnel(end.cause != EndCause::Done ? TunnelEnd::Failed : half_closed_ ? TunnelEnd::Client : TunnelEnd::Program);
  if (tunneled) return response->done() ? owner_.on_answered() : owner_.on_failed(0, {});
  const uint64_t microseconds = (Loop::now() - started_) / 1000;
  tenant_->count_answer(!response->done() || response->status >= 500, microseconds);
  if (caching_ != nullptr) {
    const bool may_replace = caching_->has_fallback() && (caching_->swallows() || !response->started());
    caching_->end(end.cause == EndCause::Done && response->done());
    if (may_replace) {
      give(true);
      return tell_given();
    }
  }
  if (response->done()) {
    count(response->status);
    metrics_->duration.add(static_cast<double>(microseconds));
    return owner_.on_answered();
  }
  if (response->started()) {
    count(0);
    return owner_.on_failed(0, {});
  }
  const bool late = end.cause == EndCause::Deadline || end.cause == EndCause::Timeout || end.cause == EndCause::Stuck;
  const int status = end.cause == EndCause::Overload ? 503 : late ? 504 : 502;
  owner_.on_failed(status, late ? "the app took too long\n" : "the app failed\n");
}

void Exchange::report_taken(size_t left) {
  if (cached_ == Cached::Giving && left < kWindow / 2) caching_->go_on_later();
  if (caching_ != nullptr && caching_->fills()) left = 0;
  if (link_ == nullptr || untaken_ < kReportTaken || left >= kWindow / 2) return;
  link_->send(Frame::Taken, id_, static_cast<uint32_t>(untaken_));
  untaken_ = 0;
  touched_ = front_.now;
  link_->flush();
}

void Exchange::cancel() {
  cached_ = Cached::No;
  caching_.reset();
  if (link_ == nullptr) return;
  end_next();
  end_tunnel(TunnelEnd::Client);
  if (begun_) link_->send(Frame::Cancel, id_, 1);
  link_->forget(id_, begun_);
  link_->flush();
  link_ = nullptr;
}

void Exchange::count(int status) {
  if (metrics_ != nullptr && tunnel_ == nullptr) ++metrics_->requests[status];
}

// The worker ends what waits for too long, and may have others before that.
void Exchange::check_patience(uint64_t now) {
  if (cached_ == Cached::Awaited && now > started_ + kLongestWait) {
    caching_->stop_waiting();
    return on_cache();
  }
  if (next_ != nullptr) next_->check_patience(now);
  if (link_ != nullptr && tunnel_ != nullptr) return check_tunnel(now);
  if (link_ != nullptr && now > touched_ + tenant_->patience(link_->load())) tenant_->give_up();
}

void Exchange::reset() {
  request.reset();
  response.reset();
  caching_.reset();
  cached_ = Cached::No;
  metrics_ = nullptr;
  is_canary_ = false;
  number_ = version_ = 0;
}

size_t Exchange::held() const {
  return (request != nullptr ? request->held() : 0) + (response ? response->output.capacity() : 0) +
         (next_ != nullptr ? next_->held() : 0) + (caching_ != nullptr ? caching_->held() : 0);
}

// Without what is asked for, which may be a secret.
std::string Exchange::log_fields() const {
  return ",\"request\":" + std::to_string(number_) + ",\"method\":" + aotc::json_string(request->method, 32) +
         ",\"path\":" + aotc::json_string(request->target.substr(0, request->target.find('?')), 512);
}
