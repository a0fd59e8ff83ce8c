/* thaw.c - going on from a snapshot, or from an import in which a program was suspended. */
#include <string.h>

#include "core/state.h"

bool aotc_snapshot_matches(const struct aotc_artifact* artifact, const struct aotc_hosts* hosts) {
  const struct aotc_snapshot* s = artifact->snapshot;
  if (s == NULL || s->hosts.count != hosts->count) return false;
  for (uint32_t i = 0; i < hosts->count; ++i) {
    const struct aotc_host* host = hosts->list[i];
    uint64_t size;
    const void* state = aotc_snapshot_host_state(s, host->interface->name, &size);
    if (state == NULL || (host->interface->matches != NULL && !host->interface->matches(host, state, size)))
      return false;
  }
  return true;
}

enum aotc_status aotc_snapshot_hosts(const struct aotc_artifact* artifact, const struct aotc_hosts* hosts,
                                     struct aotc_instance* instance, struct aotc_error* error) {
  for (uint32_t i = 0; i < hosts->count; ++i) {
    struct aotc_host* host = hosts->list[i];
    if (host->interface->thaw == NULL) continue;
    uint64_t size;
    const void* state = aotc_snapshot_host_state(artifact->snapshot, host->interface->name, &size);
    if (state == NULL)
      return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: its snapshot was made without %s", artifact->name,
                       host->interface->name);
    enum aotc_status status = host->interface->thaw(host, instance, state, size, error);
    if (status != AOTC_OK) return status;
  }
  return AOTC_OK;
}

/* As if the import's wrapper had been called from where the instance stopped. */
enum aotc_status aotc_instance_go_on(struct aotc_instance* instance, uint32_t wrapper, struct aotc_error* error) {
  uint32_t sp;
  memcpy(&sp, aotc_base(instance) + AOTC_GLOBAL_OFFSET(0), sizeof(sp));
  uint64_t pc = (uint64_t)wrapper << 16;
  void* at = sp < 8 ? NULL : aotc_instance_memory_at(instance, sp - 8, 8);
  if (at == NULL)
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: stack pointer outside memory", instance->artifact->name);
  memcpy(at, &pc, sizeof(pc));
  return aotc_instance_resume(instance, error);
}

bool aotc_artifact_suspends(const struct aotc_artifact* artifact) {
  const struct aotc_header* h = artifact->header;
  return (h->flags & AOTC_FLAG_GO) && h->resume_thunk != AOTC_NONE;
}

enum aotc_status aotc_instance_continue(struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_import* imports = aotc_span_data(artifact, &artifact->header->imports);
  uint32_t wrapper =
      instance->frozen_import < instance->import_count ? imports[instance->frozen_import].wrapper : AOTC_NONE;
  if (instance->running || wrapper == AOTC_NONE || !aotc_artifact_suspends(artifact))
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: the instance is not suspended", artifact->name);
  enum aotc_status status = aotc_thread_prepare(error);
  if (status != AOTC_OK) return status;
  instance->frozen_import = AOTC_NONE;
  aotc_note_thread(instance);
  return aotc_instance_go_on(instance, wrapper, error);
}

enum aotc_status aotc_instance_seed(struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_snapshot* s = instance->artifact->snapshot;
  if (!instance->thaw || s == NULL)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: the instance is not made of a snapshot",
                     instance->artifact->name);
  enum aotc_status status = aotc_thread_prepare(error);
  if (status != AOTC_OK) return status;
  aotc_note_thread(instance);
  for (uint32_t i = 0; i < instance->hosts.count; ++i) {
    struct aotc_host* host = instance->hosts.list[i];
    if (host->interface->begin != NULL) host->interface->begin(host, instance->artifact->frozen_at);
  }
  return aotc_go_random_seed(instance, s, error);
}

enum aotc_status aotc_instance_thaw(struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_snapshot* s = artifact->snapshot;
  enum aotc_status status = AOTC_OK;
  if (instance->thaw && s != NULL) status = aotc_snapshot_hosts(artifact, &instance->hosts, instance, error);
  if (status == AOTC_OK) status = aotc_instance_seed(instance, error);
  if (status != AOTC_OK || s->flags & AOTC_SNAPSHOT_REACTOR) return status;
  return aotc_instance_go_on(instance, s->wrapper, error);
}
