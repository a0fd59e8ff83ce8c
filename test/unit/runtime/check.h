/* check.h - CHECK(condition): prints and counts what is false. */
#ifndef AOTC_TEST_CHECK_H
#define AOTC_TEST_CHECK_H
#include <stdio.h>
static int g_failures;
#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      ++g_failures;                                                            \
      fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #condition); \
    }                                                                          \
  } while (0)
#endif
