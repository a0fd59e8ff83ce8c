// find_statement.cpp - see find_statement.h.
#include "find_statement.h"

#include "cosign.h"
#include "digest.h"
#include "media_types.h"

namespace aotc {

namespace {

constexpr size_t kMaxStatements = 16, kMaxOthers = 256;  // images that are looked at: of ours, and of cosign's kind
constexpr size_t kMaxLayers = 4, kMaxGrown = 256;        // of each, and of an image that grows under a tag
constexpr size_t kMaxTexts = 1024;                       // that keys are tried with

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
  void look_into(const Manifest& manifest, size_t most) {
    size_t layers = 0;
    for (const Descriptor& layer : manifest.layers) {
      const bool statement = layer.media_type == kStatementType, simple = layer.media_type == kSimpleSigningType;
      if (!statement && !simple && layer.media_type != kDsseType && layer.media_type != kBundleType) continue;
      if (statement && manifest.layers.size() > 1) continue;
      if (!may_look(layers, most)) return;
      if (layer.size > (statement || simple ? kMaxCosignText : kMaxBundle)) {
        remember(layer.digest + ": larger than any statement");
        continue;
      }
      std::string error;
      std::optional<std::string> bytes = client_.small_blob(layer, error);
      if (!bytes) {
        remember(error);
      } else if (statement) {
        try_text(*bytes);
      } else if (simple) {
        if (auto signature = from_base64(layer.cosign_signature); signature && !signature->empty())
          try_text(CosignText{CosignText::SimpleSigning, *bytes, *signature}.text());
      } else {
        for (const CosignText& text : parse_envelope(*bytes)) try_text(text.text());
      }
    }
  }

  void look_at(const Descriptor& referrer) {
    if (!is_wanted(referrer.artifact_type)) return;
    const bool ours = referrer.artifact_type == kStatementType;
    if (!may_look(ours ? statements_ : others_, ours ? kMaxStatements : kMaxOthers)) return;
    std::string error;
    std::optional<Manifest> manifest = client_.manifest(referrer.digest, error);
    manifest ? look_into(*manifest, kMaxLayers) : remember(error);
  }

  void look_at_tag(const std::string& tag) {
    texts_ = 0;
    std::string error;
    std::optional<Manifest> manifest = client_.find_manifest(tag, error);
    if (manifest) look_into(*manifest, kMaxGrown);
    if (!error.empty()) remember(error);
  }

  const std::optional<FoundStatement>& best() const { return best_; }
  const std::string& problem() const { return problem_; }

 private:
  bool may_look(size_t& count, size_t most) {
    if (count < most) return ++count, true;
    remember("more signatures than are looked at");
    return false;
  }
  // What is wrong with something that a trusted key signed is the reason, whatever else is there.
  void remember(const std::string& problem, bool trusted = false) {
    if (trusted || !trusted_problem_) problem_ = problem;
    trusted_problem_ |= trusted;
  }
  void try_text(const std::string& text) {
    if (!may_look(texts_, kMaxTexts)) return;
    std::string error;
    bool trusted = false;
    std::optional<Statement> statement = keys_.verify(text, expected_, error, &trusted);
    if (!statement) return remember(error, trusted);
    if (!best_ || best_->statement.sequence < statement->sequence) best_ = {text, *statement};
  }

  RegistryClient& client_;
  const TrustedKeys& keys_;
  const Expectation& expected_;
  std::optional<FoundStatement> best_;
  std::string problem_ = "not signed";
  bool trusted_problem_ = false;
  size_t statements_ = 0, others_ = 0, texts_ = 0;
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
