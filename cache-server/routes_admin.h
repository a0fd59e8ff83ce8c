// routes_admin.h - /healthz, /readyz, /metrics (Prometheus text format) and /v1/stats (the same numbers as JSON).
#pragma once

#include "router.h"

namespace aotc::server {

Response get_health();
Response get_readiness(Service& service);
Response get_metrics(Service& service);
Response get_stats(Service& service);

}  // namespace aotc::server
