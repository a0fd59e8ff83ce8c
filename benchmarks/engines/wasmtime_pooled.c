/* wasmtime_pooled.c - what a fresh instance per request costs in wasmtime at its best: precompiled module, pooling
 * allocator, copy-on-write memory images, InstancePre; for `benchmarks/run coldstart`.
 *
 *   aotc-wasmtime-pooled LIBWASMTIME MODULE.wasm COUNT KEEP-RESIDENT-BYTES REQUEST-FILE
 *
 * The WASI host is the one that aotc-node uses, with the same connection in memory, so both engines do the same work
 * for the guest; only its end differs, since nothing can be suspended here: the host function that would wait traps. A
 * round instantiates, calls _start, which sets the program up, serves the one request, and drops the store. Prints JSON
 * like aotc-coldstart-benchmark: `instantiate`, `first_byte` from instantiating to the first byte of the response,
 * `total` with the drop. A program that exits instead has answered then.
 *
 * libwasmtime is the PyPI wheel's, which comes without headers: what is used of its C API is declared here.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aotc/wasi.h"

typedef struct engine engine;
typedef struct config config;
typedef struct pooling pooling;
typedef struct module module;
typedef struct linker linker;
typedef struct store store;
typedef struct context context;
typedef struct caller caller;
typedef struct pre pre;
typedef struct error_t error_t;
typedef struct trap_t trap_t;
typedef struct import_type import_type;
typedef struct {
  size_t size;
  import_type** data;
} import_types;
typedef struct {
  size_t size;
  char* data;
} name;
typedef struct {
  uint64_t store_id;
  size_t private;
} instance_handle;
typedef struct {
  uint8_t kind;
  union {
    struct {
      uint64_t store_id;
      void* private;
    } function;
    struct {
      uint64_t store_id;
      uint32_t private1, private2, private3;
    } memory;
    uint64_t room[4];
  } of;
} external;
typedef trap_t* (*callback)(void*, caller*, uint64_t*, size_t);

#define API(X)                                                                                              \
  X(config*, wasm_config_new, (void))                                                                       \
  X(engine*, wasm_engine_new_with_config, (config*))                                                        \
  X(void, wasmtime_config_memory_init_cow_set, (config*, bool))                                             \
  X(void, wasmtime_config_max_wasm_stack_set, (config*, size_t))                                            \
  X(void, wasmtime_config_async_stack_size_set, (config*, uint64_t))                                        \
  X(pooling*, wasmtime_pooling_allocation_config_new, (void))                                               \
  X(void, wasmtime_pooling_allocation_config_linear_memory_keep_resident_set, (pooling*, size_t))           \
  X(void, wasmtime_pooling_allocation_config_table_keep_resident_set, (pooling*, size_t))                   \
  X(void, wasmtime_pooling_allocation_config_table_elements_set, (pooling*, size_t))                        \
  X(void, wasmtime_pooling_allocation_config_max_unused_warm_slots_set, (pooling*, uint32_t))               \
  X(void, wasmtime_pooling_allocation_config_total_memories_set, (pooling*, uint32_t))                      \
  X(void, wasmtime_pooling_allocation_config_total_core_instances_set, (pooling*, uint32_t))                \
  X(void, wasmtime_pooling_allocation_strategy_set, (config*, const pooling*))                              \
  X(error_t*, wasmtime_module_new, (engine*, const uint8_t*, size_t, module**))                             \
  X(void, wasmtime_module_imports, (const module*, import_types*))                                          \
  X(const name*, wasm_importtype_module, (const import_type*))                                              \
  X(const name*, wasm_importtype_name, (const import_type*))                                                \
  X(const void*, wasm_importtype_type, (const import_type*))                                                \
  X(const void*, wasm_externtype_as_functype_const, (const void*))                                          \
  X(linker*, wasmtime_linker_new, (engine*))                                                                \
  X(void, wasmtime_linker_allow_shadowing, (linker*, bool))                                                 \
  X(error_t*, wasmtime_linker_define_func_unchecked,                                                        \
    (linker*, const char*, size_t, const char*, size_t, const void*, callback, void*, void (*)(void*)))     \
  X(error_t*, wasmtime_linker_instantiate_pre, (const linker*, const module*, pre**))                       \
  X(error_t*, wasmtime_instance_pre_instantiate, (const pre*, store*, instance_handle*, trap_t**))          \
  X(store*, wasmtime_store_new, (engine*, void*, void (*)(void*)))                                          \
  X(context*, wasmtime_store_context, (store*))                                                             \
  X(void, wasmtime_store_delete, (store*))                                                                  \
  X(bool, wasmtime_instance_export_get, (context*, const instance_handle*, const char*, size_t, external*)) \
  X(error_t*, wasmtime_func_call, (context*, const void*, const void*, size_t, void*, size_t, trap_t**))    \
  X(context*, wasmtime_caller_context, (caller*))                                                           \
  X(uint8_t*, wasmtime_memory_data, (const context*, const void*))                                          \
  X(size_t, wasmtime_memory_data_size, (const context*, const void*))                                       \
  X(trap_t*, wasmtime_trap_new, (const char*, size_t))                                                      \
  X(void, wasm_trap_delete, (trap_t*))                                                                      \
  X(void, wasmtime_error_delete, (error_t*))                                                                \
  X(void, wasmtime_error_message, (const error_t*, name*))
#define DECLARE(type, function, arguments) static type(*function) arguments;
API(DECLARE)

/* --- the WASI host's view of an instance: see instance.h */
struct aotc_instance {
  uint8_t* memory;
  uint64_t size;
};
void* aotc_instance_memory_at(const struct aotc_instance* instance, uint32_t address, uint64_t size) {
  return address <= instance->size && size <= instance->size - address ? instance->memory + address : NULL;
}
/* Only for programs that are to be frozen. */
uint64_t aotc_secrets_room(const struct aotc_wasi* wasi) { abort(); }
bool aotc_secrets_place(struct aotc_instance* instance, struct aotc_wasi* wasi, uint32_t pointers, uint32_t text) {
  abort();
}
void aotc_secrets_on_clock(struct aotc_instance* instance, struct aotc_wasi* wasi) { abort(); }
const char* aotc_secrets_show(struct aotc_instance* instance, struct aotc_wasi* wasi) { abort(); }
const char* aotc_wasi_secret_read(const struct aotc_wasi* wasi) { abort(); }
struct aotc_wasi_saved;
enum aotc_status aotc_secrets_fill(struct aotc_instance* instance, const struct aotc_wasi* wasi,
                                   const struct aotc_wasi_saved* saved, struct aotc_error* error) {
  abort();
}
uint64_t aotc_instance_deadline_left(const struct aotc_instance* instance) {
  (void)instance;
  return UINT64_MAX;
}
bool aotc_instance_may_grow(struct aotc_instance* instance, uint64_t bytes) {
  (void)instance, (void)bytes;
  return true;
}
void aotc_instance_set_trap(struct aotc_instance* instance, enum aotc_trap trap) { (void)instance, (void)trap; }
void aotc_instance_set_exit_code(struct aotc_instance* instance, int code) { (void)instance, (void)code; }
uint64_t aotc_instance_told_time(struct aotc_instance* instance, uint64_t now) {
  (void)instance;
  return now;
}

static struct {
  struct aotc_wasi* wasi;
  struct aotc_connection connection;
  external memory;
  bool has_memory;
  double first_byte;
  bool exited;
} current;

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static _Noreturn void fail(const char* what, const char* why) {
  fprintf(stderr, "aotc-wasmtime-pooled: %s: %s\n", what, why);
  exit(1);
}
static void must(error_t* error, const char* what) {
  name message;
  if (error == NULL) return;
  wasmtime_error_message(error, &message);
  fail(what, message.data);
}

/* Arguments and results are in 16-byte slots, as our host functions have them. */
static trap_t* call_host(void* function, caller* from, uint64_t* slots, size_t count) {
  (void)count;
  context* c = wasmtime_caller_context(from);
  struct aotc_instance instance = {wasmtime_memory_data(c, &current.memory.of),
                                   wasmtime_memory_data_size(c, &current.memory.of)};
  enum aotc_status status = ((aotc_host_function)(uintptr_t)function)(&instance, current.wasi, slots);
  if (current.first_byte == 0 && current.connection.out_size > 0) current.first_byte = now_us();
  current.exited |= status == AOTC_EXITED;
  return status == AOTC_OK ? NULL : wasmtime_trap_new("ends here", 9);
}

/* Of an import: "params:results", as the resolver wants it. Go's imports of WASI have the standard types. */
static aotc_host_function find_host(struct aotc_host* host, const char* field) {
  static const char* const kTypes[] = {"i:",       ":i",      "i:i",       "ii:i",      "iI:i",       "iii:i",
                                       "iiii:i",   "iiiii:i", "iIi:i",     "iII:i",     "iIii:i",     "iIIi:i",
                                       "iiiiii:i", "iiiIi:i", "iiiiIIi:i", "iiiiiii:i", "iiiiiIIii:i"};
  for (size_t i = 0; i < sizeof(kTypes) / sizeof(kTypes[0]); ++i) {
    aotc_host_function f = host->interface->resolve(host, "wasi_snapshot_preview1", field, kTypes[i]);
    if (f != NULL) return f;
  }
  fail("no such import", field);
}

static int ascending(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}
static void print(const char* key, double* values, size_t count, const char* end) {
  qsort(values, count, sizeof(double), ascending);
  printf("\"%s\": [%.2f, %.2f]%s", key, values[count / 2], values[count * 99 / 100], end);
}

static uint8_t* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) fail(path, "cannot read");
  *size = (size_t)ftell(file);
  rewind(file);
  uint8_t* bytes = malloc(*size);
  if (bytes == NULL || fread(bytes, 1, *size, file) != *size) fail(path, "cannot read");
  fclose(file);
  return bytes;
}

static char** g_argv;

static void* run(void* unused) {
  size_t count = (size_t)atoi(g_argv[3]), wasm_size, request_size;
  config* c = wasm_config_new();
  pooling* p = wasmtime_pooling_allocation_config_new();
  wasmtime_pooling_allocation_config_total_memories_set(p, 16);
  wasmtime_pooling_allocation_config_total_core_instances_set(p, 16);
  wasmtime_pooling_allocation_config_max_unused_warm_slots_set(p, 16);
  wasmtime_pooling_allocation_config_table_elements_set(p, 100000);
  wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(p, (size_t)atoll(g_argv[4]));
  wasmtime_pooling_allocation_config_table_keep_resident_set(p, 1 << 20);
  wasmtime_pooling_allocation_strategy_set(c, p);
  wasmtime_config_memory_init_cow_set(c, true);
  wasmtime_config_async_stack_size_set(c, 16 << 20);
  wasmtime_config_max_wasm_stack_set(c, 8 << 20);
  engine* e = wasm_engine_new_with_config(c);
  module* m;
  pre* prepared;
  uint8_t* wasm = read_file(g_argv[2], &wasm_size);
  must(wasmtime_module_new(e, wasm, wasm_size, &m), "compile");
  linker* l = wasmtime_linker_new(e);
  wasmtime_linker_allow_shadowing(l, true); /* Go imports a function once per wrapper */
  import_types imports;
  wasmtime_module_imports(m, &imports);
  struct aotc_wasi_options none = {.stdio = {-1, -1, -1}};
  struct aotc_wasi* any;
  struct aotc_error wrong;
  if (aotc_wasi_create(&none, &any, &wrong) != AOTC_OK) fail("wasi", wrong.message);
  for (size_t i = 0; i < imports.size; ++i) {
    const name *from = wasm_importtype_module(imports.data[i]), *field = wasm_importtype_name(imports.data[i]);
    char text[128];
    snprintf(text, sizeof(text), "%.*s", (int)field->size, field->data);
    const void* type = wasm_externtype_as_functype_const(wasm_importtype_type(imports.data[i]));
    must(wasmtime_linker_define_func_unchecked(l, from->data, from->size, field->data, field->size, type, call_host,
                                               (void*)(uintptr_t)find_host(aotc_wasi_host(any), text), NULL),
         "define");
  }
  must(wasmtime_linker_instantiate_pre(l, m, &prepared), "link");

  const uint8_t* request = read_file(g_argv[5], &request_size);
  double *instantiate = calloc(count, 8), *first = calloc(count, 8), *total = calloc(count, 8);
  size_t response = 0;
  for (size_t i = 0; i < count; ++i) {
    static const char* const kArguments[] = {"program"};
    struct aotc_error error;
    current.connection = (struct aotc_connection){.in = request,
                                                  .in_size = request_size,
                                                  .out = current.connection.out,
                                                  .out_capacity = current.connection.out_capacity,
                                                  .out_limit = 256 << 10};
    struct aotc_wasi_options options = {
        .argc = 1, .argv = kArguments, .stdio = {-1, -1, -1}, .connection = &current.connection};
    current.first_byte = 0;
    current.exited = false;
    double start = now_us();
    if (aotc_wasi_create(&options, &current.wasi, &error) != AOTC_OK) fail("wasi", error.message);
    store* s = wasmtime_store_new(e, NULL, NULL);
    context* cx = wasmtime_store_context(s);
    instance_handle instance;
    trap_t* trap = NULL;
    must(wasmtime_instance_pre_instantiate(prepared, (store*)(void*)cx, &instance, &trap), "instantiate");
    double created = now_us();
    external entry;
    if (!wasmtime_instance_export_get(cx, &instance, "memory", 6, &current.memory) ||
        !wasmtime_instance_export_get(cx, &instance, "_start", 6, &entry))
      fail("exports", "no memory or no _start");
    /* Ends with the trap of the host function that would wait. */
    error_t* ended = wasmtime_func_call(cx, &entry.of, NULL, 0, NULL, 0, &trap);
    if (current.first_byte == 0 && current.exited) current.first_byte = now_us();
    if (current.first_byte == 0) must(ended, "call");
    if (current.first_byte == 0) fail("request", "the program did not answer");
    if (trap != NULL) wasm_trap_delete(trap);
    if (ended != NULL) wasmtime_error_delete(ended);
    response = current.connection.out_size;
    wasmtime_store_delete(s);
    aotc_wasi_destroy(current.wasi);
    double end = now_us();
    instantiate[i] = created - start;
    first[i] = current.first_byte - start;
    total[i] = end - start;
  }
  printf("{");
  print("instantiate", instantiate, count, ", ");
  print("first_byte", first, count, ", ");
  print("total", total, count, ", ");
  printf("\"response_bytes\": %zu}\n", response);
  return unused;
}

int main(int argc, char** argv) {
  if (argc != 6 || atoi(argv[3]) < 1) {
    fprintf(stderr, "usage: aotc-wasmtime-pooled LIBWASMTIME MODULE COUNT KEEP-RESIDENT-BYTES REQUEST-FILE\n");
    return 2;
  }
  void* library = dlopen(argv[1], RTLD_NOW);
  if (library == NULL) fail("dlopen", dlerror());
#define FIND(type, function, arguments) \
  if ((*(void**)&(function) = dlsym(library, #function)) == NULL) fail("not in the library", #function);
  API(FIND)
  g_argv = argv;
  /* Go programs need a deep stack. */
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 << 20);
  if (pthread_create(&thread, &attributes, run, NULL) != 0) fail("thread", "cannot be created");
  pthread_join(thread, NULL);
  return 0;
}
