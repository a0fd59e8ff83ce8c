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

void Admission::set_places(size_t places) {
  places_ = std::min<size_t>(places, options_.max_clients);
  places_per_address_ =
      options_.max_per_address != 0 ? options_.max_per_address : std::max<size_t>(places_ / kShare, 1);
}

bool Admission::has_place(const ClientAddress& from) const {
  if (any_contains(options_.shared_addresses, from)) return true;
  auto found = addresses_.find(from.group());
  return found == addresses_.end() || found->second < places_per_address_;
}

std::optional<Closed> Admission::enter(const ClientAddress& from, bool admin) {
  if (admin) {
    if (operators_ == kMostOperators) return Closed::Full;
    ++operators_;
    return std::nullopt;
  }
  std::optional<Closed> refused;
  if (!has_place(from)) refused = Closed::Address;
  if (!refused && counts_.open >= places_) make_room(Closed::Full);
  if (!refused && counts_.open >= places_) refused = Closed::Full;
  if (refused) {
    ++counts_.closed[static_cast<size_t>(*refused)];
    return refused;
  }
  ++counts_.open;
  ++addresses_[from.group()];
  return std::nullopt;
}

void Admission::leave(Guest& guest, const ClientAddress& from, Closed why) {
  guests_.erase(guest.place_);
  if (guest.admin()) {
    --operators_;
    return;
  }
  --counts_.open;
  ++counts_.closed[static_cast<size_t>(why)];
  auto found = addresses_.find(from.group());
  if (--found->second == 0) addresses_.erase(found);
}

void Admission::make_room(Closed why) {
  struct Candidate {
    Guest* guest;
    double merit;
  };
  const uint64_t now = Loop::now();
  const bool memory = why == Closed::Memory;
  const uint64_t budget = options_.front_memory - options_.front_memory / kFreeBudget;
  const size_t places = places_ - std::max<size_t>(places_ / kFreePlaces, 1);
  // Whoever has no more than the same part of the budget for everybody is not what fills it.
  const uint64_t share = budget / std::max<size_t>(counts_.open, 1);
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
    if (memory ? counts_.bytes <= budget : counts_.open <= places) break;
    candidate.guest->put_out(why);
  }
}
