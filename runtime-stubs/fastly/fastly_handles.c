/* fastly_handles.c - handles of what belongs to a request, and how many of them there may be.
 */
#include <stdlib.h>

#include "fastly.h"

static size_t size_of(enum fastly_kind kind) {
  switch (kind) {
    case FASTLY_REQUEST:
    case FASTLY_RESPONSE:
      return sizeof(struct fastly_message);
    case FASTLY_BODY:
      return sizeof(struct fastly_body);
    case FASTLY_ASKED:
      return sizeof(struct fastly_asked);
    case FASTLY_PENDING:
      return sizeof(struct fastly_exchange*);
    default:
      return sizeof(struct aotc_text);
  }
}

uint32_t fastly_new(struct fastly* f, struct aotc_instance* instance, enum fastly_kind kind) {
  uint32_t i = 0;
  while (i < f->entry_count && f->entries[i].kind != FASTLY_FREE) ++i;
  if (i == f->entry_count) {
    const uint32_t count = i == 0 ? 16 : 2 * i;
    if (count > FASTLY_MOST_HANDLES || !aotc_instance_may_grow(instance, count * sizeof(*f->entries))) return 0;
    struct fastly_entry* larger = realloc(f->entries, count * sizeof(*larger));
    if (larger == NULL) return 0;
    memset(larger + i, 0, (count - i) * sizeof(*larger));
    f->entries = larger;
    f->entry_count = count;
  }
  void* made = calloc(1, size_of(kind));
  if (made == NULL) return 0;
  f->entries[i] = (struct fastly_entry){.kind = kind, .any = made};
  if (kind == FASTLY_REQUEST || kind == FASTLY_RESPONSE) f->entries[i].message->version = FASTLY_HTTP_11;
  if (kind == FASTLY_RESPONSE) f->entries[i].message->status = 200;
  return FASTLY_FIRST_ENTRY + i;
}

struct fastly_entry* fastly_entry(struct fastly* f, enum fastly_kind kind, uint32_t handle) {
  if (handle < FASTLY_FIRST_ENTRY || handle - FASTLY_FIRST_ENTRY >= f->entry_count) return NULL;
  struct fastly_entry* entry = &f->entries[handle - FASTLY_FIRST_ENTRY];
  return entry->kind == kind ? entry : NULL;
}

void fastly_drop(struct fastly* f, struct fastly_entry* entry) {
  switch (entry->kind) {
    case FASTLY_REQUEST:
    case FASTLY_RESPONSE:
      fastly_free_text(f, &entry->message->method);
      fastly_free_text(f, &entry->message->uri);
      fastly_free_text(f, &entry->message->fields);
      break;
    case FASTLY_BODY:
      fastly_free_body(f, entry->body);
      break;
    case FASTLY_SECRET:
      fastly_free_text(f, entry->secret);
      break;
    case FASTLY_ASKED:
      fastly_free_text(f, &entry->asked->value);
      break;
    case FASTLY_PENDING:
      if (*entry->pending != NULL) fastly_release(f, *entry->pending);
      break;
    default:
      break;
  }
  free(entry->any);
  *entry = (struct fastly_entry){.kind = FASTLY_FREE};
}

void fastly_forget(struct fastly* f, enum fastly_kind kind, uint32_t handle) {
  struct fastly_entry* entry = fastly_entry(f, kind, handle);
  if (entry != NULL) fastly_drop(f, entry);
}

void fastly_drop_all(struct fastly* f) {
  for (uint32_t i = 0; i < f->entry_count; ++i) fastly_drop(f, &f->entries[i]);
}
