// find_statement.h - the statement for an image in a registry, in whichever form it is there.
//
// Looked at are an index's referrers that are statements (signing.h) or, where a key on P-256 is trusted, signatures of
// cosign's kind (cosign.h); then, if none is good, the tags of cosign's, which clients copy that know of no referrers.
// The registry is not trusted: of others' signatures no more are looked at than there may be reason to.
#pragma once

#include <optional>
#include <string>

#include "registry_client.h"
#include "signing.h"

namespace aotc {

struct FoundStatement {
  std::string text;
  Statement statement;
};

// The one that fits what is expected and has the highest sequence.
std::optional<FoundStatement> find_statement(RegistryClient& client, const TrustedKeys& keys,
                                             const Expectation& expected, std::string& error);

}  // namespace aotc
