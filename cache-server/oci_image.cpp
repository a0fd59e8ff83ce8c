// oci_image.cpp - writes the documents and stores them.
#include "oci_image.h"

#include <nlohmann/json.hpp>

namespace aotc::server {

namespace {

using Json = nlohmann::ordered_json;

Json platform_of(const CompileTarget& target) {
  if (target.architecture == Architecture::AArch64) return {{"architecture", "arm64"}, {"os", "linux"}};
  Json platform = {{"architecture", "amd64"}, {"os", "linux"}};
  llvm::StringRef level(target.cpu);  // "x86-64-v3" -> "v3"
  if (level.consume_front("x86-64-")) platform["variant"] = level.str();
  return platform;
}

Json descriptor(const char* media_type, const BlobInfo& blob) {
  return {{"mediaType", media_type}, {"digest", blob.digest}, {"size", blob.size}};
}

}  // namespace

llvm::Expected<Image> store_image(Store& store, const std::string& module_digest, Tier tier,
                                  const std::vector<CompiledTarget>& targets) {
  Image image;
  Json manifests = Json::array();
  for (const CompiledTarget& compiled : targets) {
    Json config = platform_of(compiled.target);
    config["rootfs"] = Json({{"type", "layers"}, {"diff_ids", Json::array({compiled.artifact.digest})}});
    config["aotc"] = Json{{"compiler", std::string(kCompilerVersion)},
                      {"module", module_digest},
                      {"target", architecture_name(compiled.target.architecture)},
                      {"cpu", compiled.target.cpu},
                      {"tier", tier_name(tier)}};
    llvm::Expected<BlobInfo> config_blob = store.put_blob(config.dump());
    if (!config_blob) return config_blob.takeError();

    Json layer = descriptor(kArtifactType, compiled.artifact);
    layer["annotations"]["org.opencontainers.image.title"] =
        std::string("module.") + architecture_name(compiled.target.architecture) + ".aotc";
    Json manifest = {{"schemaVersion", 2},
                     {"mediaType", kManifestType},
                     {"artifactType", kModuleType},
                     {"config", descriptor(kConfigType, *config_blob)},
                     {"layers", Json::array({layer})}};
    llvm::Expected<BlobInfo> manifest_blob = store.put_blob(manifest.dump());
    if (!manifest_blob) return manifest_blob.takeError();

    Json entry = descriptor(kManifestType, *manifest_blob);
    entry["artifactType"] = kModuleType;
    entry["platform"] = platform_of(compiled.target);
    manifests.push_back(entry);
    image.parts.push_back({compiled.artifact.digest, kArtifactType});
    image.parts.push_back({config_blob->digest, kConfigType});
    image.parts.push_back({manifest_blob->digest, kManifestType});
  }
  Json index = {{"schemaVersion", 2}, {"mediaType", kIndexType}, {"artifactType", kModuleType}, {"manifests", manifests}};
  llvm::Expected<BlobInfo> index_blob = store.put_blob(index.dump());
  if (!index_blob) return index_blob.takeError();
  image.index = index_blob->digest;
  image.parts.push_back({image.index, kIndexType});
  return image;
}

}  // namespace aotc::server
