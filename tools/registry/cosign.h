// cosign.h - a statement in the form of cosign's signatures, so that others can check it, and a node theirs: a payload
// of "simple signing" in JSON, signed with a key on P-256. What a statement has and the payload has no place for is
// among its optional members, as `cosign sign -a` writes them:
//
//   {"critical": {"identity": {"docker-reference": REPOSITORY}, "image": {"docker-manifest-digest": INDEX},
//                 "type": "cosign container image signature"},
//    "optional": {"aotc.repository": REPOSITORY, "aotc.sequence": "7", "aotc.issued": SECONDS, "aotc.expires":
//    SECONDS}}
//
// A payload without them is no statement. As a text, which is what a node keeps of it:
//
//   text = "cosign ", signature in base64, "\n", payload ;            at most 4 KiB
//
// In a registry it is the layer of an image under the tag sha256-HEX.sig, its signature an annotation; of ours the
// image is a referrer of the index as well.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "signing.h"

namespace aotc {

constexpr const char* kSimpleSigningType = "application/vnd.dev.cosign.simplesigning.v1+json";
constexpr const char* kCosignType = "application/vnd.dev.cosign.artifact.sig.v1+json";  // artifactType of the image
constexpr const char* kCosignAnnotation = "dev.cosignproject.cosign/signature";

std::string cosign_payload(const Statement& statement);
std::string cosign_text(std::string_view payload, std::string_view signature);

struct CosignText {
  std::string_view payload;
  std::string signature;  // DER
};
// Nothing when the text has another form.
std::optional<CosignText> split_cosign(std::string_view text);
std::optional<Statement> parse_cosign(std::string_view payload);

// "sha256-HEX.sig"
std::string cosign_tag(const std::string& digest, const char* suffix = "sig");

}  // namespace aotc
