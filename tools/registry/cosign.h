// cosign.h - a statement in the forms of cosign's signatures, so that others can check it, and a node theirs: a payload
// in JSON, signed with a key on P-256. It is of "simple signing", as cosign makes them with --new-bundle-format=false:
//
//   {"critical": {"identity": {"docker-reference": TEXT}, "image": {"docker-manifest-digest": INDEX},
//                 "type": "cosign container image signature"},
//    "optional": ANNOTATIONS}
//
// or of in-toto, with a predicate of kSignPredicate, as cosign makes them else, or of kProvenance:
//
//   {"_type": "https://in-toto.io/Statement/v1", "predicateType": TYPE, "predicate": {...},
//    "subject": [{"digest": {"sha256": HEX}, "annotations": ANNOTATIONS}]}
//
// A digest alone lets nobody tell an image that was withdrawn from the one that took its place, nor one repository's
// from another's. So what else a statement has is signed, too, as `cosign sign -a` does it, and without it there is
// none:
//
//   ANNOTATIONS = {"aotc.repository": REPOSITORY, "aotc.sequence": "7", "aotc.issued": SECONDS, "aotc.expires":
//                  SECONDS, ...}
//
// No member may be there twice, in capitals or not. As a text, which is what a node keeps of it:
//
//   text = ( "cosign " | "in-toto " ), signature in base64, "\n", payload ;            at most 16 KiB
//
// Of a payload of in-toto that is signed which DSSE says, its type included. In a registry, simple signing is the layer
// of an image under the tag sha256-HEX.sig, its signature an annotation; in-toto is in an envelope of DSSE, under
// sha256-HEX.att, and that in a bundle of Sigstore's, a referrer of the index. Of ours all are referrers.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "signing.h"

namespace aotc {

// Of layers, and what an image of them is called as a referrer.
constexpr const char* kSimpleSigningType = "application/vnd.dev.cosign.simplesigning.v1+json";
constexpr const char* kCosignType = "application/vnd.dev.cosign.artifact.sig.v1+json";
constexpr const char* kDsseType = "application/vnd.dsse.envelope.v1+json";
constexpr const char* kInTotoType = "application/vnd.in-toto+json";
constexpr const char* kBundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";  // of both

constexpr const char* kCosignAnnotation = "dev.cosignproject.cosign/signature";
constexpr const char* kInTotoStatement = "https://in-toto.io/Statement/v1";
constexpr const char* kSignPredicate = "https://sigstore.dev/cosign/sign/v1";
constexpr const char* kProvenance = "https://slsa.dev/provenance/v1";

constexpr size_t kMaxCosignText = 16 << 10;
constexpr size_t kMaxBundle = 64 << 10;

struct CosignText {
  enum Form { SimpleSigning, InToto } form = SimpleSigning;
  std::string payload;
  std::string signature;  // DER

  std::string text() const;
  std::string signed_bytes() const;
};

// What a statement says beside its index: name -> value.
std::vector<std::pair<std::string, std::string>> annotations_of(const Statement& statement);
std::string simple_signing(const Statement& statement);
// An envelope of DSSE around a payload of in-toto.
std::string dsse_envelope(const std::string& payload, const P256Key& key);
// A bundle of Sigstore's around an envelope that the key has signed.
std::string sigstore_bundle(const std::string& envelope, const P256Key& key);

// Nothing when it has another form.
std::optional<CosignText> split_cosign(std::string_view text);
std::optional<Statement> parse_cosign(const CosignText& text);
// One for each signature of an envelope, or of the one in a bundle; none when it is neither.
std::vector<CosignText> parse_envelope(std::string_view document);

// "sha256-HEX.sig"
std::string cosign_tag(const std::string& digest, const char* suffix);

}  // namespace aotc
