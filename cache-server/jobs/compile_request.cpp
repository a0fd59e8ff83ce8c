// compile_request.cpp - the rules for names and options.
#include "compile_request.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/JSON.h"
#include "registry/digest.h"
#include "registry/revocations.h"
#include "support/error.h"
#include "support/version.h"

namespace aotc::server {

namespace {

llvm::Error bad(const std::string& message) { return failure(message); }

llvm::Error choose_targets(CompileRequest& request, const std::string& names, const std::string& cpus) {
  llvm::SmallVector<llvm::StringRef, 4> targets, unused;
  llvm::StringRef(names == "all" ? "x86_64,aarch64" : llvm::StringRef(names)).split(targets, ',', -1, false);
  llvm::StringRef(cpus).split(unused, ',', -1, false);
  std::set<Architecture> architectures;
  for (llvm::StringRef name : targets) {
    llvm::Expected<Architecture> architecture = parse_architecture(name);
    if (!architecture) return bad("target: " + llvm::toString(architecture.takeError()));
    architectures.insert(*architecture);
  }
  for (Architecture architecture : architectures) {
    std::vector<std::string> known = cpu_baselines(architecture);
    std::set<std::string> chosen;
    llvm::erase_if(unused, [&](llvm::StringRef cpu) {
      return std::find(known.begin(), known.end(), cpu) != known.end() && (chosen.insert(cpu.str()), true);
    });
    if (chosen.empty()) chosen.insert(known.front());
    if (chosen.size() > 1 && architecture == Architecture::AArch64)
      return bad("cpu: an image has no names for several baselines of aarch64");
    for (const std::string& cpu : chosen) request.targets.push_back({architecture, cpu});
  }
  if (request.targets.empty()) return bad("target: no target given");
  if (!unused.empty()) return bad(fmt::format("cpu: unknown baseline \"{}\"", unused.front().str()));
  return llvm::Error::success();
}

}  // namespace

const char* snapshot_mode_name(SnapshotMode mode) {
  return mode == SnapshotMode::Auto ? "auto" : mode == SnapshotMode::Off ? "off" : "required";
}

std::vector<std::pair<std::string, std::string>> freeze_parameters(const FreezeRequest& freeze) {
  std::vector<std::pair<std::string, std::string>> parameters = {{"snapshot", snapshot_mode_name(freeze.mode)},
                                                                 {"listeners", std::to_string(freeze.listeners)}};
  if (!freeze.rehearse) parameters.emplace_back("rehearsal", "off");
  for (const std::string& variable : freeze.env) parameters.emplace_back("env", variable);
  for (const std::string& argument : freeze.args) parameters.emplace_back("arg", argument);
  for (const std::string& bytes : freeze.warmup) parameters.emplace_back("warmup", llvm::encodeBase64(bytes));
  return parameters;
}

const char* tier_name(Tier tier) { return tier == Tier::Quick ? "quick" : "best"; }

bool is_repository_name(llvm::StringRef text) {
  if (text.size() > 200) return false;
  llvm::SmallVector<llvm::StringRef, 4> parts;
  text.split(parts, '/');
  auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return std::all_of(parts.begin(), parts.end(), [&](llvm::StringRef part) {
    return !part.empty() && plain(part.front()) && plain(part.back()) && !part.contains("..") &&
           std::all_of(part.begin(), part.end(), [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
  });
}

bool is_tag(llvm::StringRef text) {
  return !text.empty() && text.size() <= 128 && text.front() != '.' && text.front() != '-' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return llvm::isAlnum(c) || c == '.' || c == '_' || c == '-'; });
}

llvm::Expected<CompileRequest> parse_compile_request(const std::vector<std::pair<std::string, std::string>>& query) {
  CompileRequest request;
  std::string targets = "all", cpus;
  size_t warmup_bytes = 0;
  for (const auto& [name, value] : query) {
    if (name == "target") {
      targets = value;
    } else if (name == "cpu") {
      cpus = value;
    } else if (name == "tier") {
      if (value != "quick" && value != "best") return bad(fmt::format("tier: \"{}\" is neither quick nor best", value));
      request.tier = value == "quick" ? Tier::Quick : Tier::Best;
    } else if (name == "name") {
      if (!is_repository_name(value)) return bad(fmt::format("name: \"{}\" is not a repository name", value));
      request.name = value;
    } else if (name == "tag") {
      if (!is_tag(value)) return bad(fmt::format("tag: \"{}\" is not a tag", value));
      if (value == kRevocationsTag) return bad(fmt::format("tag: \"{}\" is for revocations", value));
      request.tag = value;
    } else if (name == "snapshot") {
      if (value != "auto" && value != "off" && value != "required")
        return bad(fmt::format("snapshot: \"{}\" is neither auto, off nor required", value));
      request.freeze.mode = value == "auto"  ? SnapshotMode::Auto
                            : value == "off" ? SnapshotMode::Off
                                             : SnapshotMode::Required;
    } else if ((name == "env" || name == "arg") && !llvm::json::isUTF8(value)) {
      return bad(name + ": not UTF-8, which is what is remembered of a job");
    } else if (name == "env") {
      size_t equals = value.find('=');
      if (equals == 0 || equals == std::string::npos || value.find('\0') != std::string::npos)
        return bad(fmt::format("env: \"{}\" is not KEY=VALUE", value));
      request.freeze.env.push_back(value);
    } else if (name == "arg") {
      if (value.find('\0') != std::string::npos) return bad("arg: has a zero byte");
      request.freeze.args.push_back(value);
    } else if (name == "warmup") {
      std::vector<char> bytes;
      if (llvm::Error error = llvm::decodeBase64(value, bytes))
        return bad("warmup: " + llvm::toString(std::move(error)));
      if (bytes.empty()) return bad("warmup: an empty request");
      warmup_bytes += bytes.size();
      if (warmup_bytes > kMaxWarmup) return bad(fmt::format("warmup: more than {} bytes", kMaxWarmup));
      request.freeze.warmup.emplace_back(bytes.begin(), bytes.end());
    } else if (name == "rehearsal") {
      if (value != "auto" && value != "off")
        return bad(fmt::format("rehearsal: \"{}\" is neither auto nor off", value));
      request.freeze.rehearse = value == "auto";
    } else if (name == "listeners") {
      if (value.size() != 1 || value[0] < '0' || value[0] > '9') return bad("listeners: not a number from 0 to 9");
      request.freeze.listeners = static_cast<unsigned>(value[0] - '0');
    } else {
      return bad(fmt::format("unknown parameter \"{}\"", name));
    }
  }
  if (llvm::Error error = choose_targets(request, targets, cpus)) return error;
  return request;
}

std::string job_id(const std::string& module_digest, const CompileRequest& request) {
  std::string key = fmt::format("{}\n{}\n{}\n", aotc_version, module_digest, tier_name(request.tier));
  for (const CompileTarget& target : request.targets)
    key += fmt::format("{} {}\n", architecture_name(target.architecture), target.cpu);
  for (const auto& [name, value] : freeze_parameters(request.freeze))
    key += fmt::format("{} {} {}\n", name, value.size(), value);
  return sha256(key).substr(7, 32);
}

}  // namespace aotc::server
