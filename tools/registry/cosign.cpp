// cosign.cpp - see cosign.h.
#include "cosign.h"

#include <algorithm>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "digest.h"
#include "p256.h"
#include "signed_text.h"

namespace aotc {

namespace {

using Json = nlohmann::json;

constexpr std::pair<CosignText::Form, std::string_view> kForms[] = {{CosignText::SimpleSigning, "cosign "},
                                                                    {CosignText::InToto, "in-toto "}};
constexpr const char* kSignature = "cosign container image signature";
constexpr size_t kMaxSignatures = 16;

std::string in_lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c; });
  return text;
}

// Nothing, too, when an object has a member twice: of those another reader may take the other one, and readers in Go do
// not tell capitals.
std::optional<Json> parse_strictly(std::string_view text) {
  std::vector<std::set<std::string>> members;
  bool once = true;
  auto look = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) members.emplace_back();
    if (event == Json::parse_event_t::object_end) members.pop_back();
    if (event == Json::parse_event_t::key) once &= members.back().insert(in_lower_case(value)).second;
    return true;
  };
  Json json = Json::parse(text, look, false);
  return json.is_object() && once ? std::optional(std::move(json)) : std::nullopt;
}

const Json* member(const Json* json, const char* key) {
  if (!json || !json->is_object()) return nullptr;
  auto found = json->find(key);
  return found == json->end() ? nullptr : &*found;
}

std::string text_of(const Json* json) { return json && json->is_string() ? json->get<std::string>() : ""; }

const Json* only_one(const Json* json) {
  return json && json->is_array() && json->size() == 1 ? &json->front() : nullptr;
}

std::optional<Statement> make_statement(const std::string& index, const Json* annotations) {
  Statement statement;
  statement.index = index;
  statement.repository = text_of(member(annotations, "aotc.repository"));
  if (!is_digest(index) || statement.repository.empty()) return std::nullopt;
  for (auto [key, value] : {std::pair{"aotc.sequence", &statement.sequence},
                            {"aotc.issued", &statement.issued},
                            {"aotc.expires", &statement.expires}})
    if (!parse_number(text_of(member(annotations, key)), *value)) return std::nullopt;
  return statement;
}

}  // namespace

std::string CosignText::text() const {
  return std::string(kForms[form].second) + to_base64(signature) + "\n" + payload;
}

std::string CosignText::signed_bytes() const {
  if (form == SimpleSigning) return payload;
  auto part = [](const std::string& text) { return std::to_string(text.size()) + " " + text; };
  return "DSSEv1 " + part(kInTotoType) + " " + part(payload);
}

std::vector<std::pair<std::string, std::string>> annotations_of(const Statement& statement) {
  return {{"aotc.repository", statement.repository},
          {"aotc.sequence", std::to_string(statement.sequence)},
          {"aotc.issued", std::to_string(statement.issued)},
          {"aotc.expires", std::to_string(statement.expires)}};
}

std::string simple_signing(const Statement& statement) {
  Json payload = {{"critical",
                   {{"identity", {{"docker-reference", statement.repository}}},
                    {"image", {{"docker-manifest-digest", statement.index}}},
                    {"type", kSignature}}}};
  for (const auto& [key, value] : annotations_of(statement)) payload["optional"][key] = value;
  return payload.dump();
}

std::string dsse_envelope(const std::string& payload, const P256Key& key) {
  const std::string signature = key.sign(CosignText{CosignText::InToto, payload, ""}.signed_bytes());
  nlohmann::ordered_json envelope = {
      {"payloadType", kInTotoType},
      {"payload", to_base64(payload)},
      {"signatures", nlohmann::ordered_json::array({{{"keyid", ""}, {"sig", to_base64(signature)}}})}};
  return envelope.dump();
}

std::string sigstore_bundle(const std::string& envelope, const P256Key& key) {
  return R"({"mediaType":")" + std::string(kBundleType) + R"(","verificationMaterial":{"publicKey":{"hint":")" +
         key.id() + R"("}},"dsseEnvelope":)" + envelope + "}";
}

std::optional<CosignText> split_cosign(std::string_view text) {
  if (text.size() > kMaxCosignText) return std::nullopt;
  for (const auto& [form, head] : kForms) {
    size_t end = text.find('\n');
    if (!text.starts_with(head) || end == std::string_view::npos) continue;
    std::string_view written = text.substr(head.size(), end - head.size());
    std::optional<std::string> signature = from_base64(written);
    if (!signature || signature->empty() || to_base64(*signature) != written) return std::nullopt;
    return CosignText{form, std::string(text.substr(end + 1)), std::move(*signature)};
  }
  return std::nullopt;
}

std::optional<Statement> parse_cosign(const CosignText& text) {
  std::optional<Json> json = parse_strictly(text.payload);
  if (!json) return std::nullopt;
  if (text.form == CosignText::SimpleSigning) {
    const Json* critical = member(&*json, "critical");
    if (text_of(member(critical, "type")) != kSignature) return std::nullopt;
    return make_statement(text_of(member(member(critical, "image"), "docker-manifest-digest")),
                          member(&*json, "optional"));
  }
  const std::string type = text_of(member(&*json, "predicateType"));
  const Json* subject = only_one(member(&*json, "subject"));
  if (text_of(member(&*json, "_type")) != kInTotoStatement || (type != kSignPredicate && type != kProvenance))
    return std::nullopt;
  return make_statement("sha256:" + text_of(member(member(subject, "digest"), "sha256")),
                        member(subject, "annotations"));
}

std::vector<CosignText> parse_envelope(std::string_view document) {
  std::vector<CosignText> texts;
  std::optional<Json> json;
  if (document.size() <= kMaxBundle) json = parse_strictly(document);
  if (!json) return texts;
  const Json *bundled = member(&*json, "dsseEnvelope"), *envelope = bundled ? bundled : &*json;
  const Json* signatures = member(envelope, "signatures");
  std::optional<std::string> payload = from_base64(text_of(member(envelope, "payload")));
  if (text_of(member(envelope, "payloadType")) != kInTotoType || !payload || !signatures || !signatures->is_array() ||
      signatures->size() > kMaxSignatures)
    return texts;
  for (const Json& entry : *signatures)
    if (auto signature = from_base64(text_of(member(&entry, "sig"))); signature && !signature->empty())
      texts.push_back({CosignText::InToto, *payload, std::move(*signature)});
  return texts;
}

std::string cosign_tag(const std::string& digest, const char* suffix) {
  return "sha256-" + digest.substr(7) + "." + suffix;
}

}  // namespace aotc
