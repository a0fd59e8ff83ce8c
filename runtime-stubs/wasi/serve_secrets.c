/* serve_secrets.c - the secrets of a snapshot, for all instances that are made of it: the values are given once, with
 * the artifact, and are then in its images and in the environment of each pool's programs (serve.c).
 */
#include <stdlib.h>

#include "core/state.h"
#include "wasi_state.h"

/* The string of the snapshot's environment in which the value at `offset` lies. */
static const char* variable_at(const char* environ, uint32_t offset) {
  while (offset > 0 && environ[offset - 1] != 0) --offset;
  return environ + offset;
}

/* Its place among those that were given, or null. */
static const char* find_given(const char* variable, const struct aotc_saved_secret* wanted, const char* environ,
                              size_t count, const char* const* secrets) {
  size_t name = (size_t)(environ + wanted->environ - variable);
  for (size_t k = 0; k < count; ++k)
    if (strncmp(secrets[k], variable, name) == 0 && strlen(secrets[k] + name) == wanted->size) return secrets[k] + name;
  return NULL;
}

enum aotc_status aotc_artifact_give_secrets(struct aotc_artifact* artifact, size_t count, const char* const* secrets,
                                            struct aotc_error* error) {
  uint64_t size = 0;
  const struct aotc_wasi_saved* s =
      artifact->snapshot == NULL ? NULL : aotc_snapshot_host_state(artifact->snapshot, AOTC_WASI_NAME, &size);
  const char* fault = s == NULL ? NULL : aotc_wasi_saved_fault(s, size);
  if (fault != NULL) return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: snapshot: %s", artifact->name, fault);
  if (count != (s == NULL ? 0 : s->secrets.count))
    return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: its snapshot has %u secrets, %zu were given", artifact->name,
                     s == NULL ? 0 : s->secrets.count, count);
  if (count == 0) return AOTC_OK;
  const struct aotc_saved_secret* wanted = aotc_saved_data(s, &s->secrets);
  char* environ = malloc(s->environ.count);
  artifact->given = environ;
  artifact->patches = calloc(count, sizeof(*artifact->patches));
  if (environ == NULL || artifact->patches == NULL) return aotc_fail(error, AOTC_ERROR_LIMIT, "out of memory");
  memcpy(environ, aotc_saved_data(s, &s->environ), s->environ.count);
  for (size_t i = 0; i < count; ++i) {
    if (wanted[i].environ >= s->environ.count || wanted[i].size >= s->environ.count - wanted[i].environ)
      return aotc_fail(error, AOTC_ERROR_FORMAT, "%s: corrupted: snapshot: secrets", artifact->name);
    const char* variable = variable_at(environ, wanted[i].environ);
    char* to = environ + wanted[i].environ;
    const char* value = find_given(variable, &wanted[i], environ, count, secrets);
    if (value == NULL)
      return aotc_fail(error, AOTC_ERROR_ARGUMENT, "%s: its snapshot needs the secret %.*s, of %u bytes",
                       artifact->name, (int)(to - variable) - 1, variable, wanted[i].size);
    memcpy(to, value, wanted[i].size);
    artifact->patches[artifact->patch_count++] = (struct aotc_patch){wanted[i].address, wanted[i].size, to};
  }
  return AOTC_OK;
}
