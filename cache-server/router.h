// router.h - from a request to a response, without sockets.
#pragma once

#include "http_message.h"
#include "job_queue.h"
#include "metrics.h"
#include "store.h"

namespace aotc::server {

struct Service {
  Store& store;
  JobQueue& jobs;
  Counters& counters;
};

// Answers a request whose body does not matter. HEAD is answered like GET; the session leaves the body out.
Response route(Service& service, const Request& request);

// Requests whose body goes to the store: first check_upload, which refuses what is wrong before the body is read, then
// accept_upload with the stored blob.
bool is_upload(const Request& request);
std::optional<Response> check_upload(const Request& request);
Response accept_upload(Service& service, const Request& request, const BlobInfo& blob);

}  // namespace aotc::server
