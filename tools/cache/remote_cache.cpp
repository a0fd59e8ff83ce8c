// remote_cache.cpp - see remote_cache.h.
#include "cache/remote_cache.h"

#include <cstring>

#include <nlohmann/json.hpp>

#include "support/error.h"

namespace aotc {

using namespace llvm;

Error RemoteCache::trust(const std::string& path, std::string pem) {
  std::string error;
  if (!TrustedKeys().add(pem, error)) return failure(path + ": " + error);
  trusted.push_back(std::move(pem));
  return Error::success();
}

Error RemoteCache::sign_with(const std::string& path, std::string pem) {
  std::string error;
  if (!Signer::read(pem, error)) return failure(path + ": " + error);
  signer = std::move(pem);
  return Error::success();
}

std::string RemoteCache::encode_shared() const {
  nlohmann::json json{{"trusted", trusted}, {"signer", signer}, {"allowance", allowance.count()}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Expected<SharedOptions> RemoteCache::decode_shared(const std::string& text) {
  SharedOptions options;
  std::string error, signer;
  try {
    nlohmann::json json = nlohmann::json::parse(text);
    for (const std::string pem : json.at("trusted"))
      if (!options.trusted.add(pem, error)) return failure(error);
    signer = json.at("signer");
    options.allowance = std::chrono::microseconds(json.at("allowance").get<int64_t>());
  } catch (const nlohmann::json::exception&) {
    return failure("not the options of a shared cache");
  }
  if (signer.empty()) return options;
  options.signer = Signer::read(signer, error);
  explicit_bzero(signer.data(), signer.size());
  if (!options.signer) return failure(error);
  return options;
}

void RemoteCache::forget_secrets() {
  for (std::string* secret : {&courier.url, &courier.token, &signer}) explicit_bzero(secret->data(), secret->size());
}

}  // namespace aotc
