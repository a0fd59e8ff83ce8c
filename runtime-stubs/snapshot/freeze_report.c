/* freeze_report.c - the snapshot's report: JSON for people, shown by `aotc inspect`.
 *
 * What ran before the freeze, for how long, and what the image holds; then what each host has to say.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "core/state.h"

/* Names come from the module. */
static const char* import_name(const struct aotc_instance* instance, char* out, size_t size) {
  const struct aotc_artifact* artifact = instance->artifact;
  const struct aotc_import* imports = aotc_span_data(artifact, &artifact->header->imports);
  const char* field = aotc_artifact_string(artifact, imports[instance->frozen_import].field);
  aotc_printable(field == NULL ? "?" : field, out, size);
  for (char* at = out; *at != 0; ++at)
    if (*at == '"' || *at == '\\') *at = '?';
  return out;
}

/* Names come from the program. */
static void put_draws(FILE* out, const struct aotc_draws* draws) {
  char text[AOTC_DRAW_TEXT];
  uint32_t count;
  const struct aotc_snapshot_draw* list = aotc_draws_list(draws, &count);
  if (count == 0) return;
  fputs(", \"random\": [", out);
  for (uint32_t i = 0; i < count; ++i) fprintf(out, "%s\"%s\"", i == 0 ? "" : ", ", aotc_draw_text(&list[i], text));
  fputc(']', out);
}

char* aotc_freeze_report(const struct aotc_instance* instance, const struct aotc_freeze_run* run,
                         const struct aotc_image_size* image, const char* go_version, size_t* size) {
  char *text = NULL, name[64];
  FILE* out = open_memstream(&text, size);
  if (out == NULL) return NULL;
  const char* import = instance->frozen_import == AOTC_NONE ? NULL : import_name(instance, name, sizeof(name));
  fputs(import != NULL ? "{\"ran\": \"_start\""
                       : "{\"ran\": \"_initialize\", \"waits_for\": \"nothing, it is a reactor\"",
        out);
  for (uint32_t i = 0; i < instance->hosts.count; ++i) {
    const struct aotc_host* host = instance->hosts.list[i];
    if (host->interface->report != NULL) host->interface->report(host, import, out);
  }
  if (*go_version != 0) fprintf(out, ", \"go\": \"%s\"", aotc_printable(go_version, name, sizeof(name)));
  fprintf(out, ", \"ran_seconds\": %.6f", (double)run->nanoseconds / 1e9);
  put_draws(out, run->draws);
  if (run->rehearsed) fputs(", \"rehearsed\": true", out);
  if (run->warmup_requests != 0)
    fprintf(out,
            ", \"warmup\": {\"requests\": %u, \"last_status\": %u, \"response_bytes\": %llu, \"ran_seconds\": %.6f}",
            run->warmup_requests, run->warmup_status, (unsigned long long)run->warmup_bytes,
            (double)run->warmup_nanoseconds / 1e9);
  fprintf(out, ", \"memory_bytes\": %llu, \"image_bytes\": %llu, \"image_pages\": %llu, \"image_runs\": %u",
          (unsigned long long)aotc_tail(instance)->memory_size, (unsigned long long)(image->pages * AOTC_IMAGE_PAGE),
          (unsigned long long)image->pages, image->runs);
  fputc('}', out);
  if (fclose(out) == 0) return text;
  free(text);
  return NULL;
}
