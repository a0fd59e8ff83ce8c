// front.cpp - see front.h.
#include "front.h"

#include <malloc.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <semaphore>
#include <utility>

#include "image_files.h"
#include "log.h"
#include "outbound_metrics.h"
#include "pull.h"
#include "purge.h"
#include "sandbox/sandbox.h"
#include "support/quantity.h"

namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr size_t kOtherFiles = 1024;
constexpr uint64_t kMaxBackoff = 30 * kSecond;

std::string percent_of(uint64_t weight) {
  char text[AOTC_QUANTITY_TEXT];
  aotc_show_quantity(AOTC_PERCENT, weight, text);
  return std::string(text, std::strlen(text) - 1);
}

// For the log.
std::string shown_release(const Release& release) {
  if (release.empty()) return "";
  return ",\"index\":" + aotc::json_string(release.index) + ",\"sequence\":" + std::to_string(release.sequence);
}

}  // namespace

FrontLoops::FrontLoops(Options o, const std::shared_ptr<const TlsConfig>& tls, Decider& decider)
    : shared(std::move(o)) {
  for (uint64_t i = 0; i < shared.options.loops; ++i) {
    all.push_back(std::make_unique<FrontLoop>(shared, decider, all.empty() ? nullptr : all[0].get()));
    all.back()->tls = tls;
  }
}

Front::Front(Options o, const std::shared_ptr<const TlsConfig>& tls, int control)
    : FrontLoops(std::move(o), tls, *this),
      FrontContext(FrontLoops::shared, all[0]->loop),
      served_(options.served),
      control_(control) {
  rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  FrontContext::shared.admission.set_places(
      options, files.rlim_cur > 2 * kOtherFiles ? files.rlim_cur - kOtherFiles : files.rlim_cur / 2);
  for (const App& app : served_->apps) open_slot({served_, &app}, Slot::State::Here);
}

void Front::open_slot(std::shared_ptr<const App> app, Slot::State state) {
  Slot& slot = slots_[app->name];
  slot.state = state;
  metrics[app->name].pulled = app->pulled;
  metrics[app->name].is_canary = !app->canary_of.empty();
  if (app->pulled) slot.puller = std::make_unique<PullerLink>(*this, app);
  slot.app = std::move(app);
}

Front::~Front() = default;

// What the C library does at the beginning of a thread they may not do later.
void Front::start_threads() {
  std::counting_semaphore<> reported{0};
  for (size_t i = 1; i < all.size(); ++i)
    threads_.emplace_back([this, i, &reported] {
      reported.release();
      begun_.wait(false);
      all[i]->run();
    });
  for (size_t i = 1; i < all.size(); ++i) reported.acquire();
}

void Front::in_all(const std::function<void(FrontLoop&)>& what) {
  for (auto& one : all) one->post([what, &loop = *one] { what(loop); });
}

Tenant* Front::find_tenant(uint32_t process) const {
  for (const auto& [name, slot] : slots_)
    for (Tenant* tenant : {slot.current.get(), slot.next.get()})
      if (tenant != nullptr && tenant->process == process) return tenant;
  for (const auto& tenant : old_)
    if (tenant->process == process) return tenant.get();
  return nullptr;
}

void Front::on_loop_ready(uint32_t process) {
  if (Tenant* tenant = find_tenant(process)) tenant->on_loop_ready();
}

void Front::on_loop_failed(uint32_t process, EndCause cause, const std::string& why) {
  if (Tenant* tenant = find_tenant(process)) tenant->fail(cause, why);
}

// There may be somebody in another one. It listens again in a second.
void Front::on_loop_full() {
  FrontContext::shared.admission.asked = false;
  in_all([](FrontLoop& loop) { loop.admission.help(); });
}

// To all loops: who takes the app's requests from now on.
void Front::show_current(const Slot& slot) {
  const uint32_t process = slot.current == nullptr ? 0 : slot.current->process;
  in_all([place = slot.app->place, process](FrontLoop& loop) { loop.set_current(place, process); });
}

Tenant* Front::tenant_of(const Slot& slot) const {
  Tenant* tenant = slot.current.get();
  return tenant != nullptr && tenant->ready() ? tenant : nullptr;
}

Front::Said Front::health(bool of_all) const {
  constexpr size_t kMostNamed = 32;
  size_t ready = 0, missing = 0;
  std::string names;
  for (const auto& [name, slot] : slots_) {
    if (slot.state != Slot::State::Here || slot.is_canary()) continue;
    if (tenant_of(slot) != nullptr)
      ++ready;
    else if (++missing <= kMostNamed)
      names += (missing == 1 ? "" : ", ") + name;
  }
  if (missing == 0) return {200, "ok\n"};
  if (missing > kMostNamed) names += " and " + std::to_string(missing - kMostNamed) + " more";
  bool good = !of_all && ready > 0;
  return {good ? 200 : 503, (good ? "ok, but not ready: " : "not ready: ") + names + "\n"};
}

bool Front::going_on() const {
  return std::any_of(
             slots_.begin(), slots_.end(),
             [](const auto& slot) { return slot.second.current != nullptr && slot.second.current->going_on() > 0; }) ||
         std::any_of(old_.begin(), old_.end(), [](const auto& tenant) { return tenant->going_on() > 0; });
}

// Each loop is asked, and waited for: it never waits for this one.
std::string Front::metrics_text() {
  std::map<std::string, AppMetrics> sums = metrics;
  ClientCounts clients;
  std::binary_semaphore answered{0};
  for (auto& one : all) {
    auto add = [&] {
      for (const auto& [name, counted] : one->metrics) sums[name].add(counted);
      for (size_t i = 0; i < clients.closed.size(); ++i) clients.closed[i] += one->admission.closed()[i];
      for (size_t i = 0; i < clients.tls.size(); ++i) clients.tls[i] += one->tls_counts[i];
      clients.http2.clients += one->http2_counts.clients;
      clients.http2.streams += one->http2_counts.streams;
      clients.http2.cut += one->http2_counts.cut;
    };
    if (one == all[0]) {
      add();
      continue;
    }
    one->post([&] {
      add();
      answered.release();
    });
    answered.acquire();
  }
  clients.open = FrontContext::shared.admission.open;
  clients.bytes = FrontContext::shared.admission.bytes;
  for (auto& [name, slot] : slots_) {
    AppMetrics& sum = sums[name];
    sum.running = slot.current == nullptr ? 0 : slot.current->load();
    sum.going_on = slot.current == nullptr ? 0 : slot.current->going_on();
    sum.log_dropped = log_of(*slot.app).dropped();
    if (ResponseCache* cache = slot.current == nullptr ? nullptr : slot.current->cache()) {
      const CacheCounts counts = cache->counts();
      sum.cached_bytes = counts.bytes;
      sum.cached_responses = counts.responses;
      sum.cache_evictions = counts.evictions;
    }
    sum.has_cache = slot.app->response_cache > 0;
    for (const auto& tenant : old_) {
      if (tenant->app.name != name) continue;
      sum.running += tenant->load();
      sum.going_on += tenant->going_on();
    }
    sum.revoked = slot.rollout.is_revoked(slot.rollout.newest());
    if (slot.puller != nullptr) sum.release = slot.current == nullptr ? Release{} : slot.current->release;
  }
  std::erase_if(sums, [&](const auto& sum) { return slots_.count(sum.first) == 0; });  // of apps that are no more
  std::vector<const App*> connecting;
  for (const auto& [name, slot] : slots_)
    if (has_outbound(options, *slot.app)) connecting.push_back(slot.app.get());
  return write_metrics(sums, clients) + write_outbound_metrics(kCounts, connecting);
}

// Also of the app's canary. What a process had that others follow is gone already.
Decider::Said Front::purge(std::string_view target) {
  const std::optional<PurgeRequest> asked = parse_purge(target);
  if (!asked) return {400, "expected /purge?app=NAME, or with &path=PATH, percent-encoded\n"};
  size_t caches = 0, purged = 0;
  for (const auto& [name, slot] : slots_) {
    if (slot.app->store() != asked->app || slot.app->response_cache == 0) continue;
    ++caches;
    if (slot.current != nullptr) purged += slot.current->cache()->purge(asked->path);
  }
  if (caches == 0) return {404, "no app of that name has a response cache\n"};
  return {200, std::to_string(purged) + (purged == 1 ? " response purged\n" : " responses purged\n")};
}

// JSON, a line for each app and each canary.
std::string Front::releases_text() {
  std::string text;
  for (const auto& [name, slot] : slots_) {
    const App* stable = slot.is_canary() ? served_->by_name(slot.app->canary_of) : nullptr;
    const char* state = tenant_of(slot) != nullptr ? "serves" : !slot.given_up.empty() ? "given up" : "is not ready";
    text += text.empty() ? "[{" : ",\n {";
    text += "\"app\":" + aotc::json_string(slot.app->store()) + ",\"state\":\"" + state + "\"";
    if (slot.current != nullptr) text += shown_release(slot.current->release);
    if (slot.is_canary())
      text += ",\"release\":\"canary\",\"requests\":" + std::to_string(slot.watch.canary().answers) +
              ",\"failed\":" + std::to_string(slot.watch.canary().failures) +
              ",\"p95_microseconds\":" + std::to_string(slot.watch.canary().quantile95());
    if (stable != nullptr) {
      const std::optional<aotc::ReleaseDocument>& document = slots_.at(stable->name).document;
      const uint64_t weight = document ? document->weight : stable->pull.follows() ? 0 : stable->canary.weight;
      text += ",\"weight\":" + percent_of(weight);
    }
    if (slot.document) text += ",\"document\":" + std::to_string(slot.document->sequence);
    const std::string& why = slot.given_up.empty() ? slot.refusal : slot.given_up;
    if (!why.empty()) text += ",\"why\":" + aotc::json_string(why);
    text += "}";
  }
  return text.empty() ? "[]\n" : text + "]\n";
}

void Front::start_next(Slot& slot) {
  slot.retry_at = 0;
  if (slot.app->pulled && slot.rollout.wanted().empty()) return;
  slot.changed = false;
  slot.check.reset();
  slot.next = std::make_unique<Tenant>(*this, slot.app, slot.rollout.wanted(), slot.lists);
}

void Front::on_ready(Tenant& tenant) {
  auto found = slots_.find(tenant.app.name);
  if (found == slots_.end() || found->second.next.get() != &tenant) return;
  Slot& slot = found->second;
  // A release that clients were led to once is not kept from them because what it needs has failed since.
  if (slot.app->health.empty() || (!tenant.release.empty() && tenant.release.index == slot.passed))
    return lead_to_next(slot);
  slot.check =
      std::make_unique<HealthCheck>(*all[0], tenant.process, *slot.app,
                                    [this](uint32_t process, const std::string& why) { on_health(process, why); });
}

void Front::on_health(uint32_t process, const std::string& why) {
  auto found = std::find_if(slots_.begin(), slots_.end(), [&](const auto& entry) {
    return entry.second.next != nullptr && entry.second.next->process == process;
  });
  if (found == slots_.end() || found->second.next->dead) return;
  auto& [name, slot] = *found;
  slot.check.reset();
  ++metrics[name].health_checks[why.empty() ? 0 : 1];
  slot.refusal = why;
  if (why.empty()) {
    slot.passed = slot.next->release.index;
    return lead_to_next(slot);
  }
  write_log("error", name, "no client is led to its process: " + why, shown_release(slot.next->release));
  const Release release = slot.next->release;
  on_next_failed(slot);
  drop_next(slot);
  if (slot.is_canary() && serves_another(slot, release))
    give_up(slot, release, 0, why);
  else if (slot.current == nullptr)
    try_again_later(slot);
}

// Another release goes on instead of it. When it is the same one, with what it was told before, nothing is known
// against that.
void Front::on_next_failed(Slot& slot) {
  const bool instead = serves_another(slot, slot.next->release);
  if (instead) keep(slot, slot.current->release);
  if (instead || slot.current == nullptr) on_death(slot, *slot.next, false);
}

bool Front::serves_another(const Slot& slot, const Release& release) {
  return slot.current != nullptr && !slot.current->release.is(release);
}

void Front::drop_next(Slot& slot) {
  if (slot.next == nullptr) return;
  slot.next->fail(EndCause::Error, "its process ended");
  old_.push_back(std::move(slot.next));
}

// What it has begun it ends.
void Front::retire_current(Slot& slot) {
  if (slot.current == nullptr) return;
  old_.push_back(std::move(slot.current));
  show_current(slot);
  old_.back()->drain();
}

// How it does beside the app that it is to be. One that another process is about to follow is not judged any more.
void Front::watch(Slot& slot) {
  auto stable = slots_.find(slot.app->canary_of);
  if (slot.current == nullptr || slot.next != nullptr) return;
  if (stable == slots_.end() || stable->second.current == nullptr) return;
  const Tenant &canary = *slot.current, &other = *stable->second.current;
  const CanaryLimits& limits = stable->second.app->canary_limits;
  slot.watch.see(canary.process, canary.answers(), other.process, other.answers(), limits);
  std::string why;
  const CanaryWatch::Verdict verdict = slot.watch.verdict(limits, why);
  if (verdict != CanaryWatch::Verdict::Well)
    give_up(slot, canary.release, verdict == CanaryWatch::Verdict::Errors ? 0 : 1, why);
}

// There is no canary until another release is wanted, or it is forgiven.
void Front::give_up(Slot& slot, Release release, size_t reason, const std::string& why) {
  slot.given_up = why;
  slot.given_up_index = release.index;
  slot.retry_at = 0;
  ++metrics[slot.app->name].canary_ends[reason];
  write_log("error", slot.app->name, "the canary is given up: " + why, shown_release(release));
  drop_next(slot);
  retire_current(slot);
  show_rules(slot);
}

void Front::try_again_later(Slot& slot) {
  slot.backoff = slot.backoff == 0 ? kSecond / 10 : std::min(slot.backoff * 2, kMaxBackoff);
  slot.retry_at = Loop::now() + slot.backoff;
}

void Front::lead_to_next(Slot& slot) {
  const bool before = slot.current != nullptr;
  if (before) {
    slot.watch = {};
    if (serves_another(slot, slot.next->release)) keep(slot, slot.current->release);
    old_.push_back(std::move(slot.current));
  }
  slot.current = std::move(slot.next);
  show_current(slot);
  show_rules(slot);
  if (before) old_.back()->drain();
  write_log("info", slot.app->name, "ready", shown_release(slot.current->release));
}

// So that there is something to go back to, after a restart too. A canary goes back to the app.
void Front::keep(Slot& slot, const Release& release) {
  if (release.empty() || slot.puller == nullptr || slot.rollout.is_revoked(release)) return;
  if (!slot.is_canary()) slot.rollout.set_good(release);
  slot.puller->keep(release);
}

void Front::on_release(const App& app, const Release& release, bool good) {
  Slot& slot = slots_.at(app.name);
  if (!asks_as_told(slot)) return;
  if (good && slot.is_canary()) return;
  if (good) return slot.rollout.set_good(release);
  const Release before = slot.rollout.newest();
  // So that the puller knows of every release that runs, whatever becomes of the next one.
  if (slot.current != nullptr && slot.current->ready() && !slot.current->release.is(release) &&
      !slot.current->release.is(slot.rollout.good()))
    keep(slot, slot.current->release);
  slot.rollout.set_newest(release);
  slot.none = 0;
  if (!release.is(before) || release.statement != before.statement)
    write_log("info", app.name, release.is(before) ? "signed anew" : "pulled", shown_release(release));
  // Restarts are to find a statement that has not expired.
  if (slot.current != nullptr && slot.current->release.is(release)) slot.current->release = release;
}

void Front::on_document(const App& app, const aotc::ReleaseDocument& document) {
  Slot& slot = slots_.at(app.name);
  if (!asks_as_told(slot)) return;
  const bool is_new = !slot.document || slot.document->sequence != document.sequence;
  slot.document = document;
  show_rules(slot);
  if (is_new)
    write_log("info", app.name, "follows a release document",
              ",\"document\":" + std::to_string(document.sequence) +
                  ",\"canary\":" + aotc::json_string(document.canary) + ",\"weight\":" + percent_of(document.weight));
}

// Those of an app's document, beside who is told apart how, which is the operator's; called when the app or its canary
// has another process, too. Nobody is led to another image than the document names.
void Front::show_rules(const Slot& of) {
  const std::string& name = of.is_canary() ? of.app->canary_of : of.app->name;
  const auto found = slots_.find(name), canary = slots_.find(name + kCanarySuffix);
  if (found == slots_.end() || canary == slots_.end() || !found->second.document) return;
  Slot& slot = found->second;
  if (!slot.app->canary_place) return;
  if (!is_promoted(slot, canary->second)) {
    CanaryRules& rules = slot.rules.emplace(slot.app->canary);
    const aotc::ReleaseDocument& document = *slot.document;
    rules.weight = 0;
    rules.headers.clear();
    rules.cookies.clear();
    if (canary->second.current != nullptr && canary->second.current->release.index == document.canary) {
      rules.weight = document.weight;
      rules.seed += '\0' + document.canary;
      for (const auto& [field, value] : document.headers) rules.headers.push_back({field, value});
      for (const auto& [cookie, value] : document.cookies) rules.cookies.push_back({cookie, value});
    }
  }
  if (slot.rules)
    in_all([place = slot.app->place, rules = *slot.rules](FrontLoop& loop) { loop.canary_rules[place] = rules; });
}

// From `aotc promote` until the app's own process has the image, or cannot have it: whoever has the canary keeps it.
bool Front::is_promoted(const Slot& stable, const Slot& canary) {
  if (!stable.document || !stable.document->canary.empty() || !stable.rules || canary.current == nullptr) return false;
  const std::string& index = stable.document->stable;
  if (canary.current->release.index != index) return false;
  if (stable.current != nullptr && stable.current->release.index == index) return false;
  return stable.rollout.newest().index != index || stable.rollout.wanted().index == index;
}

void Front::on_none(const App& app, uint64_t sequence) {
  Slot& slot = slots_.at(app.name);
  if (!asks_as_told(slot)) return;
  slot.none = sequence;
  end_canary(slot);
}

void Front::end_canary(Slot& slot) {
  auto stable = slots_.find(slot.app->canary_of);
  if (slot.none == 0 || stable == slots_.end()) return;
  const Slot& other = stable->second;
  if (!other.document || other.document->sequence < slot.none || is_promoted(other, slot)) return;
  const bool served = slot.current != nullptr;
  slot.none = 0;
  slot.rollout = {};
  slot.forgive();
  drop_next(slot);
  retire_current(slot);
  show_rules(slot);
  if (served) write_log("info", slot.app->name, "there is no canary any more");
}

void Front::on_lists(const App& app, const ObeyedLists& lists) {
  Slot& slot = slots_.at(app.name);
  if (!asks_as_told(slot) || lists == slot.lists) return;
  slot.lists = lists;
  ++metrics[app.name].revocations[0];
  write_log("info", app.name, "obeys its revocations");
}

// Whatever runs of it ends now, with the requests that it has: they would be answered by what nobody wants to run.
void Front::on_revoked(const App& app, const std::string& index, const Revocation& revocation) {
  Slot& slot = slots_.at(app.name);
  if (!asks_as_told(slot) || !slot.rollout.revoke(index, revocation.through)) return;
  Release release;
  release.index = index;
  bool left = !slot.rollout.wanted().empty();
  write_log("error", app.name, (left ? "revoked: " : "revoked, and nothing else may run: ") + revocation.reason,
            shown_release(release));
  for (std::unique_ptr<Tenant>* tenant : {&slot.current, &slot.next})
    if (*tenant != nullptr && slot.rollout.is_revoked((*tenant)->release)) old_.push_back(std::move(*tenant));
  show_current(slot);
  for (auto& tenant : old_)
    if (tenant->app.name == app.name && slot.rollout.is_revoked(tenant->release))
      tenant->fail(EndCause::Error, revocation.reason);
  slot.retry_at = slot.backoff = 0;
}

void Front::on_death(Slot& slot, const Tenant& tenant, bool was_ready) {
  if (tenant.release.empty() || slot.puller == nullptr || !slot.rollout.died(tenant.release, was_ready, Loop::now()))
    return;
  ++metrics[slot.app->name].rollbacks;
  write_log("error", slot.app->name, was_ready ? "crashes in a loop: goes back" : "cannot be run: goes back",
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
  for (auto& [name, slot] : slots_) {
    if (slot.puller != nullptr && slot.puller->process == process) {
      slot.puller->on_ended(how, WIFEXITED(status) && WEXITSTATUS(status) == 0);
      return renew_puller(slot);
    }
    bool current = slot.current != nullptr && slot.current->process == process;
    if (!current && (slot.next == nullptr || slot.next->process != process)) continue;
    std::unique_ptr<Tenant>& tenant = current ? slot.current : slot.next;
    tenant->on_events(EPOLLIN);  // its last words
    write_log("error", name, "its process ended: " + how, shown_release(tenant->release));
    tenant->fail(EndCause::Error, "its process ended");
    const Release release = tenant->release;
    if (current)
      on_death(slot, *tenant, true);
    else
      on_next_failed(slot);
    remove(std::move(tenant));
    if (!current && slot.is_canary() && serves_another(slot, release))
      return give_up(slot, release, 2, "its process ended: " + how);
    if (slot.next != nullptr || (!current && slot.current != nullptr)) return;
    ++metrics[name].restarts;
    slot.refusal.clear();
    if (!slot.is_canary()) return try_again_later(slot);
    slot.deaths.push_back(Loop::now());
    while (slot.deaths.back() - slot.deaths.front() > Rollout::kDeathTime) slot.deaths.pop_front();
    if (slot.deaths.size() >= Rollout::kDeaths)
      give_up(slot, release, 2, "its process has ended " + std::to_string(slot.deaths.size()) + " times in a minute");
    else
      try_again_later(slot);
    return;
  }
}

void Front::remove(std::unique_ptr<Tenant> tenant) {
  in_all([process = tenant->process](FrontLoop& loop) { loop.remove_tenant(process); });
  removed_.push_back(std::move(tenant));
}

// One that has nothing to do any more, or must not.
bool Front::remove_old(uint32_t process) {
  auto it = std::find_if(old_.begin(), old_.end(), [&](const auto& tenant) { return tenant->process == process; });
  if (it == old_.end()) return false;
  (*it)->fail(EndCause::Error, "its process ended");
  remove(std::move(*it));
  old_.erase(it);
  return true;
}

// There is no process: that is not the release's fault.
void Front::on_not_started(uint32_t process, const std::string& why) {
  if (remove_old(process)) return;
  for (auto& [name, slot] : slots_) {
    bool puller = slot.puller != nullptr && slot.puller->process == process;
    if (!puller && (slot.next == nullptr || slot.next->process != process)) continue;
    write_log("error", name, std::string("cannot start its ") + (puller ? "puller: " : "process: ") + why);
    if (puller) return slot.puller->stop();
    slot.next->dead = true;
    remove(std::move(slot.next));
    slot.retry_at = Loop::now() + kSecond;
  }
}

void Front::reload() {
  if (draining_) return;
  std::shared_ptr<const TlsConfig> tls;
  std::string error;
  if (certificates_.complete(served_->certificates, tls, error)) {
    if (tls != nullptr) in_all([tls](FrontLoop& loop) { loop.tls = tls; });
    write_log(tls != nullptr ? "info" : "error", "",
              tls != nullptr ? "has read its certificates" : "goes on with its certificates: " + error);
  }
  for (auto& [name, slot] : slots_) {
    if (slot.state == Slot::State::Leaving) continue;
    slot.rollout.forgive();
    slot.forgive();
    if (slot.puller != nullptr) slot.puller->look_now();
    if (slot.changed) drop_next(slot);
    if (slot.next != nullptr || (slot.puller != nullptr && !slot.changed && slot.app->values.empty())) continue;
    slot.passed.clear();  // with what it was told before
    start_next(slot);
  }
}

// Of an app that was there before: what runs goes on until the next one is ready.
void Front::change(Slot& slot, std::shared_ptr<const App> app) {
  if (slot.state == Slot::State::Leaving) slot.state = Slot::State::Here;
  const App& before = *slot.app;
  const bool other_image = app->pulled && (!before.pulled || before.artifact != app->artifact);
  slot.changed |= before.said != app->said;
  if (other_image || !app->pulled) {
    slot.rollout = {};
    slot.lists = {};
    slot.document.reset();
    slot.rules.reset();
    slot.passed.clear();
  }
  metrics[app->name].pulled = app->pulled;
  slot.app = std::move(app);
  if (slot.changed) slot.backoff = 0;
  if (slot.puller == nullptr && slot.app->pulled)
    slot.puller = std::make_unique<PullerLink>(*this, slot.app);
  else if (slot.puller != nullptr && slot.changed)
    renew_puller(slot);
}

// It may still do what the app was told before.
bool Front::asks_as_told(const Slot& slot) { return slot.puller != nullptr && slot.puller->app.said == slot.app->said; }

// It asks as the app was told: once it has ended another one takes its place.
void Front::renew_puller(Slot& slot) {
  if (asks_as_told(slot) && slot.app->pulled) return;
  if (slot.puller->process != 0) return tell({.kind = Control::Kill, .process = slot.puller->process});
  slot.puller = slot.app->pulled ? std::make_unique<PullerLink>(*this, slot.app) : nullptr;
}

// From the supervisor, which has checked it.
void Front::take_served(const std::vector<int>& descriptors) {
  for (int fd : descriptors) {
    served_ = options_of(unpacked(fd)).served;
    ::close(fd);
  }
  for (auto& [name, slot] : slots_)
    if (served_->by_name(name) == nullptr) slot.state = Slot::State::Leaving;
  for (const App& app : served_->apps) {
    std::shared_ptr<const App> shared(served_, &app);
    auto found = slots_.find(app.name);
    if (found == slots_.end())
      open_slot(std::move(shared), Slot::State::Arriving);
    else
      change(found->second, std::move(shared));
  }
  to_lead_ = true;
}

// Whether it has what it was asked for last, or will not get it soon.
bool Front::is_settled(const Slot& slot) const {
  if (slot.state == Slot::State::Leaving) return true;
  if (slot.next != nullptr) return false;
  if (slot.is_canary() && slot.app->pulled && slot.rollout.wanted().empty()) return true;  // there may be none
  return slot.current != nullptr || slot.backoff != 0 || !slot.given_up.empty() ||
         (slot.puller != nullptr && slot.puller->failed());
}

// All that is new is ready, or has failed: requests go where they are to go now, and what nobody wants any more ends
// with its last one.
void Front::lead_clients() {
  if (!to_lead_ || draining_) return;
  if (!std::all_of(slots_.begin(), slots_.end(), [&](const auto& entry) { return is_settled(entry.second); })) return;
  to_lead_ = false;
  in_all([served = served_](FrontLoop& loop) {
    loop.served = served;
    loop.canary_rules.clear();
  });
  for (const auto& [name, slot] : slots_)
    if (!slot.is_canary()) show_rules(slot);
  for (auto it = slots_.begin(); it != slots_.end();) {
    Slot& slot = it->second;
    if (slot.state != Slot::State::Leaving) {
      slot.state = Slot::State::Here;
      ++it;
      continue;
    }
    if (slot.puller != nullptr && slot.puller->process != 0)
      tell({.kind = Control::Kill, .process = slot.puller->process});
    drop_next(slot);
    retire_current(slot);
    it = slots_.erase(it);
  }
  // Said by the last loop that has heard of it.
  const size_t apps = served_->apps.size();
  in_all([apps, left = std::make_shared<std::atomic<size_t>>(all.size())](FrontLoop&) {
    if (--*left == 0)
      write_log("info", "", "serves what its file says: " + std::to_string(apps) + (apps == 1 ? " app" : " apps"));
  });
}

void Front::on_message(const ControlMessage& message, const std::vector<int>& descriptors) {
  switch (message.kind) {
    case Control::Started:
      return on_started(message, descriptors);
    case Control::NotStarted:
      return on_not_started(message.process, text_of(message.text));
    case Control::Ended:
      return on_ended(message.process, message.value, text_of(message.text));
    case Control::Certificate:
      return certificates_.take(served_->certificates, message, descriptors);
    case Control::Served:
      return take_served(descriptors);
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
  if (draining_) return;
  draining_ = true;
  drain_until_ = Loop::now() + kFrontDrainTime;
  write_log("info", "", "draining");
  in_all([this](FrontLoop& loop) {
    loop.drain();
    ++drained_;
  });
}

void Front::every_second() {
  for (auto& [name, log] : logs_) log->every_second();
  for (auto& [name, slot] : slots_) {
    if (slot.current != nullptr && slot.current->ready()) slot.backoff = 0;
    for (Tenant* tenant : {slot.current.get(), slot.next.get()})
      if (tenant != nullptr) tenant->every_second();
    if (slot.check != nullptr) slot.check->check_time(now);
    if (slot.is_canary()) watch(slot);
    if (slot.is_canary()) end_canary(slot);
    if (slot.puller == nullptr) continue;
    if (!slot.is_canary() && slot.current != nullptr && slot.current->answered() >= Rollout::kProven &&
        !slot.current->release.is(slot.rollout.good()))
      keep(slot, slot.current->release);
  }
  for (auto& tenant : old_) tenant->every_second();
}

// No loop has clients, nor gets any more.
bool Front::is_empty() const {
  const AdmissionTotals& totals = FrontContext::shared.admission;
  return drained_ == all.size() && totals.open == 0 && totals.operators == 0;
}

int Front::run() {
  int fd = kFirstListener;
  for (const ListenAddress& listen : listen_addresses(options))
    for (uint64_t i = 0; i < listen.sockets; ++i) all[i]->listen(fd++, listen.kind);
  begun_ = true;
  begun_.notify_all();
  loop.add(control_.fd(), EPOLLIN, this);
  for (auto& [name, slot] : slots_) start_next(slot);

  bool started = false;
  for (uint64_t next_second = 0;;) {
    now = Loop::now();
    if (now >= next_second) {
      every_second();
      next_second = now + kSecond;
    }
    int wait = 1000;
    for (auto& [name, slot] : slots_) {
      if (slot.state == Slot::State::Leaving) continue;
      // An app from a registry runs what is wanted now.
      const Release& wanted = slot.rollout.wanted();
      if (!slot.given_up.empty() && slot.app->pulled && wanted.index != slot.given_up_index) slot.forgive();
      if (!draining_ && !wanted.empty() && slot.next == nullptr && slot.retry_at == 0 && slot.given_up.empty() &&
          (slot.current == nullptr || !slot.current->release.is(wanted)))
        start_next(slot);
      if (slot.puller != nullptr && slot.puller->process == 0 && !draining_) {
        if (slot.puller->retry_at <= now) slot.puller->start(slot.rollout.newest());
        wait = std::min(wait, 100);
      }
      if (slot.retry_at == 0) continue;
      if (!started && !slot.app->pulled && !slot.is_canary() && slot.refusal.empty())
        return 1;  // what is wrong at the start will not get better
      if (slot.retry_at <= now && slot.next == nullptr) start_next(slot);
      wait = 100;
    }
    if (!flush_control()) return 1;
    all[0]->turn(wait);
    now = Loop::now();
    removed_.clear();
    lead_clients();
    bool up = true;
    for (const auto& [name, slot] : slots_) up &= slot.app->pulled || slot.is_canary() || tenant_of(slot) != nullptr;
    if (up && !started) tell({.kind = Control::Up});
    started |= up;
    if (draining_ && ((is_empty() && !going_on()) || Loop::now() > drain_until_)) break;
  }
  write_log("info", "", "stopped");
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
  // One heap for all threads: to give back memory of another the C library would open a file.
  mallopt(M_ARENA_MAX, 1);
  std::string error;
  std::shared_ptr<const TlsConfig> tls;
  if (!options.served->certificates.empty()) {
    tls = read_certificates(options.served->certificates, error);
    if (tls == nullptr) {
      write_log("error", "", error);
      return 1;
    }
  }
  if (!options.canary_key.empty() && !read_file(options.canary_key, kMaxCanaryKey, options.canary_key, error)) {
    write_log("error", "", "--canary-key: " + error);
    return 1;
  }
  Front front(std::move(options), tls, kControl);
  tzset();  // the C library asks for its file even to show UTC
  aotc_grants grants = {};
  grants.parent = getppid();
  grants.uid = grants.gid = user;
  grants.threads = static_cast<unsigned>(front.loops());
  const char* failed = aotc_sandbox_enter(AOTC_FRONT_STARTING, &grants);
  if (failed == nullptr) {
    front.start_threads();
    failed = aotc_sandbox_enter(AOTC_FRONT, nullptr);
  }
  if (failed != nullptr) {
    write_log("error", "", std::string("cannot confine the front: ") + failed + ": " + std::strerror(errno));
    std::_Exit(1);
  }
  // The loops go with the process.
  std::_Exit(front.run());
}
