// registry_client.cpp - the OCI distribution API from the client's side. The registry is not trusted: sizes and digests
// are checked, documents are parsed for the fields that are used.
#include "registry_client.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "cosign.h"
#include "digest.h"
#include "media_types.h"

namespace aotc {

namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxDocument = 4 << 20;
constexpr uint64_t kWorthCompressing = 64 << 10;
constexpr unsigned kMaxPages = 1000;
constexpr size_t kMaxRevocationLists = 2;  // the repository's and the fleet's
constexpr size_t kMaxSignatures = 256;     // under one tag
constexpr int kMaxRedirects = 5;
constexpr uint64_t kMaxTokenAnswer = 64 << 10;
constexpr size_t kMaxToken = 16 << 10;
constexpr const char* kListing = "metadata_read";  // some registries' own word, for reading lists of tags
constexpr double kTokenSeconds = 30;               // in which its answer must have come
constexpr std::chrono::seconds kUsualTokenLife{60}, kLongestTokenLife{3600};
constexpr const char* kAccept =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

std::string text_in(const Json& json, const char* key) {
  return json.is_object() && json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
}

std::optional<Descriptor> read_descriptor(const Json& json) {
  Descriptor descriptor{
      text_in(json, "mediaType"), text_in(json, "artifactType"), text_in(json, "digest"), 0, "", "", ""};
  if (!is_digest(descriptor.digest) || !json.contains("size") || !json["size"].is_number_unsigned())
    return std::nullopt;
  descriptor.size = json["size"].get<uint64_t>();
  if (json.contains("platform")) {
    descriptor.os = text_in(json["platform"], "os");
    descriptor.architecture = text_in(json["platform"], "architecture");
    descriptor.variant = text_in(json["platform"], "variant");
  }
  if (json.contains("annotations")) descriptor.cosign_signature = text_in(json["annotations"], kCosignAnnotation);
  return descriptor;
}

bool read_descriptors(const Json& json, const char* key, std::vector<Descriptor>& descriptors) {
  if (!json.contains(key)) return true;
  if (!json[key].is_array()) return false;
  for (const Json& entry : json[key]) {
    std::optional<Descriptor> descriptor = read_descriptor(entry);
    if (!descriptor) return false;
    descriptors.push_back(*descriptor);
  }
  return true;
}

bool read_manifest(Manifest& manifest) {
  Json json = Json::parse(manifest.bytes, nullptr, false);
  if (!json.is_object() || !read_descriptors(json, "manifests", manifest.manifests) ||
      !read_descriptors(json, "layers", manifest.layers))
    return false;
  for (auto [key, place] : {std::pair{"config", &manifest.config}, {"subject", &manifest.subject}}) {
    if (!json.contains(key)) continue;
    *place = read_descriptor(json[key]);
    if (!*place) return false;
  }
  return true;
}

// realm="...", service="..." -> the value of one of them.
std::string challenge_value(const std::string& challenge, const std::string& name) {
  size_t begin = challenge.find(name + "=\"");
  if (begin == std::string::npos) return "";
  begin += name.size() + 2;
  size_t end = challenge.find('"', begin);
  return end == std::string::npos ? "" : challenge.substr(begin, end - begin);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (size_t end = 0, begin = 0; end != std::string::npos; begin = end + 1) {
    end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end == std::string::npos ? end : end - begin));
  }
  return parts;
}

std::string referrers_tag(const std::string& digest) { return "sha256-" + digest.substr(7); }

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host.rfind("127.", 0) == 0;
}

}  // namespace

std::optional<Manifest> parse_manifest(std::string bytes) {
  Manifest manifest;
  manifest.digest = sha256(bytes);
  manifest.bytes = std::move(bytes);
  if (!read_manifest(manifest)) return std::nullopt;
  return manifest;
}

std::string ImageReference::text() const {
  std::string text = base.substr(base.find("://") + 3) + "/" + repository;
  return reference.empty() ? text : text + (is_digest(reference) ? "@" : ":") + reference;
}

std::optional<ImageReference> parse_reference(const std::string& text, std::string& error) {
  std::string rest = text, scheme;
  if (size_t end = text.find("://"); end != std::string::npos) {
    scheme = text.substr(0, end);
    rest = text.substr(end + 3);
  }
  ImageReference reference;
  size_t slash = std::min(rest.find('/'), rest.size());
  std::string authority = rest.substr(0, slash);
  std::string path = slash < rest.size() ? rest.substr(slash + 1) : "";
  if (size_t at = path.find('@'); at != std::string::npos) {
    reference.reference = path.substr(at + 1);
    path.resize(at);
    if (!is_digest(reference.reference)) authority.clear();
  } else if (size_t colon = path.find(':'); colon != std::string::npos) {
    reference.reference = path.substr(colon + 1);
    path.resize(colon);
    if (reference.reference.empty() || reference.reference.find_first_of("/?#%") != std::string::npos)
      authority.clear();
  }
  while (!path.empty() && path.back() == '/') path.pop_back();
  if (path.find_first_of("?#%") != std::string::npos) authority.clear();
  reference.repository = path;
  if (scheme.empty() || scheme == "oci") {
    std::string host = authority.ends_with(']') ? authority : authority.substr(0, authority.rfind(':'));
    scheme = is_loopback(host) ? "http" : "https";
  }
  reference.base = scheme + "://" + authority;
  std::string ignored;
  if (!authority.empty() && parse_url(reference.base, ignored)) return reference;
  error = "\"" + text + "\" is not an image like [oci://]HOST[:PORT]/REPOSITORY[:TAG|@DIGEST]";
  return std::nullopt;
}

std::optional<FoundRevocations> find_revocations(RegistryClient& client, const std::string& known, std::string& error) {
  FoundRevocations found;
  std::optional<Manifest> manifest = client.find_manifest(kRevocationsTag, error);
  if (!manifest) return error.empty() ? std::optional(found) : std::nullopt;
  found.manifest = manifest->digest;
  if (manifest->digest == known) return found;
  for (const Descriptor& layer : manifest->layers) {
    if (layer.media_type != kRevocationsType) continue;
    if (layer.size > kMaxRevocations || found.texts.size() == kMaxRevocationLists)
      return error = std::string(kRevocationsTag) + ": larger than any list of revocations", std::nullopt;
    std::optional<std::string> text = client.small_blob(layer, error);
    if (!text) return std::nullopt;
    found.texts.push_back(std::move(*text));
  }
  return found;
}

std::optional<std::string> find_release(RegistryClient& client, std::string& error) {
  std::optional<Manifest> manifest = client.find_manifest(kReleaseTag, error);
  if (!manifest) return error.empty() ? std::optional<std::string>("") : std::nullopt;
  for (const Descriptor& layer : manifest->layers) {
    if (layer.media_type != kReleaseType) continue;
    if (layer.size > kMaxRelease) return error = std::string(kReleaseTag) + ": larger than any release", std::nullopt;
    return client.small_blob(layer, error);
  }
  return error = std::string(kReleaseTag) + ": names no release", std::nullopt;
}

bool put_release(RegistryClient& client, const std::string& text, std::string& error) {
  constexpr const char* kEmptyType = "application/vnd.oci.empty.v1+json";
  Manifest manifest;
  Json document = {{"schemaVersion", 2}, {"mediaType", kManifestType}, {"artifactType", kReleaseType}};
  for (const auto& [type, bytes] : {std::pair<const char*, std::string>{kEmptyType, "{}"}, {kReleaseType, text}}) {
    Descriptor blob;
    blob.media_type = type;
    blob.digest = sha256(bytes);
    blob.size = bytes.size();
    if (!client.put_blob(blob, bytes, error)) return false;
    const Json entry = {{"mediaType", type}, {"digest", blob.digest}, {"size", blob.size}};
    if (type == kEmptyType)
      document["config"] = entry;
    else
      document["layers"] = Json::array({entry});
  }
  manifest.bytes = document.dump();
  manifest.media_type = kManifestType;
  manifest.digest = sha256(manifest.bytes);
  return client.put_manifest(manifest, kReleaseTag, error);
}

std::string compiler_in_config(const std::string& config) {
  Json json = Json::parse(config, nullptr, false);
  return json.is_object() && json.contains("aotc") ? text_in(json["aotc"], "compiler") : "";
}

std::string refusal(const HttpResponse& response) {
  Json json = Json::parse(response.body, nullptr, false);
  if (std::string detail = text_in(json, "detail"); !detail.empty()) return detail;
  if (json.is_object() && json.contains("errors") && json["errors"].is_array() && !json["errors"].empty())
    if (std::string message = text_in(json["errors"][0], "message"); !message.empty()) return message;
  return "the server answered " + std::to_string(response.status);
}

std::string docker_credentials(const std::string& base) {
  const char* folder = std::getenv("DOCKER_CONFIG");
  const char* home = std::getenv("HOME");
  std::string path =
      folder ? std::string(folder) + "/config.json" : std::string(home ? home : "") + "/.docker/config.json";
  // Streams of the C++ library would be a tenth of a node's size.
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  std::string text(kMaxDocument, '\0');
  text.resize(file ? std::fread(text.data(), 1, text.size(), file.get()) : 0);
  Json json = Json::parse(text, nullptr, false);
  std::string host = base.substr(base.find("://") + 3);
  if (!json.is_object() || !json.contains("auths") || !json["auths"].is_object() || !json["auths"].contains(host))
    return "";
  return from_base64(text_in(json["auths"][host], "auth")).value_or("");
}

std::vector<std::string> RegistryClient::actions_for(const std::string& method) {
  if (repository_.empty()) return {"*"};
  if (method == "DELETE") return {"pull", "push", "delete"};
  has_written_ |= method == "PUT" || method == "POST";
  return has_written_ ? std::vector<std::string>{"pull", "push"} : std::vector<std::string>{"pull"};
}

// The scope of a token: of what the registry wants it for, no more than what is being done. Without a word of it, that.
std::string RegistryClient::scope_for(const std::string& wanted, const std::vector<std::string>& actions) const {
  std::string subject = repository_.empty() ? "registry:catalog:" : "repository:" + repository_ + ":", chosen;
  std::vector<std::string> offered = wanted.empty() ? actions : std::vector<std::string>(), known = actions;
  for (const std::string& scope : split(wanted, ' '))
    if (scope.rfind(subject, 0) == 0)
      for (const std::string& action : split(scope.substr(subject.size()), ',')) offered.push_back(action);
  known.push_back(kListing);
  for (const std::string& action : known)
    if (std::find(offered.begin(), offered.end(), action) != offered.end())
      chosen += (chosen.empty() ? subject : ",") + action;
  return chosen;
}

bool RegistryClient::authorize(const HttpUrl& asked, const std::string& challenge,
                               const std::vector<std::string>& actions, std::string& error) {
  if (challenge.rfind("Basic", 0) == 0 || challenge.rfind("basic", 0) == 0) {
    if (credentials_.empty()) return error = base_ + ": needs a token or a password", false;
    authorization_ = "Basic " + to_base64(credentials_);
    valid_until_ = Clock::time_point::max();
    return true;
  }
  auto fail = [&](const std::string& reason) { return error = asked.authority() + ": " + reason, false; };
  std::string wanted = challenge_value(challenge, "scope"), scope = scope_for(wanted, actions);
  std::optional<HttpUrl> url = destinations_.follow(asked, challenge_value(challenge, "realm"), error);
  if (!url) return false;
  if (scope.empty()) return fail("wants a token for \"" + wanted + "\", which it has no need of");
  // What the realm's own query says would come before the scope.
  if (url->target.find_first_of("?#") != std::string::npos) return fail("its realm has a query");
  url->target += "?scope=" + percent_encoded(scope);
  std::string service = challenge_value(challenge, "service");
  if (!service.empty()) url->target += "&service=" + percent_encoded(service);
  HttpRequest request{"GET", *url, {}, ""};
  if (!credentials_.empty()) {
    if (!destinations_.may_have_password(*url))
      return fail("wants the password to be sent to " + url->authority() + ", which is not named as its realm");
    request.headers.emplace_back("Authorization", "Basic " + to_base64(credentials_));
  }
  HttpOptions options;
  options.max_body = kMaxTokenAnswer;
  options.whole_seconds = kTokenSeconds;
  options.destinations = &destinations_;
  HttpResponse response;
  if (!send_request(request, options, response, error)) return false;
  Json json = Json::parse(response.body, nullptr, false);
  std::string token = text_in(json, "token");
  if (token.empty()) token = text_in(json, "access_token");
  if (response.status != 200 || token.empty()) return error = url->authority() + ": " + refusal(response), false;
  bool plain = std::all_of(token.begin(), token.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
  if (token.size() > kMaxToken || !plain) return error = url->authority() + ": its token is none", false;
  authorization_ = "Bearer " + token;
  std::chrono::seconds life = kUsualTokenLife;
  if (json.contains("expires_in") && json["expires_in"].is_number_unsigned())
    life = std::chrono::seconds(
        std::min<uint64_t>(json["expires_in"].get<uint64_t>(), static_cast<uint64_t>(kLongestTokenLife.count())));
  valid_until_ = Clock::now() + life;
  return true;
}

// Asks again with credentials when the registry wants them, and where it says that a blob is. What may be shown where
// is the affair of Destinations. True when the status is 2xx or 404.
bool RegistryClient::send(HttpRequest request, HttpOptions options, HttpResponse& response, std::string& error) {
  options.destinations = &destinations_;
  bool here = destinations_.is_registry(request.url);  // not any more once it has sent us away
  if (Clock::now() >= valid_until_) authorization_.clear();
  for (int attempt = 0, redirects = 0;;) {
    HttpRequest authorized = request;
    if (here && !authorization_.empty()) authorized.headers.emplace_back("Authorization", authorization_);
    if (!send_request(authorized, options, response, error)) return false;
    bool reads = request.method == "GET" || request.method == "HEAD";
    std::string location = response.header("location");
    if (reads && response.status / 100 == 3 && !location.empty() && redirects++ < kMaxRedirects) {
      std::optional<HttpUrl> url = destinations_.follow(request.url, location, error);
      if (!url) return false;
      here = here && destinations_.is_registry(*url);
      request.url = *url;
    } else if (here && response.status == 401 && attempt++ == 0) {
      if (!authorize(request.url, response.header("www-authenticate"), actions_for(request.method), error))
        return false;
    } else {
      break;
    }
  }
  if (response.status / 100 == 2 || response.status == 404) return true;
  error = request.url.authority() + ": " + refusal(response);
  return false;
}

std::optional<Manifest> RegistryClient::manifest(const std::string& reference, std::string& error) {
  std::optional<Manifest> found = find_manifest(reference, error);
  if (!found && error.empty())
    error = repository_ + (is_digest(reference) ? "@" : ":") + reference + ": there is no such image";
  return found;
}

std::optional<Manifest> RegistryClient::find_manifest(const std::string& reference, std::string& error) {
  std::optional<HttpUrl> url = parse_url(base_ + "/v2/" + repository_ + "/manifests/" + reference, error);
  if (!url) return std::nullopt;
  HttpOptions options;
  options.max_body = kMaxDocument;
  HttpResponse response;
  if (!send({"GET", *url, {{"Accept", kAccept}}, ""}, options, response, error)) return std::nullopt;
  std::string name = repository_ + (is_digest(reference) ? "@" : ":") + reference;
  if (response.status == 404) return error.clear(), std::nullopt;
  if (is_digest(reference) && sha256(response.body) != reference)
    return error = name + ": what the registry sent has another digest", std::nullopt;
  std::optional<Manifest> manifest = parse_manifest(std::move(response.body));
  if (!manifest) return error = name + ": not an image manifest or index", std::nullopt;
  manifest->media_type = response.header("content-type");
  return manifest;
}

std::optional<std::vector<Descriptor>> RegistryClient::referrers(const std::string& digest, std::string& error) {
  std::optional<HttpUrl> url = parse_url(base_ + "/v2/" + repository_ + "/referrers/" + digest, error);
  if (!url) return std::nullopt;
  HttpOptions options;
  options.max_body = kMaxDocument;
  HttpResponse response;
  if (!send({"GET", *url, {}, ""}, options, response, error)) return std::nullopt;
  if (response.status == 404) {
    url = parse_url(base_ + "/v2/" + repository_ + "/manifests/" + referrers_tag(digest), error);
    if (!url || !send({"GET", *url, {{"Accept", kAccept}}, ""}, options, response, error)) return std::nullopt;
  }
  Manifest index;
  index.bytes = response.body;
  if (response.status == 404) return std::vector<Descriptor>();
  if (!read_manifest(index)) return error = digest + ": the registry sent a bad list of referrers", std::nullopt;
  return index.manifests;
}

bool RegistryClient::blob(const Descriptor& blob, const std::function<bool(const char*, size_t)>& sink,
                          std::string& error) {
  std::optional<HttpUrl> url = parse_url(base_ + "/v2/" + repository_ + "/blobs/" + blob.digest, error);
  if (!url) return false;
  Sha256 hash;
  uint64_t size = 0;
  HttpOptions options;
  options.max_body = kMaxDocument;
  options.zstd = blob.size >= kWorthCompressing;
  options.sink = [&](const char* data, size_t count) {
    hash.update(data, count);
    size += count;
    return size <= blob.size && sink(data, count);
  };
  HttpResponse response;
  bool sent = send({"GET", *url, {}, ""}, options, response, error);
  if (size > blob.size) error = blob.digest + ": larger than its descriptor says";
  if (!sent) return false;
  if (response.status == 404) return error = blob.digest + ": there is no such blob", false;
  if (size != blob.size || hash.finish() != blob.digest)
    return error = blob.digest + ": what the registry sent has another digest", false;
  return true;
}

std::optional<std::string> RegistryClient::small_blob(const Descriptor& descriptor, std::string& error) {
  if (descriptor.size > kMaxDocument) return error = descriptor.digest + ": too large", std::nullopt;
  std::string bytes;
  auto keep = [&](const char* data, size_t size) { return bytes.append(data, size), true; };
  if (!blob(descriptor, keep, error)) return std::nullopt;
  return bytes;
}

bool RegistryClient::put_blob(const Descriptor& blob, const std::string& bytes, std::string& error) {
  std::string path = base_ + "/v2/" + repository_ + "/blobs/";
  std::optional<HttpUrl> url = parse_url(path + blob.digest, error);
  HttpResponse response;
  if (!url || !send({"HEAD", *url, {}, ""}, {}, response, error)) return false;
  if (response.status != 404) return true;
  url = parse_url(path + "uploads/", error);
  if (!url || !send({"POST", *url, {}, ""}, {}, response, error)) return false;
  std::string location = response.header("location");
  if (response.status != 202 || location.empty()) return error = path + ": takes no uploads", false;
  location += (location.find('?') == std::string::npos ? "?" : "&") + ("digest=" + percent_encoded(blob.digest));
  url = destinations_.follow(*url, location, error);
  if (!url) return false;
  if (!send({"PUT", *url, {{"Content-Type", "application/octet-stream"}}, bytes}, {}, response, error)) return false;
  if (response.status != 201) return error = path + ": the upload was refused", false;
  return true;
}

bool RegistryClient::put_manifest(const Manifest& manifest, const std::string& reference, std::string& error) {
  std::optional<HttpUrl> url = parse_url(base_ + "/v2/" + repository_ + "/manifests/" + reference, error);
  HttpResponse response;
  if (!url || !send({"PUT", *url, {{"Content-Type", manifest.media_type}}, manifest.bytes}, {}, response, error))
    return false;
  if (response.status == 201) return true;
  error = repository_ + ":" + reference + ": " + refusal(response);
  return false;
}

bool RegistryClient::put_referrer(const Manifest& manifest, const std::string& artifact_type, std::string& error) {
  if (!manifest.subject) return error = manifest.digest + ": refers to nothing", false;
  std::optional<std::vector<Descriptor>> known = referrers(manifest.subject->digest, error);
  if (!known) return false;
  Json entries = Json::array();
  for (const Descriptor& other : *known) {
    if (other.digest == manifest.digest) return true;
    // Of our statements the last one counts. Of bundles each may be by somebody else.
    if (artifact_type != kStatementType || other.artifact_type != kStatementType)
      entries.push_back({{"mediaType", other.media_type},
                         {"digest", other.digest},
                         {"size", other.size},
                         {"artifactType", other.artifact_type}});
  }
  entries.push_back({{"mediaType", manifest.media_type},
                     {"digest", manifest.digest},
                     {"size", manifest.bytes.size()},
                     {"artifactType", artifact_type}});
  Json document = {{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", entries}};
  Manifest index;
  index.bytes = document.dump();
  index.media_type = kIndexType;
  return put_manifest(index, referrers_tag(manifest.subject->digest), error);
}

bool RegistryClient::put_signatures(const Manifest& manifest, const std::string& tag, std::string& error) {
  std::optional<Manifest> there = find_manifest(tag, error);
  if (!there && !error.empty()) return false;
  if (!there || there->layers.empty() || manifest.layers.empty()) return put_manifest(manifest, tag, error);
  Json document = Json::parse(manifest.bytes, nullptr, false), old = Json::parse(there->bytes, nullptr, false);
  Json& layers = document["layers"];
  for (const Json& layer : old["layers"]) {
    if (layers.size() <= kMaxSignatures && std::find(layers.begin(), layers.end(), layer) != layers.end()) continue;
    if (layers.size() >= kMaxSignatures)
      return error = repository_ + ":" + tag + ": more than " + std::to_string(kMaxSignatures) + " signatures", false;
    layers.push_back(layer);
  }
  if (layers.size() == manifest.layers.size()) return put_manifest(manifest, tag, error);
  Manifest grown;
  grown.bytes = document.dump();
  grown.media_type = manifest.media_type;
  return put_manifest(grown, tag, error);
}

std::optional<std::vector<std::string>> RegistryClient::list(std::string path, const char* key, std::string& error) {
  std::vector<std::string> all;
  for (unsigned page = 0; !path.empty() && page < kMaxPages; ++page) {
    std::optional<HttpUrl> url = parse_url(base_ + path, error);
    HttpResponse response;
    if (!url || !send({"GET", *url, {}, ""}, {}, response, error)) return std::nullopt;
    Json json = Json::parse(response.body, nullptr, false);
    if (response.status == 404) return error = refusal(response), std::nullopt;
    if (!json.is_object() || !json.contains(key)) return error = path + ": the registry sent no list", std::nullopt;
    if (json[key].is_array())
      for (const Json& entry : json[key])
        if (entry.is_string()) all.push_back(entry.get<std::string>());
    std::string link = response.header("link");  // </v2/...>; rel="next"
    size_t end = link.find('>');
    path = link.rfind("</", 0) == 0 && end != std::string::npos ? link.substr(1, end - 1) : "";
  }
  return all;
}

std::optional<std::vector<std::string>> RegistryClient::tags(std::string& error) {
  return list("/v2/" + repository_ + "/tags/list", "tags", error);
}

std::optional<std::vector<std::string>> RegistryClient::repositories(std::string& error) {
  return list("/v2/_catalog", "repositories", error);
}

bool RegistryClient::remove(const std::string& reference, std::string& error) {
  std::optional<HttpUrl> url = parse_url(base_ + "/v2/" + repository_ + "/manifests/" + reference, error);
  HttpResponse response;
  if (!url || !send({"DELETE", *url, {}, ""}, {}, response, error)) return false;
  if (response.status != 404) return true;
  error = repository_ + (is_digest(reference) ? "@" : ":") + reference + ": there is no such image";
  return false;
}

}  // namespace aotc
