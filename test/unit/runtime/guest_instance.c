/* guest_instance.c - see guest_instance.h. */
#define _GNU_SOURCE
#include "guest_instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/state.h"
#include "make_artifact.h"

static enum aotc_status nothing(struct aotc_instance* instance, void* data, uint64_t* slots) {
  (void)instance, (void)data, (void)slots;
  return AOTC_OK;
}
static aotc_host_function resolve(struct aotc_host* self, const char* module, const char* field, const char* type) {
  (void)self, (void)module, (void)field, (void)type;
  return nothing;
}
static const struct aotc_host_interface kInterface = {.name = "test", .resolve = resolve};
static struct aotc_host g_host = {&kInterface};

static void end_unless(enum aotc_status status, const struct aotc_error* error) {
  if (status == AOTC_OK) return;
  fprintf(stderr, "%s\n", error->message);
  exit(1);
}

struct aotc_artifact* load_guest(void) {
  struct aotc_artifact* artifact;
  struct aotc_error error;
  struct image file = make_artifact();
  int fd = image_file(&file);
  end_unless(aotc_runtime_init(&error), &error);
  end_unless(aotc_load_fd(fd, "guest.aotc", &artifact, &error), &error);
  close(fd);
  free(file.bytes);
  return artifact;
}

struct aotc_hosts guest_hosts(void) { return aotc_one_host(&g_host); }

struct aotc_instance* create_guest(struct aotc_artifact* artifact, const struct aotc_image* image) {
  struct aotc_instance_options options = {.hosts = guest_hosts(), .image = image};
  struct aotc_instance* instance;
  struct aotc_error error;
  end_unless(aotc_instance_create(artifact, &options, &instance, &error), &error);
  return instance;
}

enum aotc_status call_guest(struct aotc_instance* instance, const char* name, const uint32_t arguments[5],
                            uint32_t* result) {
  struct aotc_value in[5] = {0}, out[3] = {0};
  struct aotc_error error;
  for (int i = 0; i < 5; ++i) in[i].word[0] = arguments[i];
  const struct aotc_export* function = aotc_artifact_export(instance->artifact, name, AOTC_EXPORT_FUNCTION);
  enum aotc_status status = aotc_instance_call(instance, function, in, out, &error);
  if (result != NULL) *result = (uint32_t)out[0].word[0];
  return status;
}

uint32_t call_helper(struct aotc_instance* instance, uint32_t helper, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  uint32_t result;
  if (call_guest(instance, "helper", (const uint32_t[5]){helper, a, b, c, d}, &result) == AOTC_OK) return result;
  fprintf(stderr, "the helper %u did not return\n", helper);
  exit(1);
}
