// go_overlay.cpp - see go_overlay.h.
#include "go_overlay.h"

#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "files.h"
#include "go_overlay_sources.h"
#include "llvm/ADT/StringRef.h"
#include "output.h"
#include "support/error.h"

namespace {

using llvm::StringRef;

constexpr unsigned kOldest = 21, kNewest = 27;  // of Go 1
constexpr uint64_t kMaxSource = 16 << 20;

// A function that callers of Go's are to get from us. Go's own is called `name` from then on.
struct Renamed {
  StringRef file;
  StringRef line;  // as it begins in Go's file, up to `from`
  StringRef from, name;
  StringRef rest;  // of the line
  StringRef why;
};

constexpr Renamed kRenamed[] = {
    {"net/net_fake.go", "func ", "socket", "fakeSocket",
     "(ctx context.Context, net string, family, sotype, proto int, ipv6only bool, laddr, raddr sockaddr, ctrlCtxFn "
     "func(context.Context, string, string, syscall.RawConn) error) (*netFD, error) {",
     "for what listens and connects inside of the program"},
    {"net/hosts.go", "func ", "lookupStaticHost", "lookupHostsFile", "(host string) ([]string, string) {",
     "so that localhost has an address without a file that says it"},
    {"net/dnsclient_unix.go", "func (r *Resolver) ", "goLookupIPCNAMEOrder", "lookupWithDial",
     "(ctx context.Context, network, name string, order hostLookupOrder, conf *dnsConfig) (addrs []IPAddr, cname "
     "dnsmessage.Name, err error) {",
     "so that the host looks names up"},
    {"net/dnsclient_unix.go", "func (r *Resolver) ", "tryOneName", "askServers",
     "(ctx context.Context, cfg *dnsConfig, name string, qtype dnsmessage.Type) (dnsmessage.Parser, string, error) {",
     "so that what nobody can look up is an error at once"},
    {"net/http/transport.go", "func (t *Transport) ", "hasCustomTLSDialer", "hasOwnTLSDialer", "() bool {",
     "so that the host speaks TLS for a Transport that leaves it as it is by default"},
    {"net/http/transport.go", "func (t *Transport) ", "customDialTLS", "dialOwnTLS",
     "(ctx context.Context, network, addr string) (conn net.Conn, err error) {", "likewise"},
};

constexpr StringRef kAdded = "net/aotc_host.go", kAddedInside = "net/aotc_inside.go",
                    kAddedTls = "net/http/aotc_tls.go", kAddedWish = "internal/nettrace/aotc_wish.go";

// 26 of "go1.26.6"; 0 of what is no release, which may be anything.
unsigned minor_version(StringRef version) {
  unsigned minor = 0;
  if (!version.consume_front("go1.") || version.consumeInteger(10, minor)) return 0;
  return version.starts_with("-devel") ? 0 : minor;
}

llvm::Expected<std::string> rename(const Renamed& change, std::string text, const std::string& path,
                                   const std::string& version) {
  const std::string line = fmt::format("\n{}{}{}\n", change.line.str(), change.from.str(), change.rest.str());
  size_t at = text.find(line), count = 0;
  for (size_t next = at; next != std::string::npos; next = text.find(line, next + 1)) ++count;
  if (count != 1)
    return aotc::failure(
        fmt::format("{}: not as {} is known: {} is there {} times", path, version, change.from.str(), count));
  return text.replace(at + 1 + change.line.size(), change.from.size(), change.name.str());
}

}  // namespace

llvm::Expected<GoOverlay> make_go_overlay(const std::string& goroot, const std::string& version,
                                          const std::string& folder) {
  unsigned minor = minor_version(version);
  if (minor < kOldest || minor > kNewest)
    return aotc::failure(
        fmt::format("{}: {} is not known here, Go 1.{} to 1.{} are", goroot, version, kOldest, kNewest));
  GoOverlay overlay;
  nlohmann::json replaced = nlohmann::json::object();
  auto put = [&](StringRef file, StringRef text) {
    std::string copy = folder + "/" + base_name(file.str());
    replaced[goroot + "/src/" + file.str()] = copy;
    return create_file(copy, llvm::ArrayRef(text.bytes_begin(), text.size()), 0600);
  };
  std::map<StringRef, std::string> renamed;
  for (const Renamed& change : kRenamed) {
    const std::string path = goroot + "/src/" + change.file.str();
    std::string& text = renamed[change.file];
    if (text.empty()) {
      llvm::Expected<std::vector<uint8_t>> bytes = read_file(path, kMaxSource);
      if (!bytes) return bytes.takeError();
      text.assign(bytes->begin(), bytes->end());
    }
    llvm::Expected<std::string> after = rename(change, std::move(text), path, version);
    if (!after) return after.takeError();
    text = std::move(*after);
    overlay.changes.push_back(
        {change.file.str(), fmt::format("{} becomes {}, {}", change.from.str(), change.name.str(), change.why.str())});
  }
  for (const auto& [file, text] : renamed)
    if (llvm::Error error = put(file, text)) return error;
  const struct {
    StringRef file, text, what;
  } added[] = {
      {kAdded, kHostNetwork,
       "added: Listen on tcp takes the host's listener, Dial on tcp and the resolver ask the host"},
      {kAddedInside, minor == 21 ? kInsideGo121 : kInsideGo122, "added: who listens inside of the program"},
      {kAddedTls, kHostTls, "added: the host speaks TLS"},
      {kAddedWish, kTlsWish, "added: how net/http asks for that"},
  };
  for (const auto& [file, text, what] : added) {
    overlay.changes.push_back({file.str(), what.str()});
    if (llvm::Error error = put(file, text)) return error;
  }
  overlay.path = folder + "/overlay.json";
  std::string json = nlohmann::json{{"Replace", replaced}}.dump();
  if (llvm::Error error =
          create_file(overlay.path, llvm::ArrayRef(reinterpret_cast<const uint8_t*>(json.data()), json.size()), 0600))
    return error;
  return overlay;
}
