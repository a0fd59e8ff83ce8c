// pull.h - the puller: a process per app that comes from a registry. It asks for the app's tag now and then, checks
// what it gets, puts it into the cache on disk and tells the front. It runs nothing, and the front believes it nothing:
// a tenant checks the whole image again before it maps a byte of it.
//
// To the front, one line each:  newest RELEASE | good RELEASE | same | failed SECONDS REASON
// From the front:               good RELEASE | now
//   RELEASE = index, " ", statement or "-", " ", sequence, " ", expires
#pragma once

#include "options.h"

// The front is on descriptors 0 and 1. Never returns to the caller's world.
int run_puller(const PullOptions& options);

std::string release_words(const Release& release);
bool parse_release_words(const std::string& text, Release& release);
