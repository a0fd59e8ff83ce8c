/* call.c - calls into the guest, and the guest's calls back to the host.
 *
 * Arguments and results travel in the context's scratch slots, so one entry routine serves every type. An instance runs
 * one call at a time: a host function may call into another instance, but not back into its own.
 */
#include <string.h>

#include "state.h"

static enum aotc_status check_deadline(struct aotc_instance* instance, const void* frame) {
  if (!instance->deadline_hit || !aotc_deadline_passed(instance)) return AOTC_OK;
  aotc_record_trap(instance, AOTC_TRAP_DEADLINE, 0, aotc_cursor_above(frame));
  return AOTC_TRAPPED;
}

/* From aotc_host_call_entry, on the host's stack. */
int aotc_host_call(uint8_t* base, uint32_t index) {
  struct aotc_instance* instance = aotc_instance_of(base);
  const void* frame = (const void*)(uintptr_t)instance->guest_frame;
  enum aotc_status status = AOTC_TRAPPED;
  instance->trap.trap = AOTC_TRAP_UNREACHABLE;
  if (index < instance->import_count)
    status = instance->bindings[index].function(instance, instance->bindings[index].host, aotc_slots(instance));
  if (status == AOTC_OK) return (int)check_deadline(instance, frame);
  if (status == AOTC_TRAPPED) aotc_record_trap(instance, instance->trap.trap, 0, aotc_cursor_above(frame));
  if (status == AOTC_FROZEN) instance->frozen_import = index;
  return (int)status;
}

static enum aotc_status report(struct aotc_instance* instance, enum aotc_status status, struct aotc_error* error) {
  if (status == AOTC_OK) return status;
  if (status == AOTC_TRAPPED) {
    struct aotc_error ignored;
    if (instance->trap.trap == AOTC_TRAP_DEADLINE) aotc_instance_set_deadline(instance, 0, &ignored);
    return aotc_fail(error, status, "%s: trap: %s", instance->artifact->name, aotc_trap_message(instance->trap.trap));
  }
  if (status == AOTC_EXITED)
    return aotc_fail(error, status, "%s: exited with code %d", instance->artifact->name, instance->exit_code);
  if (status == AOTC_FROZEN) { /* each request ends so, so it is not put into words */
    *error->message = 0;
    return error->status = status;
  }
  return aotc_fail(error, status, "%s: a host function failed", instance->artifact->name);
}

static enum aotc_status begin(struct aotc_instance* instance, struct aotc_error* error) {
  if (instance->running)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: the instance is already running", instance->artifact->name);
  return aotc_thread_prepare(error);
}

/* Makes `instance` the one that signals are about. */
static enum aotc_status make_current(struct aotc_instance* instance, struct aotc_error* error) {
  aotc_this_thread.current = instance;
  return instance == NULL ? AOTC_OK : aotc_deadline_arm(instance, error);
}

static enum aotc_status run(struct aotc_instance* instance, uint32_t code, struct aotc_error* error) {
  struct aotc_instance* outer = aotc_this_thread.current;
  instance->trap.frames = 0;
  instance->trap.wasm_offset = AOTC_NONE;
  aotc_tail(instance)->unwind_stack = 0;
  aotc_note_thread(instance);
  instance->running = true;
  enum aotc_status status = make_current(instance, error);
  if (status == AOTC_OK) {
    const uint8_t* entry = instance->artifact->text + code;
    status = (enum aotc_status)aotc_enter(aotc_base(instance), entry, instance->stack_top);
    instance->running = false;
    status = report(instance, status, error);
  }
  instance->running = false;
  struct aotc_error ignored;
  make_current(outer, &ignored);
  return status;
}

enum aotc_status aotc_instance_start(struct aotc_instance* instance, struct aotc_error* error) {
  uint32_t thunk = instance->artifact->header->start_thunk;
  if (thunk == AOTC_NONE) return AOTC_OK;
  enum aotc_status status = begin(instance, error);
  return status == AOTC_OK ? run(instance, thunk, error) : status;
}

enum aotc_status aotc_instance_resume(struct aotc_instance* instance, struct aotc_error* error) {
  enum aotc_status status = begin(instance, error);
  return status == AOTC_OK ? run(instance, instance->artifact->header->resume_thunk, error) : status;
}

enum aotc_status aotc_instance_call(struct aotc_instance* instance, const struct aotc_export* function,
                                    const struct aotc_value* args, struct aotc_value* results,
                                    struct aotc_error* error) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_header* h = artifact->header;
  const struct aotc_export* exports = aotc_span_data(artifact, &h->exports);
  uintptr_t at = (uintptr_t)function - (uintptr_t)exports;
  if (at >= (uintptr_t)h->exports.count * sizeof(*exports) || at % sizeof(*exports) != 0 ||
      function->kind != AOTC_EXPORT_FUNCTION)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: not an exported function of this artifact", artifact->name);
  struct aotc_type_view type;
  if (!aotc_artifact_type(artifact, function->type, &type) ||
      (function->thunk != AOTC_NONE ? function->thunk >= artifact->text_size
                                    : function->index >= instance->import_count))
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: export %zu is out of place", artifact->name,
                     (size_t)(at / sizeof(*exports)));
  if (type.params > AOTC_SCRATCH_SLOTS || type.results > AOTC_SCRATCH_SLOTS)
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: too many parameters or results", artifact->name);
  enum aotc_status status = begin(instance, error);
  if (status != AOTC_OK) return status;

  uint64_t* slots = aotc_slots(instance);
  if (type.params != 0) memcpy(slots, args, type.params * sizeof(*args));
  if (function->thunk != AOTC_NONE) {
    status = run(instance, function->thunk, error);
  } else {
    /* A re-exported import. */
    const struct aotc_host_binding* binding = &instance->bindings[function->index];
    status = report(instance, binding->function(instance, binding->host, slots), error);
  }
  if (status == AOTC_OK && type.results != 0) memcpy(results, slots, type.results * sizeof(*results));
  return status;
}

enum aotc_status aotc_instance_enter(struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_export* entry = aotc_artifact_export(artifact, "_start", AOTC_EXPORT_FUNCTION);
  if (entry == NULL) entry = aotc_artifact_export(artifact, "_initialize", AOTC_EXPORT_FUNCTION);
  struct aotc_type_view type;
  if (entry == NULL)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: exports neither _start nor _initialize", artifact->name);
  if (!aotc_artifact_type(artifact, entry->type, &type) || type.params + type.results != 0)
    return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: the entry point takes arguments", artifact->name);
  enum aotc_status status = aotc_instance_start(instance, error);
  return status == AOTC_OK ? aotc_instance_call(instance, entry, NULL, NULL, error) : status;
}
