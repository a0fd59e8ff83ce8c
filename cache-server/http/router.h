// router.h - from a request to a response, without sockets.
#pragma once

#include <memory>
#include <variant>

#include "intake.h"
#include "service.h"

namespace aotc::server {

// Who sends the request, and whether the route is for them; an answer means that it is not. Every request passes here
// first, before any of its body is read; what of a tenant's it may see is up to the routes.
std::optional<Response> admit(Service& service, Request& request);

// Whether route() will answer after a few look-ups, as opposed to those that may wait for a lock or for the disk.
bool is_quick(const Request& request);

// Answers a request that is not an upload. HEAD is answered like GET; the session leaves the body out.
Response route(Service& service, const Request& request);

// Requests whose body is taken as it comes: start_upload refuses what is wrong, or more than may be kept, before the
// body is read; `length` is what is known of its length. `request` must outlive what it gives.
bool is_upload(const Request& request);
std::variant<std::unique_ptr<Intake>, Response> start_upload(Service& service, const Request& request, uint64_t length);

}  // namespace aotc::server
