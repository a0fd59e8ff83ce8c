// outbound_metrics.cpp - see outbound_metrics.h.
#include "outbound_metrics.h"

#include <unistd.h>

#include <iterator>

#include "support/outbound_counts.h"

namespace {

constexpr const char* kOperations[] = {"get", "put", "delete", "list", "add", "none"};
constexpr const char* kConnections[] = {"made", "refused", "failed"};
constexpr const char* kErrors[] = {"failed", "full"};
constexpr const char* kDirections[] = {"sent", "received"};

// Of every app a sample for each of these.
struct Family {
  const char *name, *type, *help, *label;
  const char* const* values;
  size_t size;
  const uint64_t* (*of)(const OutboundCounts& counts);
};

template <size_t N>
constexpr Family family(const char* name, const char* help, const char* label, const char* const (&values)[N],
                        const uint64_t* (*of)(const OutboundCounts& counts)) {
  return {name, "counter", help, label, values, N, of};
}

const Family kFamilies[] = {
    family("aotc_outbound_connections_total", "Connections that the app's programs asked for, by what came of it.",
           "result", kConnections, [](const OutboundCounts& c) { return &c.connections[0]; }),
    {"aotc_outbound_open", "gauge", "Of these, and of streams to its store, those that are open now.", nullptr, nullptr,
     1, [](const OutboundCounts& c) { return &c.open; }},
    family("aotc_outbound_bytes_total", "Bytes of these connections, as the app's programs see them.", "direction",
           kDirections, [](const OutboundCounts& c) { return &c.bytes[0]; }),
    family("aotc_kv_requests_total", "Requests about the app's key-value store.", "operation", kOperations,
           [](const OutboundCounts& c) { return &c.requests[0]; }),
    family("aotc_kv_errors_total", "Of these, those for which the store could not be used, or was full.", "reason",
           kErrors, [](const OutboundCounts& c) { return &c.errors[0]; }),
    family("aotc_kv_bytes_total", "Bytes of these requests and their answers.", "direction", kDirections,
           [](const OutboundCounts& c) { return &c.store_bytes[0]; }),
};

}  // namespace

std::string write_outbound_metrics(int counts, const std::vector<const App*>& apps) {
  std::vector<OutboundCounts> read(apps.size());
  for (size_t i = 0; i < apps.size(); ++i)
    if (apps[i]->place >= kMostCounted ||
        pread(counts, &read[i], sizeof read[i], static_cast<off_t>(apps[i]->place * sizeof read[i])) != sizeof read[i])
      read[i] = {};
  std::string out;
  for (const Family& f : kFamilies) {
    out += std::string("# HELP ") + f.name + " " + f.help + "\n# TYPE " + f.name + " " + f.type + "\n";
    for (size_t i = 0; i < apps.size(); ++i)
      for (size_t value = 0; value < f.size; ++value)
        out += std::string(f.name) + "{app=\"" + apps[i]->name + "\"" +
               (f.label == nullptr ? "" : std::string(",") + f.label + "=\"" + f.values[value] + "\"") + "} " +
               std::to_string(f.of(read[i])[value]) + "\n";
  }
  return out;
}
