// routes_push.h - what the distribution API takes: blobs and manifests.
//
//   POST   /v2/NAME/blobs/uploads/?mount=DIGEST&from=NAME   201 when the tenant has the blob, else as without
//   POST   /v2/NAME/blobs/uploads/                          202 and a session
//   POST   /v2/NAME/blobs/uploads/?digest=DIGEST            body: the blob. 201
//   PATCH  /v2/NAME/blobs/uploads/ID                        body: the next bytes, with Content-Range or without. 202
//   PUT    /v2/NAME/blobs/uploads/ID?digest=DIGEST          body: the last bytes, or none. 201
//   GET    /v2/NAME/blobs/uploads/ID                        204, Range says how much is there
//   DELETE /v2/NAME/blobs/uploads/ID                        204, it is forgotten
//   PUT    /v2/NAME/manifests/TAG or DIGEST                 body: a manifest or an index. 201
//
// What is pushed is served as it is and never signed. A manifest with a module (pushed_manifest.h) that is pushed by
// tag is compiled, as POST /v1/compile would do it; the header Aotc-Job of the answer names the job.
#pragma once

#include <memory>
#include <variant>

#include "http/intake.h"
#include "http/service.h"
#include "oci_path.h"

namespace aotc::server {

// Whether it has a body that is not small.
bool is_push(const Request& request);
// `length` of the body, as far as it is known.
std::variant<std::unique_ptr<Intake>, Response> start_push(Service& service, const Request& request, uint64_t length);
// Of the requests above those without such a body. The name is checked.
Response route_uploads(Service& service, const Request& request, const OciPath& path);

// Nothing when the name is right and the caller's.
std::optional<Response> check_repository(Service& service, const Request& request, llvm::StringRef name);

}  // namespace aotc::server
