// oci_image.cpp - writes the documents and stores them.
#include "oci_image.h"
#include "store/store.h"
#include "support/version.h"

#include <nlohmann/json.hpp>

namespace aotc::server {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kNoContainer =
    R"({"architecture":"","os":"","config":{},"rootfs":{"type":"layers","diff_ids":[]}})";

Json platform_of(const CompileTarget& target) {
  if (target.architecture == Architecture::AArch64) return {{"architecture", "arm64"}, {"os", "linux"}};
  Json platform = {{"architecture", "amd64"}, {"os", "linux"}};
  llvm::StringRef level(target.cpu);  // "x86-64-v3" -> "v3"
  if (level.consume_front("x86-64-")) platform["variant"] = level.str();
  return platform;
}

Json descriptor(const char* media_type, const BlobInfo& blob) {
  return {{"mediaType", media_type}, {"digest", blob.digest()}, {"size", blob.size}};
}

// With the name under which clients save it.
Json titled(Json layer, const std::string& title) {
  layer["annotations"]["org.opencontainers.image.title"] = title;
  return layer;
}

// Stores config and manifest of one platform; the manifest's entry for the index.
llvm::Expected<Json> store_manifest(Store& store, Accounts::Reservation& space, Image& image, Json manifest,
                                    const char* config_type, const Json& config, const Json& layers,
                                    const Json& platform) {
  llvm::Expected<BlobInfo> config_blob = store.put_blob(space, config.dump());
  if (!config_blob) return config_blob.takeError();
  manifest["config"] = descriptor(config_type, *config_blob);
  manifest["layers"] = layers;
  llvm::Expected<BlobInfo> blob = store.put_blob(space, manifest.dump());
  if (!blob) return blob.takeError();
  image.blobs.insert(image.blobs.end(), {*config_blob, *blob});
  for (const Json& layer : layers) image.parts.push_back({layer["digest"], layer["mediaType"]});
  image.parts.push_back({config_blob->digest(), config_type});
  image.parts.push_back({blob->digest(), kManifestType});
  Json entry = descriptor(kManifestType, *blob);
  if (manifest.contains("artifactType")) entry["artifactType"] = manifest["artifactType"];
  entry["platform"] = platform;
  return entry;
}

// Pairs of name and value. Of what may be long, or is not for everybody's eyes, the digest.
Json freeze_options(const OptionSet& options) {
  Json pairs = Json::array();
  for (const auto& [name, value] : options.snapshot_pairs()) {
    OptionKind kind = find_option(name)->kind;
    bool told = kind != OptionKind::Variable && kind != OptionKind::Argument && kind != OptionKind::Request;
    pairs.push_back(Json::array({name, told ? value : sha256(value)}));
  }
  return pairs;
}

}  // namespace

bool is_index_type(llvm::StringRef media_type) {
  return media_type == kIndexType || media_type == "application/vnd.docker.distribution.manifest.list.v2+json";
}

bool is_manifest_type(llvm::StringRef media_type) {
  return is_index_type(media_type) || media_type == kManifestType ||
         media_type == "application/vnd.docker.distribution.manifest.v2+json";
}

llvm::Expected<Image> store_image(Store& store, Accounts::Reservation& space, const BlobInfo& module, Tier tier,
                                  const std::vector<CompiledTarget>& targets, const FrozenProgram* frozen,
                                  const OptionSet& options) {
  Image image;
  if (frozen) image.blobs.push_back(frozen->report);
  if (frozen && frozen->snapshot) image.blobs.push_back(*frozen->snapshot);
  Json manifests = Json::array();
  for (const CompiledTarget& compiled : targets) {
    Json platform = platform_of(compiled.target);
    Json config = platform;
    std::string architecture = architecture_name(compiled.target.architecture);
    image.blobs.push_back(compiled.artifact);
    Json layers =
        Json::array({titled(descriptor(kArtifactType, compiled.artifact), "module." + architecture + ".aotc")});
    if (frozen && frozen->snapshot)
      layers.push_back(titled(descriptor(kSnapshotType, *frozen->snapshot), "module.snapshot"));
    if (frozen) layers.push_back(titled(descriptor(kFreezeReportType, frozen->report), "freeze.json"));
    Json digests = Json::array();
    for (const Json& layer : layers) digests.push_back(layer["digest"]);
    config["rootfs"] = Json({{"type", "layers"}, {"diff_ids", digests}});
    config["aotc"] = Json{{"compiler", std::string(aotc_version)},
                          {"module", module.digest()},
                          {"target", architecture},
                          {"cpu", compiled.target.cpu},
                          {"tier", tier_name(tier)}};
    if (frozen) config["aotc"]["options"] = freeze_options(options);
    Json manifest = {{"schemaVersion", 2}, {"mediaType", kManifestType}, {"artifactType", kModuleType}};
    llvm::Expected<Json> entry = store_manifest(store, space, image, manifest, kConfigType, config, layers, platform);
    if (!entry) return entry.takeError();
    manifests.push_back(*entry);
  }
  Json platform = {{"architecture", "wasm"}, {"os", "wasip1"}};
  Json config = platform;
  config["layerDigests"] = Json::array({module.digest()});
  Json layers = Json::array({titled(descriptor(kWasmType, module), "module.wasm")});
  llvm::Expected<Json> entry = store_manifest(store, space, image, {{"schemaVersion", 2}, {"mediaType", kManifestType}},
                                              kWasmConfigType, config, layers, platform);
  if (!entry) return entry.takeError();
  manifests.push_back(*entry);

  Json index = {
      {"schemaVersion", 2}, {"mediaType", kIndexType}, {"artifactType", kModuleType}, {"manifests", manifests}};
  llvm::Expected<BlobInfo> index_blob = store.put_blob(space, index.dump());
  if (!index_blob) return index_blob.takeError();
  image.index = index_blob->digest();
  image.blobs.push_back(*index_blob);
  image.parts.push_back({image.index, kIndexType});
  return image;
}

llvm::Expected<Referrer> store_signature(Store& store, Accounts::Reservation& space, const BlobInfo& index,
                                         const SignedImage& image) {
  llvm::Expected<BlobInfo> layer = store.put_blob(space, image.bytes);
  if (!layer) return layer.takeError();
  // cosign reads what it signs as an image of containers.
  bool ours = llvm::StringRef(image.artifact_type) == kStatementType;
  const char* config_type = ours ? kEmptyType : "application/vnd.oci.image.config.v1+json";
  llvm::Expected<BlobInfo> config = store.put_blob(space, ours ? "{}" : kNoContainer);
  if (!config) return config.takeError();
  Json entry = descriptor(image.media_type, *layer);
  for (const auto& [key, value] : image.annotations) entry["annotations"][key] = value;
  Json manifest = {{"schemaVersion", 2},
                   {"mediaType", kManifestType},
                   {"artifactType", image.artifact_type},
                   {"config", descriptor(config_type, *config)},
                   {"layers", Json::array({entry})},
                   {"subject", descriptor(kIndexType, index)}};
  llvm::Expected<BlobInfo> blob = store.put_blob(space, manifest.dump());
  if (!blob) return blob.takeError();
  Json described = descriptor(kManifestType, *blob);
  described["artifactType"] = image.artifact_type;
  return Referrer{
      layer->digest(),
      described.dump(),
      {{config->digest(), config_type}, {layer->digest(), image.media_type}, {blob->digest(), kManifestType}}};
}

std::string revocations_manifest(const std::vector<std::string>& texts) {
  auto describe = [](const char* media_type, const std::string& bytes) {
    return Json{{"mediaType", media_type}, {"digest", sha256(bytes)}, {"size", bytes.size()}};
  };
  Json layers = Json::array();
  for (const std::string& text : texts) layers.push_back(describe(kRevocationsType, text));
  Json manifest = {{"schemaVersion", 2},
                   {"mediaType", kManifestType},
                   {"artifactType", kRevocationsType},
                   {"config", describe(kEmptyType, "{}")},
                   {"layers", layers}};
  return manifest.dump();
}

llvm::Expected<Image> store_revocations(Store& store, Accounts::Reservation& space,
                                        const std::vector<std::string>& texts) {
  Image image;
  auto put = [&](const std::string& bytes, const char* media_type) -> llvm::Error {
    llvm::Expected<BlobInfo> blob = store.put_blob(space, bytes);
    if (!blob) return blob.takeError();
    image.parts.push_back({blob->digest(), media_type});
    image.blobs.push_back(std::move(*blob));
    return llvm::Error::success();
  };
  if (llvm::Error error = put("{}", kEmptyType)) return error;
  for (const std::string& text : texts)
    if (llvm::Error error = put(text, kRevocationsType)) return error;
  if (llvm::Error error = put(revocations_manifest(texts), kManifestType)) return error;
  image.index = image.parts.back().digest;
  return image;
}

}  // namespace aotc::server
