// tenants.cpp - reads the token file strictly: a misspelt quota must not mean no quota.
#include "tenants.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "jobs/compile_request.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/MemoryBuffer.h"
#include "registry/digest.h"
#include "support/error.h"

namespace aotc::server {

namespace {

using Json = nlohmann::json;

llvm::Error only(const Json& object, std::initializer_list<const char*> known, const std::string& where) {
  if (!object.is_object()) return failure(where + " is not an object");
  for (const auto& [key, value] : object.items())
    if (std::none_of(known.begin(), known.end(), [&key = key](const char* name) { return key == name; }))
      return failure(where + ": \"" + key + "\" is not known");
  return llvm::Error::success();
}

llvm::Expected<std::string> read_hash(const Json& token, const std::string& where) {
  std::string hash;
  if (token.contains("sha256") && token["sha256"].is_string()) hash = "sha256:" + token["sha256"].get<std::string>();
  if (!is_digest(hash)) return failure(where + ": a token needs \"sha256\" with 64 lower-case hex digits");
  return hash;
}

llvm::Expected<unsigned> read_roles(const Json& token, const std::string& where) {
  unsigned roles = 0;
  if (token.contains("roles") && token["roles"].is_array())
    for (const Json& role : token["roles"]) {
      if (role == "pull")
        roles |= kPull;
      else if (role == "push")
        roles |= kPush;
      else
        return failure(where + ": a role is \"pull\" or \"push\"");
    }
  if (roles == 0) return failure(where + ": a token needs \"roles\"");
  return roles;
}

llvm::Error read_quota(const Json& tenant, const char* name, uint64_t& value, const std::string& where) {
  if (!tenant.contains(name)) return llvm::Error::success();
  if (!tenant[name].is_number_unsigned()) return failure(where + ": \"" + name + "\" is not a number of at least 0");
  value = tenant[name].get<uint64_t>();
  return llvm::Error::success();
}

}  // namespace

llvm::Error Tenants::load() {
  if (open_to_all()) return llvm::Error::success();
  auto file = llvm::MemoryBuffer::getFile(path_);
  if (!file) return failure(path_ + ": " + file.getError().message());
  Json json = Json::parse((*file)->getBuffer().begin(), (*file)->getBuffer().end(), nullptr, false);
  if (json.is_discarded()) return failure(path_ + ": not JSON");
  if (llvm::Error error = only(json, {"tenants", "operators"}, path_)) return error;

  std::vector<Token> tokens;
  std::map<std::string, Quota> quotas;
  const Json tenants = json.value("tenants", Json::object());
  if (!tenants.is_object()) return failure(path_ + ": \"tenants\" is not an object");
  for (const auto& [name, tenant] : tenants.items()) {
    std::string where = path_ + ": tenant \"" + name + "\"";
    if (!is_repository_name(name) || name.find('/') != std::string::npos)
      return failure(where + ": not a name that repositories can start with");
    if (llvm::Error error = only(tenant, {"tokens", "bytes", "evict", "jobs", "workers", "cpu_seconds"}, where))
      return error;
    Quota& quota = quotas[name];
    for (auto [key, value] : {std::pair{"bytes", &quota.bytes},
                              {"jobs", &quota.jobs},
                              {"workers", &quota.workers},
                              {"cpu_seconds", &quota.cpu_seconds}})
      if (llvm::Error error = read_quota(tenant, key, *value, where)) return error;
    if (tenant.contains("evict") && !tenant["evict"].is_boolean())
      return failure(where + ": \"evict\" is not true or false");
    quota.evict = tenant.value("evict", false);
    for (const Json& token : tenant.value("tokens", Json::array())) {
      if (llvm::Error error = only(token, {"sha256", "roles"}, where)) return error;
      llvm::Expected<std::string> hash = read_hash(token, where);
      if (!hash) return hash.takeError();
      llvm::Expected<unsigned> roles = read_roles(token, where);
      if (!roles) return roles.takeError();
      tokens.push_back({*hash, {name, *roles}});
    }
  }
  for (const Json& token : json.value("operators", Json::array())) {
    std::string where = path_ + ": operators";
    if (llvm::Error error = only(token, {"sha256"}, where)) return error;
    llvm::Expected<std::string> hash = read_hash(token, where);
    if (!hash) return hash.takeError();
    tokens.push_back({*hash, {"", kOperator | kPull}});
  }
  std::lock_guard<std::mutex> lock(mutex_);
  tokens_ = std::move(tokens);
  quotas_ = std::move(quotas);
  return llvm::Error::success();
}

std::optional<Caller> Tenants::authenticate(const std::string& authorization) {
  if (open_to_all()) return Caller{"", kPull | kPush | kOperator};
  auto [scheme, credentials] = llvm::StringRef(authorization).split(' ');
  std::string token = credentials.trim().str();
  if (scheme.equals_insensitive("basic")) {
    std::vector<char> decoded;
    if (llvm::Error error = llvm::decodeBase64(token, decoded)) {
      llvm::consumeError(std::move(error));
      return std::nullopt;
    }
    token = llvm::StringRef(decoded.data(), decoded.size()).split(':').second.str();
  } else if (!scheme.equals_insensitive("bearer")) {
    return std::nullopt;
  }
  std::string hash = sha256(token);
  std::optional<Caller> caller;
  std::lock_guard<std::mutex> lock(mutex_);
  for (const Token& known : tokens_)  // all of them, so that the time tells nothing
    if (equal_secrets(known.hash, hash)) caller = known.caller;
  return caller;
}

Quota Tenants::quota(const std::string& tenant) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = quotas_.find(tenant);
  return found == quotas_.end() ? Quota() : found->second;
}

std::map<std::string, Quota> Tenants::quotas() {
  std::lock_guard<std::mutex> lock(mutex_);
  return quotas_;
}

bool Tenants::owns(const Caller& caller, const std::string& repository) const {
  return open_to_all() || caller.may(kOperator) || llvm::StringRef(repository).starts_with(caller.tenant + "/");
}

}  // namespace aotc::server
