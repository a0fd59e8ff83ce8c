// main.cpp - `aotc-courier`: carries functions between a cache and a remote of it. It is a program of its own, since it
// speaks to the network: nothing of the compiler or the cache is in it, no key, and no file but certificates and the
// resolver's. `aotc` and `aotc-server` start it, with a socket as its input.
#include <curl/curl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "aotc/program.h"
#include "courier.h"
#include "sandbox/sandbox.h"
#include "support/exit_codes.h"
#include "support/version.h"

namespace {

constexpr uint64_t kMemory = uint64_t{1} << 30;
constexpr long kMostCertificates = 4 << 20;
constexpr const char* kBundles[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                    "/etc/ssl/cert.pem"};
constexpr const char kHelp[] =
    "Usage: aotc-courier < SOCKET\n"
    "\n"
    "Carries functions between a cache and a remote of it, Redis or HTTP. aotc starts it when there is one:\n"
    "\n"
    "Example:\n"
    "  aotc compile hello.wasm --cache redis://cache:6379 --cache-trust team.pub\n"
    "\n"
    "Options:\n"
    "  --help\n"
    "  --version\n"
    "  --print-sandbox [=PROCESS]   what this process may do\n";

bool read_file(const char* path, std::string& bytes) {
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path, "re"), std::fclose);
  if (!file) return false;
  char part[1 << 14];
  for (size_t count; (count = std::fread(part, 1, sizeof part, file.get())) > 0;) {
    bytes.append(part, count);
    if (bytes.size() > kMostCertificates) return false;
  }
  return !std::ferror(file.get());
}

bool read_certificates(const std::string& path, std::string& bytes) {
  if (!path.empty()) return read_file(path.c_str(), bytes);
  for (const char* bundle : kBundles)
    if (bytes.clear(), read_file(bundle, bytes)) return true;
  return false;
}

const char* confine() {
  const char* resolver[] = {"/etc/resolv.conf", "/etc/hosts",    "/etc/host.conf",       "/etc/nsswitch.conf",
                            "/etc/gai.conf",    "/etc/services", "/run/systemd/resolve", nullptr};
  aotc_grants grants{};
  grants.memory = kMemory;
  grants.parent = getppid();
  grants.read = resolver;
  return aotc_sandbox_enter(AOTC_COURIER, &grants);
}

// Values come and go, thousands a second and some of them large: memory that is given back has to be asked for again.
void keep_memory() {
  constexpr int kKept = 64 << 20;
  mallopt(M_TRIM_THRESHOLD, kKept);
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TOP_PAD, 1 << 20);
}

int carry() {
  keep_memory();
  std::string options[3];
  if (!aotc::read_courier_options(STDIN_FILENO, options)) return kExitUsage;
  auto& [url, token, certificates] = options;
  aotc::Courier courier(STDIN_FILENO);
  auto fail = [&courier](const std::string& why) {
    courier.say_failed(why);
    return kExitFailed;
  };
  std::string error;
  std::optional<aotc::RemotePlace> place = aotc::parse_remote_place(url, error);
  if (!place) return fail(error);
  aotc::RemoteOptions remote_options{*place, token, ""};
  if (place->tls && !read_certificates(certificates, remote_options.certificates))
    return fail((certificates.empty() ? "the system's" : certificates) + ": cannot read the certificates");
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return fail("libcurl cannot be used");
  if (const char* failed = confine()) return fail(std::string("cannot confine the courier: ") + failed);
  std::unique_ptr<aotc::Remote> remote =
      (place->redis ? aotc::make_redis : aotc::make_http)(remote_options, courier, error);
  return remote ? courier.run(*remote) : fail(error);
}

int print(const char* text) {
  std::fputs(text, stdout);
  return aotc_finish_stdout("aotc-courier") ? 0 : kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
  aotc_begin_program();
  constexpr char kSandbox[] = "--print-sandbox";
  std::string word = argc == 2 ? argv[1] : "";
  if (word == "--help") return print(kHelp);
  if (word == "--version") return print((std::string("aotc-courier ") + aotc_version + "\n").c_str());
  if (word.rfind(kSandbox, 0) == 0) {
    std::string process = word.size() > sizeof kSandbox ? word.substr(sizeof kSandbox) : "";
    std::unique_ptr<char, decltype(&std::free)> text(aotc_sandbox_text("aotc-courier", process.c_str()), std::free);
    if (text) return print(text.get());
    std::fprintf(stderr, "aotc-courier: --print-sandbox: no such process: %s\n", process.c_str());
    return kExitUsage;
  }
  struct stat info;
  if (argc != 1 || fstat(STDIN_FILENO, &info) != 0 || !S_ISSOCK(info.st_mode)) {
    std::fprintf(stderr, "aotc-courier: aotc starts it with a socket; see --help\n");
    return kExitUsage;
  }
  try {
    return carry();
  } catch (const std::exception&) {
    return kExitFailed;
  }
}
