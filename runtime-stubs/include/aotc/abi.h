/* abi.h - how compiled code and the runtime meet: the instance context, calls, helpers and traps.
 *
 * Compiled code sees one register of ours, the *base*: GS on x86-64, x28 on AArch64. It points at byte 0 of linear
 * memory. Directly below it lies the instance context, so one register reaches both, and the context needs no pointer
 * in read-only data:
 *
 *     base - 65536   runtime-private state (AOTC_CONTEXT_PRIVATE_SIZE bytes, layout known to the runtime only)
 *     base - 49152   scratch: 960 slots of 16 bytes, arguments and results that do not travel in registers
 *     base - 33792   helpers: one 8-byte code address per enum aotc_helper
 *     base - 32768   table descriptors: 64 of 16 bytes
 *     base - 31744   globals: slot i of 16 bytes at base - AOTC_GLOBALS_END - 16 * (i + 1), growing downwards
 *     base - 128     struct aotc_context_tail: everything compiled code reads often
 *     base           linear memory, AOTC_MEMORY_RESERVATION bytes of address space, inaccessible above its size
 *
 * An address is a zero-extended 32-bit index plus a 32-bit offset (plus, in Go-shaped modules, one more constant below
 * 2^31), so it can never be negative and never reach the context: the reservation covers every address code can form.
 *
 * Calls. Internal functions use LLVM's preserve_none convention. In a Go-shaped module the Go stack pointer (global 0)
 * is the first parameter and the first result; between calls it lives in no memory. It is written to global slot 0
 * before every host call and read back after it, so a host function sees it and may change it. At most
 * AOTC_MAX_REGISTER_INTS integer parameters travel in registers (more would make LLVM use x28 on AArch64, which is the
 * base); the others and results after the first go through the scratch slots, in order, from slot 0. v128 is reserved a
 * whole slot everywhere.
 *
 * Unwinding. A Go function of type (i32)->i32 returns 1 only to make every caller return 1 as well, down to the loop
 * that restarts goroutines. Compiled code does not test that result after each call: returning 1 is a jump (`unwind`)
 * to the innermost `catch_call`, whose stack pointer is kept in the context. A function of that type returns only the
 * Go stack pointer.
 *
 * Traps are `ud1 code(%eax), %eax` (67 0f b9 40 code, or 67 0f b9 00 for code 0) on x86-64 and `brk #0x5500 + code` on
 * AArch64, or a fault on an address of the instance's own reservation or stack guard. The runtime's signal handler
 * accepts both only when the pc lies in a loaded artifact.
 */
#ifndef AOTC_ABI_H
#define AOTC_ABI_H

#include <stdint.h>

/* Raised whenever compiled code asks for more of the runtime, which goes on to run what asks for less, down to the
 * oldest. Recorded in every artifact. */
#define AOTC_ABI_VERSION 2u
#define AOTC_ABI_OLDEST 1u

#define AOTC_WASM_PAGE 65536ull
#define AOTC_CONTEXT_SIZE 65536ll
#define AOTC_CONTEXT_PRIVATE_SIZE 16384ll
#define AOTC_SCRATCH_OFFSET (-49152ll)
#define AOTC_SCRATCH_SLOTS 960
#define AOTC_SLOT_SIZE 16
#define AOTC_TABLES_OFFSET (-32768ll)
#define AOTC_MAX_TABLES 64
#define AOTC_GLOBALS_END 128ll
#define AOTC_MAX_GLOBALS 1976 /* (31744 - 128) / 16 */
#define AOTC_GLOBAL_OFFSET(i) (-(AOTC_GLOBALS_END + AOTC_SLOT_SIZE * ((int64_t)(i) + 1)))

/* Index (2^32) + offset immediate (2^32) + folded constant (2^31) + access width, rounded up generously. */
#define AOTC_MEMORY_RESERVATION (11ull << 30)

/* Integer parameters in registers, the Go stack pointer included. */
#define AOTC_MAX_REGISTER_INTS 8
#define AOTC_MAX_REGISTER_FLOATS 8

/* Functions whose native frame is larger than this are refused; the stack guard is twice as large. */
#define AOTC_MAX_FRAME (512u << 10)
#define AOTC_STACK_GUARD (1u << 20)
#define AOTC_STACK_RESERVATION (1ull << 30)

/* Trap codes, as encoded in the trap instruction. */
enum aotc_trap {
  AOTC_TRAP_UNREACHABLE = 0,
  AOTC_TRAP_INTEGER_DIVIDE_BY_ZERO = 1,
  AOTC_TRAP_INTEGER_OVERFLOW = 2,
  AOTC_TRAP_INVALID_CONVERSION = 3,
  AOTC_TRAP_OUT_OF_BOUNDS_MEMORY = 4,
  AOTC_TRAP_OUT_OF_BOUNDS_TABLE = 5,
  AOTC_TRAP_UNDEFINED_ELEMENT = 6,
  AOTC_TRAP_UNINITIALIZED_ELEMENT = 7,
  AOTC_TRAP_INDIRECT_CALL_TYPE = 8,
  AOTC_TRAP_STACK_OVERFLOW = 9,
  AOTC_TRAP_DEADLINE = 10,
  AOTC_TRAP_RESUME = 11, /* a goroutine was resumed where its function does not expect it */
  AOTC_TRAP_COUNT
};

/* A table that may change while the program runs. An entry is a function reference: index + 1, or 0 for null. */
struct aotc_table {
  uint32_t* entries; /* `capacity` entries reserved by the runtime */
  uint32_t size;     /* in entries; compiled code checks indices against it */
  uint32_t capacity;
};

/* Helpers follow the platform's C convention and take the base as first argument, so no helper needs to know which
 * register holds it. They run on the guest's stack and switch to the host's when they need more than a leaf's worth.
 * A helper that traps does not return. `catch_call` and `unwind` are the exception, see below. Order is ABI. */
enum aotc_helper {
  /* (base, import index): arguments in scratch slots 0.., results there afterwards; global 0 holds the Go SP. */
  AOTC_HELPER_HOST_CALL,
  /* (base, delta pages) -> previous size in pages, or 0xffffffff */
  AOTC_HELPER_MEMORY_GROW,
  AOTC_HELPER_MEMORY_COPY, /* (base, dst, src, n) */
  AOTC_HELPER_MEMORY_FILL, /* (base, dst, value, n) */
  AOTC_HELPER_MEMORY_INIT, /* (base, segment, dst, src, n) */
  AOTC_HELPER_DATA_DROP,   /* (base, segment) */
  AOTC_HELPER_TABLE_INIT,  /* (base, segment << 8 | table, dst, src, n) */
  AOTC_HELPER_ELEM_DROP,   /* (base, segment) */
  AOTC_HELPER_TABLE_COPY,  /* (base, dst table << 8 | src table, dst, src, n) */
  AOTC_HELPER_TABLE_FILL,  /* (base, table, dst, ref, n) */
  AOTC_HELPER_TABLE_GROW,  /* (base, table, ref, n) -> previous size or 0xffffffff */
  /* preserve_none {i32 sp, i32 unwound}(i32 sp, i32 pc_b, i64 code address): calls a resumable function and returns 1
   * as `unwound` if it unwound. */
  AOTC_HELPER_CATCH_CALL,
  /* preserve_none void(i32 sp), does not return: to the innermost catch_call. */
  AOTC_HELPER_UNWIND,
  /* Replace functions of Go's library, see known_functions.h; operands are checked like memory.copy's. */
  AOTC_HELPER_MEMEQUAL, /* (base, p, q, n) -> 1 if equal */
  AOTC_HELPER_MEMCHR,   /* (base, p, byte, n) -> index, or 0xffffffff */
  AOTC_HELPER_MEMCMP,   /* (base, p, q, n) -> difference of the first bytes that differ, or 0 */
  AOTC_HELPER_SHA256,   /* (base, i64 state, i64 data, i64 size) -> 1 if done, 0 if the caller has to */
  /* (base, enum aotc_known, i32 sp) -> 1 if done, 0 if the caller has to. From version 2 on. */
  AOTC_HELPER_KNOWN,
  AOTC_HELPER_COUNT
};

/* Functions of Go's library that AOTC_HELPER_KNOWN may do; their arguments are on Go's stack. What a runtime does not
 * know it leaves to the caller. Order is ABI. */
enum aotc_known {
  AOTC_KNOWN_AES_ENCRYPT,        /* aes.encryptBlockGeneric(c *blockExpanded, dst, src []byte) */
  AOTC_KNOWN_AES_DECRYPT,        /* aes.decryptBlockGeneric */
  AOTC_KNOWN_AES_ENCRYPT_WORDS,  /* aes.encryptBlockGo(xk []uint32, dst, src []byte), up to Go 1.23 */
  AOTC_KNOWN_AES_DECRYPT_WORDS,  /* aes.decryptBlockGo */
  AOTC_KNOWN_CRC32,              /* crc32.slicingUpdate(crc uint32, tab *slicing8Table, p []byte) uint32 */
  AOTC_KNOWN_INDEX_STRING,       /* bytealg.IndexRabinKarp[string](s, sep string) int */
  AOTC_KNOWN_INDEX_BYTES,        /* bytealg.IndexRabinKarp[[]byte](s, sep []byte) int */
  AOTC_KNOWN_CARRYLESS_MULTIPLY, /* gcm.ghashMul(x, y uint32) uint64, from Go 1.27 on */
  AOTC_KNOWN_FMA,                /* math.FMA(x, y, z float64) float64 */
  AOTC_KNOWN_SHA1,               /* sha1.blockGeneric(dig *digest, p []byte) */
  AOTC_KNOWN_AES_COUNT,          /* aes.ctrBlocks(b *Block, dst, src []byte, ivlo, ivhi uint64), from Go 1.24 on */
  AOTC_KNOWN_GCM_COUNT,          /* gcm.gcmCounterCryptGeneric(b *aes.Block, out, src []byte, counter *[16]byte) */
  AOTC_KNOWN_COUNT
};

/* The last 128 bytes below the base, within reach of AArch64's unscaled offsets. */
struct aotc_context_tail {
  uint64_t unwind_stack; /* native stack pointer of the innermost catch_call */
  uint64_t memory_size;  /* bytes */
  uint64_t reserved[13];
  uint64_t self; /* the base itself */
};

#define AOTC_TAIL_MEMORY_SIZE (-120ll)
#define AOTC_TAIL_SELF (-8ll)

#define AOTC_HELPERS_OFFSET (-33792ll)
#define AOTC_HELPER_OFFSET(h) (AOTC_HELPERS_OFFSET + 8 * (int64_t)(h))

#endif
