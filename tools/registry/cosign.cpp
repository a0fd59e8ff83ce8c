// cosign.cpp - see cosign.h.
#include "cosign.h"

#include <nlohmann/json.hpp>

#include "digest.h"
#include "signed_text.h"

namespace aotc {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kHead = "cosign ";
constexpr const char* kType = "cosign container image signature";

const Json* member(const Json* json, const char* key) {
  if (!json || !json->is_object()) return nullptr;
  auto found = json->find(key);
  return found == json->end() ? nullptr : &*found;
}

std::string text_of(const Json* json) { return json && json->is_string() ? json->get<std::string>() : ""; }

}  // namespace

std::string cosign_payload(const Statement& statement) {
  Json payload = {{"critical",
                   {{"identity", {{"docker-reference", statement.repository}}},
                    {"image", {{"docker-manifest-digest", statement.index}}},
                    {"type", kType}}},
                  {"optional",
                   {{"aotc.repository", statement.repository},
                    {"aotc.sequence", std::to_string(statement.sequence)},
                    {"aotc.issued", std::to_string(statement.issued)},
                    {"aotc.expires", std::to_string(statement.expires)}}}};
  return payload.dump();
}

std::string cosign_text(std::string_view payload, std::string_view signature) {
  return std::string(kHead) + to_base64(signature) + "\n" + std::string(payload);
}

std::optional<CosignText> split_cosign(std::string_view text) {
  if (!text.starts_with(kHead)) return std::nullopt;
  size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view written = text.substr(kHead.size(), end - kHead.size());
  std::optional<std::string> signature = from_base64(written);
  if (!signature || signature->empty() || to_base64(*signature) != written) return std::nullopt;
  return CosignText{text.substr(end + 1), std::move(*signature)};
}

std::optional<Statement> parse_cosign(std::string_view payload) {
  Json json = Json::parse(payload, nullptr, false);
  const Json *critical = member(&json, "critical"), *optional = member(&json, "optional");
  Statement statement;
  statement.index = text_of(member(member(critical, "image"), "docker-manifest-digest"));
  statement.repository = text_of(member(optional, "aotc.repository"));
  if (text_of(member(critical, "type")) != kType || !is_digest(statement.index) || statement.repository.empty())
    return std::nullopt;
  for (auto [key, value] : {std::pair{"aotc.sequence", &statement.sequence},
                            {"aotc.issued", &statement.issued},
                            {"aotc.expires", &statement.expires}})
    if (!parse_number(text_of(member(optional, key)), *value)) return std::nullopt;
  return statement;
}

std::string cosign_tag(const std::string& digest, const char* suffix) {
  return "sha256-" + digest.substr(7) + "." + suffix;
}

}  // namespace aotc
