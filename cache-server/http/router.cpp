// router.cpp - the gate and the table of paths.
#include "router.h"

#include "content_coding.h"
#include "metrics.h"
#include "oci/routes_oci.h"
#include "oci/routes_push.h"
#include "oci/upload_sessions.h"
#include "routes_admin.h"
#include "routes_jobs.h"
#include "routes_pins.h"
#include "store/catalog.h"

namespace aotc::server {

namespace {

// Who may. By method: kPull to read, kPush to write, either kPush or kOperator to delete.
constexpr unsigned kByMethod = 0, kAnyone = ~0u;

struct Route {
  llvm::StringRef method;  // GET is HEAD, too; "*" is any
  llvm::StringRef path;    // each * is any text
  unsigned who;            // the same for all methods of a path
  bool quick;              // a few look-ups, as opposed to what may wait for a lock or for the disk
  Response (*answer)(Service& service, const Request& request, llvm::StringRef rest);  // what the last * is
};

using Rest = llvm::StringRef;

Response answer_oci(Service& service, const Request& request, Rest) { return route_oci(service, request); }

// The first that fits is it.
const Route kRoutes[] = {
    {"*", "/v2/*/blobs/uploads/*", kByMethod, false, answer_oci},
    {"GET", "/v2/*/blobs/*", kByMethod, true, answer_oci},
    {"GET", "/v2/*/manifests/*", kByMethod, true, answer_oci},
    {"*", "/v2/*", kByMethod, false, answer_oci},
    {"*", "/v2", kByMethod, false, answer_oci},
    {"POST", "/v1/compile", kByMethod, false,  // of a module that is known; see is_upload()
     [](Service& service, const Request& request, Rest) { return compile_known(service, request); }},
    {"GET", "/v1/jobs", kByMethod, false,
     [](Service& service, const Request& request, Rest) { return get_jobs(service, request); }},
    {"GET", "/v1/jobs/*", kByMethod, false,
     [](Service& service, const Request& request, Rest id) { return get_job(service, request, id.str()); }},
    {"DELETE", "/v1/jobs/*", kByMethod, false,
     [](Service& service, const Request& request, Rest id) { return delete_job(service, request, id.str()); }},
    {"GET", "/v1/modules", kByMethod, false,
     [](Service& service, const Request& request, Rest) { return get_modules(service, request); }},
    {"GET", "/v1/pins", kByMethod, false,
     [](Service& service, const Request& request, Rest) { return get_pins(service, request); }},
    {"PUT", "/v1/pins", kByMethod, false,
     [](Service& service, const Request& request, Rest) { return set_pin(service, request, true); }},
    {"DELETE", "/v1/pins", kByMethod, false,
     [](Service& service, const Request& request, Rest) { return set_pin(service, request, false); }},
    {"GET", "/v1/openapi.json", kByMethod, false, [](Service&, const Request&, Rest) { return get_openapi(); }},
    {"GET", "/v1/stats", kOperator, false, [](Service& service, const Request&, Rest) { return get_stats(service); }},
    {"GET", "/metrics", kOperator, false, [](Service& service, const Request&, Rest) { return get_metrics(service); }},
    {"GET", "/healthz", kAnyone, true, [](Service&, const Request&, Rest) { return get_health(); }},
    {"GET", "/readyz", kAnyone, false, [](Service& service, const Request&, Rest) { return get_readiness(service); }},
};

bool is_oci(llvm::StringRef path) { return path == "/v2" || path.starts_with("/v2/"); }

bool is_read(const Request& request) { return request.method == "GET" || request.method == "HEAD"; }

bool matches(llvm::StringRef pattern, llvm::StringRef path, llvm::StringRef& rest) {
  size_t star = pattern.find('*');
  if (star == llvm::StringRef::npos) return pattern == path;
  if (!path.consume_front(pattern.take_front(star))) return false;
  pattern = pattern.drop_front(star + 1);
  rest = path;
  if (pattern.empty()) return true;
  size_t next = path.find(pattern.take_until([](char c) { return c == '*'; }));
  return next != llvm::StringRef::npos && matches(pattern, path.drop_front(next), rest);
}

struct Found {
  const Route* path = nullptr;   // one of those with this path
  const Route* route = nullptr;  // the one that takes the method
  llvm::StringRef rest;
};

Found find(const Request& request) {
  Found found;
  llvm::StringRef method = is_read(request) ? "GET" : llvm::StringRef(request.method);
  for (const Route& route : kRoutes) {
    if (!matches(route.path, request.path, found.rest)) continue;
    if (!found.path) found.path = &route;
    if (route.method != method && route.method != "*") continue;
    found.route = &route;
    break;
  }
  return found;
}

// Any of these roles opens the route.
unsigned roles_for(const Request& request) {
  if (const Route* path = find(request).path; path && path->who != kByMethod) return path->who;
  if (is_read(request)) return kPull;
  return request.method == "DELETE" ? kPush | kOperator : kPush;
}

// "GET, HEAD, DELETE"
std::string methods_of(llvm::StringRef path) {
  std::string methods;
  for (const Route& route : kRoutes)
    if (route.path == path)
      methods += (methods.empty() ? "" : ", ") + (route.method == "GET" ? "GET, HEAD" : route.method.str());
  return methods;
}

bool is_module(const Request& request) {
  return request.method == "POST" && request.path == "/v1/compile" &&
         request.header("content-type") != "application/json";
}

}  // namespace

std::optional<Response> admit(Service& service, Request& request) {
  if (roles_for(request) == kAnyone) return std::nullopt;
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
  const Route* route = find(request).route;
  return route && route->quick;
}

Response route(Service& service, const Request& request) {
  Found found = find(request);
  if (found.route) return found.route->answer(service, request, found.rest);
  if (!found.path) return problem(404, "there is nothing at this path");
  Response refused = problem(405, "this path does not take " + request.method);
  refused.headers.emplace_back("Allow", methods_of(found.path->path));
  return refused;
}

bool is_upload(const Request& request) { return is_module(request) || is_push(request); }

std::variant<std::unique_ptr<Intake>, Response> start_upload(Service& service, const Request& request,
                                                             uint64_t length) {
  std::string coding = request.header("content-encoding");
  if (!is_known_coding(coding)) {
    Response refused = problem(415, "a body can be sent as it is, in gzip or in zstd");
    refused.headers.emplace_back("Accept-Encoding", "gzip, zstd, identity");
    return refused;
  }
  bool coded = !coding.empty() && coding != "identity";
  auto begun = is_module(request) ? start_module(service, request, coded ? 0 : length)
                                  : start_push(service, request, coded ? 0 : length);
  if (auto* intake = std::get_if<std::unique_ptr<Intake>>(&begun))
    return make_decoder(coding, service.uploads.limits().bytes, std::move(*intake));
  return begun;
}

}  // namespace aotc::server
