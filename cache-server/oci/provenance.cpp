// provenance.cpp - see provenance.h.
#include "provenance.h"

#include "registry/digest.h"
#include "support/version.h"

namespace aotc::server {

namespace {

using Json = nlohmann::ordered_json;

// What is signed of an envelope, so that its type cannot be exchanged.
std::string pre_authentication(const std::string& type, const std::string& payload) {
  auto part = [](const std::string& text) { return std::to_string(text.size()) + " " + text; };
  return "DSSEv1 " + part(type) + " " + part(payload);
}

Json sha256_of(const std::string& digest) { return {{"sha256", digest.substr(digest.find(':') + 1)}}; }

}  // namespace

std::string provenance_statement(const Statement& statement, const std::vector<nlohmann::json>& targets) {
  Json parameters = Json::array(), modules = Json::array();
  std::string compiler;
  for (const nlohmann::json& target : targets) {
    std::string module = target.value("module", "");
    compiler = target.value("compiler", "");
    parameters.push_back(
        {{"target", target.value("target", "")}, {"cpu", target.value("cpu", "")}, {"tier", target.value("tier", "")}});
    Json entry = {{"name", "module.wasm"}, {"digest", sha256_of(module)}};
    if (modules.empty()) modules.push_back(entry);
  }
  const std::string& repository = statement.repository;
  Json document = {
      {"_type", "https://in-toto.io/Statement/v1"},
      {"subject", Json::array({{{"name", repository}, {"digest", sha256_of(statement.index)}}})},
      {"predicateType", kProvenanceType},
      {"predicate",
       {{"buildDefinition",
         {{"buildType", "urn:aotc:compile:1"},
          {"externalParameters", {{"repository", repository}, {"targets", parameters}}},
          {"internalParameters", {{"compiler", compiler}}},
          {"resolvedDependencies", modules}}},
        {"runDetails",
         {{"builder", {{"id", "urn:aotc:server"}, {"version", {{"aotc-server", std::string(aotc_version)}}}}},
          {"metadata", {{"invocationId", repository + " " + std::to_string(statement.sequence)}}}}}}}};
  return document.dump();
}

std::string dsse_envelope(const std::string& type, const std::string& payload, const P256Key& key) {
  Json envelope = {
      {"payloadType", type},
      {"payload", to_base64(payload)},
      {"signatures", Json::array({{{"keyid", ""}, {"sig", to_base64(key.sign(pre_authentication(type, payload)))}}})}};
  return envelope.dump();
}

}  // namespace aotc::server
