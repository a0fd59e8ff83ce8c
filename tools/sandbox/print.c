/* print.c - the table as text: a line per property, a line per group of calls. */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"

static bool has_word(const char* list, const char* word) {
  size_t length = strlen(word);
  for (const char* at = list; (at = strstr(at, word)) != NULL; at += length)
    if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0)) return true;
  return false;
}

static void print_limits(FILE* out, const struct aotc_rules* r) {
  fputs("  limits    no core dump", out);
  if (r->descriptors != 0) fprintf(out, ", %u descriptors", r->descriptors);
  if (r->user != AOTC_SAME_RIGHTS)
    fprintf(out, r->threads == 0 ? ", no more threads" : ", %u more threads", r->threads);
  fputs(", memory, processor time and size of files as granted\n", out);
}

static void print_user(FILE* out, const struct aotc_rules* r) {
  static const char* const kUsers[] = {
      [AOTC_SAME_RIGHTS] = "the one that started it",
      [AOTC_SAME_USER] = "the one that started it, without capabilities",
      [AOTC_NOBODY] = "one without rights, when root started it; no capabilities",
  };
  static const char* const kNetworks[] = {
      [AOTC_ANY_NETWORK] = "what the calls allow",
      [AOTC_CONNECTS] = "listens to nothing",
      [AOTC_NO_NETWORK] = "none",
  };
  fprintf(out, "  user      %s\n  network   %s\n", kUsers[r->user], kNetworks[r->network]);
}

static void print_files(FILE* out, const struct aotc_rules* r) {
  static const char* const kFiles[] = {
      [AOTC_ANY_FILE] = "what its user may use",
      [AOTC_NO_FILE] = "none by name",
      [AOTC_GRANTED] = "what is granted by Landlock, where the kernel has it",
      [AOTC_ONLY_GRANTED] = "what is granted by Landlock, which the kernel must have",
  };
  fprintf(out, "  files     %s%s\n", kFiles[r->files],
          r->empty_root ? "; no file system in sight, where the kernel allows that" : "");
}

static void print_group(FILE* out, const struct aotc_group* group) {
  fprintf(out, "  calls     %s: %s", group->name, group->calls);
  bool first = group->calls[0] == 0;
  for (size_t i = 0; i < kMaxConditional && group->conditional[i].call != NULL; ++i, first = false)
    fprintf(out, "%s%s(%s)", first ? "" : " ", group->conditional[i].call, group->conditional[i].text);
  fputc('\n', out);
}

static void print_process(FILE* out, const struct aotc_rules* r) {
  fprintf(out, "%s: %s\n", r->name, r->purpose);
  if (r->narrows) {
    fputs("  before    another rule set of this table, which stays in force\n", out);
  } else {
    print_user(out, r);
    print_limits(out, r);
    print_files(out, r);
  }
  for (size_t i = 0; i < kMaxGroups && r->groups[i] != NULL; ++i) print_group(out, r->groups[i]);
  if (r->refused != NULL) fprintf(out, "  EACCES    %s\n", r->refused);
  if (r->otherwise == 0)
    fprintf(out, "  otherwise the process ends: %s\n", r->why);
  else
    fprintf(out, "  otherwise %s: %s\n", strerrorname_np(r->otherwise), r->why);
}

int aotc_sandbox_find(const char* name) {
  for (int i = 0; i < AOTC_PROCESS_COUNT; ++i)
    if (strcmp(aotc_process_rules[i].name, name) == 0) return i;
  return -1;
}

char* aotc_sandbox_text(const char* program, const char* process) {
  char* text = NULL;
  size_t size = 0;
  FILE* out = open_memstream(&text, &size);
  if (out == NULL) return NULL;
  for (size_t i = 0; i < AOTC_PROCESS_COUNT; ++i) {
    const struct aotc_rules* r = &aotc_process_rules[i];
    if (!has_word(r->program, program) || (process[0] != 0 && strcmp(process, r->name) != 0)) continue;
    if (ftell(out) > 0) fputc('\n', out);
    print_process(out, r);
  }
  if (fclose(out) == 0 && size > 0) return text;
  free(text);
  return NULL;
}
