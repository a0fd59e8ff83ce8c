// routes_admin.h - /healthz, /readyz, /metrics (Prometheus text format), /v1/stats (the same numbers as JSON) and
// /v1/openapi.json.
#pragma once

#include "http_message.h"
#include "service.h"

namespace aotc::server {

Response get_health();
Response get_openapi();
Response get_readiness(Service& service);
Response get_metrics(Service& service);
Response get_stats(Service& service);

}  // namespace aotc::server
