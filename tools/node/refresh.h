// refresh.h - a response that is kept and over is made anew, while clients are sent the one there is
// (`stale-while-revalidate`, RFC 5861): the request of the first of them once more, of whose response nothing goes
// anywhere but into the cache.
#pragma once

#include <list>
#include <memory>

#include "exchange.h"

class Refresh final : public Exchange::Owner {
 public:
  Refresh(LoopContext& loop, const aotc_peer& asker) : loop_(loop), asker_(asker), exchange_(loop, asker_, *this) {}
  ~Refresh();
  void begin(TenantLinks& tenant, Caching& caching);
  void check_time(uint64_t now);

  void on_output() override;
  void on_room() override {}
  void on_answered() override { loop_.remove(this); }
  void on_failed(int, std::string_view) override { loop_.remove(this); }
  std::list<std::unique_ptr<Refresh>>::iterator self;

 private:
  LoopContext& loop_;
  const aotc_peer asker_;
  AppMetrics uncounted_;
  Exchange exchange_;
};
