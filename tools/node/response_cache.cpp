// response_cache.cpp - see response_cache.h.
#include "response_cache.h"

#include <algorithm>
#include <utility>

namespace {

constexpr size_t kEntryMemory = 256;  // of a key and of what is kept of it, about, besides their bytes

// A response, and its bytes in the budget until nobody has it any more.
struct Charged {
  Charged(std::shared_ptr<const StoredResponse> r, size_t n, CacheBudget& b)
      : response(std::move(r)), bytes(n), budget(b) {}
  ~Charged() { budget.held -= bytes; }
  const std::shared_ptr<const StoredResponse> response;
  const size_t bytes;
  CacheBudget& budget;
};

}  // namespace

ResponseCache::Entry& ResponseCache::entry_of(const std::string& key) {
  auto [at, is_new] = entries_.try_emplace(key);
  at->second.key = &at->first;
  return at->second;
}

ResponseCache::Entry* ResponseCache::find_entry(const std::string& key) {
  auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

ResponseCache::Flight* ResponseCache::leader_of(const Entry& entry, std::string_view variant, bool is_personal) const {
  for (const auto& flight : entry.flights)
    if (flight->leads && !flight->is_void && flight->is_personal == is_personal && flight->variant == variant)
      return flight.get();
  return nullptr;
}

ResponseCache::Found ResponseCache::find(const CacheRequest& request, std::string_view head, uint64_t now,
                                         std::function<void()> wait) {
  using Use = StoredResponse::Use;
  const std::lock_guard lock(mutex_);
  Found found;
  bool passes = closed_ || request.is_head || request.ranged || request.no_store;
  std::string variant;
  Flight* leader = nullptr;
  Use use = Use::None;
  if (Entry* entry = find_entry(request.key)) {
    const Vary* vary = nullptr;  // of the newest
    for (auto at = entry->kept.rbegin(); at != entry->kept.rend() && found.stored == nullptr; ++at) {
      const Kept& kept = **at;
      if (kept.response == nullptr) {
        passes |= now < kept.passes_until && kept.is_personal == request.is_personal();
        continue;
      }
      found.varies = true;
      if (vary == nullptr) vary = &kept.response->freshness.vary;
      if (!kept.response->may_answer(request) || !matches(kept.response->freshness.vary, head)) continue;
      found.stored = kept.response;
      order_.splice(order_.begin(), order_, *at);
    }
    if (found.stored != nullptr) use = found.stored->use(now);
    if (use != Use::Fresh) {
      if (vary != nullptr)
        for (const auto& [name, value] : *vary) variant.append(varied_value(head, name)).append("\n");
      leader = leader_of(*entry, variant, request.is_personal());
    }
  }
  const std::shared_ptr<const StoredResponse> stale = found.stored;
  if (use == Use::None) found.stored = nullptr;
  const bool refreshes = use == Use::WhileRevalidating && leader == nullptr && !passes;
  if (use == Use::Fresh || (use == Use::WhileRevalidating && !refreshes)) {
    found.then = Then::Answer;
    return found;
  }
  if (leader != nullptr && wait != nullptr && !passes && leader->waiting.size() < kMostWaiting) {
    leader->waiting.push_back(std::move(wait));
    found.then = Then::Wait;
    return found;
  }
  if (refreshes) found.then = Then::Refresh;
  if (closed_ || request.is_head || request.no_store) return found;
  found.flight = std::make_shared<Flight>(Flight{.key = request.key,
                                                 .variant = variant,
                                                 .replaces = stale,
                                                 .leads = !passes && (wait != nullptr || refreshes),
                                                 .is_personal = request.is_personal(),
                                                 .waiting = {}});
  entry_of(request.key).flights.push_back(found.flight);
  return found;
}

void ResponseCache::end(const std::shared_ptr<Flight>& flight, Outcome outcome,
                        std::shared_ptr<const StoredResponse> stored, uint64_t now) {
  std::vector<std::function<void()>> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(flight->waiting);
    Entry* entry = find_entry(flight->key);
    if (entry == nullptr) return;
    std::erase(entry->flights, flight);
    if (!closed_ && !flight->is_void && outcome != Outcome::Failed) {
      const bool replaces = outcome == Outcome::Kept;
      // It goes for what it is newer than.
      const std::vector<Order::iterator> before = entry->kept;
      for (const Order::iterator kept : before)
        if (kept->response == nullptr ? kept->is_personal == flight->is_personal
                                      : kept->response == flight->replaces ||
                                            (replaces && kept->response->freshness.vary == stored->freshness.vary))
          drop(kept);
      const bool is_kept = replaces && keep(*entry, {.entry = entry, .response = std::move(stored)});
      if (!is_kept)
        keep(*entry,
             {.entry = entry, .response = nullptr, .passes_until = now + kPassing, .is_personal = flight->is_personal});
    }
    forget_if_empty(*entry);
  }
  for (const auto& go_on : waiting) go_on();
}

bool ResponseCache::keep(Entry& entry, Kept kept) {
  kept.bytes = kEntryMemory + entry.key->size() + (kept.response != nullptr ? kept.response->held() : 0);
  if (kept.bytes > most_ / kShare) return false;
  if (entry.kept.size() == kMostVariants) drop(entry.kept.front());
  while (!order_.empty() && bytes_ + kept.bytes > most_) {
    const Order::iterator last = std::prev(order_.end());
    Entry& of = *last->entry;
    evictions_ += last->response != nullptr;
    drop(last);
    if (&of != &entry) forget_if_empty(of);
  }
  // Others have what is left.
  if (budget_.held.fetch_add(kept.bytes) + kept.bytes > budget_.most) {
    budget_.held -= kept.bytes;
    return false;
  }
  const auto charged = std::make_shared<const Charged>(kept.response, kept.bytes, budget_);
  kept.charge = charged;
  if (kept.response != nullptr) kept.response = {charged, charged->response.get()};
  bytes_ += kept.bytes;
  responses_ += kept.response != nullptr;
  order_.push_front(std::move(kept));
  entry.kept.push_back(order_.begin());
  return true;
}

void ResponseCache::drop(Order::iterator kept) {
  bytes_ -= kept->bytes;
  responses_ -= kept->response != nullptr;
  std::erase(kept->entry->kept, kept);
  order_.erase(kept);
}

void ResponseCache::drop_all(Entry& entry) {
  while (!entry.kept.empty()) drop(entry.kept.back());
  for (const auto& flight : entry.flights) flight->is_void = true;
}

void ResponseCache::forget_if_empty(Entry& entry) {
  if (entry.kept.empty() && entry.flights.empty()) entries_.erase(entries_.find(*entry.key));
}

void ResponseCache::invalidate(const std::string& key) {
  const std::lock_guard lock(mutex_);
  Entry* entry = find_entry(key);
  if (entry == nullptr) return;
  drop_all(*entry);
  forget_if_empty(*entry);
}

size_t ResponseCache::purge(std::string_view target) {
  const std::lock_guard lock(mutex_);
  const uint64_t before = responses_;
  const bool prefix = target.ends_with('*');
  if (prefix) target.remove_suffix(1);
  for (auto at = entries_.begin(); at != entries_.end();) {
    Entry& entry = (at++)->second;
    std::string_view its = *entry.key;  // host, target, more
    its.remove_prefix(its.find('\n') + 1);
    its = its.substr(0, its.find('\n'));
    if (!target.empty() && (prefix ? !its.starts_with(target) : its != target)) continue;
    drop_all(entry);
    forget_if_empty(entry);
  }
  return before - responses_;
}

void ResponseCache::close() {
  purge({});
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const auto& [key, entry] : entries_)
    for (const auto& flight : entry.flights) flight->is_void = true;
}

CacheCounts ResponseCache::counts() const {
  const std::lock_guard lock(mutex_);
  return {bytes_, responses_, evictions_};
}
