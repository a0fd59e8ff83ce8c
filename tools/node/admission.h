// admission.h - who may be a client of the front, and who has to leave for others.
//
// A client costs a place and the bytes in its buffers. An address gets its share of the places and no more. When all
// are taken, or the buffers hold more than the budget, clients leave until there is some room again: first those that
// were waited for longest for the least (Pace::merit), so that whoever wants to keep others out has to work as much as
// they do. A client that waits for us is never put out for a place, and last of all for its bytes.
//
// Those who listen to the operator's address have places of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>

#include "address.h"
#include "metrics.h"
#include "options.h"

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
  // `places` as the process's limit on descriptors allows.
  explicit Admission(const Options& options) : options_(options) {}
  void set_places(size_t places);

  // Whether one more from there gets a place, until it leaves; otherwise why not.
  std::optional<Closed> enter(const ClientAddress& from, bool admin);
  void add(Guest& guest) { guest.place_ = guests_.insert(guests_.end(), &guest); }
  void leave(Guest& guest, const ClientAddress& from, Closed why);
  // Bytes that a client's buffers have grown by.
  void account(ptrdiff_t bytes) { counts_.bytes += static_cast<uint64_t>(bytes); }
  // To be called where no client is at work.
  void keep_budget() {
    if (counts_.bytes > options_.front_memory) make_room(Closed::Memory);
  }
  const ClientCounts& counts() const { return counts_; }

 private:
  bool has_place(const ClientAddress& from) const;
  void make_room(Closed why);

  const Options& options_;
  std::list<Guest*> guests_;
  size_t places_ = 1000, places_per_address_ = 1000;
  size_t operators_ = 0;
  ClientCounts counts_;
  std::map<ClientAddress, size_t> addresses_;  // sorted: the keys are strangers'
};
