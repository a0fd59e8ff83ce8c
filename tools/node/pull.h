// pull.h - the puller: a process per app that comes from a registry. It asks for the app's tag now and then, checks
// what it gets, puts it into the cache on disk and tells the front. It runs nothing, and the front believes it nothing:
// a tenant checks the whole image again before it maps a byte of it.
//
// Keys, token and certificates are opened, and the cache's folder, before it takes from itself whatever else there is.
// So it ends before each thorough look, after a failure or kThorough ordinary ones, and the front has a new one
// started, which reads all files of the system anew; and nobody stays for long who got hold of it.
//
// To the front, one line each:  newest RELEASE | good RELEASE | announced | same | failed DELAY REASON
//                               obey LIST LIST | revoked INDEX SEQUENCE REASON | refused REASON
//                               document SEQUENCE WEIGHT STABLE CANARY MATCH... | none SEQUENCE: of one that
//                               follows releases, see registry/release_document.h
// From the front:               good RELEASE | now
//   RELEASE = index, " ", statement or "-", " ", sequence, " ", expires
//   STABLE = index;  CANARY = index or "-";  MATCH = "header:" or "cookie:", name, "=", value
//   LIST = digest or "-": of the repository's revocations, then of the fleet's; see revoked.h
#pragma once

#include "options.h"

// The front is on descriptors 0 and 1. Never returns to the caller's world.
int run_puller(const PullOptions& options);

std::string release_words(const Release& release);
bool parse_release_words(const std::string& text, Release& release);
std::string document_words(const aotc::ReleaseDocument& document);
bool parse_document_words(const std::string& text, aotc::ReleaseDocument& document);
