// routes_pins.h - tags whose images are not evicted.
//
//   GET    /v1/pins              {"pins": [{"name", "tag"}]}, the caller's
//   PUT    /v1/pins?name=&tag=   204; 404 when there is no such tag. The pin is the tag's, whatever it names later.
//   DELETE /v1/pins?name=&tag=   204
#pragma once

#include "http_message.h"
#include "service.h"

namespace aotc::server {

Response get_pins(Service& service, const Request& request);
Response set_pin(Service& service, const Request& request, bool pinned);

}  // namespace aotc::server
