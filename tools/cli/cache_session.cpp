// cache_session.cpp - see cache_session.h.
#include "cache_session.h"

#include <unistd.h>

#include <vector>

#include "build_identity.h"
#include "output.h"
#include "registry/digest.h"
#include "support/error.h"
#include "support/io.h"
#include "support/version.h"

using namespace llvm;

namespace {

// Everything that an artifact depends on, whatever else is asked. Tier::Auto looks for the best.
Expected<std::string> artifact_key(const MemoryFile& module, const aotc::CompileOptions& options) {
  std::string cpu = options.cpu.empty() ? aotc::cpu_baselines(options.architecture).front() : options.cpu;
  aotc::Sha256 hash;
  for (StringRef part : {aotc::build_identity(), StringRef(aotc_version), StringRef(cpu),
                         StringRef(aotc::architecture_name(options.architecture)),
                         StringRef(aotc::tier_name(options.tier == aotc::Tier::Auto ? aotc::Tier::Best : options.tier)),
                         StringRef(options.imports == aotc::Imports::Any ? "any" : "known")})
    hash.update(part.data(), part.size() + 1);  // with the zero behind it
  std::vector<char> bytes(1 << 20);
  for (off_t at = 0;;) {
    ssize_t count = aotc_pread_all(module.reader(), bytes.data(), bytes.size(), at);
    if (count < 0) return aotc::system_failure("cannot read the module");
    if (count == 0) return hash.finish();
    hash.update(bytes.data(), static_cast<size_t>(count));
    at += count;
  }
}

}  // namespace

CacheSession::CacheSession(const CacheOptions& cache, std::optional<aotc::RemoteCache> remote, const MemoryFile& module,
                           const MemoryFile& artifact, const aotc::CompileOptions& options) {
  std::optional<std::string> folder = cache.folder();
  if (!folder) return;
  auto say = [](const std::string& which, const std::string& text) {
    print(stderr, "aotc: cache {}: {}\n", which, printable(text));
  };
  if (Error error = aotc::Store::prepare(*folder)) {
    // A user without a home has no cache, and need not hear of it each time.
    std::string reason = toString(std::move(error));
    if (!cache.asked().empty() || access(folder->c_str(), F_OK) == 0) say(*folder, reason + "; going on without");
    return;
  }
  Expected<std::string> key = artifact_key(module, options);
  if (!key) {
    consumeError(key.takeError());
    return;
  }
  aotc::KeeperOptions keeper;
  keeper.store.folder = *folder;
  keeper.store.limit = cache.size;
  keeper.artifact_key = *key;
  keeper.artifact_writer = artifact.writer();
  keeper.artifact_reader = artifact.reader();
  keeper.said = say;
  keeper_.emplace(keeper, std::move(remote));
}
