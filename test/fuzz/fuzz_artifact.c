/* fuzz_artifact.c - the artifact loader and, when the artifact has one, its snapshot: everything short of running code.
 * The header's checksum is made good, since it is there for accidents and not for attacks. */
#define _GNU_SOURCE
#define XXH_INLINE_ALL
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xxhash.h>

#include "aotc/artifact_format.h"
#include "aotc/wasi.h"

static enum aotc_status nothing(struct aotc_instance* instance, void* data, uint64_t* slots) { return AOTC_EXITED; }

static aotc_host_function any(struct aotc_host* host, const char* module, const char* field, const char* type) {
  return strlen(module) + strlen(field) + strlen(type) > 0 ? nothing : NULL;
}

static void instantiate(struct aotc_artifact* artifact, bool thaw) {
  struct aotc_error error;
  struct aotc_instance* instance;
  static const struct aotc_host_interface interface = {.name = "any", .resolve = any};
  static struct aotc_host host = {&interface};
  struct aotc_instance_options options = {.max_memory = 64 << 20, .hosts = aotc_one_host(&host), .thaw = thaw};
  if (aotc_instance_create(artifact, &options, &instance, &error) != AOTC_OK) return;
  (void)aotc_instance_reset(instance, &error);
  aotc_instance_destroy(instance);
}

/* What a host makes of a snapshot before the program goes on: descriptors, times and what it had written. */
static void thaw_host(const struct aotc_artifact* artifact) {
  const char* name = "guest.wasm";
  const struct sockaddr any_name = {.sa_family = AF_UNIX};
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, &any_name, sizeof any_name.sa_family) != 0 || listen(listener, 1) != 0) __builtin_trap();
  struct aotc_wasi_options options = {
      .argc = 1, .argv = &name, .listener_count = 1, .listeners = &listener, .stdio = {-1, -1, -1}};
  struct aotc_wasi* wasi;
  struct aotc_error error;
  if (aotc_wasi_create(&options, &wasi, &error) != AOTC_OK) __builtin_trap();
  struct aotc_host* host = aotc_wasi_host(wasi);
  struct aotc_hosts hosts = aotc_one_host(host);
  uint64_t size;
  const void* state = aotc_snapshot_host_state(aotc_artifact_snapshot(artifact), host->interface->name, &size);
  if (aotc_snapshot_matches(artifact, &hosts)) (void)host->interface->thaw(host, NULL, state, size, &error);
  aotc_wasi_destroy(wasi);
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  struct aotc_error error;
  struct aotc_artifact* artifact;
  if (aotc_runtime_init(&error) != AOTC_OK) return 0;
  int fd = memfd_create("fuzz.aotc", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != (ssize_t)size) __builtin_trap();
  if (size >= AOTC_HEADER_OFFSET + sizeof(struct aotc_header)) {
    struct aotc_header header;
    memcpy(&header, data + AOTC_HEADER_OFFSET, sizeof header);
    header.checksum = XXH3_64bits(&header, offsetof(struct aotc_header, checksum));
    if (pwrite(fd, &header, sizeof header, AOTC_HEADER_OFFSET) != sizeof header) __builtin_trap();
  }
  if (aotc_load_fd(fd, "fuzz.aotc", &artifact, &error) == AOTC_OK) {
    (void)aotc_artifact_verify(artifact, &error);
    for (uint32_t offset = 0; offset < 0x100000; offset += 0x1357)
      if (aotc_artifact_symbol(artifact, offset) == NULL) __builtin_trap();
    (void)aotc_artifact_export(artifact, "_start", AOTC_EXPORT_FUNCTION);
    instantiate(artifact, false);
    if (aotc_artifact_snapshot(artifact) != NULL) {
      instantiate(artifact, true);
      thaw_host(artifact);
    }
    aotc_unload(artifact);
  }
  close(fd);
  return 0;
}
