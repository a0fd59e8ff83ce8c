// release_document.h - signed documents that say which of a repository's images nodes are to run, and for whom.
//
// There is one for a repository, under a tag of its own, kReleaseTag. Nodes that follow it run what it names instead of
// what a tag does, so that a whole fleet changes by one write, and who holds the registry can change nothing: the
// images, the share of the canary and who is led to it are signed together, and a node that has seen a document takes
// none with a lower sequence. Its text is exact; a byte more or less is an error:
//
//   document = head, signature, { signature } ;                      at most 4 KiB; signatures: see signing.h
//   head     = "aotc-release 1\n", "repository ", name, "\n", "sequence ", number, "\n", "issued ", number, "\n",
//              "from ", number, "\n", "stable ", digest, "\n", [ "canary ", digest, "\n", "weight ", number, "\n",
//              { "header ", match }, { "cookie ", match } ], [ "previous ", digest, "\n" ] ;
//   match    = name, " ", value, "\n" ;         of a field or cookie: at most 8 of each, ascending by their names
//   name     = 1 to 64 characters of a token (RFC 9110) ;   value = 1 to 128 visible ones of ASCII ;
//
// Digests are of image indexes, each of which needs a statement of its own. `from` is when it takes effect, in seconds
// since 1970: nodes fetch the images before, and change together then. `weight` is in thousandths of a percent.
// `previous` is what was stable before, to go back to. Two documents with the same sequence are a contradiction, and
// the second one is refused.
//
// Plain C++. Functions that can fail return nothing and say why in `error`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "signing.h"

namespace aotc {

constexpr const char* kReleaseTag = "aotc-release";
constexpr size_t kMaxRelease = 4096;
constexpr uint64_t kWholeWeight = 100'000;

struct ReleaseDocument {
  std::string repository;
  uint64_t sequence = 0, issued = 0, from = 0;
  std::string stable, canary, previous;  // canary and previous may be empty
  uint64_t weight = 0;
  std::map<std::string, std::string> headers, cookies;  // name -> value
};

// The text, signed by all keys; nothing when it is not well formed.
std::optional<std::string> sign_release(const ReleaseDocument& document, const std::vector<Signer>& signers,
                                        std::string& error);
// The document, if it is well formed, signed by a trusted key and for this repository.
std::optional<ReleaseDocument> verify_release(const TrustedKeys& keys, const std::string& text,
                                              const std::string& repository, std::string& error);

bool is_match_name(std::string_view text);
bool is_match_value(std::string_view text);

}  // namespace aotc
