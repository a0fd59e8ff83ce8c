// evictor.cpp - see evictor.h.
#include "evictor.h"

#include <algorithm>
#include <deque>

#include "catalog.h"
#include "log.h"

namespace aotc::server {

namespace {

// What a tenant has and may have. Its images are those that are left to be tried, the least recently used first.
struct Account {
  double share = 0;
  std::deque<ImageUse> images;
};

std::map<std::string, Account> make_accounts(Tenants& tenants, std::vector<ImageUse> images, uint64_t limit) {
  std::map<std::string, Account> accounts;
  for (ImageUse& image : images)
    accounts[tenants.open_to_all() ? "" : tenant_of(image.repository)].images.push_back(std::move(image));
  double promised = 0;
  auto size = [limit](const Quota& quota) { return static_cast<double>(std::min(quota.bytes, limit)); };
  std::map<std::string, Quota> quotas = tenants.quotas();
  for (const auto& [tenant, quota] : quotas) promised += size(quota);
  double scale = std::min(1.0, static_cast<double>(limit) / std::max(promised, 1.0));
  for (const auto& [tenant, quota] : quotas)
    if (auto found = accounts.find(tenant); found != accounts.end()) found->second.share = size(quota) * scale;
  return accounts;
}

llvm::Error evict_by_size(Catalog& catalog, Tenants& tenants, uint64_t limit) {
  if (catalog.owned_bytes() <= limit) return llvm::Error::success();
  llvm::Expected<std::vector<ImageUse>> images = catalog.images("");
  if (!images) return images.takeError();
  auto accounts = make_accounts(tenants, std::move(*images), limit);
  while (catalog.owned_bytes() > limit - limit / 20) {
    Account* worst = nullptr;
    double most = 0;
    for (auto& [tenant, account] : accounts) {
      double excess = static_cast<double>(tenants.open_to_all() ? 1 : catalog.owned_bytes(tenant)) - account.share;
      if (!account.images.empty() && excess > most) worst = &account, most = excess;
    }
    if (!worst) break;
    llvm::Expected<bool> gone = catalog.evict(worst->images.front(), Catalog::Evict::Unpinned);
    if (!gone) return gone.takeError();
    worst->images.pop_front();
  }
  if (uint64_t bytes = catalog.owned_bytes(); bytes > limit)
    log(Level::Error, "the store is larger than it may be, but what is left is pinned, used or somebody's share",
        {{"bytes", bytes}, {"limit", limit}});
  return llvm::Error::success();
}

}  // namespace

llvm::Error evict_images(Catalog& catalog, Tenants& tenants, const EvictionLimits& limits) {
  uint64_t now = seconds_since_1970();
  llvm::Expected<std::vector<ImageUse>> images = catalog.images("");
  if (!images) return images.takeError();
  for (const ImageUse& image : *images) {
    uint64_t unused = now - std::min(now, image.used);
    if (unused <= std::min(limits.age, limits.untagged_age)) break;  // so are all that follow
    llvm::Expected<bool> gone =
        catalog.evict(image, unused > limits.age ? Catalog::Evict::Unpinned : Catalog::Evict::Untagged);
    if (!gone) return gone.takeError();
  }
  return evict_by_size(catalog, tenants, limits.store_bytes);
}

}  // namespace aotc::server
