// routes_oci.h - the read-only half of the OCI distribution API: GET and HEAD of
//
//   /v2/                               200
//   /v2/_catalog                       not served: 404
//   /v2/NAME/tags/list?n=&last=
//   /v2/NAME/manifests/TAG or DIGEST   index and manifests with their own media types
//   /v2/NAME/blobs/DIGEST              with ETag, If-None-Match and single ranges
//
// A repository serves what its links name (see store.h), nothing else that the store holds.
#pragma once

#include "router.h"

namespace aotc::server {

Response route_oci(Service& service, const Request& request);

}  // namespace aotc::server
