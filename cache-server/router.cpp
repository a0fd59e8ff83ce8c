// router.cpp - the table of paths.
#include "router.h"

#include "routes_admin.h"
#include "routes_jobs.h"
#include "routes_oci.h"

namespace aotc::server {

Response route(Service& service, const Request& request) {
  llvm::StringRef path(request.path);
  if (path == "/v2" || path.starts_with("/v2/")) return route_oci(service, request);
  bool known = path == "/v1/compile" || path == "/v1/modules" || path == "/v1/stats" || path == "/healthz" ||
               path == "/metrics" || path.starts_with("/v1/jobs/");
  if (!known) return problem(404, "there is nothing at this path");
  if (path == "/v1/compile" || (request.method != "GET" && request.method != "HEAD")) {
    Response refused = problem(405, "this path does not take " + request.method);
    refused.headers.emplace_back("Allow", path == "/v1/compile" ? "POST" : "GET, HEAD");
    return refused;
  }
  if (path.consume_front("/v1/jobs/")) return get_job(service, request, path.str());
  if (path == "/v1/modules") return get_modules(service, request);
  if (path == "/v1/stats") return get_stats(service);
  if (path == "/metrics") return get_metrics(service);
  return get_health();
}

bool is_upload(const Request& request) { return request.method == "POST" && request.path == "/v1/compile"; }

std::optional<Response> check_upload(const Request& request) { return check_compile(request); }

Response accept_upload(Service& service, const Request& request, const BlobInfo& blob) {
  return post_compile(service, request, blob);
}

}  // namespace aotc::server
