// provenance.h - where an image comes from, as others check it: a statement of in-toto with SLSA's predicate, in a
// signed envelope of the kind DSSE. Its subject is the index; it names the module, the compiler, and for each target
// how it was compiled.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "registry/p256.h"
#include "registry/signing.h"

namespace aotc::server {

constexpr const char* kInTotoType = "application/vnd.in-toto+json";
constexpr const char* kDsseType = "application/vnd.dsse.envelope.v1+json";
constexpr const char* kProvenanceType = "https://slsa.dev/provenance/v1";

// `targets` are the members "aotc" of the configs, see oci_image.h.
std::string provenance_statement(const Statement& statement, const std::vector<nlohmann::json>& targets);
std::string dsse_envelope(const std::string& type, const std::string& payload, const P256Key& key);

}  // namespace aotc::server
