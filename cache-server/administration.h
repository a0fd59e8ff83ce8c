// administration.h - what `aotc-server backup`, `restore`, `rebuild` and `revoke` do, here or in the server that runs.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "http/service.h"
#include "jobs/job_queue.h"

namespace aotc::server {

constexpr unsigned kMostBackups = 1'000;

struct Administration {
  std::string data;    // the server's folder
  std::string folder;  // of the backups
  unsigned keep = 7;
  RevokedImages revocation;  // `compiler` also of what is rebuilt
  std::string reason = "revoked by the operator";
};

// In the process of the command; each says what has been done.
llvm::Expected<std::string> back_up(const Administration& arguments);
llvm::Expected<std::string> restore(const Administration& arguments);
llvm::Expected<std::string> rebuild(const Administration& arguments);
llvm::Expected<std::string> revoke(const Administration& arguments);

// In the server: see control.h.
llvm::Expected<std::string> run_command(Service& service, const nlohmann::json& command);

}  // namespace aotc::server
