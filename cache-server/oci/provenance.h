// provenance.h - where an image comes from, as others check it: a statement of in-toto with SLSA's predicate. Its
// subject is the index; it names the module, the compiler, and for each target how it was compiled.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "registry/signing.h"

namespace aotc::server {

// `targets` are the members "aotc" of the configs, see oci_image.h.
std::string provenance_statement(const Statement& statement, const std::vector<nlohmann::json>& targets);

}  // namespace aotc::server
