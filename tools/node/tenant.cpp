// tenant.cpp - see tenant.h. What is of a stranger's is the artifact and what comes from a registry with it: everything
// is opened first, then the process takes away from itself what loading does not need, then it reads the first byte;
// and before a program of the artifact runs for the first time, what only loading needed is taken away, too.
//
// Each worker is a thread with its own channel, pool and instances, so that nothing is shared but the artifact and its
// image, both read-only, and no request ever waits for a lock.
#include "tenant.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <semaphore>
#include <thread>
#include <vector>

#include "aotc/fastly.h"
#include "aotc/http_handler.h"
#include "process_words.h"
#include "sandbox/sandbox.h"
#include "support/named_files.h"
#include "worker.h"

namespace {

constexpr uint64_t kAcceptTime = 1'000'000'000;
constexpr size_t kMaxSecret = 64 << 10;
constexpr unsigned kDescriptors = 512;  // besides channels of the front: to the broker, blobs, images

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

aotc_reset_mode parse_mode(const std::string& name) {
  static constexpr std::pair<const char*, aotc_reset_mode> kNames[] = {{"best", AOTC_RESET_BEST},
                                                                       {"scan", AOTC_RESET_SCAN},
                                                                       {"pagemap", AOTC_RESET_PAGEMAP},
                                                                       {"madvise", AOTC_RESET_MADVISE},
                                                                       {"remap", AOTC_RESET_REMAP}};
  for (auto [known, mode] : kNames)
    if (name == known) return mode;
  fail("--reset: unknown mode " + name);
}

// "NAME=value" of each, without a line feed at the value's end.
std::vector<std::string> read_secrets(const std::vector<Secret>& secrets) {
  std::vector<std::string> read;
  for (const Secret& secret : secrets) {
    std::string value, reason;
    bool good = read_file(secret.file, kMaxSecret, value, reason);
    if (!value.empty() && value.back() == '\n') value.pop_back();
    if (good && value.find('\0') != std::string::npos) good = false, reason = "it holds a NUL";
    if (!good) fail("cannot read the secret " + secret.name + " in " + secret.file + ": " + reason);
    read.push_back(secret.name + "=" + value);
  }
  return read;
}

// What package edge tells programs. It is there for as long as the process.
std::vector<aotc_edge_value> read_values(const Values& values) {
  std::vector<aotc_edge_value> read;
  for (auto [kind, folder] : {std::pair{AOTC_EDGE_CONFIG, &values.config}, {AOTC_EDGE_SECRET, &values.secrets}}) {
    char error[512];
    aotc_named_files files{};
    if (folder->empty()) continue;
    if (!aotc_read_named_files(folder->c_str(), &files, error))
      fail(std::string(kind == AOTC_EDGE_CONFIG ? "--config: " : "--secrets: ") + error);
    for (size_t i = 0; i < files.count; ++i)
      read.push_back({static_cast<uint32_t>(kind), files.list[i].size, files.list[i].name, files.list[i].bytes});
  }
  return read;
}

aotc_status give_secrets(aotc_artifact* artifact, const std::vector<std::string>& secrets, aotc_error& error) {
  std::vector<const char*> list;
  for (const std::string& secret : secrets) list.push_back(secret.c_str());
  return aotc_artifact_give_secrets(artifact, list.size(), list.data(), &error);
}

// What has been opened before the first byte is read.
struct Opened {
  explicit Opened(const TenantOptions& options) : secrets(read_secrets(options.secrets)) {
    std::string error;
    if (options.folder.empty()) {
      file = open(options.artifact.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
      if (file < 0) fail(options.artifact + ": " + std::strerror(errno));
    } else if (!read_trust(options.trust, trust, error) ||
               !blobs.open(options.folder, options.release, options.lists, error)) {
      fail(options.artifact + ": " + error);
    }
  }
  void close() {
    if (file >= 0) ::close(file);
    blobs.close();
  }
  const std::vector<std::string> secrets;
  int file = -1;  // the artifact
  TrustRoot trust;
  ImageFiles blobs;
};

void enter(aotc_process process, const aotc_grants* grants) {
  const char* failed = aotc_sandbox_enter(process, grants);
  if (failed != nullptr) fail(std::string("cannot confine the process: ") + failed + ": " + std::strerror(errno));
}

// No huge pages instead of small ones, behind a reset's back (reset.c); no page shared with other processes because it
// has the same bytes, since a write to it takes longer and so tells what others have. EINVAL: the kernel does neither.
void keep_pages_apart() {
  constexpr int kSetMemoryMerge = 67;  // PR_SET_MEMORY_MERGE, of Linux 6.4
  for (auto [what, value] : {std::pair{PR_SET_THP_DISABLE, 1}, {kSetMemoryMerge, 0}})
    if (prctl(what, value, 0, 0, 0) != 0 && errno != EINVAL)
      fail(std::string("cannot forbid huge or merged pages: ") + std::strerror(errno));
}

// When the machine runs out of memory: sooner than the front, and than whatever else runs there.
void be_the_first_to_go() {
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  (void)!write(fd, "800", 3);
  close(fd);
}

void confine(const TenantOptions& options, Opened& opened) {
  static_assert(ImageFiles::kMostFiles <= AOTC_MOST_ARTIFACTS);
  std::vector<int> files = opened.file >= 0 ? std::vector{opened.file} : opened.blobs.numbers();
  aotc_grants grants = {};
  grants.files = kDescriptors + options.workers * options.loops;
  grants.threads = options.workers;
  grants.parent = getppid();
  grants.group = options.group;
  grants.uid = grants.gid = options.user;
  grants.artifact = files.empty() ? nullptr : files.data();
  grants.artifacts = static_cast<unsigned>(files.size());
  enter(AOTC_TENANT_LOADING, &grants);
  if (opened.file >= 0)
    opened.file = files[0];
  else
    opened.blobs.renumber(files);
}

// What comes from a registry is checked here, whatever the puller has checked: before a byte of it is mapped, and in a
// process that can harm its own app only. What is mapped is the file that was read.
aotc_status load_artifact(const TenantOptions& options, Opened& opened, aotc_artifact** artifact, aotc_error* error) {
  if (opened.file >= 0) return aotc_load_fd(opened.file, options.artifact.c_str(), artifact, error);
  std::string reason;
  auto image = open_image(opened.blobs, opened.trust, options.release, options.lists, reason);
  if (!image) fail(options.artifact + ": " + reason);
  aotc_status status = aotc_load_fd(image->artifact, options.artifact.c_str(), artifact, error);
  if (status == AOTC_OK && image->snapshot >= 0) status = aotc_attach_snapshot(*artifact, image->snapshot, error);
  return status;
}

// What all instances share because the program drew it before it was frozen.
void show_draws(const aotc_artifact* artifact) {
  char text[AOTC_DRAW_TEXT];
  uint32_t count = 0;
  const aotc_snapshot_draw* draws = aotc_artifact_draws(artifact, &count);
  for (uint32_t i = 0; i < count; ++i)
    if (draws[i].shared != 0) std::fprintf(stderr, "%s\n", aotc_draw_text(&draws[i], text));
}

// Instances that begin with their connection accepted, if the program allows it.
aotc_image* accept_ahead(aotc_image* image, const TenantOptions& options) {
  aotc_error error;
  aotc_image* better;
  const aotc_pool_options pool = {.max_memory = options.max_memory,
                                  .may_grow = nullptr,
                                  .may_grow_data = nullptr,
                                  .meanwhile = {},
                                  .compare_sample = 0};
  const aotc_serve_options serve = serve_options(options);
  if (aotc_image_accept_ahead(image, &pool, &serve, kAcceptTime, &better, &error) != AOTC_OK) {
    std::fprintf(stderr, "instances begin with accepting the connection: %s\n", error.message);
    return image;
  }
  if (better == nullptr) return image;
  aotc_image_destroy(image);
  return better;
}

// The threads of the workers: there from the beginning, since none can be made later, and waiting until they may go on.
class Workers {
 public:
  Workers(const TenantOptions& options, const MemoryGauge& gauge) : options_(options), gauge_(gauge) {
    for (unsigned i = 0; i < options.workers; ++i) threads_.emplace_back([this, i] { run(i); });
    for (unsigned i = 0; i < options.workers; ++i) reported_.acquire();
  }
  void prepare(const aotc_image* image) {
    image_ = image;
    prepare_.release(options_.workers);
    for (unsigned i = 0; i < options_.workers; ++i) reported_.acquire();
  }
  void serve() {
    serve_.release(options_.workers);
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void run(unsigned i) {
    reported_.release();
    prepare_.acquire();
    const int last = kFirstChannel + static_cast<int>(options_.workers * options_.loops);
    Worker worker(kFirstChannel + static_cast<int>(i * options_.loops),
                  options_.outbound ? last + static_cast<int>(i) : -1, options_, image_, gauge_);
    std::string message = worker.prepare();
    if (!message.empty()) fail(message);
    reported_.release();
    serve_.acquire();
    worker.run();
  }
  const TenantOptions& options_;
  const MemoryGauge& gauge_;
  const aotc_image* image_ = nullptr;
  std::counting_semaphore<> reported_{0}, prepare_{0}, serve_{0};
  std::vector<std::thread> threads_;
};

}  // namespace

int run_tenant(TenantOptions options) {
  const sched_param none = {};
  sched_setscheduler(0, SCHED_BATCH, &none);  // see front.cpp
  prctl(PR_SET_NAME, ("aotc:" + options.name).substr(0, 15).c_str());
  aotc_reset_mode mode = parse_mode(options.reset);
  Opened opened(options);
  options.edge_values = read_values(options.values);
  aotc_pools_prepare();
  keep_pages_apart();
  be_the_first_to_go();
  MemoryGauge gauge(options.memory, options.workers);
  confine(options, opened);

  Workers workers(options, gauge);
  aotc_error error;
  aotc_artifact* artifact;
  aotc_image* image;
  if (aotc_runtime_init(&error) != AOTC_OK || load_artifact(options, opened, &artifact, &error) != AOTC_OK ||
      aotc_artifact_verify(artifact, &error) != AOTC_OK || give_secrets(artifact, opened.secrets, error) != AOTC_OK ||
      aotc_image_create(artifact, aotc_artifact_snapshot(artifact) != nullptr, mode, &image, &error) != AOTC_OK)
    fail(error.message);
  if (!options.next.empty() && !aotc_is_http_handler(artifact))
    fail(options.artifact + ": is no handler of http-wasm, to have another behind it");
  opened.close();
  enter(AOTC_TENANT, nullptr);

  aotc_serve_show_output(image, STDERR_FILENO);
  show_draws(artifact);
  if (aotc_artifact_snapshot(artifact) != nullptr && !aotc_is_http_handler(artifact) && !aotc_is_fastly(artifact))
    image = accept_ahead(image, options);
  gauge.set_aside(aotc_image_memory(image));
  workers.prepare(image);
  workers.serve();
  // The instances go with the process.
  std::_Exit(0);
}
