// options.h - the command line of `aotc-server`: what it takes, in which form and range, and --help.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "administration.h"
#include "http/listener.h"
#include "jobs/job_limits.h"
#include "oci/upload_sessions.h"
#include "store/janitor.h"
#include "store/scrubber.h"
#include "store/store.h"

namespace aotc::server {

struct ServerArguments {
  std::string data;
  std::string listen = "127.0.0.1:8080";
  std::vector<std::string> backups;
  std::string token_file;
  std::string tls_certificate, tls_key;
  bool anonymous = false;
  std::string file;         // whose options all others are
  bool check_only = false;  // --check-config
  std::vector<std::string> sign_keys;
  std::string cosign_key;
  std::string cache_remote, cache_sign;
  std::vector<std::string> cache_trust;
  double cache_wait = 0;  // seconds; 0: by what it may save
  uint64_t sign_days = 90;
  HttpLimits http;
  JobLimits jobs;
  StoreOptions store;
  ScrubOptions scrub;
  JanitorOptions janitor;
  UploadLimits uploads;
};

void add_options(CLI::App& app, ServerArguments& arguments);

using AdminCommand = llvm::Expected<std::string> (*)(const Administration&);

// `chosen` is the command that was given, or stays.
void add_administration(CLI::App& app, Administration& arguments, AdminCommand& chosen);

}  // namespace aotc::server
