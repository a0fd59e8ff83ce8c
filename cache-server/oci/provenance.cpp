// provenance.cpp - see provenance.h.
#include "provenance.h"

#include "registry/cosign.h"
#include "support/version.h"

namespace aotc::server {

namespace {

using Json = nlohmann::ordered_json;

Json sha256_of(const std::string& digest) { return {{"sha256", digest.substr(digest.find(':') + 1)}}; }

}  // namespace

std::string provenance_statement(const Statement& statement, const std::vector<nlohmann::json>& targets) {
  Json parameters = Json::array(), modules = Json::array();
  Json asked = {{"repository", statement.repository}};
  std::string compiler;
  for (const nlohmann::json& target : targets) {
    compiler = target.value("compiler", "");
    parameters.push_back(
        {{"target", target.value("target", "")}, {"cpu", target.value("cpu", "")}, {"tier", target.value("tier", "")}});
    if (!modules.empty()) continue;  // the others say the same
    if (target.contains("options")) asked["options"] = target["options"];
    modules.push_back({{"name", "module.wasm"}, {"digest", sha256_of(target.value("module", ""))}});
  }
  asked["targets"] = parameters;
  const std::string& repository = statement.repository;
  Json subject = {{"name", repository}, {"digest", sha256_of(statement.index)}};
  for (const auto& [key, value] : annotations_of(statement)) subject["annotations"][key] = value;
  Json document = {
      {"_type", kInTotoStatement},
      {"subject", Json::array({subject})},
      {"predicateType", kProvenance},
      {"predicate",
       {{"buildDefinition",
         {{"buildType", "urn:aotc:compile:1"},
          {"externalParameters", asked},
          {"internalParameters", {{"compiler", compiler}}},
          {"resolvedDependencies", modules}}},
        {"runDetails",
         {{"builder", {{"id", "urn:aotc:server"}, {"version", {{"aotc-server", std::string(aotc_version)}}}}},
          {"metadata", {{"invocationId", repository + " " + std::to_string(statement.sequence)}}}}}}}};
  return document.dump();
}

}  // namespace aotc::server
