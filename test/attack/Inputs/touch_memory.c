// touch_memory.c - native code that takes memory as fast as it can, without asking anybody.
#include "native.h"

#include <asm/unistd.h>

static void attack(int phase, struct report* r) {
  enum { kPiece = 16 << 20, kMost = 256 };
  if (phase != PHASE_REQUEST || r->numbers[0] == 0) return;
  for (int piece = 0; piece < kMost; ++piece) {
    char* memory = (char*)CALL(__NR_mmap, 0, kPiece, 3, 0x22, -1, 0);
    for (long i = 0; i < kPiece; i += 4096) memory[i] = 1;
  }
  say_result(r, phase, "took MiB", kMost * (kPiece >> 20));
}
