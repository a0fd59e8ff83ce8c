/* other_host_test.c - a host that is not WASI: `env`, with two functions, and state that is reset, frozen and thawed.
 *
 *   other_host_test ARTIFACT SNAPSHOT                       a program that waits in env.wait, see
 * freeze/Inputs/other_host.go other_host_test --reactor ARTIFACT LOOK CHANGE LIVES    a pool of one that stands still:
 * LOOK, then CHANGE in each life
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aotc/wasi.h"

/* --- the host ------------------------------------------------------------------------------------------------------
 */

enum { kMost = 8 };
struct env {
  struct aotc_host host;
  int32_t in[kMost], out[kMost]; /* what wait gives, what put took */
  uint32_t in_count, in_at, out_count;
  uint64_t waits;
  uint64_t kept_waits;
};

static enum aotc_status wait_function(struct aotc_instance* instance, void* host, uint64_t* slots) {
  (void)instance;
  struct env* env = host;
  ++env->waits;
  if ((uint32_t)slots[0] != 7) return AOTC_ERROR_ARGUMENT;
  if (env->in_at == env->in_count) return AOTC_FROZEN;
  slots[0] = (uint32_t)env->in[env->in_at++];
  return AOTC_OK;
}

static enum aotc_status put_function(struct aotc_instance* instance, void* host, uint64_t* slots) {
  (void)instance;
  struct env* env = host;
  if (env->out_count == kMost) return AOTC_ERROR_LIMIT;
  env->out[env->out_count++] = (int32_t)slots[0];
  return AOTC_OK;
}

static aotc_host_function resolve(struct aotc_host* host, const char* module, const char* field, const char* type) {
  (void)host;
  if (strcmp(module, "env") != 0) return NULL;
  if (strcmp(field, "wait") == 0 && strcmp(type, "i:i") == 0) return wait_function;
  return strcmp(field, "put") == 0 && strcmp(type, "i:") == 0 ? put_function : NULL;
}

static void destroy(struct aotc_host* host) { free(host); }

static enum aotc_status keep(struct aotc_host* host, struct aotc_error* error) {
  (void)error;
  ((struct env*)host)->kept_waits = ((struct env*)host)->waits;
  return AOTC_OK;
}

static void restore(struct aotc_host* host) {
  struct env* env = (struct env*)host;
  env->waits = env->kept_waits;
  env->in_count = env->in_at = env->out_count = 0;
}

static enum aotc_status save(struct aotc_host* host, struct aotc_instance* instance, struct aotc_arrays* state,
                             struct aotc_error* error) {
  (void)instance;
  return aotc_arrays_add(state, NULL, &((struct env*)host)->waits, sizeof(uint64_t), 1, error);
}

static void report(const struct aotc_host* host, const char* import, FILE* out) {
  (void)import;
  fprintf(out, ", \"put\": %u", ((const struct env*)host)->out_count);
}

static enum aotc_status thaw(struct aotc_host* host, struct aotc_instance* instance, const void* state, uint64_t size,
                             struct aotc_error* error) {
  (void)instance, (void)error;
  if (size != sizeof(uint64_t)) return AOTC_ERROR_FORMAT;
  memcpy(&((struct env*)host)->waits, state, size);
  return AOTC_OK;
}

static const struct aotc_host_interface kEnv = {.name = "env",
                                                .resolve = resolve,
                                                .destroy = destroy,
                                                .keep = keep,
                                                .restore = restore,
                                                .freeze = save,
                                                .report = report,
                                                .thaw = thaw};

static struct env* new_env(void) {
  struct env* env = calloc(1, sizeof(*env));
  if (env == NULL) abort();
  env->host.interface = &kEnv;
  return env;
}

/* --- the program ---------------------------------------------------------------------------------------------------
 */

static struct aotc_error error;

static _Noreturn void fail(const char* what) {
  printf("%s: %s\n", what, error.message);
  exit(1);
}
static void must(enum aotc_status status, enum aotc_status wanted, const char* what) {
  if (status != wanted) fail(what);
}

static struct aotc_wasi* new_wasi(bool freeze) {
  static const char* const kArguments[] = {"program"};
  struct aotc_wasi_options options = {.argc = 1, .argv = kArguments, .stdio = {-1, 1, 2}, .freeze = freeze};
  struct aotc_wasi* wasi;
  must(aotc_wasi_create(&options, &wasi, &error), AOTC_OK, "wasi");
  return wasi;
}

static struct aotc_hosts both(struct aotc_wasi* wasi, struct env* env) {
  struct aotc_hosts hosts = {2, {aotc_wasi_host(wasi), &env->host}};
  return hosts;
}

static void give(struct env* env, int count, const int32_t* values) {
  memcpy(env->in, values, (size_t)count * sizeof(*values));
  env->in_count = (uint32_t)count;
  env->in_at = env->out_count = 0;
}

static void print_put(const char* when, const struct env* env) {
  printf("%s: put", when);
  for (uint32_t i = 0; i < env->out_count; ++i) printf(" %d", env->out[i]);
  printf("\n");
}

static void freeze(struct aotc_artifact* artifact, const char* path) {
  struct env* env = new_env();
  struct aotc_wasi* wasi = new_wasi(true);
  struct aotc_instance_options options = {.hosts = both(wasi, env)};
  struct aotc_instance* instance;
  must(aotc_instance_create(artifact, &options, &instance, &error), AOTC_OK, "create");
  must(aotc_instance_enter(instance, &error), AOTC_FROZEN, "enter");
  printf("frozen in env.wait: %llu call of wait, %u of put\n", (unsigned long long)env->waits, env->out_count);
  int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  struct aotc_freeze_run run = {0};
  must(aotc_snapshot_write(instance, &run, file, &error), AOTC_OK, "freeze");
  must(aotc_attach_snapshot(artifact, file, &error), AOTC_OK, "attach");
  close(file);
  const struct aotc_snapshot* s = aotc_artifact_snapshot(artifact);
  printf("report: %.*s\n", (int)s->report.count, (const char*)s + s->report.offset);
  aotc_instance_destroy(instance);
  aotc_wasi_destroy(wasi);
  free(env);
}

static void thaw_once(struct aotc_artifact* artifact, const char* when, int count, const int32_t* values) {
  struct env* env = new_env();
  struct aotc_wasi* wasi = new_wasi(false);
  struct aotc_instance_options options = {.hosts = both(wasi, env), .thaw = true};
  struct aotc_instance* instance;
  if (!aotc_snapshot_matches(artifact, &options.hosts)) fail("matches");
  must(aotc_instance_create(artifact, &options, &instance, &error), AOTC_OK, "create");
  give(env, count, values);
  must(aotc_instance_thaw(instance, &error), AOTC_FROZEN, "thaw");
  if (env->waits != 1 + (uint64_t)count + 1) fail("the host was not thawed");
  print_put(when, env);
  aotc_instance_destroy(instance);
  aotc_wasi_destroy(wasi);
  free(env);
}

static enum aotc_status create_hosts(void* data, const struct aotc_image* image, struct aotc_hosts* hosts,
                                     struct aotc_error* e) {
  (void)data, (void)image, (void)e;
  *hosts = both(new_wasi(false), new_env());
  return AOTC_OK;
}

static void live(struct aotc_pool* pool, const char* when, int count, const int32_t* values, int more,
                 const int32_t* more_values) {
  struct aotc_slot* slot;
  must(aotc_pool_take(pool, &slot, &error), AOTC_OK, "take");
  struct env* env = (struct env*)slot->hosts.list[1];
  give(env, count, values);
  must(aotc_slot_begin(slot, &error), AOTC_FROZEN, "begin");
  if (more != 0) {
    memcpy(env->in, more_values, (size_t)more * sizeof(*more_values));
    env->in_count = (uint32_t)more;
    env->in_at = 0;
    must(aotc_instance_continue(slot->instance, &error), AOTC_FROZEN, "continue");
  }
  print_put(when, env);
  must(aotc_pool_give(pool, slot, &error), AOTC_OK, "give");
}

static struct aotc_pool* new_pool(struct aotc_artifact* artifact, struct aotc_image** image,
                                  const struct aotc_host_source* source) {
  const struct aotc_pool_options options = {.compare_sample = 1};
  struct aotc_pool* pool;
  must(aotc_image_create(artifact, true, AOTC_RESET_BEST, image, &error), AOTC_OK, "image");
  must(aotc_pool_create(*image, &options, source, &pool, &error), AOTC_OK, "pool");
  return pool;
}

static void thaw_with_another(struct aotc_artifact* artifact) {
  struct aotc_host_interface interface = kEnv;
  interface.name = "more";
  struct env *env = new_env(), *more = new_env();
  more->host.interface = &interface;
  struct aotc_wasi* wasi = new_wasi(false);
  struct aotc_instance_options options = {.hosts = {3, {aotc_wasi_host(wasi), &env->host, &more->host}}, .thaw = true};
  struct aotc_instance* instance;
  must(aotc_instance_create(artifact, &options, &instance, &error), AOTC_OK, "create");
  must(aotc_instance_thaw(instance, &error), AOTC_ERROR_ARGUMENT, "thaw");
  printf("thawed with another: %s\n", error.message);
  aotc_instance_destroy(instance);
  aotc_wasi_destroy(wasi);
  free(env);
  free(more);
}

static void run_program(struct aotc_artifact* artifact, const char* path) {
  freeze(artifact, path);
  thaw_once(artifact, "thawed with 3 4", 2, (const int32_t[]){3, 4});
  thaw_once(artifact, "thawed with 5", 1, (const int32_t[]){5});
  struct aotc_wasi* wasi = new_wasi(false);
  const struct aotc_hosts alone = aotc_one_host(aotc_wasi_host(wasi));
  if (!aotc_snapshot_matches(artifact, &alone))
    printf("thawed without the host: its snapshot was made with other hosts\n");
  aotc_wasi_destroy(wasi);
  thaw_with_another(artifact);

  const struct aotc_host_source source = {.create = create_hosts};
  struct aotc_image* image;
  struct aotc_pool* pool = new_pool(artifact, &image, &source);
  live(pool, "pool, life 1", 1, (const int32_t[]){2}, 0, NULL);
  live(pool, "pool, life 2", 1, (const int32_t[]){3}, 1, (const int32_t[]){10});
  live(pool, "pool, life 3", 1, (const int32_t[]){1}, 0, NULL);
  printf("every life began as the image\n");
  aotc_pool_destroy(pool);
  aotc_image_destroy(image);
}

static enum aotc_status no_hosts(void* data, const struct aotc_image* image, struct aotc_hosts* hosts,
                                 struct aotc_error* e) {
  (void)data, (void)image, (void)hosts, (void)e;
  return AOTC_OK;
}

static int32_t call(struct aotc_slot* slot, const char* name) {
  struct aotc_value result = {0};
  const struct aotc_export* function =
      aotc_artifact_export(aotc_instance_artifact(slot->instance), name, AOTC_EXPORT_FUNCTION);
  if (function == NULL) fail(name);
  must(aotc_instance_call(slot->instance, function, NULL, &result, &error), AOTC_OK, name);
  return (int32_t)result.word[0];
}

static void run_reactor(struct aotc_artifact* artifact, const char* look, const char* change, int lives) {
  const struct aotc_host_source source = {.create = no_hosts};
  struct aotc_image* image;
  struct aotc_pool* pool = new_pool(artifact, &image, &source);
  for (int i = 1; i <= lives; ++i) {
    struct aotc_slot* slot;
    must(aotc_pool_take(pool, &slot, &error), AOTC_OK, "take");
    must(aotc_slot_begin(slot, &error), AOTC_OK, "begin");
    printf("life %d: %d", i, call(slot, look));
    printf(" then %d\n", call(slot, change));
    must(aotc_pool_give(pool, slot, &error), AOTC_OK, "give");
  }
  aotc_pool_destroy(pool);
  aotc_image_destroy(image);
}

int main(int argc, char** argv) {
  bool reactor = argc == 6 && strcmp(argv[1], "--reactor") == 0;
  if (!reactor && argc != 3) return 2;
  struct aotc_artifact* artifact;
  must(aotc_load(argv[reactor ? 2 : 1], &artifact, &error), AOTC_OK, "load");
  if (reactor)
    run_reactor(artifact, argv[3], argv[4], atoi(argv[5]));
  else
    run_program(artifact, argv[2]);
  aotc_unload(artifact);
  return 0;
}
