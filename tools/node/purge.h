// purge.h - what an operator wants to have out of the response caches: POST /purge?app=NAME, all of that app's, or with
// &path=PATH the responses of a path and query, of all paths that begin so if it ends with '*'. Both percent-encoded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

struct PurgeRequest {
  std::string app, path;
};
// `target` is that of the request. Nothing if it is not as above: no half of what was meant is purged.
std::optional<PurgeRequest> parse_purge(std::string_view target);
