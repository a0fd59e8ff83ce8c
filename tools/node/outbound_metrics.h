// outbound_metrics.h - what /metrics shows of the connections that programs make, and of their stores.
#pragma once

#include <string>
#include <vector>

#include "options.h"

// `counts` is what the broker writes to (support/outbound_counts.h).
std::string write_outbound_metrics(int counts, const std::vector<const App*>& apps);
