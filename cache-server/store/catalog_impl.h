// catalog_impl.h - what the files of the catalog share.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "catalog.h"

namespace aotc::server {

constexpr uint64_t kMaxDocument = kMaxManifest;

// What a manifest or index names: manifests, config, layers.
std::vector<std::string> named_by(const std::string& document);

inline bool is_document(const Link& link) { return is_manifest_type(link.media_type); }

// Collected, then written in one batch by Catalog::apply.
struct Catalog::Change {
  std::vector<Record> records;
  std::map<std::string, int64_t> references = {};  // by the key of a blob: difference
  std::set<std::string> links = {};                // made by this change
};

}  // namespace aotc::server
