// outbound_counts.h - what the broker (tools/broker) counts of each app, in memory that it shares with the node's
// front, which shows it. The supervisor makes it; a broker that is started again goes on from there. Numbers are all
// that the front reads there.
#pragma once

#include <cstddef>
#include <cstdint>

struct OutboundCounts {
  uint64_t connections[3];  // that programs asked for: made, refused, failed
  uint64_t open;            // now
  uint64_t bytes[2];        // sent by programs, received by them
  uint64_t requests[6];     // about its store, by enum aotc_kv_operation - 1; the last: of none
  uint64_t errors[2];       // of those: the store could not be used, was full
  uint64_t store_bytes[2];  // of those: sent by programs, received by them
  uint64_t reserved[16];
};
static_assert(sizeof(OutboundCounts) == 256);

// An app's are at its place; those beyond have none.
constexpr size_t kMostCounted = 4096;
constexpr size_t kCountsSize = kMostCounted * sizeof(OutboundCounts);
