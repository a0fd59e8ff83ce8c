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

enum class SnapshotMode { Auto, Off, Required };

// Auto: a Go program is run until it waits for input; one that cannot be frozen has no snapshot. Required: then the job
// has failed.
struct FreezeRequest {
  SnapshotMode mode = SnapshotMode::Auto;
  std::vector<std::string> env, args;  // "KEY=VALUE"; without the program's own name
  bool rehearse = true;                // a server of net/http, see tools/exec/freeze_program.h
  std::vector<std::string> warmup;     // HTTP requests that it answers first
  unsigned listeners = 1;
};

struct CompileRequest {
  std::vector<CompileTarget> targets;  // by architecture, then by the baseline's name, the lowest first
  Tier tier = Tier::Best;
  FreezeRequest freeze;
  std::string name;  // OCI repository; empty for one made from the module's digest
  std::string tag = "latest";
};

// Query parameters: target (x86_64, aarch64, host, all or a list with commas), cpu (a list; of x86_64 several), tier,
// name, tag, snapshot (auto, off, required), listeners, rehearsal (auto, off), and any number of env, arg and warmup
// (in base64; all of them together have at most kMaxWarmup bytes, so that they fit into the head of an upload).
constexpr size_t kMaxWarmup = 8 << 10;
llvm::Expected<CompileRequest> parse_compile_request(const std::vector<std::pair<std::string, std::string>>& query);

std::string job_id(const std::string& module_digest, const CompileRequest& request);
const char* tier_name(Tier tier);
const char* snapshot_mode_name(SnapshotMode mode);
// The parameters that ask for this.
std::vector<std::pair<std::string, std::string>> freeze_parameters(const FreezeRequest& freeze);

bool is_repository_name(llvm::StringRef text);
bool is_tag(llvm::StringRef text);

}  // namespace aotc::server
