// admission.cpp - see admission.h.
#include "admission.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "loop.h"

namespace {

constexpr size_t kMostOperators = 64;
constexpr size_t kShare = 32;  // of the places: the part that an address has unless --max-per-address says otherwise
constexpr size_t kFreePlaces = 64, kFreeBudget = 16;  // the parts that are made free at once

}  // namespace

void AdmissionTotals::set_places(const Options& options, size_t most) {
  places = std::min<size_t>(most, options.max_clients);
  places_per_address = options.max_per_address != 0 ? options.max_per_address : std::max<size_t>(places / kShare, 1);
}

std::optional<Closed> Admission::take_place(const ClientAddress& from) {
  const std::lock_guard lock(totals_.mutex);
  auto found = totals_.addresses.find(from.group());
  if (found != totals_.addresses.end() && found->second >= totals_.places_per_address && !is_shared(from))
    return Closed::Address;
  if (totals_.open >= totals_.places) return Closed::Full;
  ++totals_.open;
  ++totals_.addresses[from.group()];
  return std::nullopt;
}

bool Admission::is_shared(const ClientAddress& address) const {
  return any_contains(options_.shared_addresses, address) || any_contains(options_.proxies, address);
}

std::optional<Closed> Admission::enter(const ClientAddress& from, bool admin) {
  if (admin) {
    if (totals_.operators == kMostOperators) return Closed::Full;
    ++totals_.operators;
    return std::nullopt;
  }
  std::optional<Closed> refused = take_place(from);
  if (refused == Closed::Full) {
    make_room(Closed::Full);
    refused = take_place(from);
  }
  if (refused) ++closed_[static_cast<size_t>(*refused)];
  return refused;
}

void Admission::leave(Guest& guest, const ClientAddress& from, Closed why) {
  guests_.erase(guest.place_);
  if (guest.admin()) {
    --totals_.operators;
    return;
  }
  ++closed_[static_cast<size_t>(why)];
  const std::lock_guard lock(totals_.mutex);
  --totals_.open;
  auto found = totals_.addresses.find(from.group());
  if (--found->second == 0) totals_.addresses.erase(found);
}

bool Admission::hand_over(Guest& guest, const ClientAddress& from, const ClientAddress& to) {
  guests_.erase(guest.place_);
  const std::lock_guard lock(totals_.mutex);
  auto found = totals_.addresses.find(from.group());
  if (--found->second == 0) totals_.addresses.erase(found);
  size_t& there = totals_.addresses[to.group()];
  if (there < totals_.places_per_address || is_shared(to)) return ++there, true;
  --totals_.open;
  ++closed_[static_cast<size_t>(Closed::Address)];
  return false;
}

void Admission::make_room(Closed why) {
  struct Candidate {
    Guest* guest;
    double merit;
  };
  const uint64_t now = Loop::now();
  const bool memory = why == Closed::Memory;
  const uint64_t budget = this->budget() - this->budget() / kFreeBudget;
  const size_t places = totals_.places - std::max<size_t>(totals_.places / kFreePlaces, 1);
  // Whoever has no more than the same part of the budget for everybody is not what fills it.
  const uint64_t share = budget / std::max<size_t>(totals_.open, 1);
  const uint64_t fair = share * guests_.size();
  std::vector<Candidate> candidates;
  for (Guest* guest : guests_) {
    if (guest->admin()) continue;
    std::optional<double> merit = guest->merit(now);
    if (memory ? guest->held() > share : merit.has_value())
      candidates.push_back({guest, merit.value_or(std::numeric_limits<double>::infinity())});
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.merit != b.merit ? a.merit < b.merit : a.guest->held() > b.guest->held();
  });
  for (const Candidate& candidate : candidates) {
    if (memory ? totals_.bytes <= budget || bytes_ <= fair : totals_.open <= places) break;
    candidate.guest->put_out(why);
  }
}
