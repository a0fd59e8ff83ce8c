// http_message.h - a request and a response without sockets: what routes take and give.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jobs/job_watch.h"
#include "store/blob_info.h"
#include "tenants/tenants.h"

namespace aotc::server {

struct Request {
  std::string method;
  std::string path;                                        // decoded, starts with '/'
  std::vector<std::pair<std::string, std::string>> query;  // decoded
  std::map<std::string, std::string> headers;              // names in lower case
  std::string body;                                        // of requests that are not uploads
  Caller caller;                                           // set by admit(), see router.h
  std::string id;                                          // in the log and in the answer's X-Request-Id

  std::string header(const std::string& name) const;
  std::optional<std::string> parameter(const std::string& name) const;
};

// A part of a blob, sent chunk by chunk as the body.
struct BlobRange {
  BlobInfo blob;
  uint64_t offset = 0;
  uint64_t length = 0;
  bool zstd = false;  // compressed; then it is the whole blob
};

struct Response {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<BlobRange> blob;  // instead of `body`
  std::string failure;            // of the server itself; for the log, not for the client
  // The client asked to wait, at most this long, for a job that has not ended: ask the route again when this has told
  // of news of it.
  unsigned wait_seconds = 0;
  std::function<JobWatch(JobNews least, std::function<void()> wake)> watch;
  // Send the body as an event, then again each time it has changed, until there is nothing to wait for or the time is
  // over.
  bool events = false;
};

// Splits "/path?query" and undoes percent encoding. Refuses what no honest client sends: control characters, "..",
// empty components, bad escapes.
llvm::Error parse_target(const std::string& target, Request& request);

Response json_response(unsigned status, std::string body);
// RFC 9457. `detail` says what was wrong with this request.
Response problem(unsigned status, const std::string& detail);
// The form that the OCI distribution specification asks for.
Response oci_error(unsigned status, const char* code, const std::string& message);
// For failures of the server itself; the log says more than the client hears.
Response internal_problem(llvm::Error error);
const char* reason(unsigned status);

}  // namespace aotc::server
