// router.h - from a request to a response, without sockets.
#pragma once

#include <variant>

#include "http_message.h"
#include "service.h"
#include "upload.h"

namespace aotc::server {

// Who sends the request, and whether the route is for them; an answer means that it is not. Every request passes here
// first, before any of its body is read; what of a tenant's it may see is up to the routes.
std::optional<Response> admit(Service& service, Request& request);

// Whether route() will answer after a few look-ups, as opposed to those that may wait for a lock or for the disk.
bool is_quick(const Request& request);

// Answers a request that is not an upload. HEAD is answered like GET; the session leaves the body out.
Response route(Service& service, const Request& request);

// Requests whose body goes to the store: first start_upload, which refuses what is wrong, or more than may be kept,
// before the body is read; `length` is what is known of its length. Then append_upload with each part, which answers
// when that is too much; at the end accept_upload.
bool is_upload(const Request& request);
std::variant<Upload, Response> start_upload(Service& service, const Request& request, uint64_t length);
std::optional<Response> append_upload(Upload& upload, llvm::StringRef bytes);
Response accept_upload(Service& service, const Request& request, Upload& upload);

}  // namespace aotc::server
