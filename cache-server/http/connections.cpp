// connections.cpp - see connections.h.
#include "connections.h"

#include <algorithm>
#include <vector>

namespace aotc::server {

namespace {

constexpr std::chrono::seconds kPatience(1);  // what nobody has to leave for
constexpr unsigned kShare = 64;               // the part of the slots that is made free at once

}  // namespace

void Connections::remove(Count& count, const std::string& name) {
  auto found = count.find(name);
  if (found != count.end() && --found->second == 0) count.erase(found);
}

// Asks those that have been waited for longest to leave. They do so soon, so others need not wait for it; false when
// there is none.
bool Connections::make_room(Closed reason) {
  unsigned share = limits_.all / kShare + 1;
  if (leaving_ >= share) return false;
  Clock::rep latest = (Clock::now() - kPatience).time_since_epoch().count();
  std::vector<std::pair<Clock::rep, Slot*>> slow;
  for (Slot* slot : slots_)
    if (Clock::rep since = slot->behind_since_;
        since <= latest && slot->leave_ == Closed::Done && (reason == Closed::Full || slot->held_ > 0))
      slow.emplace_back(since, slot);
  size_t count = std::min<size_t>(slow.size(), share - leaving_);
  std::partial_sort(slow.begin(), slow.begin() + static_cast<std::ptrdiff_t>(count), slow.end());
  for (size_t i = 0; i < count; ++i) slow[i].second->leave_ = reason;
  leaving_ += static_cast<unsigned>(count);
  return count > 0;
}

std::unique_ptr<Connections::Slot> Connections::take_slot(const std::string& address) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = addresses_.find(address);
  Closed refused = Closed::Done;
  if (found != addresses_.end() && found->second >= limits_.per_address)
    refused = Closed::Address;
  else if (slots_.size() - leaving_ >= limits_.all && !make_room(Closed::Full))
    refused = Closed::Full;
  if (refused != Closed::Done) {
    ++counters_.closed[refused];
    return nullptr;
  }
  ++addresses_[address];
  ++counters_.connections;
  std::unique_ptr<Slot> slot(new Slot(*this, address));
  slots_.insert(slot.get());
  return slot;
}

bool Connections::Slot::take_tenant(const std::string& tenant) {
  if (tenant == tenant_) return true;
  std::lock_guard<std::mutex> lock(connections_.mutex_);
  if (!tenant.empty()) {
    unsigned& count = connections_.tenants_[tenant];
    if (count >= connections_.limits_.per_tenant) {
      if (count == 0) connections_.tenants_.erase(tenant);
      return false;
    }
    ++count;
  }
  if (!tenant_.empty()) remove(connections_.tenants_, tenant_);
  tenant_ = tenant;
  return true;
}

bool Connections::Slot::hold(uint64_t bytes) {
  uint64_t before = held_;
  std::atomic<uint64_t>& all = connections_.memory_;
  if (bytes > before && all + (bytes - before) > connections_.limits_.memory) {
    std::lock_guard<std::mutex> lock(connections_.mutex_);
    if (!connections_.make_room(Closed::Memory)) return false;
  }
  held_ = bytes;
  all += bytes - before;
  return true;
}

Connections::Slot::~Slot() {
  hold(0);
  std::lock_guard<std::mutex> lock(connections_.mutex_);
  connections_.slots_.erase(this);
  if (leave_ != Closed::Done) --connections_.leaving_;
  remove(connections_.addresses_, address_);
  if (!tenant_.empty()) remove(connections_.tenants_, tenant_);
  --connections_.counters_.connections;
  ++connections_.counters_.closed[reason_];
}

}  // namespace aotc::server
