// registry_image.cpp - see registry_image.h.
#include "registry_image.h"

#include <optional>

#include "remote_compile.h"

llvm::Expected<Image> open_image(const std::string& text, const Realms& named, bool is_server) {
  std::string error, token = is_server ? server_token() : "";
  std::vector<aotc::TokenRealm> realms;
  for (const std::string& name : named) {
    std::optional<aotc::TokenRealm> realm = aotc::parse_token_realm(name, error);
    if (!realm) return llvm::make_error<UsageError>("--token-realm: " + error);
    realms.push_back(*realm);
  }
  std::optional<aotc::ImageReference> reference = aotc::parse_reference(text, error);
  if (!reference) return llvm::make_error<UsageError>(error);
  std::string credentials = token.empty() ? aotc::docker_credentials(reference->base) : "token:" + token;
  return Image{*reference, aotc::RegistryClient(reference->base, reference->repository, credentials, realms)};
}

llvm::Error needs_repository(const Image& image) {
  if (!image.reference.repository.empty()) return llvm::Error::success();
  return llvm::make_error<UsageError>(image.reference.text() + ": a repository is needed");
}

void add_realms(CLI::App& command, Realms& realms) {
  command
      .add_option(
          "--token-realm", realms,
          "REGISTRY=REALM, each HOST[:PORT]: the password for REGISTRY may be sent to REALM, which gives out its "
          "tokens; may be repeated")
      ->allow_extra_args(false);
}
