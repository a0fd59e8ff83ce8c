// compile_request.cpp - the rules for names and options.
#include "compile_request.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "registry/digest.h"
#include "registry/revocations.h"
#include "support/error.h"
#include "support/version.h"

namespace aotc::server {

namespace {

llvm::Error bad(const std::string& message) { return failure(message); }

llvm::Error choose_targets(CompileRequest& request) {
  std::string names = request.options.get(Option::Target), cpus = request.options.get(Option::Cpu);
  if (names == "all") names = "x86_64,aarch64";
  llvm::SmallVector<llvm::StringRef, 4> targets, unused;
  llvm::StringRef(names).split(targets, ',', -1, false);
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
  for (const auto& [name, value] : query) {
    const OptionInfo* row = find_option(name);
    if (!row) return bad(fmt::format("unknown parameter \"{}\"", name));
    if (llvm::Error error = request.options.add(row->option, value, true))
      return bad(name + ": " + llvm::toString(std::move(error)));
  }
  if (request.options.all(Option::Tier).empty()) request.options.set(Option::Tier, "auto");
  std::string name = request.name(), tag = request.tag();
  if (!request.options.all(Option::Name).empty() && !is_repository_name(name))
    return bad(fmt::format("name: \"{}\" is not a repository name", name));
  if (!is_tag(tag)) return bad(fmt::format("tag: \"{}\" is not a tag", tag));
  if (tag == kRevocationsTag) return bad(fmt::format("tag: \"{}\" is for revocations", tag));
  if (llvm::Error error = choose_targets(request)) return error;
  return request;
}

std::string job_id(const std::string& module_digest, const CompileRequest& request) {
  std::string key = fmt::format("{}\n{}\n{}\n", aotc_version, module_digest, tier_name(request.options.tier()));
  for (const CompileTarget& target : request.targets)
    key += fmt::format("{} {}\n", architecture_name(target.architecture), target.cpu);
  for (const auto& [name, value] : request.options.snapshot_pairs())
    key += fmt::format("{} {} {}\n", name, value.size(), value);
  return sha256(key).substr(7, 32);
}

}  // namespace aotc::server
