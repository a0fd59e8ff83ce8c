// main.cpp - `aotc-broker`: makes the connections that programs ask for, if their operators allow them. It is a program
// of its own, since it speaks to the network: nothing of the runtime is in it, no key, and no file but certificates and
// the resolver's. `aotc-node` and `aotc run` start it.
//
// Its words say what is allowed, app by app. Its input is a socket; each packet there is the number of an app, with a
// descriptor: a channel to a thread that runs that app's programs (aotc/outbound.h); or, without one, words of one more
// app, which may be what another is from now on: channels that this one has go on as they were. It ends when the socket
// has ended and the last channel, too.
#include <curl/curl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "aotc/program.h"
#include "broker.h"
#include "channel.h"
#include "http_pool.h"
#include "kv_lmdb.h"
#include "kv_redis.h"
#include "sandbox/sandbox.h"
#include "support/exit_codes.h"
#include "support/remote_place.h"
#include "support/version.h"

namespace {

constexpr const char* kBundles[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                    "/etc/ssl/cert.pem"};
constexpr uint64_t kMemory = uint64_t{4} << 30;
constexpr int kCounts = 3;               // descriptor of what is counted, if there is one
constexpr size_t kMostChannels = 64;     // in one packet
constexpr size_t kMostWords = 64 << 10;  // likewise, bytes
constexpr const char kHelp[] =
    "Usage: aotc-broker WORD... < SOCKET\n"
    "\n"
    "Makes the connections that programs ask for, if they are on the app's allow-list. aotc-node starts it where an "
    "app\n"
    "has one:\n"
    "\n"
    "Example:\n"
    "  aotc-node serve --listen :8080 --app site=site.aotc --allow site=https://api.example\n"
    "\n"
    "Options:\n"
    "  --help\n"
    "  --version\n"
    "  --print-sandbox [=PROCESS]   what this process may do\n";

struct Words {
  unsigned user = 0;
  bool plain_log = false;
  std::string certificates;
  std::string kv, kv_password;  // a folder or a URL; a file
  uint64_t kv_size = 0;
  OutboundCounts* counts = nullptr;  // of all apps, once one has a place there
};

OutboundCounts* map_counts() {
  void* memory = mmap(nullptr, kCountsSize, PROT_READ | PROT_WRITE, MAP_SHARED, kCounts, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<OutboundCounts*>(memory);
}

// "KEY=VALUE", by a program of ours. False at what is none of them.
bool read_words(char** words, Words& read, std::vector<std::unique_ptr<App>>& apps) {
  for (; *words != nullptr; ++words) {
    const std::string word = *words;
    const size_t equals = word.find('=');
    if (equals == std::string::npos) return false;
    const std::string key = word.substr(0, equals), value = word.substr(equals + 1);
    std::string wrong;
    if (key == "app") {
      auto same = std::find_if(apps.begin(), apps.end(), [&](const auto& app) { return app->name == value; });
      apps.push_back(std::make_unique<App>(value, same == apps.end() ? apps.size() : (*same)->place));
    } else if (key == "user") {
      read.user = static_cast<unsigned>(std::strtoul(value.c_str(), nullptr, 10));
    } else if (key == "log") {
      read.plain_log = value == "plain";
    } else if (key == "certificates") {
      read.certificates = value;
    } else if (key == "kv") {
      read.kv = value;
    } else if (key == "kv-password") {
      read.kv_password = value;
    } else if (key == "kv-size") {
      read.kv_size = std::strtoull(value.c_str(), nullptr, 10);
    } else if (apps.empty()) {
      return false;
    } else if (key == "allow") {
      auto rule = aotc::parse_outbound_rule(value, wrong);
      if (!rule) return false;
      apps.back()->policy.rules.push_back(std::move(*rule));
    } else if (key == "private") {
      auto network = aotc::parse_outbound_network(value);
      if (!network) return false;
      apps.back()->policy.networks.push_back(*network);
    } else if (key == "connections") {
      apps.back()->max_connections = std::strtoull(value.c_str(), nullptr, 10);
    } else if (key == "bytes") {
      apps.back()->max_bytes = std::strtoull(value.c_str(), nullptr, 10);
    } else if (key == "rate") {
      apps.back()->max_rate = std::max<uint64_t>(std::strtoull(value.c_str(), nullptr, 10), 1);
    } else if (key == "time") {
      apps.back()->max_time = std::strtoull(value.c_str(), nullptr, 10);
    } else if (key == "counts") {
      const size_t place = std::strtoull(value.c_str(), nullptr, 10);
      if (read.counts == nullptr) read.counts = map_counts();
      if (read.counts != nullptr && place < kMostCounted) apps.back()->counts = read.counts + place;
    } else {
      return false;
    }
  }
  return true;
}

const char* confine(const Words& words) {
  std::vector<const char*> files = {"/etc/resolv.conf", "/etc/hosts",    "/etc/host.conf",      "/etc/nsswitch.conf",
                                    "/etc/gai.conf",    "/etc/services", "/run/systemd/resolve"};
  for (const char* bundle : kBundles) files.push_back(bundle);
  if (!words.certificates.empty()) files.push_back(words.certificates.c_str());
  files.push_back(nullptr);
  aotc_grants grants{};
  grants.memory = kMemory;
  grants.parent = getppid();
  grants.uid = grants.gid = words.user;
  grants.read = files.data();
  return aotc_sandbox_enter(AOTC_BROKER, &grants);
}

// Where channels come from.
class Starter final : public Source {
 public:
  Starter(Broker& broker, Words words) : broker_(broker), words_(std::move(words)) {
    broker_.loop().add(STDIN_FILENO, EPOLLIN, this);
  }
  void run() {
    while (open_ || !channels_.empty()) {
      broker_.turn();
      for (const auto& channel : channels_) channel->flush();
      std::erase_if(channels_, [](const auto& channel) { return channel->is_over(); });
    }
  }

 private:
  void on_events(uint32_t) override {
    char packet[kMostWords + 1];
    iovec part = {packet, kMostWords};
    alignas(cmsghdr) char space[CMSG_SPACE(kMostChannels * sizeof(int))];
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    const ssize_t n = recvmsg(STDIN_FILENO, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      open_ = false;
      return broker_.loop().remove(STDIN_FILENO);
    }
    if (message.msg_controllen == 0) return add_apps(packet, static_cast<size_t>(n));
    uint32_t app = 0;
    std::memcpy(&app, packet, sizeof app);
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
      if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
      for (size_t at = 0; at + sizeof(int) <= head->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(head) + at, sizeof fd);
        if (n == sizeof app && app < broker_.apps.size())
          channels_.push_back(std::make_unique<Channel>(broker_, *broker_.apps[app], fd));
        else
          ::close(fd);
      }
    }
  }
  void add_apps(char* packet, size_t size) {
    packet[size] = 0;
    std::vector<char*> words;
    for (char* word = packet; word < packet + size; word += std::strlen(word) + 1) words.push_back(word);
    words.push_back(nullptr);
    if (!read_words(words.data(), words_, broker_.apps))
      broker_.say_own("what it is told of an app it does not understand");
  }

  Broker& broker_;
  Words words_;
  bool open_ = true;
  std::vector<std::unique_ptr<Channel>> channels_;
};

// What is there to say against it, or nothing.
std::string open_store(Broker& broker, const Words& words) {
  if (!aotc::is_url(words.kv)) {
    std::vector<std::string> names;
    for (const auto& app : broker.apps) names.push_back(app->name);
    auto store = std::make_unique<KvLmdb>(broker.loop(), eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    std::string wrong = store->open(words.kv, names, words.kv_size);
    broker.kv = std::move(store);
    return wrong;
  }
  std::string wrong;
  const auto place = aotc::parse_remote_place(words.kv, wrong);
  if (!place) return wrong;
  auto store = std::make_unique<KvRedis>(broker, *place, words.kv_size);
  wrong = store->open(words.kv_password);
  broker.kv = std::move(store);
  return wrong;
}

int serve(char** words) {
  Words read;
  const int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  std::vector<std::unique_ptr<App>> apps;
  if (!read_words(words, read, apps)) {
    std::fprintf(stderr, "aotc-broker: words that no program of ours says; see --help\n");
    return kExitUsage;
  }
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  std::string bundle = read.certificates;
  for (const char* place : kBundles)
    if (bundle.empty() && access(place, R_OK) == 0) bundle = place;
  set_certificates(bundle);
  if (event < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    std::fprintf(stderr, "aotc-broker: libcurl cannot be used\n");
    return kExitFailed;
  }
  Broker broker(read.plain_log, event);
  broker.apps = std::move(apps);
  for (const auto& app : broker.apps) app->counts->open = 0;  // of one that ended before
  // The rest is of use all the same.
  if (const std::string wrong = read.kv.empty() ? "" : open_store(broker, read); !wrong.empty())
    broker.say_own("no program gets anything of the key-value store: " + wrong);
  if (const char* failed = confine(read)) {
    std::fprintf(stderr, "aotc-broker: cannot confine the process: %s: %s\n", failed, std::strerror(errno));
    return kExitFailed;
  }
  broker.resolver.start();
  if (broker.kv) broker.kv->start();
  Starter(broker, read).run();
  return 0;
}

int print(const char* text) {
  std::fputs(text, stdout);
  return aotc_finish_stdout("aotc-broker") ? 0 : kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
  aotc_begin_program();
  constexpr char kSandbox[] = "--print-sandbox";
  const std::string word = argc == 2 ? argv[1] : "";
  if (word == "--help") return print(kHelp);
  if (word == "--version") return print((std::string("aotc-broker ") + aotc_version + "\n").c_str());
  if (word.rfind(kSandbox, 0) == 0) {
    const std::string process = word.size() > sizeof kSandbox ? word.substr(sizeof kSandbox) : "";
    std::unique_ptr<char, decltype(&std::free)> text(aotc_sandbox_text("aotc-broker", process.c_str()), std::free);
    if (text) return print(text.get());
    std::fprintf(stderr, "aotc-broker: --print-sandbox: no such process: %s\n", process.c_str());
    return kExitUsage;
  }
  struct stat info;
  if (fstat(STDIN_FILENO, &info) != 0 || !S_ISSOCK(info.st_mode)) {
    std::fprintf(stderr, "aotc-broker: aotc-node starts it with a socket; see --help\n");
    return kExitUsage;
  }
  try {
    return serve(argv + 1);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "aotc-broker: %s\n", error.what());
    return kExitFailed;
  }
}
