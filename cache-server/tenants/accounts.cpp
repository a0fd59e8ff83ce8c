// accounts.cpp - see accounts.h.
#include "accounts.h"

#include <utility>

namespace aotc::server {

char QuotaError::ID;

void QuotaError::log(llvm::raw_ostream& os) const {
  os << "the tenant's quota of " << limit << " bytes does not allow it";
}

Accounts::Reservation::Reservation(Accounts& accounts, std::string tenant, uint64_t limit, MakeRoom make_room)
    : accounts_(&accounts), tenant_(std::move(tenant)), limit_(limit), make_room_(std::move(make_room)) {}

Accounts::Reservation::Reservation(Reservation&& other) noexcept
    : accounts_(other.accounts_),
      tenant_(std::move(other.tenant_)),
      limit_(other.limit_),
      promised_(std::exchange(other.promised_, 0)),
      make_room_(std::move(other.make_room_)) {}

Accounts::Reservation::~Reservation() {
  if (promised_ == 0) return;
  std::lock_guard<std::mutex> lock(accounts_->mutex_);
  accounts_->add(tenant_, 0, -static_cast<int64_t>(promised_));
}

llvm::Error Accounts::Reservation::cover(uint64_t bytes) {
  if (bytes <= promised_) return llvm::Error::success();
  auto attempt = [&] { return accounts_->promise(tenant_, bytes - promised_, limit_); };
  llvm::Error error = attempt();
  if (error.isA<QuotaError>() && make_room_) {
    llvm::consumeError(std::move(error));
    error = make_room_(attempt);
  }
  if (!error) promised_ = bytes;
  return error;
}

void Accounts::Reservation::keep(uint64_t bytes) {
  promised_ -= bytes;
  std::lock_guard<std::mutex> lock(accounts_->mutex_);
  accounts_->add(tenant_, static_cast<int64_t>(bytes), -static_cast<int64_t>(bytes));
}

llvm::Error Accounts::promise(const std::string& tenant, uint64_t bytes, uint64_t limit) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = accounts_.find(tenant);
  uint64_t used = found == accounts_.end() ? 0 : found->second.kept + found->second.promised;
  if (used > limit || bytes > limit - used) return llvm::make_error<QuotaError>(limit);
  add(tenant, 0, static_cast<int64_t>(bytes));
  return llvm::Error::success();
}

llvm::Error Accounts::change(const std::string& tenant, int64_t difference, uint64_t limit) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (difference > 0) {
    auto found = accounts_.find(tenant);
    uint64_t used = found == accounts_.end() ? 0 : found->second.kept + found->second.promised;
    if (used > limit || static_cast<uint64_t>(difference) > limit - used) return llvm::make_error<QuotaError>(limit);
  }
  add(tenant, difference, 0);
  return llvm::Error::success();
}

void Accounts::add(const std::string& tenant, int64_t kept, int64_t promised) {
  auto found = accounts_.try_emplace(tenant).first;
  found->second.kept += static_cast<uint64_t>(kept);
  found->second.promised += static_cast<uint64_t>(promised);
  promised_ += static_cast<uint64_t>(promised);
  if (found->second.kept == 0 && found->second.promised == 0) accounts_.erase(found);
}

uint64_t Accounts::bytes_of(const std::string& tenant) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = accounts_.find(tenant);
  return found == accounts_.end() ? 0 : found->second.kept;
}

uint64_t Accounts::promised_bytes() {
  std::lock_guard<std::mutex> lock(mutex_);
  return promised_;
}

}  // namespace aotc::server
