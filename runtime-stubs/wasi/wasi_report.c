/* wasi_report.c - the WASI host's part of the freeze report: what the program waits for, and what all clones share
 * because it happened before: random numbers beyond the seed that each gets anew, times of day, files, arguments and
 * environment. Names of variables are in it, their values are not.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "wasi_state.h"

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

static void put_environment(FILE* out, const struct aotc_wasi_strings* environ) {
  const char* at = environ->text;
  for (uint32_t i = 0; i < environ->count; ++i, at += strlen(at) + 1) {
    if (i != 0) fputs(", ", out);
    put_string(out, at, strcspn(at, "="));
  }
}

static void put_clock(FILE* out, const struct aotc_wasi_freeze* freeze) {
  fputs(", \"clock\": \"", out);
  if (freeze->clock_continues)
    fputs("continues, as asked", out);
  else if (freeze->may_pass == 0)
    fputs("continues: only poll_oneoff tells when the first timer is due", out);
  else if (freeze->may_pass == UINT64_MAX)
    fputs("advances: there is no timer", out);
  else
    fprintf(out, "advances until the first timer is due, in %.3f s", (double)freeze->may_pass / 1e9);
  fputc('"', out);
}

static void put_files(FILE* out, const struct aotc_wasi_freeze* freeze) {
  for (uint32_t i = 0; i < freeze->file_count; ++i) {
    if (i != 0) fputs(", ", out);
    put_string(out, freeze->files[i], strlen(freeze->files[i]));
  }
}

/* Each as "/site: 3 files, 1234 bytes, xxh3 01ab…"; of those that are not kept, why. */
static void put_directories(FILE* out, const struct aotc_wasi* wasi) {
  const struct aotc_wasi_freeze* freeze = wasi->freeze;
  uint32_t root = 0;
  const char* between = "";
  fputs(", \"directories\": [", out);
  for (uint32_t fd = 0; fd < wasi->fd_count; ++fd) {
    const struct aotc_wasi_fd* entry = &wasi->fds[fd];
    if (entry->preopen == NULL) continue;
    const struct aotc_kept_summary* kept = root < AOTC_WASI_MAX_KEPT_DIRS ? &freeze->kept[root] : NULL;
    bool lost = freeze->not_kept[0] != 0 && entry->node == NULL;
    ++root;
    if (!lost && entry->node != NULL && kept != NULL && kept->files == 0) continue; /* an empty /tmp */
    fputs(between, out);
    between = ", ";
    char text[sizeof(freeze->not_kept) + 32] = "";
    if (lost)
      snprintf(text, sizeof(text), ": not in the snapshot: %s", freeze->not_kept);
    else if (kept != NULL)
      snprintf(text, sizeof(text), ": %llu files, %llu bytes, xxh3 %016llx%016llx", (unsigned long long)kept->files,
               (unsigned long long)kept->bytes, (unsigned long long)kept->digest[1],
               (unsigned long long)kept->digest[0]);
    char* line;
    if (asprintf(&line, "%s%s", entry->preopen, text) < 0) continue;
    put_string(out, line, strlen(line));
    free(line);
  }
  fputc(']', out);
}

void aotc_wasi_report(const struct aotc_host* host, const char* import, FILE* out) {
  const struct aotc_wasi* wasi = (const struct aotc_wasi*)host;
  const struct aotc_wasi_freeze* freeze = wasi->freeze;
  bool input = freeze->waits & AOTC_WASI_WAITS_STDIN, listener = freeze->waits & AOTC_WASI_WAITS_LISTENER;
  if (import != NULL && (input || listener))
    fprintf(out, ", \"waits_for\": \"%s%s%s in %s\"", input ? "stdin" : "", input && listener ? " and " : "",
            listener ? "a listener" : "", import);
  fprintf(out, ", \"output_bytes\": %zu", freeze->output_size);
  put_clock(out, freeze);
  put_directories(out, wasi);
  /* The first 32 bytes seed the runtime's generator, which every clone seeds anew. */
  fprintf(out,
          ", \"shared\": {\"random_bytes\": %llu, \"wall_clock_reads\": %llu, \"files_opened\": %llu, \"files\": [",
          (unsigned long long)(freeze->random_bytes > 32 ? freeze->random_bytes - 32 : 0),
          (unsigned long long)freeze->realtime_reads, (unsigned long long)freeze->paths_opened);
  put_files(out, freeze);
  fprintf(out, "], \"files_still_open\": %u, \"arguments_read\": %s, \"environment_read\": %s, \"environment\": [",
          freeze->files_open, freeze->read_args ? "true" : "false", freeze->read_environ ? "true" : "false");
  put_environment(out, &wasi->environ);
  fputs("]}", out);
}
