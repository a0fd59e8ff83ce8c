// metrics.h - what /metrics shows, in Prometheus' text format. Each loop of the front counts for itself, so there is no
// locking; what is shown is the sum.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "channel.h"
#include "release.h"

// Powers of two from 1 to 2^23, of microseconds or pages.
class Histogram {
 public:
  void add(double value);
  void add(const Histogram& other);
  void write(std::string& out, const std::string& name, const std::string& labels, double unit) const;

 private:
  std::array<uint64_t, 24> buckets_{};
  uint64_t count_ = 0;
  double sum_ = 0;
};

// Why a tunnel ended.
enum class TunnelEnd : unsigned {
  Program,  // it closed its connection
  Client,   // that left
  Idle,     // nothing went through it
  Timeout,  // it had lasted for long
  Drain,    // its process, or the node, was to end
  Failed,   // its program did
};
constexpr size_t kTunnelEnds = static_cast<size_t>(TunnelEnd::Failed) + 1;
const char* tunnel_end_name(TunnelEnd end);

// How a request was answered by an app that has a response cache.
enum class CacheResult : unsigned {
  Hit,        // from there
  Stale,      // likewise, with one that is over: it is being made anew, or that has failed
  Collapsed,  // with what another request had made meanwhile
  Miss,       // by a program, and may be kept
  Pass        // by a program, and is not for the cache
};
constexpr size_t kCacheResults = static_cast<size_t>(CacheResult::Pass) + 1;

struct AppMetrics {
  std::map<int, uint64_t> requests;  // by status code; 0: the connection ended before there was one
  std::array<uint64_t, kEndCauses> ends{};
  Histogram thaw, run, reset, pages, duration;
  uint64_t running = 0, going_on = 0, cut_short = 0, restarts = 0;
  uint64_t differences = 0;
  std::array<uint64_t, 2> health_checks{};  // passed, failed
  bool is_canary = false;
  std::array<uint64_t, 3> canary_ends{};  // that it was given up for errors, for its latency, for its process' ends
  uint64_t frames = 0, held_back = 0, log_bytes = 0, log_held_back = 0, log_dropped = 0;
  uint64_t tunnels = 0;  // that began
  std::array<uint64_t, kTunnelEnds> tunnel_ends{};
  std::array<uint64_t, 2> tunnel_bytes{};  // from clients, to them
  bool has_cache = false;
  std::array<uint64_t, kCacheResults> cache_results{};
  uint64_t cached_bytes = 0, cached_responses = 0, cache_evictions = 0;
  // Of apps from a registry:
  bool pulled = false;
  std::array<uint64_t, 3> pulls{};  // a newer image or statement, none, failed
  uint64_t rollbacks = 0;
  std::array<uint64_t, 2> revocations{};  // lists obeyed, refused
  bool revoked = false;                   // the newest release is
  Release release;                        // that serves

  void add(const AppMetrics& other);  // what was counted elsewhere; not what is so now
};

// Why a connection of a client ended.
enum class Closed : unsigned {
  Done,        // one of both had nothing more to say
  Aborted,     // the client left in the middle of something
  Idle,        // no request came
  SlowHeader,  // the client was too slow with this
  SlowBody,
  SlowResponse,
  Address,     // it did not get a place: its address had its share
  Full,        // it did not get one, or had to give its own to another
  Memory,      // the buffers held more than the budget
  Flood,       // it sent what only costs: frames of HTTP/2, streams that it reset
  Proxy,       // a proxy did not say whose connection it is
  Handshakes,  // its address began too many
};
constexpr size_t kClosedReasons = static_cast<size_t>(Closed::Handshakes) + 1;

using ClosedCounts = std::array<uint64_t, kClosedReasons>;
// Handshakes: from the beginning, of a session that goes on, failed.
using TlsCounts = std::array<uint64_t, 3>;
struct Http2Counts {
  uint64_t clients = 0, streams = 0;
  uint64_t cut = 0;  // streams that ended before their response did
};
struct ClientCounts {
  uint64_t open = 0, bytes = 0;  // now
  ClosedCounts closed{};
  TlsCounts tls{};
  Http2Counts http2;
};

std::string write_metrics(const std::map<std::string, AppMetrics>& apps, const ClientCounts& clients);
