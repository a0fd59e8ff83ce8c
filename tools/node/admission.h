// admission.h - who may be a client of the front, and who has to leave for others.
//
// A client costs a place and the bytes in its buffers. An address gets its share of the places and no more. When all are
// taken, or the buffers hold more than the budget, clients leave until there is some room again: first those that were waited
// for longest for the least (Pace::merit), so that whoever wants to keep others out has to work as much as they do. A client
// that waits for us is never put out for a place, and last of all for its bytes.
//
// Those who listen to the operator's address have places of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>

#include "address.h"
#include "metrics.h"
#include "options.h"

class Client;

class Admission {
 public:
  using Clients = std::list<std::unique_ptr<Client>>;
  // `places` as the process's limit on descriptors allows.
  Admission(const Options& options, Clients& clients) : options_(options), clients_(clients) {}
  void set_places(size_t places);

  // Whether one more from there gets a place, until it leaves; otherwise why not.
  std::optional<Closed> enter(const ClientAddress& from, bool admin);
  void leave(const ClientAddress& from, bool admin, Closed why);
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
  Clients& clients_;
  size_t places_ = 1000, places_per_address_ = 1000;
  size_t operators_ = 0;
  ClientCounts counts_;
  std::map<ClientAddress, size_t> addresses_;  // sorted: the keys are strangers'
};
