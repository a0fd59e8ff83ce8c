// accounts.h - how many bytes each tenant has in the store, and how many are promised to what is on its way there.
//
// Whoever stores something for a tenant has a Reservation, from which the store takes the bytes once they are there.
// What a tenant has and what is promised to it are together never more than its quota, whatever is refused, cut off or
// lost on the way: what a reservation still holds when it ends is given back, and none outlives the process.
//
// A tenant has its blobs, owned or not, and the records about them (see store.h). Nobody waits for the disk here.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

namespace aotc::server {

class QuotaError : public llvm::ErrorInfo<QuotaError> {
 public:
  static char ID;
  explicit QuotaError(uint64_t limit) : limit(limit) {}
  void log(llvm::raw_ostream& os) const override;
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }
  uint64_t limit;
};

class Accounts {
 public:
  // Attempts something again and again, each time after it has given back a part of what the tenant has, until it is
  // not a QuotaError that comes of it, or nothing is left to be given back.
  using MakeRoom = std::function<llvm::Error(llvm::function_ref<llvm::Error()> attempt)>;

  // For one thread at a time.
  class Reservation {
   public:
    Reservation(Accounts& accounts, std::string tenant, uint64_t limit, MakeRoom make_room = {});
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&&) = delete;
    ~Reservation();
    const std::string& tenant() const { return tenant_; }
    // Makes sure that `bytes` are promised; a QuotaError when the tenant may not have so many.
    llvm::Error cover(uint64_t bytes);
    // So many of the bytes are in the store.
    void keep(uint64_t bytes);

   private:
    Accounts* accounts_;
    std::string tenant_;
    uint64_t limit_, promised_ = 0;
    MakeRoom make_room_;
  };

  // What needs no promise: records, what is found at the start, what goes. Fails only when it is more than before, and
  // then more than `limit`.
  llvm::Error change(const std::string& tenant, int64_t difference, uint64_t limit = UINT64_MAX);
  uint64_t bytes_of(const std::string& tenant);  // in the store
  uint64_t promised_bytes();                     // of all tenants

 private:
  struct Account {
    uint64_t kept = 0, promised = 0;
  };
  llvm::Error promise(const std::string& tenant, uint64_t bytes, uint64_t limit);
  // Changes both sums of an account, which goes when there is nothing in it.
  void add(const std::string& tenant, int64_t kept, int64_t promised);

  std::mutex mutex_;
  std::map<std::string, Account> accounts_;
  uint64_t promised_ = 0;
};

}  // namespace aotc::server
