// compile_request.h - what a client asks for when it uploads a module, checked.
//
// The id of a job is made from the module's digest, the options that change the code, and the compiler's version: equal
// requests are one job, whoever sends them and whatever names they give the result.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "process/option_set.h"

namespace aotc::server {

struct CompileTarget {
  Architecture architecture;
  std::string cpu;  // never empty
};

struct CompileRequest {
  std::vector<CompileTarget> targets;  // by architecture, then by the baseline's name, the lowest first
  OptionSet options;

  std::string name() const { return options.get(Option::Name); }  // empty for one made from the module's digest
  std::string tag() const { return options.get(Option::Tag); }
};

// Query parameters are the options of compile_options.def that anyone may ask for.
llvm::Expected<CompileRequest> parse_compile_request(const std::vector<std::pair<std::string, std::string>>& query);

std::string job_id(const std::string& module_digest, const CompileRequest& request);
bool is_repository_name(llvm::StringRef text);
bool is_tag(llvm::StringRef text);

}  // namespace aotc::server
