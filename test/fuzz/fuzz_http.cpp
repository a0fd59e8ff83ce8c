// fuzz_http.cpp - the server's routes, from a request to a response, over a store with nothing in it and a queue that
// compiles nothing. An input is lines: method, target, "name: value" for each header, an empty line; then the body.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "http/router.h"
#include "jobs/job_queue.h"
#include "llvm/ADT/StringRef.h"
#include "metrics.h"
#include "oci/upload_sessions.h"
#include "store/catalog.h"

namespace {

using namespace aotc::server;

void check(llvm::Error error) {
  if (error) std::abort();
}

struct Server {
  std::filesystem::path folder;
  std::unique_ptr<Store> store;
  Counters counters;
  Tenants tenants{""};
  std::unique_ptr<RevocationBook> revocations;
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<JobQueue> jobs;
  UploadSessions uploads{UploadLimits()};

  Server() {
    std::string name = (std::filesystem::temp_directory_path() / "aotc-fuzz-XXXXXX").string();
    if (!mkdtemp(name.data())) std::abort();
    folder = name;
    StoreOptions options;
    options.sync = false;
    auto opened = Store::open(name + "/store", options);
    if (!opened) std::abort();
    store = std::move(*opened);
    revocations = std::make_unique<RevocationBook>(*store, std::vector<aotc::Signer>());
    check(revocations->open());
    catalog = std::make_unique<Catalog>(*store, SigningOptions(), *revocations);
    check(catalog->open());
    JobLimits limits;
    limits.workers = 0;
    jobs = std::make_unique<JobQueue>(*store, *catalog, tenants, counters, limits, name + "/work");
    check(jobs->start());
  }
  ~Server() {
    jobs.reset();
    catalog.reset();
    revocations.reset();
    store.reset();
    std::filesystem::remove_all(folder);
  }
};

Response answer(Service& service, Request& request) {
  if (std::optional<Response> denied = admit(service, request)) return std::move(*denied);
  if (!is_upload(request)) return route(service, request);
  auto begun = start_upload(service, request, request.body.size());
  if (auto* refused = std::get_if<Response>(&begun)) return std::move(*refused);
  std::unique_ptr<Intake> intake = std::move(std::get<std::unique_ptr<Intake>>(begun));
  llvm::StringRef body(request.body);
  for (llvm::StringRef part : {body.take_front(body.size() / 2), body.drop_front(body.size() / 2)})
    if (std::optional<Response> refused = intake->append(part)) return std::move(*refused);
  return intake->finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Server server;
  Service service{*server.store,   *server.catalog,     server.tenants, *server.jobs,
                  server.counters, *server.revocations, server.uploads};
  llvm::StringRef text(reinterpret_cast<const char*>(data), size);
  Request request;
  auto [method, after_method] = text.split('\n');
  auto [target, rest] = after_method.split('\n');
  request.method = method.str();
  llvm::StringRef line;
  for (std::tie(line, rest) = rest.split('\n'); !line.empty(); std::tie(line, rest) = rest.split('\n')) {
    auto [name, value] = line.split(": ");
    request.headers[name.lower()] = value.str();
  }
  request.body = rest.take_front(64 << 10).str();
  if (llvm::Error bad = parse_target(target.str(), request)) {
    llvm::consumeError(std::move(bad));
    return 0;
  }
  Response response = answer(service, request);
  // A request can be wrong, the server must not be; and nothing in a head may end its line.
  if (response.status < 200 || response.status >= 500 || !response.failure.empty()) std::abort();
  for (const auto& [name, value] : response.headers)
    if (value.find_first_of(std::string("\r\n\0", 3)) != std::string::npos) std::abort();
  return 0;
}
