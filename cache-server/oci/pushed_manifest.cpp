// pushed_manifest.cpp - see pushed_manifest.h. Size, depth and number of what is in the document are bounded before it
// is parsed, so that what it takes in memory is, too.
#include "pushed_manifest.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "registry/digest.h"

namespace aotc::server {

char PushError::ID;

namespace {

using Json = nlohmann::json;

constexpr unsigned kMostDepth = 32;
constexpr size_t kMostValues = 50000;
constexpr size_t kMostParts = 1000;
constexpr size_t kMostAnnotations = 64 << 10;  // bytes, of a referrer: lists hold those of many
constexpr llvm::StringRef kOption = "aotc.";

llvm::Error invalid(const std::string& message) { return llvm::make_error<PushError>("MANIFEST_INVALID", message); }

bool is_moderate(llvm::StringRef text) {
  unsigned depth = 0;
  size_t values = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else
        quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMostDepth) return false;
      ++values;
    } else if (c == '}' || c == ']') {
      depth -= depth > 0;
    } else if (c == ',') {
      ++values;
    }
    if (values > kMostValues) return false;
  }
  return true;
}

std::string text_in(const Json& json, const char* key) {
  auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

bool is_elsewhere(llvm::StringRef media_type) {
  return media_type.starts_with("application/vnd.oci.image.layer.nondistributable.") ||
         media_type.starts_with("application/vnd.docker.image.rootfs.foreign.");
}

llvm::Expected<PushedManifest::Part> read_part(const Json& descriptor, const std::string& where) {
  if (!descriptor.is_object()) return invalid(where + " is not a descriptor");
  PushedManifest::Part part;
  part.digest = text_in(descriptor, "digest");
  if (!is_digest(part.digest))
    return llvm::make_error<PushError>("DIGEST_INVALID", where + ": the digest is not one of SHA-256");
  if (text_in(descriptor, "mediaType").empty()) return invalid(where + ": has no media type");
  auto size = descriptor.find("size");
  if (size == descriptor.end() || !size->is_number_unsigned()) return invalid(where + ": the size is not a number");
  part.size = size->get<uint64_t>();
  return part;
}

// Reads all of them; `visit` sees each with its descriptor.
llvm::Error read_parts(const Json& document, const char* list, PushedManifest& manifest,
                       llvm::function_ref<void(PushedManifest::Part&, const Json&)> visit) {
  auto found = document.find(list);
  if (found == document.end() || !found->is_array()) return invalid(std::string(list) + " is not a list");
  if (found->size() > kMostParts) return invalid(std::string(list) + " has more than 1000 entries");
  for (size_t i = 0; i < found->size(); ++i) {
    const Json& descriptor = (*found)[i];
    llvm::Expected<PushedManifest::Part> part = read_part(descriptor, list + ("[" + std::to_string(i) + "]"));
    if (!part) return part.takeError();
    visit(*part, descriptor);
    manifest.parts.push_back(std::move(*part));
  }
  return llvm::Error::success();
}

llvm::Error read_image(const Json& document, PushedManifest& manifest) {
  if (document.contains("manifests")) return invalid("an image has no manifests");
  llvm::Expected<PushedManifest::Part> config = read_part(document.value("config", Json()), "config");
  if (!config) return config.takeError();
  manifest.parts.push_back(std::move(*config));
  std::vector<std::string> modules;
  auto look = [&](PushedManifest::Part& part, const Json& descriptor) {
    std::string type = text_in(descriptor, "mediaType");
    part.elsewhere = is_elsewhere(type);
    if (type == kWasmType || type == kSpinWasmType) modules.push_back(part.digest);
  };
  if (llvm::Error error = read_parts(document, "layers", manifest, look)) return error;
  if (modules.size() == 1) manifest.module = modules.front();
  return llvm::Error::success();
}

llvm::Error read_index(const Json& document, PushedManifest& manifest) {
  if (document.contains("layers") || document.contains("config"))
    return invalid("an index has no config and no layers");
  return read_parts(document, "manifests", manifest,
                    [](PushedManifest::Part& part, const Json&) { part.manifest = true; });
}

llvm::Error read_subject(const Json& document, size_t size, PushedManifest& manifest) {
  llvm::Expected<PushedManifest::Part> subject = read_part(document["subject"], "subject");
  if (!subject) return subject.takeError();
  manifest.subject = subject->digest;
  manifest.module.clear();
  Json referrer = {{"mediaType", manifest.media_type}, {"digest", manifest.digest}, {"size", size}};
  std::string type = text_in(document, "artifactType");
  if (type.empty() && document.contains("config")) type = text_in(document["config"], "mediaType");
  if (!type.empty()) referrer["artifactType"] = type;
  if (auto annotations = document.find("annotations"); annotations != document.end())
    referrer["annotations"] = *annotations;
  manifest.referrer = referrer.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (manifest.referrer.size() > kMostAnnotations) return invalid("a referrer has at most 64 KiB of annotations");
  return llvm::Error::success();
}

llvm::Error read_annotations(const Json& document, PushedManifest& manifest) {
  auto annotations = document.find("annotations");
  if (annotations == document.end() || annotations->is_null()) return llvm::Error::success();
  if (!annotations->is_object()) return invalid("annotations is not an object");
  for (const auto& [key, value] : annotations->items()) {
    if (!value.is_string()) return invalid("an annotation is not a string");
    llvm::StringRef name(key);
    if (!name.consume_front(kOption)) continue;
    auto [option, rest] = name.split('.');
    std::string text = value.get<std::string>();
    manifest.options.emplace_back(option, option == "env" ? rest.str() + "=" + text : text);
  }
  return llvm::Error::success();
}

}  // namespace

llvm::Expected<PushedManifest> read_pushed_manifest(const std::string& bytes, llvm::StringRef content_type) {
  if (bytes.size() > kMaxManifest) return invalid("a manifest has at most 4 MiB");
  if (!is_moderate(bytes)) return invalid("the document is nested too deeply, or has too many values");
  Json document = Json::parse(bytes, nullptr, false);
  if (!document.is_object()) return invalid("not a JSON object");
  auto version = document.find("schemaVersion");
  if (version == document.end() || *version != 2) return invalid("schemaVersion is not 2");
  PushedManifest manifest;
  manifest.digest = sha256(bytes);
  std::string said = text_in(document, "mediaType");
  manifest.media_type = content_type.split(';').first.trim().str();
  if (manifest.media_type.empty()) manifest.media_type = said;
  if (!said.empty() && said != manifest.media_type)
    return invalid("the Content-Type is not what the document says it is, \"" + said + "\"");
  if (!is_manifest_type(manifest.media_type)) return invalid("not the media type of a manifest or index");
  llvm::Error error =
      is_index_type(manifest.media_type) ? read_index(document, manifest) : read_image(document, manifest);
  if (error) return error;
  if (llvm::Error wrong = read_annotations(document, manifest)) return wrong;
  if (document.contains("subject"))
    if (llvm::Error wrong = read_subject(document, bytes.size(), manifest)) return wrong;
  return manifest;
}

}  // namespace aotc::server
