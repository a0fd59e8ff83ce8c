// registry_client.h - one repository of an OCI registry, ours or another: what the command line and nodes do with it.
//
// Everything that comes with a digest is checked against it. Functions that can fail return false or nothing and say
// why in `error`. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "destinations.h"
#include "http_client.h"
#include "release_document.h"
#include "revocations.h"

namespace aotc {

// [oci:// | https:// | http://] HOST[:PORT] [/REPOSITORY [:TAG | @DIGEST]]; without a scheme, and with oci://, loopback
// addresses are asked without TLS, all others with it.
struct ImageReference {
  std::string base;        // "https://host:port"
  std::string repository;  // may be empty
  std::string reference;   // tag or digest; may be empty

  std::string text() const;  // "host:port/repository:tag"
};

std::optional<ImageReference> parse_reference(const std::string& text, std::string& error);

struct Descriptor {
  std::string media_type, artifact_type, digest;
  uint64_t size = 0;
  std::string os, architecture, variant;  // of entries of an index
  std::string cosign_signature = {};      // of a layer, see cosign.h
};

struct Manifest {
  std::string bytes, media_type, digest;
  std::vector<Descriptor> manifests;  // of an index
  std::vector<Descriptor> layers;     // of a manifest
  std::optional<Descriptor> config, subject;
};

// Nothing when it is neither a manifest nor an index. The media type is not filled in.
std::optional<Manifest> parse_manifest(std::string bytes);

class RegistryClient {
 public:
  // Credentials are user:password, "" for none; a token of ours is the password of any user. Where they may be sent:
  // see destinations.h.
  RegistryClient(std::string base, std::string repository, std::string credentials,
                 const std::vector<TokenRealm>& realms = {})
      : base_(std::move(base)),
        repository_(std::move(repository)),
        credentials_(std::move(credentials)),
        destinations_(base_, realms) {}

  std::optional<Manifest> manifest(const std::string& reference, std::string& error);
  // The same, with an empty `error` when there is none.
  std::optional<Manifest> find_manifest(const std::string& reference, std::string& error);
  // What refers to a manifest, by the API or, where a registry has none, by the tag that stands for it.
  std::optional<std::vector<Descriptor>> referrers(const std::string& digest, std::string& error);
  bool blob(const Descriptor& blob, const std::function<bool(const char*, size_t)>& sink, std::string& error);
  std::optional<std::string> small_blob(const Descriptor& blob, std::string& error);  // up to 4 MiB

  bool put_blob(const Descriptor& blob, const std::string& bytes, std::string& error);  // nothing if it is there
  bool put_manifest(const Manifest& manifest, const std::string& reference, std::string& error);
  // For registries that do not know referrers: writes the tag that stands for them.
  bool put_referrer(const Manifest& manifest, const std::string& artifact_type, std::string& error);
  // Under a tag whose image grows by a layer for each who signs: what is there keeps its layers.
  bool put_signatures(const Manifest& manifest, const std::string& tag, std::string& error);

  std::optional<std::vector<std::string>> tags(std::string& error);
  std::optional<std::vector<std::string>> repositories(std::string& error);
  bool remove(const std::string& reference, std::string& error);

 private:
  using Clock = std::chrono::steady_clock;
  bool send(HttpRequest request, HttpOptions options, HttpResponse& response, std::string& error);
  bool authorize(const HttpUrl& asked, const std::string& challenge, const std::vector<std::string>& actions,
                 std::string& error);
  std::vector<std::string> actions_for(const std::string& method);
  std::string scope_for(const std::string& wanted, const std::vector<std::string>& actions) const;
  std::optional<std::vector<std::string>> list(std::string path, const char* key, std::string& error);

  std::string base_, repository_, credentials_;
  Destinations destinations_;
  std::string authorization_;
  Clock::time_point valid_until_ = Clock::time_point::max();
  bool has_written_ = false;  // then tokens are for that, too
};

// The lists under the repository's kRevocationsTag as they are: nobody has verified them. Without texts when there is
// no such tag, or it names the manifest that is `known`.
struct FoundRevocations {
  std::string manifest;  // digest; empty: there is none
  std::vector<std::string> texts;
};
std::optional<FoundRevocations> find_revocations(RegistryClient& client, const std::string& known, std::string& error);

// The document under the repository's kReleaseTag as it is: nobody has verified it. An empty text when there is no such
// tag.
std::optional<std::string> find_release(RegistryClient& client, std::string& error);
bool put_release(RegistryClient& client, const std::string& text, std::string& error);

// The compiler that an image's config names; empty when it is none of ours.
std::string compiler_in_config(const std::string& config);

// The user and password for a registry that `docker login` left in DOCKER_CONFIG or ~/.docker; "" when there are none.
std::string docker_credentials(const std::string& base);

// Why a request was refused: the detail of a problem document, the message of an OCI error, or the status.
std::string refusal(const HttpResponse& response);

}  // namespace aotc
