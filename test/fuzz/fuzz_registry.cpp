// fuzz_registry.cpp - what a registry in wrong hands sends to a node, `aotc pull`, `push` and `ls`: HTTP, its framing
// and zstd, redirects, challenges, lists, and the index and manifest from which a node chooses what it maps.
//
// An input is a digit, which says what the client wants, then the registry's answers with lines "%%" between them. They
// are sent as they are, the next one at each connection, whatever the client asks and whoever it believes to ask: every
// name has the address of one socket here, so that nothing leaves this process.
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>

#include "image_cache.h"
#include "registry/digest.h"
#include "registry/find_statement.h"
#include "registry/p256.h"
#include "registry/registry_client.h"
#include "revoked.h"

namespace {

void check(bool good) {
  if (!good) std::abort();
}

class Registry {
 public:
  Registry() {
    check(bind(listener_, address(), kAddressSize) == 0 && listen(listener_, 16) == 0);
    std::thread([this] { serve(); }).detach();
  }
  // In the abstract namespace, a name of this process's own.
  sockaddr* address() { return reinterpret_cast<sockaddr*>(&address_); }
  static constexpr socklen_t kAddressSize = sizeof(sa_family_t) + 20;

  void set_answers(std::string answers) {
    std::lock_guard<std::mutex> lock(mutex_);
    answers_ = std::move(answers);
  }

 private:
  static sockaddr_un make_address() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path + 1, 20, "aotc-fuzz-%d", getpid());
    return address;
  }
  std::string next_answer() {
    std::lock_guard<std::mutex> lock(mutex_);
    constexpr char kBetween[] = "\n%%\n";
    size_t end = answers_.find(kBetween);
    std::string answer = answers_.substr(0, end);
    answers_ = end == std::string::npos ? "" : answers_.substr(end + sizeof kBetween - 1);
    return answer;
  }
  void serve() {
    for (;;) {
      int fd = accept(listener_, nullptr, nullptr);
      check(fd >= 0);
      std::string answer = next_answer();
      for (size_t sent = 0; sent < answer.size();) {
        ssize_t count = send(fd, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += static_cast<size_t>(count);
      }
      shutdown(fd, SHUT_WR);
      for (char part[4096]; recv(fd, part, sizeof part, 0) > 0;) continue;
      close(fd);
    }
  }

  sockaddr_un address_ = make_address();
  int listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::mutex mutex_;
  std::string answers_;
};

Registry& registry() {
  static Registry* one = new Registry;  // its thread never ends
  return *one;
}

aotc::TrustedKeys some_keys() {
  aotc::TrustedKeys keys;
  std::string secret, open, error;
  check(aotc::Signer::generate(secret, open, error) && keys.add(open, error));
  check(aotc::P256Key::generate(secret, open, error) && keys.add(open, error));
  return keys;
}

// As the node's puller goes on, but without insisting on digests that a mutated document does not have any more.
void pull(aotc::RegistryClient& client) {
  std::string error;
  auto index = client.manifest("v1", error);
  auto entry = index ? choose_manifest(*index, error) : std::nullopt;
  if (!entry) return;
  (void)client.manifest(entry->digest, error);
  auto manifest = client.manifest("v1", error);
  auto layers = manifest ? image_layers(*manifest, error) : std::nullopt;
  if (!layers) return;
  uint64_t size = 0;
  auto count = [&](const char*, size_t part) { return size += part, true; };
  bool whole = client.blob(layers->artifact, count, error);
  check(!whole || size == layers->artifact.size);
  if (layers->snapshot) (void)client.small_blob(*layers->snapshot, error);
}

// As a node takes them; none is by the key. What its puller says of them the front takes apart.
void revocations(aotc::RegistryClient& client, const aotc::TrustedKeys& keys) {
  std::string error, index;
  auto found = aotc::find_revocations(client, "", error);
  if (!found) return;
  check(found->texts.size() <= 2);
  for (const std::string& text : found->texts) {
    check(text.size() <= aotc::kMaxRevocations && !aotc::verify_revocations(keys, text, "acme/app", error));
    ObeyedLists lists;
    if (parse_list_words(text, lists)) check(list_words(lists).size() <= 2 * 71 + 1);
    Revocation revocation;
    if (parse_revoked_words(text, index, revocation)) check(revoked_words(index, revocation).size() <= text.size());
  }
}

void push(aotc::RegistryClient& client) {
  std::string error, bytes = "{}", digest = aotc::sha256(bytes);
  aotc::Descriptor blob{"t", "a", digest, bytes.size(), "", "", ""};
  (void)client.put_blob(blob, bytes, error);
  aotc::Manifest manifest{bytes, "t", digest, {}, {}, std::nullopt, blob};
  (void)client.put_manifest(manifest, "v1", error);
  (void)client.put_referrer(manifest, "a", error);
}

}  // namespace

extern "C" int getaddrinfo(const char*, const char*, const addrinfo*, addrinfo** found) {
  static addrinfo one;
  one.ai_family = AF_UNIX;
  one.ai_addr = registry().address();
  one.ai_addrlen = Registry::kAddressSize;
  *found = &one;
  return 0;
}
extern "C" void freeaddrinfo(addrinfo*) {}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Without authorities "https:" ends before a handshake, whose bytes are mbedTLS's affair.
  static const bool no_authorities = setenv("SSL_CERT_FILE", "/dev/null", 1) == 0;
  check(no_authorities);
  static const aotc::TrustedKeys keys = some_keys();
  if (size == 0) return 0;
  registry().set_answers({reinterpret_cast<const char*>(data) + 1, size - 1});
  aotc::RegistryClient client("http://registry.example:80", "acme/app", "user:password",
                              {{"registry.example", "auth.example"}});
  std::string error;
  aotc::Expectation expected{"acme/app", "sha256:" + std::string(64, 'a'), 1000, 0};
  switch (data[0]) {
    case '0':
      pull(client);
      break;
    case '1':
      check(!aotc::find_statement(client, keys, expected, error));
      break;
    case '2':
      (void)client.tags(error);
      break;
    case '3':
      (void)client.repositories(error);
      break;
    case '4':
      push(client);
      break;
    case '5':
      (void)client.remove("v1", error);
      break;
    case '6':
      revocations(client, keys);
  }
  return 0;
}
