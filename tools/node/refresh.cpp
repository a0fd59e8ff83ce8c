// refresh.cpp - see refresh.h.
#include "refresh.h"

#include "caching.h"

Refresh::~Refresh() {
  if (exchange_.is_served()) exchange_.cancel();
}

void Refresh::begin(TenantLinks& tenant, Caching& caching) {
  exchange_.expect();
  exchange_.request->feed(caching.head());
  exchange_.be_asked_of(tenant, uncounted_);
  exchange_.refresh(caching);
  if (exchange_.dispatch({.coding = exchange_.request->coding}, ResponseReader::Form::Message)) loop_.remove(this);
}

void Refresh::check_time(uint64_t now) {
  if (exchange_.is_served()) exchange_.check_patience(now);
}

void Refresh::on_output() {
  exchange_.response->output.clear();
  exchange_.report_taken(0);
}
