// routes_jobs.h - the job API.
//
//   POST /v1/compile?target=&cpu=&tier=&name=&tag=   202 and the job, or 200 when its image is there
//        with "Content-Type: application/json"       no upload: {"module": digest, "target": ...} is about a module
//        that
//                                                    the tenant has; 404 when he has not
//   GET  /v1/jobs/{id}?wait=SECONDS                  the job; with wait, when it has ended or the time is over
//        with "Accept: text/event-stream"            the job as an event each time it changes, until it has ended
//   DELETE /v1/jobs/{id}                             cancels it
//   GET  /v1/jobs?n=&last=&state=                    all jobs, or those in a state, likewise
//   GET  /v1/modules?n=&last=                        the jobs that are done, by id; last is the id to go on after
#pragma once

#include <memory>
#include <variant>

#include "intake.h"
#include "jobs/job_queue.h"
#include "service.h"

namespace aotc::server {

// Refuses what cannot be done before any of the module is read; `length` is what is known of its length.
std::variant<std::unique_ptr<Intake>, Response> start_module(Service& service, const Request& request, uint64_t length);
Response compile_known(Service& service, const Request& request);
Response get_job(Service& service, const Request& request, const std::string& id);
Response delete_job(Service& service, const Request& request, const std::string& id);
Response get_modules(Service& service, const Request& request);
Response get_jobs(Service& service, const Request& request);

}  // namespace aotc::server
