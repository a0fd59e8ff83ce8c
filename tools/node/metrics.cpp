// metrics.cpp - see metrics.h.
#include "metrics.h"

#include <bit>
#include <cstdio>
#include <iterator>
#include <numeric>

#include "canary.h"

static constexpr const char* kClosed[] = {"done",    "aborted", "idle",   "slow_header", "slow_body", "slow_response",
                                          "address", "full",    "memory", "flood",       "proxy",     "handshakes"};
static constexpr const char* kHandshakes[] = {"full", "resumed", "failed"};
static constexpr const char* kPulls[] = {"new", "same", "failed"};
static constexpr const char* kTunnelEndNames[] = {"program", "client", "idle", "timeout", "drain", "failed"};
static constexpr const char* kCanaryEnds[] = {"errors", "latency", "crashes"};
static constexpr const char* kCacheResultNames[] = {"hit", "stale", "collapsed", "miss", "pass"};
static constexpr const char* kLists[] = {"obeyed", "refused"};
static_assert(std::size(kClosed) == kClosedReasons && std::size(kHandshakes) == TlsCounts().size() &&
              std::size(kTunnelEndNames) == kTunnelEnds && std::size(kCacheResultNames) == kCacheResults &&
              std::size(kPulls) == sizeof AppMetrics::pulls / sizeof(uint64_t) &&
              std::size(kLists) == sizeof AppMetrics::revocations / sizeof(uint64_t));

const char* tunnel_end_name(TunnelEnd end) { return kTunnelEndNames[static_cast<size_t>(end)]; }

void Histogram::add(double value) {
  uint64_t whole = value <= 1 ? 1 : static_cast<uint64_t>(value + 0.999999);
  size_t bucket = static_cast<size_t>(std::bit_width(whole - 1));
  if (bucket < buckets_.size()) ++buckets_[bucket];
  ++count_;
  sum_ += value;
}

void Histogram::add(const Histogram& other) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
}

void AppMetrics::add(const AppMetrics& other) {
  for (const auto& [code, count] : other.requests) requests[code] += count;
  for (size_t i = 0; i < ends.size(); ++i) ends[i] += other.ends[i];
  tunnels += other.tunnels;
  for (size_t i = 0; i < tunnel_ends.size(); ++i) tunnel_ends[i] += other.tunnel_ends[i];
  for (size_t i = 0; i < tunnel_bytes.size(); ++i) tunnel_bytes[i] += other.tunnel_bytes[i];
  for (size_t i = 0; i < cache_results.size(); ++i) cache_results[i] += other.cache_results[i];
  for (Histogram AppMetrics::* one :
       {&AppMetrics::thaw, &AppMetrics::run, &AppMetrics::reset, &AppMetrics::pages, &AppMetrics::duration})
    (this->*one).add(other.*one);
  for (uint64_t AppMetrics::* one :
       {&AppMetrics::cut_short, &AppMetrics::restarts, &AppMetrics::differences, &AppMetrics::frames,
        &AppMetrics::held_back, &AppMetrics::log_bytes, &AppMetrics::log_held_back, &AppMetrics::log_dropped,
        &AppMetrics::cache_evictions})
    this->*one += other.*one;
}

void Histogram::write(std::string& out, const std::string& name, const std::string& labels, double unit) const {
  char line[256];
  uint64_t below = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    below += buckets_[i];
    std::snprintf(line, sizeof line, "%s_bucket{%s,le=\"%g\"} %llu\n", name.c_str(), labels.c_str(),
                  static_cast<double>(1ull << i) * unit, static_cast<unsigned long long>(below));
    out += line;
  }
  std::snprintf(line, sizeof line, "%s_bucket{%s,le=\"+Inf\"} %llu\n%s_sum{%s} %.9g\n%s_count{%s} %llu\n", name.c_str(),
                labels.c_str(), static_cast<unsigned long long>(count_), name.c_str(), labels.c_str(), sum_ * unit,
                name.c_str(), labels.c_str(), static_cast<unsigned long long>(count_));
  out += line;
}

std::string write_metrics(const std::map<std::string, AppMetrics>& apps, const ClientCounts& clients) {
  std::string out;
  auto header = [&](const char* name, const char* type, const char* help) {
    out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name).append(" ");
    out.append(type).append("\n");
  };
  auto sample = [&](const char* name, const std::string& labels, uint64_t value) {
    out.append(name).append("{").append(labels).append("} ").append(std::to_string(value)).append("\n");
  };
  auto label = [](std::string app) {
    const bool canary = app.ends_with(kCanarySuffix);
    if (canary) app.resize(app.rfind('.'));
    return "app=\"" + app + "\"" + (canary ? ",release=\"canary\"" : "");
  };
  header("aotc_requests_total", "counter", "Requests answered, by status code; 0: the connection ended before.");
  for (const auto& [app, m] : apps)
    for (const auto& [code, count] : m.requests)
      sample("aotc_requests_total", label(app) + ",code=\"" + std::to_string(code) + "\"", count);
  header("aotc_kills_total", "counter", "Requests whose program was ended, or had no place to run, by cause.");
  for (const auto& [app, m] : apps)
    for (unsigned i = 1; i < kEndCauses; ++i)
      sample("aotc_kills_total", label(app) + ",cause=\"" + end_cause_name(static_cast<EndCause>(i)) + "\"", m.ends[i]);
  header("aotc_clients", "gauge", "Connections that are open now, without those to --admin.");
  out.append("aotc_clients ").append(std::to_string(clients.open)).append("\n");
  header("aotc_client_bytes", "gauge", "Bytes in their buffers.");
  out.append("aotc_client_bytes ").append(std::to_string(clients.bytes)).append("\n");
  header("aotc_clients_closed_total", "counter", "Connections that were closed, by reason.");
  for (size_t i = 0; i < kClosedReasons; ++i)
    sample("aotc_clients_closed_total", std::string("reason=\"") + kClosed[i] + "\"", clients.closed[i]);
  header("aotc_tls_handshakes_total", "counter", "TLS handshakes, by what came of them.");
  for (size_t i = 0; i < clients.tls.size(); ++i)
    sample("aotc_tls_handshakes_total", std::string("result=\"") + kHandshakes[i] + "\"", clients.tls[i]);
  auto total = [&](const char* name, const char* help, uint64_t value) {
    header(name, "counter", help);
    out.append(name).append(" ").append(std::to_string(value)).append("\n");
  };
  total("aotc_http2_clients_total", "Connections that spoke HTTP/2.", clients.http2.clients);
  total("aotc_http2_streams_total", "Requests that came by them.", clients.http2.streams);
  total("aotc_http2_streams_cut_total", "Of these, those that ended before their response did.", clients.http2.cut);
  header("aotc_instances", "gauge", "Instances that serve a request now, running or suspended.");
  for (const auto& [app, m] : apps) sample("aotc_instances", label(app), m.running);
  header("aotc_going_on", "gauge", "Instances whose client is answered and whose program goes on for --grace-after.");
  for (const auto& [app, m] : apps) sample("aotc_going_on", label(app), m.going_on);
  header("aotc_cut_short_total", "counter", "Of these, those that were ended early because there were too many.");
  for (const auto& [app, m] : apps) sample("aotc_cut_short_total", label(app), m.cut_short);
  header("aotc_tunnels", "gauge", "Requests that are tunnels now, as WebSockets are; each has an instance.");
  for (const auto& [app, m] : apps)
    sample("aotc_tunnels", label(app),
           m.tunnels - std::accumulate(m.tunnel_ends.begin(), m.tunnel_ends.end(), uint64_t{0}));
  header("aotc_tunnels_ended_total", "counter", "Those that are no more, by cause.");
  for (const auto& [app, m] : apps)
    for (size_t i = 0; i < kTunnelEnds; ++i)
      sample("aotc_tunnels_ended_total", label(app) + ",cause=\"" + kTunnelEndNames[i] + "\"", m.tunnel_ends[i]);
  header("aotc_tunnel_bytes_total", "counter", "Bytes that went through tunnels, from clients and to them.");
  for (const auto& [app, m] : apps) {
    sample("aotc_tunnel_bytes_total", label(app) + ",way=\"in\"", m.tunnel_bytes[0]);
    sample("aotc_tunnel_bytes_total", label(app) + ",way=\"out\"", m.tunnel_bytes[1]);
  }
  header("aotc_response_cache_requests_total", "counter", "Requests to apps with a response cache, by what it did.");
  for (const auto& [app, m] : apps)
    for (size_t i = 0; m.has_cache && i < kCacheResults; ++i)
      sample("aotc_response_cache_requests_total", label(app) + ",result=\"" + kCacheResultNames[i] + "\"",
             m.cache_results[i]);
  header("aotc_response_cache_bytes", "gauge", "Bytes of responses that are kept.");
  for (const auto& [app, m] : apps)
    if (m.has_cache) sample("aotc_response_cache_bytes", label(app), m.cached_bytes);
  header("aotc_response_cache_responses", "gauge", "How many these are.");
  for (const auto& [app, m] : apps)
    if (m.has_cache) sample("aotc_response_cache_responses", label(app), m.cached_responses);
  header("aotc_response_cache_evictions_total", "counter", "Responses that went for others.");
  for (const auto& [app, m] : apps)
    if (m.has_cache) sample("aotc_response_cache_evictions_total", label(app), m.cache_evictions);
  header("aotc_restarts_total", "counter", "Times that the app's process was started again.");
  for (const auto& [app, m] : apps) sample("aotc_restarts_total", label(app), m.restarts);
  header("aotc_health_checks_total", "counter", "New processes that were asked for --health, by what came of it.");
  for (const auto& [app, m] : apps) {
    sample("aotc_health_checks_total", label(app) + ",result=\"passed\"", m.health_checks[0]);
    sample("aotc_health_checks_total", label(app) + ",result=\"failed\"", m.health_checks[1]);
  }
  header("aotc_canary_rollbacks_total", "counter", "Times that a canary got no more requests, by reason.");
  for (const auto& [app, m] : apps)
    for (unsigned i = 0; m.is_canary && i < m.canary_ends.size(); ++i)
      sample("aotc_canary_rollbacks_total", label(app) + ",reason=\"" + kCanaryEnds[i] + "\"", m.canary_ends[i]);
  header("aotc_reset_differences_total", "counter",
         "Instances that were not as their image after a reset, of those compared; each ended its process.");
  for (const auto& [app, m] : apps) sample("aotc_reset_differences_total", label(app), m.differences);
  header("aotc_frames_total", "counter", "Frames that the app's workers sent.");
  for (const auto& [app, m] : apps) sample("aotc_frames_total", label(app), m.frames);
  header("aotc_log_bytes_total", "counter",
         "Bytes that the app's programs logged, of which no more than 200 lines a second are kept.");
  for (const auto& [app, m] : apps) sample("aotc_log_bytes_total", label(app), m.log_bytes);
  header("aotc_log_dropped_total", "counter", "Lines of the app's log that were not kept.");
  for (const auto& [app, m] : apps) sample("aotc_log_dropped_total", label(app), m.log_dropped);
  header("aotc_held_back_total", "counter",
         "Times that one was not heard for up to a second: a worker, for its app's sent too many small frames; an "
         "app's log.");
  for (const auto& [app, m] : apps) {
    sample("aotc_held_back_total", label(app) + ",what=\"frames\"", m.held_back);
    sample("aotc_held_back_total", label(app) + ",what=\"log\"", m.log_held_back);
  }
  header("aotc_pulls_total", "counter", "Times that a registry was asked, by what came of it.");
  for (const auto& [app, m] : apps)
    for (unsigned i = 0; m.pulled && i < m.pulls.size(); ++i)
      sample("aotc_pulls_total", label(app) + ",result=\"" + kPulls[i] + "\"", m.pulls[i]);
  header("aotc_rollbacks_total", "counter", "Releases that were given up for the one before.");
  for (const auto& [app, m] : apps)
    if (m.pulled) sample("aotc_rollbacks_total", label(app), m.rollbacks);
  header("aotc_revoked", "gauge", "1 while the newest release is revoked, and an older one or none serves.");
  for (const auto& [app, m] : apps)
    if (m.pulled) sample("aotc_revoked", label(app), m.revoked);
  header("aotc_revocations_total", "counter", "Lists of revocations that came, by what was made of them.");
  for (const auto& [app, m] : apps)
    for (unsigned i = 0; m.pulled && i < m.revocations.size(); ++i)
      sample("aotc_revocations_total", label(app) + ",result=\"" + kLists[i] + "\"", m.revocations[i]);
  header("aotc_release_sequence", "gauge", "Sequence of the release that serves.");
  for (const auto& [app, m] : apps)
    if (!m.release.empty())
      sample("aotc_release_sequence", label(app) + ",index=\"" + m.release.index + "\"", m.release.sequence);
  header("aotc_release_expires_seconds", "gauge", "When its statement expires, in seconds since 1970.");
  for (const auto& [app, m] : apps)
    if (!m.release.empty()) sample("aotc_release_expires_seconds", label(app), m.release.expires);
  const struct {
    const char *name, *help;
    Histogram AppMetrics::* histogram;
    double unit;
  } kHistograms[] = {
      {"aotc_request_seconds", "From the complete request, or 256 KiB of it, to the end of the response.",
       &AppMetrics::duration, 1e-6},
      {"aotc_thaw_seconds", "From a warm instance to one that can run.", &AppMetrics::thaw, 1e-6},
      {"aotc_run_seconds", "Time that the program ran.", &AppMetrics::run, 1e-6},
      {"aotc_reset_seconds", "Giving an instance back its image.", &AppMetrics::reset, 1e-6},
      {"aotc_dirty_pages", "Pages copied back by a reset.", &AppMetrics::pages, 1}};
  for (const auto& h : kHistograms) {
    header(h.name, "histogram", h.help);
    for (const auto& [app, m] : apps) (m.*h.histogram).write(out, h.name, label(app), h.unit);
  }
  return out;
}
