/* error.c - error messages. They end up in terminals and logs, and parts of them come from hostile files. */
#include <stdarg.h>
#include <stdio.h>

#include "state.h"

enum aotc_status aotc_fail(struct aotc_error* error, enum aotc_status status, const char* format, ...) {
  error->status = status;
  va_list args;
  va_start(args, format);
  vsnprintf(error->message, sizeof(error->message), format, args);
  va_end(args);
  return status;
}

const char* aotc_printable(const char* text, char* out, size_t size) {
  size_t i = 0;
  for (; text[i] != 0 && i + 1 < size; ++i) {
    unsigned char c = (unsigned char)text[i];
    out[i] = c < 0x20 || c == 0x7f || c == '"' ? '?' : (char)c;
  }
  out[i] = 0;
  return out;
}
