// tenant.cpp - see tenant.h. Each worker is a thread with its own channel, pool and instances, so that nothing is
// shared but the artifact and its image, both read-only, and no request ever waits for a lock.
#include "tenant.h"

#include <sys/prctl.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <semaphore>
#include <thread>
#include <vector>

#include "aotc/runtime.h"
#include "options.h"
#include "sandbox.h"
#include "worker.h"

namespace {

constexpr uint64_t kAcceptTime = 1'000'000'000;
constexpr size_t kMaxSecret = 64 << 10;

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

aotc_reset_mode parse_mode(const std::string& name) {
  static const char* const kNames[] = {"best", "scan", "pagemap", "madvise", "remap"};
  for (int i = 0; i < 5; ++i)
    if (name == kNames[i]) return static_cast<aotc_reset_mode>(i);
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

aotc_status give_secrets(aotc_artifact* artifact, const std::vector<std::string>& secrets, aotc_error& error) {
  std::vector<const char*> list;
  for (const std::string& secret : secrets) list.push_back(secret.c_str());
  return aotc_artifact_give_secrets(artifact, list.size(), list.data(), &error);
}

// What comes from a registry is checked here, whatever the puller has checked: before a byte of it is mapped, and in a
// process that can harm its own app only. What is mapped is the file that was read.
aotc_status load_artifact(const TenantOptions& options, aotc_artifact** artifact, aotc_error* error) {
  if (options.folder.empty()) return aotc_load(options.artifact.c_str(), artifact, error);
  std::string reason;
  auto image = open_image(options.folder, options.trust, options.release.index, options.release.statement, reason);
  if (!image) fail(options.artifact + ": " + reason);
  aotc_status status = aotc_load_fd(image->artifact, options.artifact.c_str(), artifact, error);
  if (status == AOTC_OK && image->snapshot >= 0) status = aotc_attach_snapshot(*artifact, image->snapshot, error);
  close(image->artifact);
  if (image->snapshot >= 0) close(image->snapshot);
  return status;
}

// Instances that begin with their connection accepted, if the program allows it.
aotc_image* accept_ahead(aotc_image* image, const TenantOptions& options) {
  aotc_error error;
  aotc_image* better;
  const aotc_pool_options pool = {
      .max_memory = options.max_memory, .write_buffer = kWindow, .log = 2, .compare_sample = 0};
  if (aotc_image_accept_ahead(image, &pool, kAcceptTime, &better, &error) != AOTC_OK) {
    std::fprintf(stderr, "instances begin with accepting the connection: %s\n", error.message);
    return image;
  }
  if (better == nullptr) return image;
  aotc_image_destroy(image);
  return better;
}

}  // namespace

int run_tenant(const TenantOptions& options) {
  std::string wrong = enter_process(kFirstChannel + static_cast<int>(options.workers));
  if (!wrong.empty()) fail(wrong);
  prctl(PR_SET_NAME, ("aotc:" + options.name).substr(0, 15).c_str());
  const std::vector<std::string> secrets = read_secrets(options.secrets);
  aotc_error error;
  aotc_artifact* artifact;
  aotc_image* image;
  if (aotc_runtime_init(&error) != AOTC_OK || load_artifact(options, &artifact, &error) != AOTC_OK ||
      aotc_artifact_verify(artifact, &error) != AOTC_OK || give_secrets(artifact, secrets, error) != AOTC_OK ||
      aotc_image_create(artifact, aotc_artifact_snapshot(artifact) != nullptr, parse_mode(options.reset), &image,
                        &error) != AOTC_OK)
    fail(error.message);
  if (aotc_artifact_snapshot(artifact) != nullptr) image = accept_ahead(image, options);

  std::counting_semaphore<> prepared(0), locked(0);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.workers; ++i)
    threads.emplace_back([&, i] {
      Worker worker(kFirstChannel + static_cast<int>(i), options, image);
      std::string message = worker.prepare();
      if (!message.empty()) fail(message);
      prepared.release();
      locked.acquire();
      worker.run();
    });
  for (unsigned i = 0; i < options.workers; ++i) prepared.acquire();
  wrong = lock_process();
  if (!wrong.empty()) fail(wrong);
  locked.release(options.workers);
  for (std::thread& thread : threads) thread.join();
  // The instances go with the process.
  std::_Exit(0);
}
