// router.h - from a request to a response, without sockets.
#pragma once

#include "catalog.h"
#include "http_message.h"
#include "job_queue.h"
#include "metrics.h"
#include "store.h"
#include "upload.h"

namespace aotc::server {

struct Service {
  Store& store;
  Catalog& catalog;
  Tenants& tenants;
  JobQueue& jobs;
  Counters& counters;
};

// Who sends the request, and whether the route is for them; an answer means that it is not. Every request passes here
// first, before any of its body is read; what of a tenant's it may see is up to the routes.
std::optional<Response> admit(Service& service, Request& request);

// Whether route() will answer after a few look-ups, as opposed to those that may wait for a lock or for the disk.
bool is_quick(const Request& request);

// Answers a request that is not an upload. HEAD is answered like GET; the session leaves the body out.
Response route(Service& service, const Request& request);

// Requests whose body goes to the store: first check_upload, which refuses what is wrong before the body is read, then
// accept_upload with the body, which it stores.
bool is_upload(const Request& request);
std::optional<Response> check_upload(Service& service, const Request& request);
Response accept_upload(Service& service, const Request& request, Upload& upload);

}  // namespace aotc::server
