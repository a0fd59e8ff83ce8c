// revocations.h - signed lists of what must not run any more, although it was signed before.
//
// A list is for one repository or, as "*", for the whole fleet. Each one holds all that is revoked there, so the one
// with the highest sequence is the only one that counts, and a node never goes back to another. It does not expire. Its
// text is exact; a byte more or less is an error:
//
//   list    = head, signature, { signature } ;                       at most 64 KiB; signatures: see signing.h
//   head    = "aotc-revocations 1\n", "repository ", ( name | "*" ), "\n", "sequence ", number, "\n",
//             "issued ", number, "\n", { entry } ;
//   entry   = ( "compiler ", version | "index sha256:", 64 hex | "through ", number ), " ", reason, "\n" ;
//   version = 1 to 64 of "0-9A-Za-z.+_-" ;
//   reason  = 1 to 200 printable characters of ASCII ;               for people
//
// Entries stand in this order, compilers and indexes each in ascending order without duplicates, `through` once at most
// and not for the whole fleet: it revokes whatever a statement with this sequence or a lower one was made for.
//
// In a registry, the tag kRevocationsTag of a repository names a manifest whose layers are lists, of the repository and
// of the fleet. Whoever holds the registry can hide a list, but cannot change it nor put an older one in its place
// where it has been seen; against one who hides them stands that statements expire.
//
// Plain C++. Functions that can fail return nothing and say why in `error`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "signing.h"

namespace aotc {

constexpr const char* kRevocationsTag = "aotc-revocations";
constexpr const char* kWholeFleet = "*";
constexpr size_t kMaxRevocations = 64 << 10;  // bytes of a list
constexpr size_t kMaxReason = 200;

struct Revocations {
  std::string repository;  // or kWholeFleet
  uint64_t sequence = 0;   // grows with each list for the repository, or for the fleet
  uint64_t issued = 0;
  std::map<std::string, std::string> compilers, indexes;  // -> reason
  uint64_t through = 0;
  std::string through_reason;  // empty: there is no `through`

  bool is_for_fleet() const { return repository == kWholeFleet; }
};

// What a list is asked about. Without a compiler only what is known counts.
struct SignedRelease {
  std::string index;
  uint64_t sequence = 0;
  std::string compiler;
};

// The text of a list, signed by all keys; nothing when it is not well formed or too long.
std::optional<std::string> sign_revocations(const Revocations& list, const std::vector<Signer>& signers,
                                            std::string& error);
// The list, if it is well formed, signed by a trusted key and for this repository or the fleet.
std::optional<Revocations> verify_revocations(const TrustedKeys& keys, const std::string& text,
                                              const std::string& repository, std::string& error);
// Why the release must not run; empty when the list has nothing against it.
std::string reason_against(const Revocations& list, const SignedRelease& release);

bool is_compiler_version(const std::string& text);
bool is_revocation_reason(const std::string& text);

}  // namespace aotc
