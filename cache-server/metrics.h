// metrics.h - what the server counts. Tests assert on these, operators scrape them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace aotc::server {

// Why a connection ended.
enum class Closed : unsigned {
  Done,        // one of both had nothing more to say
  Aborted,     // the client left in the middle of something
  Idle,        // no request came
  SlowHeader,  // the client was too slow with this
  SlowBody,
  SlowResponse,
  Address,  // it did not get a place: its address had its share
  Tenant,   // it was asked to leave: its tenant had its share
  Full,     // it did not get a place, or had to give its own to another
  Memory,   // what was received and sent took more than the budget
};
constexpr const char* kClosedReasons[] = {"done",          "aborted", "idle",   "slow_header", "slow_body",
                                          "slow_response", "address", "tenant", "full",        "memory"};
static_assert(std::size(kClosedReasons) == static_cast<size_t>(Closed::Memory) + 1);

struct ClosedCounts {
  std::array<std::atomic<uint64_t>, std::size(kClosedReasons)> counts{};
  std::atomic<uint64_t>& operator[](Closed reason) { return counts[static_cast<size_t>(reason)]; }
};

struct Counters {
  std::atomic<uint64_t> uploads{0};  // modules received whole and stored
  std::atomic<uint64_t> upload_bytes{0};
  std::atomic<uint64_t> pushed_blobs{0};  // by the distribution API
  std::atomic<uint64_t> pushed_bytes{0};
  std::atomic<uint64_t> mounted_blobs{0};  // that the tenant had in another repository
  std::atomic<uint64_t> pushed_manifests{0};
  std::atomic<uint64_t> arrived_modules{0};  // in these, to be compiled
  std::atomic<uint64_t> expired_uploads{0};  // that nobody went on with
  std::atomic<uint64_t> dropped_loose{0};    // pushed blobs that no manifest came to name
  std::atomic<uint64_t> compiled{0};         // jobs that ended with an image
  std::atomic<uint64_t> failed{0};           // jobs that ended with an error
  std::atomic<uint64_t> cancelled{0};
  std::atomic<uint64_t> functions{0};          // of modules that were compiled, for each target
  std::atomic<uint64_t> cached_functions{0};   // of these, found in the function cache
  std::atomic<uint64_t> remote_functions{0};   // brought from the remote
  std::atomic<uint64_t> warmed_functions{0};   // of the operator's modules
  std::atomic<uint64_t> shared_functions{0};   // of several tenants, made for all
  std::atomic<uint64_t> refused_functions{0};  // of several tenants, but not what becomes of them
  std::atomic<uint64_t> expired_jobs{0};       // forgotten long after their end
  std::atomic<uint64_t> scrubbed_blobs{0};     // read whole and compared with their digests
  std::atomic<uint64_t> scrubbed_bytes{0};
  std::atomic<uint64_t> repairs{0};                // jobs done again because of damage
  std::atomic<uint64_t> renewed_statements{0};     // signed again because of their age or other keys
  std::atomic<uint64_t> published_revocations{0};  // repositories that got new lists
  std::atomic<uint64_t> denied{0};                 // requests with a token that does not allow them, or is none of ours
  std::atomic<uint64_t> challenged{0};             // requests without a token, as registry clients send them first
  std::atomic<uint64_t> cache_hits{0};             // requests answered by an image that was there
  std::atomic<uint64_t> single_flight_hits{0};     // requests that joined a job under way
  std::atomic<uint64_t> job_looks{0};              // for a client who asks or waits
  std::atomic<uint64_t> refused_jobs{0};           // a quota did not allow them
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> client_errors{0};   // answers 4xx
  std::atomic<uint64_t> server_errors{0};   // answers 5xx
  std::atomic<uint64_t> download_bytes{0};  // of blobs
  std::atomic<uint64_t> connections{0};     // open now
  ClosedCounts closed;                      // connections, also those that were never served
};

}  // namespace aotc::server
