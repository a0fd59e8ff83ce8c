// oci_path.h - the paths of the distribution API: /v2/NAME/KIND/LEAF.
#pragma once

#include <optional>
#include <string>

#include "llvm/ADT/StringRef.h"

namespace aotc::server {

struct OciPath {
  enum class Kind { Manifests, Blobs, Uploads, Tags, Referrers };
  std::string name;  // not checked
  Kind kind;
  std::string leaf;  // a tag, a digest, a session; empty for "uploads/"
};

// Nothing when it is none of these.
std::optional<OciPath> parse_oci_path(llvm::StringRef path);

}  // namespace aotc::server
