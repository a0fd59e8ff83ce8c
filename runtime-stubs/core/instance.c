/* instance.c - creates, resets and destroys instances of an artifact.
 *
 * In: a loaded artifact and the host functions for its imports. Out: an instance whose context (see abi.h) is filled in
 * and whose memory, globals and tables hold their initial values. Everything an instance will need is allocated here.
 *
 * What the artifact's arrays say about data segments, imports and globals is checked here, once per instance; their
 * number depends on the module's interface, not on its code.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

/* "params:results" of the longest import type that is supported, with its NUL. */
enum { kMaxTypeText = 72 };

static pthread_once_t g_once = PTHREAD_ONCE_INIT;
static struct aotc_error g_init_error;

static void init_once(void) {
  g_init_error.status = AOTC_OK;
  if ((aotc_required_features & ~aotc_cpu_features()) != 0) {
    aotc_fail(&g_init_error, AOTC_ERROR_CPU,
              "this machine lacks FSGSBASE, or its kernel (before 5.9) does not enable it");
    return;
  }
  if (aotc_thread_install(&g_init_error) == AOTC_OK && aotc_deadline_install(&g_init_error) == AOTC_OK)
    aotc_signals_install(&g_init_error);
}

enum aotc_status aotc_runtime_init(struct aotc_error* error) {
  pthread_once(&g_once, init_once);
  if (g_init_error.status != AOTC_OK) *error = g_init_error;
  return g_init_error.status;
}

/* For the resolver and for people. */
static char type_letter(uint8_t type) {
  switch (type) {
    case AOTC_I32:
      return 'i';
    case AOTC_I64:
      return 'I';
    case AOTC_F32:
      return 'f';
    case AOTC_F64:
      return 'F';
    case AOTC_V128:
      return 'v';
    default:
      return 'r';
  }
}

static enum aotc_status missing_import(const struct aotc_artifact* artifact, const char* module, const char* field,
                                       const struct aotc_type_view* type, struct aotc_error* error) {
  char m[64], f[128], text[16 + kMaxTypeText * 9];
  size_t at = 0;
  text[at++] = '(';
  for (uint32_t k = 0; k <= type->params + type->results; ++k) {
    if (k == type->params) at = (size_t)(stpcpy(text + at, ") -> (") - text);
    if (k == type->params + type->results) break;
    if (k != 0 && k != type->params) at = (size_t)(stpcpy(text + at, ", ") - text);
    const char* name = aotc_value_type_name(type->bytes[k]);
    at = (size_t)(stpcpy(text + at, name == NULL ? "?" : name) - text);
  }
  memcpy(text + at, ")", 2);
  return aotc_fail(error, AOTC_ERROR_LINK, "%s: missing import \"%s\" \"%s\" of type %s", artifact->name,
                   aotc_printable(module, m, sizeof(m)), aotc_printable(field, f, sizeof(f)), text);
}

static struct aotc_host_binding find_function(const struct aotc_hosts* hosts, const char* module, const char* field,
                                              const char* type) {
  for (uint32_t i = 0; i < hosts->count; ++i) {
    aotc_host_function function = hosts->list[i]->interface->resolve(hosts->list[i], module, field, type);
    if (function != NULL) return (struct aotc_host_binding){function, hosts->list[i]};
  }
  return (struct aotc_host_binding){0};
}

static enum aotc_status resolve_imports(struct aotc_instance* instance, const struct aotc_instance_options* options,
                                        struct aotc_error* error) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_import* imports = aotc_span_data(artifact, &artifact->header->imports);
  for (uint32_t i = 0; i < instance->import_count; ++i) {
    const char* module = aotc_artifact_string(artifact, imports[i].module);
    const char* field = aotc_artifact_string(artifact, imports[i].field);
    struct aotc_type_view type;
    if (module == NULL || field == NULL || !aotc_artifact_type(artifact, imports[i].type, &type))
      return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: import %u is out of place", artifact->name, i);
    char text[kMaxTypeText];
    if (type.params + type.results + 2 > kMaxTypeText)
      return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: import %u has %u parameters and results", artifact->name, i,
                       type.params + type.results);
    char* at = text;
    for (uint32_t k = 0; k < type.params + type.results; ++k) {
      if (k == type.params) *at++ = ':';
      *at++ = type_letter(type.bytes[k]);
    }
    if (type.results == 0) *at++ = ':';
    *at = 0;
    struct aotc_host_binding binding = find_function(&options->hosts, module, field, text);
    if (binding.function == NULL) return missing_import(artifact, module, field, &type, error);
    instance->bindings[i] = binding;
  }
  return AOTC_OK;
}

const void* aotc_initial_global(const struct aotc_instance* instance, uint32_t slot) {
  const struct aotc_artifact* artifact = instance->artifact;
  if (instance->image != NULL && instance->image->globals != NULL)
    return instance->image->globals + (size_t)slot * AOTC_SLOT_SIZE;
  if (instance->thaw)
    return (const uint8_t*)aotc_snapshot_data(artifact->snapshot, &artifact->snapshot->globals) +
           (size_t)slot * AOTC_SLOT_SIZE;
  const struct aotc_global* globals = aotc_span_data(artifact, &artifact->header->globals);
  return globals[slot].value;
}

static enum aotc_status populate_globals(struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_global* globals = aotc_span_data(artifact, &artifact->header->globals);
  for (uint32_t i = 0; i < artifact->header->globals.count; ++i) {
    uint64_t value[2];
    memcpy(value, aotc_initial_global(instance, i), sizeof(value));
    if (globals[i].type == AOTC_FUNCREF && value[0] > instance->function_count)
      return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: global %u refers to no function", artifact->name, i);
    memcpy(aotc_base(instance) + AOTC_GLOBAL_OFFSET(i), value, sizeof(value));
  }
  return AOTC_OK;
}

/* Segments that the image could not hold, e.g. because they are out of bounds. */
static enum aotc_status populate_data(struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_header* h = artifact->header;
  const struct aotc_data_segment* segments = aotc_span_data(artifact, &h->data_segments);
  const uint8_t* dropped = instance->thaw ? aotc_snapshot_data(artifact->snapshot, &artifact->snapshot->dropped) : NULL;
  for (uint32_t i = 0; i < h->data_segments.count; ++i) {
    const struct aotc_data_segment* s = &segments[i];
    const uint8_t* bytes = aotc_artifact_segment(artifact, s);
    if (bytes == NULL)
      return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: data segment %u is out of place", artifact->name, i);
    instance->data_dropped[i] = instance->thaw ? dropped[i] != 0 : s->active != 0;
    if (!s->active || instance->thaw) continue;
    uint64_t size = aotc_tail(instance)->memory_size;
    if (s->address > size || s->size > size - s->address)
      return aotc_fail(error, AOTC_TRAPPED, "%s: data segment %u: %s", artifact->name, i,
                       aotc_trap_message(AOTC_TRAP_OUT_OF_BOUNDS_MEMORY));
    if (s->size != 0) memcpy(aotc_base(instance) + s->address, bytes, s->size);
  }
  return AOTC_OK;
}

static enum aotc_status create(struct aotc_instance* instance, const struct aotc_instance_options* options,
                               struct aotc_error* error) {
  const struct aotc_header* h = instance->artifact->header;
  instance->import_count = h->imports.count;
  instance->function_count = h->imports.count + h->functions.count;
  instance->memory_limit = options->max_memory == 0 ? UINT64_MAX : options->max_memory;
  instance->may_grow = options->may_grow;
  instance->may_grow_data = options->may_grow_data;
  instance->meanwhile = options->meanwhile;
  instance->trap.wasm_offset = AOTC_NONE;
  instance->frozen_import = AOTC_NONE;
  instance->thaw = options->thaw;
  instance->hosts = options->hosts;
  instance->image = options->image;
  if (options->image != NULL &&
      (options->image->artifact != instance->artifact || options->image->thaw != options->thaw))
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: the image is another's", instance->artifact->name);
  if (options->thaw && instance->artifact->snapshot == NULL)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: has no snapshot", instance->artifact->name);
  size_t bindings = (size_t)h->imports.count * sizeof(struct aotc_host_binding);
  size_t segments = (size_t)h->data_segments.count + h->elem_segments.count;
  instance->allocation = calloc(1, bindings + 2 * segments + 1);
  if (instance->allocation == NULL) return aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
  instance->bindings = instance->allocation;
  instance->data_dropped = (uint8_t*)instance->allocation + bindings;
  instance->elem_dropped = instance->data_dropped + h->data_segments.count;
  instance->dropped_at_start = instance->data_dropped + segments;
  aotc_helpers_install(instance);

  enum aotc_status status;
  if ((status = resolve_imports(instance, options, error)) != AOTC_OK) return status;
  if ((status = aotc_tables_create(instance, error)) != AOTC_OK) return status;
  if ((status = aotc_stack_create(instance, options->max_stack, error)) != AOTC_OK) return status;
  if ((status = populate_globals(instance, error)) != AOTC_OK) return status;
  if ((status = aotc_memory_populate(instance, error)) != AOTC_OK) return status;
  if ((status = aotc_tables_populate(instance, error)) != AOTC_OK) return status;
  status = populate_data(instance, error);
  memcpy(instance->dropped_at_start, instance->data_dropped, segments);
  return status;
}

enum aotc_status aotc_instance_create(struct aotc_artifact* artifact, const struct aotc_instance_options* options,
                                      struct aotc_instance** out, struct aotc_error* error) {
  *out = NULL;
  struct aotc_instance* instance;
  enum aotc_status status = aotc_runtime_init(error);
  if (status != AOTC_OK) return status;
  if ((status = aotc_memory_reserve(artifact, &instance, error)) != AOTC_OK) return status;
  if ((status = create(instance, options, error)) != AOTC_OK) {
    aotc_instance_destroy(instance);
    return status;
  }
  *out = instance;
  return AOTC_OK;
}

static enum aotc_status reset_pooled(struct aotc_instance* instance, struct aotc_error* error) {
  const struct aotc_header* h = instance->artifact->header;
  enum aotc_status status = aotc_thread_prepare(error);
  if (status == AOTC_OK) status = aotc_memory_reset_pooled(instance, error);
  if (status == AOTC_OK && instance->table_count != 0) status = aotc_tables_populate(instance, error);
  size_t segments = (size_t)h->data_segments.count + h->elem_segments.count;
  memcpy(instance->data_dropped, instance->dropped_at_start, segments);
  /* Without a fault until the reset there was none in it, unless tables were mapped again, or the next one notices. */
  if (status == AOTC_OK && (instance->reset.scanned || instance->table_count != 0)) aotc_memory_is_clean(instance);
  return status;
}

enum aotc_status aotc_instance_reset(struct aotc_instance* instance, struct aotc_error* error) {
  if (instance->running)
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: reset of a running instance", instance->artifact->name);
  enum aotc_status status;
  memset(aotc_slots(instance), 0, AOTC_SCRATCH_SLOTS * AOTC_SLOT_SIZE);
  memset(&instance->trap, 0, sizeof(instance->trap));
  instance->trap.wasm_offset = AOTC_NONE;
  instance->exit_code = 0;
  instance->frozen_import = AOTC_NONE;
  instance->memory_refused = false;
  if ((status = populate_globals(instance, error)) != AOTC_OK) return status;
  if (instance->image != NULL) return reset_pooled(instance, error);
  if ((status = aotc_memory_reset(instance, error)) != AOTC_OK) return status;
  if ((status = aotc_tables_populate(instance, error)) != AOTC_OK) return status;
  if (!aotc_stack_reset(instance))
    return aotc_fail(error, AOTC_ERROR_LIMIT, "%s: cannot make the stack accessible: %s", instance->artifact->name,
                     strerror(errno));
  return populate_data(instance, error);
}

struct aotc_reset_counts aotc_instance_reset_counts(const struct aotc_instance* instance) { return instance->reset; }

void aotc_instance_destroy(struct aotc_instance* instance) {
  if (instance == NULL) return;
  free(instance->allocation);
  aotc_tables_release(instance);
  aotc_stack_release(instance);
  aotc_memory_release(instance);
}

const struct aotc_trap_info* aotc_instance_trap(const struct aotc_instance* instance) { return &instance->trap; }
void aotc_instance_set_trap(struct aotc_instance* instance, enum aotc_trap trap) { instance->trap.trap = trap; }
bool aotc_instance_memory_refused(const struct aotc_instance* instance) { return instance->memory_refused; }
int aotc_instance_exit_code(const struct aotc_instance* instance) { return instance->exit_code; }
void aotc_instance_set_exit_code(struct aotc_instance* instance, int code) { instance->exit_code = code; }
struct aotc_artifact* aotc_instance_artifact(const struct aotc_instance* instance) { return instance->artifact; }

uint64_t aotc_instance_wake_time(const struct aotc_instance* instance) {
  uint64_t first = UINT64_MAX;
  for (uint32_t i = 0; i < instance->hosts.count; ++i) {
    const struct aotc_host* host = instance->hosts.list[i];
    uint64_t time = host->interface->wake_time == NULL ? UINT64_MAX : host->interface->wake_time(host);
    if (time < first) first = time;
  }
  return first;
}

uint8_t* aotc_instance_memory(const struct aotc_instance* instance) { return aotc_base(instance); }
uint64_t aotc_instance_memory_size(const struct aotc_instance* instance) { return aotc_tail(instance)->memory_size; }
void* aotc_instance_memory_at(const struct aotc_instance* instance, uint32_t address, uint64_t size) {
  uint64_t memory = aotc_tail(instance)->memory_size;
  /* No host function sees what is guarded, nor what lies around it. */
  if (instance->guard != NULL && aotc_guard_asks(instance->guard, address, size)) return NULL;
  return address <= memory && size <= memory - address ? aotc_base(instance) + address : NULL;
}
