/* artifact.c - looks things up in a loaded artifact: types, strings, exports, functions, trap sites.
 *
 * The loader has checked that each array lies inside the mapping; what an array says is checked here, at use. Functions
 * and trap sites should be sorted by code offset. A file that lies about it gets wrong names, never a wild read.
 */
#include <string.h>

#include "state.h"

const struct aotc_header* aotc_artifact_header(const struct aotc_artifact* artifact) { return artifact->header; }

const void* aotc_span_data(const struct aotc_artifact* artifact, const struct aotc_span* span) {
  return artifact->map + (span->count == 0 ? 0 : span->offset);
}

bool aotc_artifact_type(const struct aotc_artifact* artifact, uint32_t index, struct aotc_type_view* view) {
  const struct aotc_header* h = artifact->header;
  if (index >= h->types.count) return false;
  const struct aotc_type* type = (const struct aotc_type*)aotc_span_data(artifact, &h->types) + index;
  uint64_t end = (uint64_t)type->first + type->params + type->results;
  if (end > h->type_bytes.count) return false;
  view->params = type->params;
  view->results = type->results;
  view->bytes = (const uint8_t*)aotc_span_data(artifact, &h->type_bytes) + type->first;
  return true;
}

const char* aotc_artifact_string(const struct aotc_artifact* artifact, uint32_t offset) {
  return offset < artifact->header->strings.size ? artifact->strings + offset : NULL;
}

const struct aotc_export* aotc_artifact_export(const struct aotc_artifact* artifact, const char* name,
                                               enum aotc_export_kind kind) {
  const struct aotc_header* h = artifact->header;
  const struct aotc_export* exports = aotc_span_data(artifact, &h->exports);
  for (uint32_t i = 0; i < h->exports.count; ++i) {
    const char* found = aotc_artifact_string(artifact, exports[i].name);
    if (exports[i].kind == (uint32_t)kind && found != NULL && strcmp(found, name) == 0) return &exports[i];
  }
  return NULL;
}

/* Functions lie in text in the order of the array; thunks follow them. */
const struct aotc_function* aotc_artifact_function(const struct aotc_artifact* artifact, uint32_t code) {
  const struct aotc_header* h = artifact->header;
  const struct aotc_function* functions = aotc_span_data(artifact, &h->functions);
  uint32_t low = 0, high = h->functions.count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (functions[middle].code <= code)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0) return NULL;
  const struct aotc_function* function = &functions[low - 1];
  return function->code <= code && code - function->code < function->code_size ? function : NULL;
}

uint32_t aotc_artifact_function_index(const struct aotc_artifact* artifact, uint32_t code) {
  const struct aotc_header* h = artifact->header;
  const struct aotc_function* function = aotc_artifact_function(artifact, code);
  if (function == NULL) return AOTC_NONE;
  const struct aotc_function* functions = aotc_span_data(artifact, &h->functions);
  return h->imports.count + (uint32_t)(function - functions);
}

const char* aotc_artifact_symbol(const struct aotc_artifact* artifact, uint32_t code) {
  const struct aotc_function* function = aotc_artifact_function(artifact, code);
  const char* name = function == NULL ? NULL : aotc_artifact_string(artifact, function->name);
  return name == NULL || name[0] == 0 ? "?" : name;
}

bool aotc_artifact_has_symbol(const struct aotc_artifact* artifact, const char* name) {
  const struct aotc_header* h = artifact->header;
  const struct aotc_function* functions = aotc_span_data(artifact, &h->functions);
  for (uint32_t i = 0; i < h->functions.count; ++i) {
    const char* symbol = aotc_artifact_string(artifact, functions[i].name);
    if (symbol != NULL && strcmp(symbol, name) == 0) return true;
  }
  return false;
}

uint32_t aotc_artifact_wasm_offset(const struct aotc_artifact* artifact, uint32_t code) {
  const struct aotc_header* h = artifact->header;
  const struct aotc_trap_site* sites = aotc_span_data(artifact, &h->trap_sites);
  uint32_t low = 0, high = h->trap_sites.count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (sites[middle].code < code)
      low = middle + 1;
    else
      high = middle;
  }
  return low < h->trap_sites.count && sites[low].code == code ? sites[low].wasm_offset : AOTC_NONE;
}

const uint8_t* aotc_artifact_segment(const struct aotc_artifact* artifact, const struct aotc_data_segment* segment) {
  const struct aotc_section* metadata = &artifact->header->metadata;
  if (segment->size == 0) return artifact->map;
  uint64_t at = segment->offset - metadata->offset;
  bool inside = segment->offset >= metadata->offset && at <= metadata->size && segment->size <= metadata->size - at;
  return inside ? artifact->map + segment->offset : NULL;
}
