// oci_path.cpp - see oci_path.h. A name may have slashes, so paths are read from their end.
#include "oci_path.h"

namespace aotc::server {

std::optional<OciPath> parse_oci_path(llvm::StringRef path) {
  using Kind = OciPath::Kind;
  if (!path.consume_front("/v2/")) return std::nullopt;
  auto [parent, leaf] = path.rsplit('/');
  auto [name, kind] = parent.rsplit('/');
  if (name.empty() || kind.empty()) return std::nullopt;
  OciPath found{name.str(), Kind::Blobs, leaf.str()};
  if (kind == "uploads" && name.consume_back("/blobs")) return OciPath{name.str(), Kind::Uploads, leaf.str()};
  if (kind == "manifests")
    found.kind = Kind::Manifests;
  else if (kind == "referrers")
    found.kind = Kind::Referrers;
  else if (kind == "tags" && leaf == "list")
    found.kind = Kind::Tags;
  else if (kind == "blobs" && leaf == "uploads")
    return OciPath{name.str(), Kind::Uploads, ""};
  else if (kind != "blobs")
    return std::nullopt;
  return found;
}

}  // namespace aotc::server
