// admission.h - who may be a client of the front, and who has to leave for others.
//
// A client costs a place and the bytes in its buffers. An address gets its share of the places and no more. When all
// are taken, or the buffers hold more than the budget, clients leave until there is some room again: first those that
// were waited for longest for the least (Pace::merit), so that whoever wants to keep others out has to work as much as
// they do. A client that waits for us is never put out for a place, and last of all for its bytes.
//
// Those who listen to the operator's address have places of their own.
//
// Each loop of the front has an Admission, with its clients; the places, the bytes and the addresses are everybody's.
// Who has to leave is chosen among the clients of one loop. For their bytes they leave where these are more than as
// many clients may have: there is such a loop when there are too many in all, and it is asked.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>

#include "address.h"
#include "metrics.h"
#include "options.h"

struct AdmissionTotals {
  // `places` as the process's limit on descriptors allows.
  void set_places(const Options& options, size_t places);
  size_t places = 1000, places_per_address = 1000;
  std::atomic<uint64_t> open = 0, bytes = 0;  // clients; in their buffers
  std::atomic<size_t> operators = 0;
  const std::atomic<uint64_t>* cached = nullptr;  // bytes that are not for clients
  std::atomic<bool> asked = false;                // all loops, to look whether somebody has to go
  std::mutex mutex;
  std::map<ClientAddress, size_t> addresses;  // under the mutex; sorted: the keys are strangers'
};

class Admission {
 public:
  // A client, as far as it matters here.
  class Guest {
   public:
    virtual bool admin() const = 0;
    virtual size_t held() const = 0;
    virtual std::optional<double> merit(uint64_t now) const = 0;  // none: it waits for us
    virtual void put_out(Closed why) = 0;

   protected:
    ~Guest() = default;

   private:
    friend class Admission;
    std::list<Guest*>::iterator place_;
  };
  Admission(const Options& options, AdmissionTotals& totals) : options_(options), totals_(totals) {}

  // Whether one more from there gets a place, until it leaves; otherwise why not.
  std::optional<Closed> enter(const ClientAddress& from, bool admin);
  void add(Guest& guest) { guest.place_ = guests_.insert(guests_.end(), &guest); }
  void leave(Guest& guest, const ClientAddress& from, Closed why);
  // Whom it comes from has turned out: somebody else takes its place. False: there are enough from there, and it has
  // left.
  bool hand_over(Guest& guest, const ClientAddress& from, const ClientAddress& to);
  // Bytes that a client's buffers have grown by.
  void account(ptrdiff_t bytes) {
    totals_.bytes += static_cast<uint64_t>(bytes);
    bytes_ += static_cast<uint64_t>(bytes);
  }
  // To be called where no client is at work. False when the other loops have to be asked.
  bool keep_budget() {
    if (totals_.bytes > budget()) make_room(Closed::Memory);
    return totals_.bytes <= budget() || totals_.asked.exchange(true);
  }
  // Another loop has asked, since too much was left there when everybody had gone who can.
  void help() {
    if (totals_.open >= totals_.places) make_room(Closed::Full);
    if (totals_.bytes > budget()) make_room(Closed::Memory);
  }
  bool is_shared(const ClientAddress& address) const;  // has no limits of its own
  const ClosedCounts& closed() const { return closed_; }

 private:
  std::optional<Closed> take_place(const ClientAddress& from);
  void make_room(Closed why);

  uint64_t budget() const { return options_.front_memory - (totals_.cached != nullptr ? totals_.cached->load() : 0); }

  const Options& options_;
  AdmissionTotals& totals_;
  std::list<Guest*> guests_;
  uint64_t bytes_ = 0;  // of these
  ClosedCounts closed_{};
};
