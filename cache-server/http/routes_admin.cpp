// routes_admin.cpp - one list of numbers, two ways to write it; and the description of the interface.
#include "routes_admin.h"

#include <algorithm>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "jobs/job_queue.h"
#include "metrics.h"
#include "oci/upload_sessions.h"
#include "openapi.h"
#include "process/option_set.h"
#include "store/catalog.h"

namespace aotc::server {

namespace {

struct Metric {
  const char* name;
  bool gauge;
  const char* help;
  uint64_t value;
  const char* reason = nullptr;  // of several with the same name
};

std::vector<Metric> collect(Service& service) {
  const Counters& c = service.counters;
  StoreStats store = service.store.stats();
  std::vector<Metric> metrics = {
      {"uploads", false, "modules received and stored", c.uploads},
      {"upload_bytes", false, "bytes of modules received", c.upload_bytes},
      {"pushed_blobs", false, "blobs pushed by the distribution API", c.pushed_blobs},
      {"pushed_bytes", false, "bytes of these", c.pushed_bytes},
      {"mounted_blobs", false, "blobs that a push found in another repository of its tenant", c.mounted_blobs},
      {"pushed_manifests", false, "manifests and indexes pushed", c.pushed_manifests},
      {"arrived_modules", false, "modules in these that were given to the queue", c.arrived_modules},
      {"expired_uploads", false, "uploads in several requests that nobody went on with", c.expired_uploads},
      {"dropped_loose_blobs", false, "pushed blobs that no manifest came to name", c.dropped_loose},
      {"upload_sessions", true, "uploads in several requests under way", service.uploads.size()},
      {"compiled", false, "jobs that ended with an image", c.compiled},
      {"failed", false, "jobs that ended with an error", c.failed},
      {"cancelled", false, "jobs that were cancelled", c.cancelled},
      {"functions", false, "functions of modules that were compiled, for each target", c.functions},
      {"cached_functions", false, "of these, functions that were compiled before", c.cached_functions},
      {"remote_functions", false, "functions that were taken from other servers", c.remote_functions},
      {"warmed_functions", false, "functions of the operator's modules, compiled for all tenants", c.warmed_functions},
      {"shared_functions", false, "functions that several tenants had, compiled once more for all", c.shared_functions},
      {"refused_functions", false, "of these, such as became something else than what tenants had",
       c.refused_functions},
      {"swept_blobs", false, "blobs dropped because nobody owned them", service.catalog.dropped_blobs()},
      {"evicted_images", false, "images evicted because of age or size, or without a tag",
       service.catalog.evicted_images()},
      {"expired_jobs", false, "jobs forgotten long after their end", c.expired_jobs},
      {"owned_bytes", true, "bytes of blobs that have an owner", service.catalog.owned_bytes()},
      {"scrubbed_blobs", false, "blobs read whole and compared with their digests", c.scrubbed_blobs},
      {"scrubbed_bytes", false, "bytes read to find damage", c.scrubbed_bytes},
      {"repairs", false, "jobs done again because of damage", c.repairs},
      {"damaged_blobs", true, "blobs that are damaged now", store.damaged},
      {"store_bytes", true, "bytes of all blobs", store.bytes},
      {"reserved_bytes", true, "bytes promised to uploads and jobs under way", store.promised},
      {"store_writes", false, "writes to the store, each of one or more records or of a chunk", store.writes},
      {"store_synced_writes", false, "of these, waited for until they were on disk", store.synced_writes},
      {"store_written_bytes", false, "bytes of these", store.written_bytes},
      {"chunk_cache_hits", false, "chunks found in memory", store.cache_hits},
      {"chunk_cache_misses", false, "chunks read from the disk and checked", store.cache_misses},
      {"renewed_statements", false, "statements signed again because of their age or other keys", c.renewed_statements},
      {"published_revocations", false, "times that a repository got new lists of revocations", c.published_revocations},
      {"denied", false, "requests with a token that is unknown or does not allow them", c.denied},
      {"challenged", false, "requests without a token, as registry clients send them first", c.challenged},
      {"cache_hits", false, "requests answered by an image that was there", c.cache_hits},
      {"single_flight_hits", false, "requests that joined a job under way", c.single_flight_hits},
      {"job_looks", false, "looks at a job for a client who asks about it or waits for it", c.job_looks},
      {"refused_jobs", false, "jobs refused because of a quota", c.refused_jobs},
      {"requests", false, "HTTP requests", c.requests},
      {"client_errors", false, "answers with a status 4xx", c.client_errors},
      {"server_errors", false, "answers with a status 5xx", c.server_errors},
      {"download_bytes", false, "bytes of blobs sent", c.download_bytes},
      {"connections", true, "connections open now", c.connections},
      {"watchers", true, "requests that wait for a job now", service.jobs.watchers()},
      {"waiting_jobs", true, "jobs in the queue", service.jobs.waiting()}};
  for (size_t i = 0; i < std::size(kClosedReasons); ++i)
    metrics.push_back(
        {"closed_connections", false, "connections that ended, and why", c.closed.counts[i], kClosedReasons[i]});
  return metrics;
}

using Json = nlohmann::ordered_json;

Json parameter(const OptionInfo& row) {
  bool count = row.kind == OptionKind::Count;
  Json schema = {{"type", count ? "integer" : "string"}};
  if (row.kind == OptionKind::Choice) schema["enum"] = row.choices();
  if (count) schema.update({{"minimum", row.least}, {"maximum", row.most}});
  if (row.kind == OptionKind::Request) schema["format"] = "byte";
  static const CompileRequest usual = llvm::cantFail(parse_compile_request({}));
  if (std::string value = usual.options.get(row.option); !value.empty())
    schema["default"] = count ? Json::parse(value) : Json(value);
  std::string help = row.explanation();
  std::replace(help.begin(), help.end(), '\n', ' ');
  if (row.repeated()) {
    schema = {{"type", "array"}, {"items", schema}};
    help += std::string(": ") + (row.kind == OptionKind::Request ? "base64" : row.value) + ", once for each";
  }
  if (row.kind == OptionKind::Request) help += fmt::format(", {} bytes in all", row.most);
  return {{"name", row.name}, {"in", "query"}, {"schema", schema}, {"description", help}};
}

// What any request can be answered with: by the gate, by the limits of connections and memory, by a parser.
void add_usual_answers(Json& operation) {
  std::vector<const char*> statuses = {"400", "429", "431", "500", "503"};
  if (!operation.contains("security")) statuses.insert(statuses.end(), {"401", "403"});
  statuses.push_back("413");
  if (operation.contains("requestBody")) statuses.push_back("415");
  for (const char* status : statuses)
    if (Json& responses = operation["responses"]; !responses.contains(status))
      responses[status] = {{"$ref", "#/components/responses/Problem"}};
}

// openapi.json with the options of compile_options.def, and all statuses.
std::string openapi() {
  Json document = Json::parse(kOpenApi);
  Json& parameters = document["paths"]["/v1/compile"]["post"]["parameters"];
  for (const OptionInfo& row : option_table())
    if (row.user == OptionUser::Anyone) parameters.push_back(parameter(row));
  for (auto& [path, methods] : document["paths"].items())
    for (auto& [method, operation] : methods.items())
      if (operation.contains("responses")) add_usual_answers(operation);
  return document.dump();
}

}  // namespace

Response get_health() {
  Response response;
  response.headers.emplace_back("Content-Type", "text/plain");
  response.body = "ok\n";
  return response;
}

Response get_openapi() {
  static const std::string document = openapi();
  return json_response(200, document);
}

// Ready is who can read what it serves.
Response get_readiness(Service& service) {
  auto page = service.store.list(Table::Tags, "", "", 1);
  if (!page) return internal_problem(page.takeError());
  return get_health();
}

Response get_metrics(Service& service) {
  Response response;
  response.headers.emplace_back("Content-Type", "text/plain; version=0.0.4");
  std::string last;
  for (const Metric& metric : collect(service)) {
    std::string name = fmt::format("aotc_{}{}", metric.name, metric.gauge ? "" : "_total");
    if (name != last)
      response.body +=
          fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, metric.help, metric.gauge ? "gauge" : "counter");
    last = name;
    if (metric.reason) name += fmt::format("{{reason=\"{}\"}}", metric.reason);
    response.body += fmt::format("{} {}\n", name, metric.value);
  }
  return response;
}

Response get_stats(Service& service) {
  nlohmann::ordered_json document;
  for (const Metric& metric : collect(service))
    document[metric.reason ? fmt::format("{}_{}", metric.name, metric.reason) : metric.name] = metric.value;
  return json_response(200, document.dump() + "\n");
}

}  // namespace aotc::server
