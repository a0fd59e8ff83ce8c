// process_words.h - what the supervisor tells a process that it starts, on its command line: of the options that which
// concerns its app, word by word.
#pragma once

#include <string>
#include <vector>

#include "options.h"

// A tenant process: `aotc-node --tenant KEY=VALUE...`, with channels from descriptor 3 on, of each worker one for every
// loop of the front; if it may connect to something then one to the broker per worker; and if it is `grouped` the one
// by which it joins its control group. Its words hold nothing of other apps.
struct TenantOptions {
  std::string name, artifact, reset;
  unsigned workers, loops, user;
  uint64_t deadline, timeout, grace_after, max_memory, tmp_size;
  uint64_t memory;  // of the process
  int group;        // descriptor by which it joins its control group, or 0
  uint64_t compare_sample;
  CompressRules compress;
  std::vector<Secret> secrets;
  std::vector<Backend> backends;
  Values values;
  std::vector<aotc_edge_value> edge_values;  // what is in them, once it was read
  std::string next;                          // as of struct App
  bool next_is_app;
  bool outbound;       // a channel to the broker per worker stands behind those to the front
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
  bool outbound;
};
std::vector<std::string> tenant_words(const Options& options, const App& app, const Release& release,
                                      const ObeyedLists& lists, const TenantPlace& place);
TenantOptions parse_tenant_words(char** words);

// The broker: `aotc-broker KEY=VALUE...`. Apps get numbers in the order of `served`; words of further ones, of which
// one may have the name of a former, are sent to it later.
std::vector<std::string> broker_words(const Options& options, const Served& served, unsigned user);
std::vector<std::string> broker_words_of(const App& app);

// A puller: `aotc-node --pull KEY=VALUE...`.
std::vector<std::string> pull_words(const PullOptions& options);
PullOptions parse_pull_words(char** words);
