// find_statement.cpp - see find_statement.h.
#include "find_statement.h"

#include "cosign.h"
#include "digest.h"
#include "media_types.h"

namespace aotc {

namespace {

constexpr size_t kMaxOthers = 256;  // images, layers and signatures of cosign's kind that are looked at

class Search {
 public:
  Search(RegistryClient& client, const TrustedKeys& keys, const Expectation& expected)
      : client_(client), keys_(keys), expected_(expected) {}

  bool is_wanted(const std::string& artifact_type) const {
    if (artifact_type == kStatementType) return true;
    return keys_.has_p256() &&
           (artifact_type == kCosignType || artifact_type == kInTotoType || artifact_type == kBundleType);
  }

  // What is signed in an image.
  void look_into(const Manifest& manifest) {
    for (const Descriptor& layer : manifest.layers) {
      const bool statement = layer.media_type == kStatementType, simple = layer.media_type == kSimpleSigningType;
      if (!statement && !simple && layer.media_type != kDsseType && layer.media_type != kBundleType) continue;
      if (statement ? manifest.layers.size() > 1 : !may_look()) continue;
      if (layer.size > (statement || simple ? kMaxCosignText : kMaxBundle)) {
        problem_ = layer.digest + ": larger than any statement";
        continue;
      }
      std::optional<std::string> bytes = client_.small_blob(layer, problem_);
      if (!bytes) continue;
      if (statement) {
        try_text(*bytes);
      } else if (simple) {
        if (auto signature = from_base64(layer.cosign_signature); signature && !signature->empty())
          try_text(CosignText{CosignText::SimpleSigning, *bytes, *signature}.text());
      } else {
        for (const CosignText& text : parse_envelope(*bytes))
          if (may_look()) try_text(text.text());
      }
    }
  }

  void look_at(const Descriptor& referrer) {
    if (!is_wanted(referrer.artifact_type)) return;
    if (referrer.artifact_type != kStatementType && !may_look()) return;
    std::optional<Manifest> manifest = client_.manifest(referrer.digest, problem_);
    if (manifest) look_into(*manifest);
  }

  void look_at_tag(const std::string& tag) {
    others_ = 0;
    std::string error;
    std::optional<Manifest> manifest = client_.find_manifest(tag, error);
    if (manifest) look_into(*manifest);
    if (!error.empty()) problem_ = error;
  }

  const std::optional<FoundStatement>& best() const { return best_; }
  const std::string& problem() const { return problem_; }

 private:
  bool may_look() {
    if (others_ < kMaxOthers) return ++others_, true;
    problem_ = "more signatures than are looked at";
    return false;
  }
  void try_text(const std::string& text) {
    std::optional<Statement> statement = keys_.verify(text, expected_, problem_);
    if (statement && (!best_ || best_->statement.sequence < statement->sequence)) best_ = {text, *statement};
  }

  RegistryClient& client_;
  const TrustedKeys& keys_;
  const Expectation& expected_;
  std::optional<FoundStatement> best_;
  std::string problem_ = "not signed";
  size_t others_ = 0;
};

}  // namespace

std::optional<FoundStatement> find_statement(RegistryClient& client, const TrustedKeys& keys,
                                             const Expectation& expected, std::string& error) {
  auto referrers = client.referrers(expected.index, error);
  if (!referrers) return std::nullopt;
  Search search(client, keys, expected);
  for (const Descriptor& entry : *referrers) search.look_at(entry);
  if (!search.best() && keys.has_p256())
    for (const char* suffix : {"sig", "att"}) search.look_at_tag(cosign_tag(expected.index, suffix));
  error = search.problem();
  return search.best();
}

}  // namespace aotc
