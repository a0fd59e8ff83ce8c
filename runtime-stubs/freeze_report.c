/* freeze_report.c - the snapshot's report: JSON for people, shown by `aotc inspect`.
 *
 * What ran before the freeze, for how long, what the image holds, and what all clones share because it happened before:
 * random numbers beyond the seed that each gets anew, times of day, files, arguments and environment. Names of variables
 * are in it, their values are not.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"
#include "wasi.h"

static void put_string(FILE* out, const char* text, size_t size) {
  fputc('"', out);
  for (size_t i = 0; i < size; ++i) {
    unsigned char c = (unsigned char)text[i];
    if (c == '"' || c == '\\' || c < 0x20 || c >= 0x7f)
      fprintf(out, "\\u%04x", c);
    else
      fputc(c, out);
  }
  fputc('"', out);
}

static void put_wait(FILE* out, const struct aotc_instance* instance, uint32_t flags) {
  if (flags & AOTC_SNAPSHOT_REACTOR) {
    fputs("\"ran\": \"_initialize\", \"waits_for\": \"nothing, it is a reactor\"", out);
    return;
  }
  const struct aotc_import* imports = aotc_span_data(instance->artifact, &instance->artifact->header->imports);
  const char* field = aotc_artifact_string(instance->artifact, imports[instance->frozen_import].field);
  bool both = (flags & AOTC_SNAPSHOT_WAITS_STDIN) && (flags & AOTC_SNAPSHOT_WAITS_LISTENER);
  fprintf(out, "\"ran\": \"_start\", \"waits_for\": \"%s%s%s in %s\"", flags & AOTC_SNAPSHOT_WAITS_STDIN ? "stdin" : "",
          both ? " and " : "", flags & AOTC_SNAPSHOT_WAITS_LISTENER ? "a listener" : "", field == NULL ? "?" : field);
}

static void put_environment(FILE* out, const struct aotc_wasi_strings* environ) {
  const char* at = environ->text;
  for (uint32_t i = 0; i < environ->count; ++i, at += strlen(at) + 1) {
    if (i != 0) fputs(", ", out);
    put_string(out, at, strcspn(at, "="));
  }
}

static void put_files(FILE* out, const struct aotc_wasi_freeze* freeze) {
  for (uint32_t i = 0; i < freeze->file_count; ++i) {
    if (i != 0) fputs(", ", out);
    put_string(out, freeze->files[i], strlen(freeze->files[i]));
  }
}

char* aotc_freeze_report(const struct aotc_instance* instance, const struct aotc_wasi* wasi,
                         const struct aotc_freeze_run* run, const struct aotc_image_size* image, uint32_t flags,
                         const char* version, size_t* size) {
  const struct aotc_wasi_freeze* freeze = wasi->freeze;
  char *text = NULL, go[32];
  FILE* out = open_memstream(&text, size);
  if (out == NULL) return NULL;
  fputc('{', out);
  put_wait(out, instance, flags);
  fprintf(out, ", \"go\": \"%s\", \"ran_seconds\": %.6f", aotc_printable(version, go, sizeof(go)), (double)run->nanoseconds / 1e9);
  if (run->rehearsed) fputs(", \"rehearsed\": true", out);
  if (run->warmup_requests != 0)
    fprintf(out, ", \"warmup\": {\"requests\": %u, \"last_status\": %u, \"response_bytes\": %llu, \"ran_seconds\": %.6f}",
            run->warmup_requests, run->warmup_status, (unsigned long long)run->warmup_bytes,
            (double)run->warmup_nanoseconds / 1e9);
  fprintf(out, ", \"memory_bytes\": %llu, \"image_bytes\": %llu, \"image_pages\": %llu, \"image_runs\": %u, \"output_bytes\": %llu",
          (unsigned long long)aotc_tail(instance)->memory_size, (unsigned long long)(image->pages * AOTC_IMAGE_PAGE),
          (unsigned long long)image->pages, image->runs, (unsigned long long)freeze->output_size);
  /* The first 32 bytes seed the runtime's generator, which every clone seeds anew. */
  fprintf(out, ", \"shared\": {\"random_bytes\": %llu, \"wall_clock_reads\": %llu, \"files_opened\": %llu, \"files\": [",
          (unsigned long long)(freeze->random_bytes > 32 ? freeze->random_bytes - 32 : 0),
          (unsigned long long)freeze->realtime_reads, (unsigned long long)freeze->paths_opened);
  put_files(out, freeze);
  fprintf(out, "], \"files_still_open\": %u, \"arguments_read\": %s, \"environment_read\": %s, \"environment\": [",
          image->files, freeze->read_args ? "true" : "false", freeze->read_environ ? "true" : "false");
  put_environment(out, &wasi->environ);
  fputs("]}}", out);
  if (fclose(out) == 0) return text;
  free(text);
  return NULL;
}
