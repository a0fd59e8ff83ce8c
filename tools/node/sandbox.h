// sandbox.h - takes away from a tenant process what serving requests does not need.
//
// After it the process cannot open, create or connect anything, start programs or threads, map executable memory or
// signal others: it has its channels to the front, its log, the artifact's mappings and anonymous memory. A call that
// is not on the list answers ENOSYS, as if the kernel did not have it.
#pragma once

#include <string>

// First, before artifacts are loaded: dies with the front, no core dumps, closes descriptors from `first_unused` on.
std::string enter_process(int first_unused);
// When all threads exist: drops root and filters system calls, for all of them. Empty, or what failed.
std::string lock_process();
