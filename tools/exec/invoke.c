/* invoke.c - see invoke.h. */
#include "invoke.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aotc/program.h"
#include "freeze_program.h"

const uint8_t* type_of(const struct aotc_artifact* artifact, const struct aotc_export* e, uint32_t* params,
                       uint32_t* results) {
  const struct aotc_header* h = aotc_artifact_header(artifact);
  const uint8_t* file = (const uint8_t*)h - AOTC_HEADER_OFFSET;
  if (e->type >= h->types.count) return NULL;
  const struct aotc_type* type = (const struct aotc_type*)(const void*)(file + h->types.offset) + e->type;
  if ((uint64_t)type->first + type->params + type->results > h->type_bytes.count) return NULL;
  *params = type->params;
  *results = type->results;
  return file + h->type_bytes.offset + type->first;
}

/* Signed or unsigned, decimal or 0x. */
static uint64_t parse_integer(const char* text, char** end) {
  const char* digits = text + (text[0] == '-');
  if (!isdigit((unsigned char)digits[0])) return *end = (char*)text, 0; /* strtoull would take " -+1" */
  int base = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') ? 16 : 10;
  return text[0] == '-' ? (uint64_t)strtoll(text, end, base) : strtoull(text, end, base);
}

static struct aotc_value parse_value(const char* text, uint8_t type) {
  struct aotc_value value = {{0, 0}};
  char* end = NULL;
  errno = 0;
  float f;
  double d;
  switch (type) {
    case AOTC_I32:
    case AOTC_I64:
      value.word[0] = parse_integer(text, &end);
      if (type == AOTC_I32) {
        int64_t n = (int64_t)value.word[0];
        if (n < INT32_MIN || n > UINT32_MAX) errno = ERANGE;
        value.word[0] &= UINT32_MAX;
      }
      break;
    case AOTC_F32:
      f = strtof(text, &end);
      errno = 0;
      memcpy(value.word, &f, sizeof(f));
      break;
    case AOTC_F64:
      d = strtod(text, &end);
      errno = 0;
      memcpy(value.word, &d, sizeof(d));
      break;
    default:
      usage_error("--invoke: cannot pass an argument of this type", text);
  }
  if (end == text || *end != 0 || errno != 0) usage_error("--invoke: not a number of the parameter's type", text);
  return value;
}

static void print_value(const struct aotc_value* value, uint8_t type) {
  float f;
  double d;
  switch (type) {
    case AOTC_I32:
      printf("%" PRId32 "\n", (int32_t)value->word[0]);
      break;
    case AOTC_I64:
      printf("%" PRId64 "\n", (int64_t)value->word[0]);
      break;
    case AOTC_F32:
      memcpy(&f, value->word, sizeof(f));
      printf("%.9g\n", (double)f);
      break;
    case AOTC_F64:
      memcpy(&d, value->word, sizeof(d));
      printf("%.17g\n", d);
      break;
    case AOTC_V128:
      printf("0x%016" PRIx64 "%016" PRIx64 "\n", value->word[1], value->word[0]);
      break;
    default:
      if ((uint32_t)value->word[0] == 0)
        puts("null");
      else
        printf("function %" PRIu32 "\n", (uint32_t)value->word[0] - 1);
  }
}

static void print_function(const struct aotc_artifact* artifact, uint32_t code) {
  const char* name = aotc_artifact_symbol(artifact, code);
  uint32_t index = aotc_artifact_function_index(artifact, code);
  if (strcmp(name, "?") != 0 || index == AOTC_NONE)
    fputs(name, stderr);
  else
    fprintf(stderr, "function %" PRIu32, index);
}

static void print_trap(const struct aotc_instance* instance) {
  const struct aotc_trap_info* trap = aotc_instance_trap(instance);
  const struct aotc_artifact* artifact = aotc_instance_artifact(instance);
  fprintf(stderr, "trap: %s", aotc_trap_message(trap->trap));
  if (trap->trap == AOTC_TRAP_OUT_OF_BOUNDS_MEMORY && trap->address != 0)
    fprintf(stderr, " at address 0x%" PRIx64, trap->address);
  if (trap->frames > 0) {
    fputs(" in ", stderr);
    print_function(artifact, trap->code[0]);
  }
  if (trap->wasm_offset != AOTC_NONE) fprintf(stderr, ", wasm offset 0x%" PRIx32, trap->wasm_offset);
  fputc('\n', stderr);
  for (uint32_t i = 0; i < trap->frames; ++i) {
    /* Thunks around the module's functions. */
    if (aotc_artifact_function_index(artifact, trap->code[i]) == AOTC_NONE) continue;
    fputs("    at ", stderr);
    print_function(artifact, trap->code[i]);
    fputc('\n', stderr);
  }
  if (trap->truncated) fputs("    ...\n", stderr);
}

void finish_unless_ok(enum aotc_status status, const struct aotc_instance* instance, const struct aotc_error* error) {
  if (status == AOTC_OK) return;
  fflush(stdout);
  if (status == AOTC_EXITED) {
    /* From 126 on codes mean something to shells and to us, and 256 would be 0. A failure is one, as with wasmtime. */
    const int code = aotc_instance_exit_code(instance);
    exit(code >= 0 && code < kExitNotOfPrograms ? code : kExitFailed);
  }
  if (status == AOTC_TRAPPED) {
    print_trap(instance);
    exit(kExitTrap);
  }
  fprintf(stderr, "aotc-exec: %s\n", error->message);
  exit(kExitCannotRun);
}

void invoke(struct aotc_instance* instance, const struct options* o, bool sigpipe) {
  const struct aotc_artifact* artifact = aotc_instance_artifact(instance);
  const struct aotc_export* function = aotc_artifact_export(artifact, o->invoke, AOTC_EXPORT_FUNCTION);
  struct aotc_error error;
  if (function == NULL) {
    fprintf(stderr, "aotc-exec: %s: no exported function \"%s\"\n", o->name, o->invoke);
    exit(kExitCannotRun);
  }
  uint32_t params = 0, results = 0;
  const uint8_t* types = type_of(artifact, function, &params, &results);
  if (types != NULL && (uint32_t)o->invoke_count != params) {
    fprintf(stderr, "aotc-exec: %s: \"%s\" takes %u arguments, %d given\n", o->name, o->invoke, params,
            o->invoke_count);
    exit(kExitUsage);
  }
  struct aotc_value* values = calloc((size_t)params + results + 1, sizeof(*values));
  if (values == NULL) abort();
  for (uint32_t i = 0; i < params; ++i) values[i] = parse_value(o->invoke_args[i], types[i]);
  finish_unless_ok(aotc_instance_call(instance, function, values, values + params, &error), instance, &error);
  if (sigpipe) signal(SIGPIPE, SIG_DFL);
  for (uint32_t i = 0; i < results; ++i) print_value(&values[params + i], types[params + i]);
  free(values);
}
