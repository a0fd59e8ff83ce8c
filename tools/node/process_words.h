// process_words.h - what the supervisor tells a process that it starts, on its command line: of the options that which
// concerns its app, word by word.
#pragma once

#include <string>
#include <vector>

#include "options.h"

// A tenant process: `aotc-node --tenant KEY=VALUE...`, with one channel per worker from descriptor 3 on, and if it is
// `grouped` then the one by which it joins its control group. Its words hold nothing of other apps.
struct TenantOptions {
  std::string name, artifact, reset;
  unsigned workers, user;
  uint64_t deadline, timeout, grace_after, max_memory, tmp_size;
  uint64_t memory;  // of the process
  int group;        // descriptor by which it joins its control group, or 0
  uint64_t compare_sample;
  std::vector<Secret> secrets;
  std::string folder;  // of images; "": the artifact is a file
  Trust trust;
  Release release;
  ObeyedLists lists;
};
constexpr int kFirstChannel = 3;
// What a tenant's process is given by the supervisor.
struct TenantPlace {
  unsigned user;
  uint64_t memory;
  bool grouped;
};
std::vector<std::string> tenant_words(const Options& options, const App& app, const Release& release,
                                      const ObeyedLists& lists, const TenantPlace& place);
TenantOptions parse_tenant_words(char** words);

// A puller: `aotc-node --pull KEY=VALUE...`.
std::vector<std::string> pull_words(const PullOptions& options);
PullOptions parse_pull_words(char** words);
