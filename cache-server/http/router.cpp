// router.cpp - the gate and the table of paths.
#include "router.h"

#include "routes_admin.h"
#include "routes_jobs.h"
#include "oci/routes_oci.h"
#include "routes_pins.h"

namespace aotc::server {

namespace {

bool is_oci(llvm::StringRef path) { return path == "/v2" || path.starts_with("/v2/"); }

// Any of these roles opens the route.
unsigned roles_for(const Request& request) {
  if (request.path == "/metrics" || request.path == "/v1/stats") return kOperator;
  if (request.method == "GET" || request.method == "HEAD") return kPull;
  return request.method == "DELETE" ? kPush | kOperator : kPush;
}

}  // namespace

std::optional<Response> admit(Service& service, Request& request) {
  if (request.path == "/healthz" || request.path == "/readyz") return std::nullopt;
  bool oci = is_oci(request.path);
  std::string given = request.header("authorization");
  std::optional<Caller> caller = service.tenants.authenticate(given);
  if (caller && (caller->roles & roles_for(request)) != 0) {
    request.caller = *caller;
    return std::nullopt;
  }
  ++(given.empty() ? service.counters.challenged : service.counters.denied);
  if (caller) {
    const char* message = "the token does not allow this";
    return oci ? oci_error(403, "DENIED", message) : problem(403, message);
  }
  const char* message = "a valid token is needed: \"Authorization: Bearer TOKEN\"";
  Response refused = oci ? oci_error(401, "UNAUTHORIZED", message) : problem(401, message);
  // Registry clients send a bearer token only to a token service, but a password to anyone who asks.
  refused.headers.emplace_back("WWW-Authenticate", oci ? "Basic realm=\"aotc\"" : "Bearer realm=\"aotc\"");
  return refused;
}

bool is_quick(const Request& request) {
  if (request.method != "GET" && request.method != "HEAD") return false;
  llvm::StringRef path(request.path);
  return path == "/healthz" || (is_oci(path) && (path.contains("/blobs/") || path.contains("/manifests/")));
}

Response route(Service& service, const Request& request) {
  llvm::StringRef path(request.path);
  if (is_oci(path)) return route_oci(service, request);
  bool job = path.starts_with("/v1/jobs/");
  bool pins = path == "/v1/pins";
  bool known = job || pins || path == "/v1/compile" || path == "/v1/modules" || path == "/v1/stats" ||
               path == "/v1/openapi.json" || path == "/healthz" || path == "/readyz" || path == "/metrics";
  if (!known) return problem(404, "there is nothing at this path");
  bool get = request.method == "GET" || request.method == "HEAD";
  if (path == "/v1/compile" && request.method == "POST") return compile_known(service, request);
  bool taken =
      get || (job && request.method == "DELETE") || (pins && (request.method == "PUT" || request.method == "DELETE"));
  if (path == "/v1/compile" || !taken) {
    Response refused = problem(405, "this path does not take " + request.method);
    refused.headers.emplace_back("Allow", path == "/v1/compile" ? "POST"
                                          : job                 ? "GET, HEAD, DELETE"
                                          : pins                ? "GET, HEAD, PUT, DELETE"
                                                                : "GET, HEAD");
    return refused;
  }
  if (pins) return get ? get_pins(service, request) : set_pin(service, request, request.method == "PUT");
  if (path.consume_front("/v1/jobs/"))
    return get ? get_job(service, request, path.str()) : delete_job(service, request, path.str());
  if (path == "/v1/modules") return get_modules(service, request);
  if (path == "/v1/stats") return get_stats(service);
  if (path == "/v1/openapi.json") return get_openapi();
  if (path == "/metrics") return get_metrics(service);
  return path == "/readyz" ? get_readiness(service) : get_health();
}

bool is_upload(const Request& request) {
  return request.method == "POST" && request.path == "/v1/compile" &&
         request.header("content-type") != "application/json";
}

std::variant<Upload, Response> start_upload(Service& service, const Request& request, uint64_t length) {
  if (std::optional<Response> wrong = check_compile(service, request)) return std::move(*wrong);
  const std::string& tenant = request.caller.tenant;
  Accounts::Reservation space = service.catalog.reserve(tenant, service.tenants.quota(tenant));
  llvm::Expected<Upload> upload = Upload::start(service.jobs, std::move(space), length);
  if (!upload) return refused(upload.takeError());
  return std::move(*upload);
}

std::optional<Response> append_upload(Upload& upload, llvm::StringRef bytes) {
  llvm::Error error = upload.append(bytes);
  if (!error) return std::nullopt;
  return refused(std::move(error));
}

Response accept_upload(Service& service, const Request& request, Upload& upload) {
  if (upload.size() == 0) return problem(400, "the body is empty; it has to be a WebAssembly module");
  llvm::Expected<BlobInfo> blob = upload.finish(service.store);
  if (!blob) return refused(blob.takeError());
  ++service.counters.uploads;
  service.counters.upload_bytes += blob->size;
  Response response = post_compile(service, request, *blob, &upload.place());
  if (response.status < 400) return response;
  *blob = BlobInfo();  // with its lease
  if (llvm::Error error = service.catalog.drop_garbage(request.caller.tenant).takeError())
    return internal_problem(std::move(error));
  return response;
}

}  // namespace aotc::server
