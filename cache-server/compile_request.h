// compile_request.h - what a client asks for when it uploads a module, checked.
//
// The id of a job is made from the module's digest, the options that change the code, and the compiler's version: equal
// requests are one job, whoever sends them and whatever names they give the result.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compile.h"

namespace aotc::server {

struct CompileTarget {
  Architecture architecture;
  std::string cpu;  // never empty
};

struct CompileRequest {
  std::vector<CompileTarget> targets;
  Tier tier = Tier::Best;
  std::string name;  // OCI repository; empty for one made from the module's digest
  std::string tag = "latest";
};

// Query parameters: target (x86_64, aarch64, host, all or a list with commas), cpu (a list), tier, name, tag.
llvm::Expected<CompileRequest> parse_compile_request(const std::vector<std::pair<std::string, std::string>>& query);

std::string job_id(const std::string& module_digest, const CompileRequest& request);
const char* tier_name(Tier tier);

bool is_repository_name(llvm::StringRef text);
bool is_tag(llvm::StringRef text);

}  // namespace aotc::server
