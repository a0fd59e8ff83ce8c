// cache_options.cpp - where the cache is: as asked, as AOTC_CACHE says, or where the user's caches are; and with whom
// it is shared.
#include "cache_options.h"

#include <cstdlib>
#include <cstring>

#include "cache/store.h"
#include "command.h"
#include "files.h"
#include "support/error.h"
#include "support/quantity_option.h"
#include "support/remote_place.h"

void CacheOptions::add_to(CLI::App& command) {
  command
      .add_option("--cache", where,
                  "folder of what was compiled before, or off\n(default: what AOTC_CACHE says, else "
                  "$XDG_CACHE_HOME/aotc or ~/.cache/aotc), or the URL of a remote beside that folder")
      ->type_name("DIR|off|URL");
}

void CacheOptions::add_place_to(CLI::App& command) {
  command
      .add_option("--cache-remote", remote,
                  "share functions through redis[s]://[USER:PASSWORD@]HOST[:PORT][/DATABASE] or http[s]://HOST[:PORT]/"
                  "PATH, which the folder is asked before;\nAOTC_CACHE_TOKEN can hold the password, or a bearer token")
      ->envname("AOTC_CACHE_REMOTE")
      ->type_name("URL");
}

void CacheOptions::add_remote_to(CLI::App& command) {
  add_place_to(command);
  command
      .add_option("--cache-trust", trust,
                  "public key (aotc keygen): a remote's functions are taken if one of several has signed them")
      ->envname("AOTC_CACHE_TRUST")
      ->type_name("KEY.pub")
      ->allow_extra_args(false);
  command
      .add_option("--cache-sign", sign, "private key: what is compiled is signed with it, and written to the remote")
      ->envname("AOTC_CACHE_SIGN")
      ->type_name("KEY");
  aotc::add_quantity(command, "--cache-wait", wait,
                     "wait as long for a remote, not a small part of the time that it may save",
                     {AOTC_DURATION, aotc::kSecond / 1000, aotc::kDay});
}

void CacheOptions::add_size_to(CLI::App& command, const std::string& name, const std::string& help) {
  aotc::add_quantity(command, name, size, help, {AOTC_SIZE, aotc::kLeastCache, aotc::kMostCache});
}

std::string CacheOptions::asked() const {
  const char* variable = std::getenv("AOTC_CACHE");
  return where.empty() && variable != nullptr ? variable : where;
}

std::optional<std::string> CacheOptions::folder() const {
  std::string said = asked();
  if (said == "off") return std::nullopt;
  if (!said.empty() && !aotc::is_url(said)) return said;
  // As the XDG base directory specification has it: what is not absolute counts for nothing.
  auto from = [](const char* variable, const char* under) -> std::optional<std::string> {
    const char* base = std::getenv(variable);
    if (base == nullptr || *base != '/') return std::nullopt;
    return std::string(base) + under;
  };
  if (std::optional<std::string> folder = from("XDG_CACHE_HOME", "/aotc")) return folder;
  return from("HOME", "/.cache/aotc");
}

llvm::Expected<std::optional<aotc::RemoteCache>> CacheOptions::find_place() const {
  auto usage = [](const std::string& message) { return llvm::make_error<UsageError>(message); };
  std::string said = asked();
  aotc::RemoteCache found;
  found.courier.url = remote;
  if (aotc::is_url(said)) {
    if (!remote.empty()) return usage("--cache: there is a remote already, by --cache-remote");
    found.courier.url = said;
  }
  if (found.courier.url.empty() || said == "off") return std::nullopt;
  std::string error;
  std::optional<aotc::RemotePlace> place = aotc::parse_remote_place(found.courier.url, error);
  if (!place) return usage((remote.empty() ? "--cache: " : "--cache-remote: ") + error);
  found.shown = place->shown();
  if (const char* token = std::getenv("AOTC_CACHE_TOKEN")) found.courier.token = token;
  if (const char* file = std::getenv("SSL_CERT_FILE")) found.courier.certificates = file;
  return found;
}

llvm::Expected<std::optional<aotc::RemoteCache>> CacheOptions::find_remote() const {
  llvm::Expected<std::optional<aotc::RemoteCache>> place = find_place();
  if (!place || !*place) return place;
  aotc::RemoteCache& found = **place;
  if (trust.empty() && sign.empty())
    return llvm::make_error<UsageError>("--cache-trust: what comes from " + found.shown +
                                        " becomes code: it needs a public key to check it by");
  found.allowance = std::chrono::microseconds(static_cast<int64_t>(wait * 1e6));
  constexpr uint64_t kMostKey = 64 << 10;
  for (const std::string& path : trust) {
    llvm::Expected<std::vector<uint8_t>> pem = read_file(path, kMostKey);
    if (!pem) return pem.takeError();
    if (llvm::Error error = found.trust(path, {pem->begin(), pem->end()})) return error;
  }
  if (sign.empty()) return place;
  llvm::Expected<std::vector<uint8_t>> pem = read_file(sign, kMostKey);
  if (!pem) return pem.takeError();
  llvm::Error bad = found.sign_with(sign, {pem->begin(), pem->end()});
  explicit_bzero(pem->data(), pem->size());
  if (bad) return bad;
  return place;
}
