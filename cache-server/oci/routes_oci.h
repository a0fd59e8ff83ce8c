// routes_oci.h - the OCI distribution API. GET and HEAD of
//
//   /v2/                               200
//   /v2/_catalog?n=&last=              the repositories that have tags
//   /v2/NAME/tags/list?n=&last=
//   /v2/NAME/manifests/TAG or DIGEST   index and manifests with their own media types
//   /v2/NAME/referrers/DIGEST?artifactType=&last=
//   /v2/NAME/blobs/DIGEST              with ETag, If-None-Match, and single ranges or zstd
//
// DELETE of manifests: by tag removes the tag, by digest the manifest, its tags and what only it needs; DELETE of blobs
// that no manifest names. For what it takes see routes_push.h.
//
// A repository serves what its links name (see store.h), nothing else that the store holds.
#pragma once

#include "http/http_message.h"
#include "http/service.h"

namespace aotc::server {

Response route_oci(Service& service, const Request& request);

}  // namespace aotc::server
