// connections.cpp - see connections.h.
#include "connections.h"

namespace aotc::server {

void Connections::remove(Count& count, const std::string& name) {
  auto found = count.find(name);
  if (found != count.end() && --found->second == 0) count.erase(found);
}

std::unique_ptr<Connections::Seat> Connections::take_seat(const std::string& address) {
  std::lock_guard<std::mutex> lock(mutex_);
  unsigned& count = addresses_[address];
  if (counters_.connections >= limits_.all || count >= limits_.per_address) {
    if (count == 0) addresses_.erase(address);
    ++counters_.refused_connections;
    return nullptr;
  }
  ++count;
  ++counters_.connections;
  return std::unique_ptr<Seat>(new Seat(*this, address));
}

bool Connections::Seat::take_tenant(const std::string& tenant) {
  if (tenant == tenant_) return true;
  std::lock_guard<std::mutex> lock(connections_.mutex_);
  if (!tenant.empty()) {
    unsigned& count = connections_.tenants_[tenant];
    if (count >= connections_.limits_.per_tenant) {
      if (count == 0) connections_.tenants_.erase(tenant);
      ++connections_.counters_.refused_connections;
      return false;
    }
    ++count;
  }
  if (!tenant_.empty()) remove(connections_.tenants_, tenant_);
  tenant_ = tenant;
  return true;
}

Connections::Seat::~Seat() {
  std::lock_guard<std::mutex> lock(connections_.mutex_);
  remove(connections_.addresses_, address_);
  if (!tenant_.empty()) remove(connections_.tenants_, tenant_);
  --connections_.counters_.connections;
}

}  // namespace aotc::server
