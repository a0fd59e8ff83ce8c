/* artifact_format.h - the file that the compiler writes and the node maps: one ELF64 ET_DYN per module and target.
 *
 *   artifact  = ehdr phdr* pad header metadata rodata eh_frame strtab pad text pad image symtab shstrtab shdr*
 *               [pad snapshot]
 *   header    = struct aotc_header at file offset AOTC_HEADER_OFFSET
 *   metadata  = types type_bytes imports exports globals tables elements functions trap_sites
 *               data_segments elem_segments image_runs          ; each an array named by an aotc_span in the header
 *   rodata    = constants, jump tables and immutable wasm tables of the code (offsets relative to themselves)
 *   text      = machine code, starting at a multiple of AOTC_TEXT_ALIGN
 *   image     = initial linear memory: the pages of each image run, one after the other, page aligned
 *   snapshot  = struct aotc_snapshot arrays pad pages    ; a program stopped where it waits, see struct aotc_snapshot
 *
 * Everything from offset 0 to the end of text is mapped as it lies in the file, so virtual address = file offset, no
 * relocation is left, and loading costs two mappings whatever the size. The image is not part of that mapping: each
 * instance maps it privately at its linear memory. The ELF section headers, .symtab and .eh_frame describe the same
 * bytes for readelf, objdump, gdb and perf; the loader never reads them.
 *
 * Trust: the loader checks the header's own checksum and that every span lies inside the file; each index and offset
 * found in an array is checked where it is followed. Section checksums (XXH3-64) are for `aotc inspect --verify` and
 * for whoever copies a file in; signatures are the server's business.
 *
 * All integers are little-endian. Offsets are from the start of the file, `code` offsets from the start of text.
 */
#ifndef AOTC_ARTIFACT_FORMAT_H
#define AOTC_ARTIFACT_FORMAT_H

#include <stdint.h>

#define AOTC_MAGIC 0x0043544f41303031ull /* "100AOTC\0" read as a little-endian number */
#define AOTC_FORMAT_VERSION 2u
#define AOTC_HEADER_OFFSET 0x400u
/* The largest page size of the kernels we target, so one file fits them all. */
#define AOTC_TEXT_ALIGN 0x10000u
#define AOTC_IMAGE_PAGE 4096u
/* An address in no function, a name that is absent, a maximum that was not given. */
#define AOTC_NONE 0xffffffffu

enum aotc_architecture { AOTC_ARCH_X86_64 = 1, AOTC_ARCH_AARCH64 = 2 };
enum aotc_tier { AOTC_TIER_QUICK = 1, AOTC_TIER_BEST = 2 };

/* wasm value types, as encoded in the binary format. */
enum aotc_value_type {
  AOTC_I32 = 0x7f,
  AOTC_I64 = 0x7e,
  AOTC_F32 = 0x7d,
  AOTC_F64 = 0x7c,
  AOTC_V128 = 0x7b,
  AOTC_FUNCREF = 0x70
};

/* As in text; null for what is none. */
static inline const char* aotc_value_type_name(uint8_t type) {
  static const char* const kNames[] = {"v128", "f64", "f32", "i64", "i32"};
  if (type >= AOTC_V128 && type <= AOTC_I32) return kNames[type - AOTC_V128];
  return type == AOTC_FUNCREF ? "funcref" : (const char*)0;
}

/* CPU features an artifact may need; bit numbers are per architecture. */
enum aotc_x86_feature {
  AOTC_X86_FSGSBASE = 0, /* always needed: the base register is GS */
  AOTC_X86_CX16,
  AOTC_X86_LAHF,
  AOTC_X86_POPCNT,
  AOTC_X86_SSE3,
  AOTC_X86_SSSE3,
  AOTC_X86_SSE41,
  AOTC_X86_SSE42,
  AOTC_X86_AVX,
  AOTC_X86_AVX2,
  AOTC_X86_BMI1,
  AOTC_X86_BMI2,
  AOTC_X86_F16C,
  AOTC_X86_FMA,
  AOTC_X86_LZCNT,
  AOTC_X86_MOVBE,
  AOTC_X86_AVX512F,
  AOTC_X86_AVX512BW,
  AOTC_X86_AVX512CD,
  AOTC_X86_AVX512DQ,
  AOTC_X86_AVX512VL
};
enum aotc_arm_feature { AOTC_ARM_LSE = 0, AOTC_ARM_RDM, AOTC_ARM_CRC32, AOTC_ARM_DOTPROD, AOTC_ARM_RCPC };

/* An array of `count` elements whose size the reader knows, at file offset `offset` (8-byte aligned). */
struct aotc_span {
  uint64_t offset;
  uint32_t count;
  uint32_t reserved;
};

/* A part of the file with its checksum. */
struct aotc_section {
  uint64_t offset;
  uint64_t size;
  uint64_t xxh3; /* XXH3-64, seed 0, of the `size` bytes */
};

enum aotc_flags {
  AOTC_FLAG_GO = 1u << 0,     /* Go-shaped: global 0 is the Go stack pointer, (i32)->i32 functions unwind */
  AOTC_FLAG_MEMORY = 1u << 1, /* has a linear memory */
  AOTC_FLAG_NAMES = 1u << 2   /* function names are present */
};

struct aotc_header {
  uint64_t magic;
  uint32_t format_version;
  uint32_t abi_version;
  uint32_t header_size; /* sizeof(struct aotc_header) */
  uint32_t flags;       /* enum aotc_flags */
  uint32_t architecture;
  uint32_t tier;
  uint64_t cpu_features;     /* bits of enum aotc_x86_feature or aotc_arm_feature that the code uses */
  uint8_t module_sha256[32]; /* of the wasm module this was compiled from */
  char compiler_version[32]; /* NUL-terminated */
  char cpu[32];              /* the --cpu baseline, NUL-terminated */
  uint64_t file_size;        /* a shorter file is truncated */
  uint64_t load_size;        /* bytes from offset 0 that are mapped: the end of text rounded up */

  struct aotc_section metadata; /* from the first span's array to the end of the last */
  struct aotc_section rodata;
  struct aotc_section strings; /* NUL-terminated UTF-8, a zero byte of a name as C0 80; starts and ends with NUL; also
                                  the ELF .strtab */
  struct aotc_section text;
  struct aotc_section image;
  struct aotc_section snapshot; /* size 0 when there is none */

  struct aotc_span types;         /* struct aotc_type */
  struct aotc_span type_bytes;    /* uint8_t, enum aotc_value_type: parameters then results of each type */
  struct aotc_span imports;       /* struct aotc_import; function imports only, in index order */
  struct aotc_span exports;       /* struct aotc_export */
  struct aotc_span globals;       /* struct aotc_global, in slot order */
  struct aotc_span tables;        /* struct aotc_table_init: tables that may change at run time, in descriptor order */
  struct aotc_span elements;      /* uint32_t function references (index + 1, 0 = null), all segments' entries */
  struct aotc_span functions;     /* struct aotc_function, in wasm order: function i is wasm function imports + i */
  struct aotc_span trap_sites;    /* struct aotc_trap_site, ascending code offset */
  struct aotc_span data_segments; /* struct aotc_data_segment; passive ones and those applied at instantiation */
  struct aotc_span elem_segments; /* struct aotc_elem_segment */
  struct aotc_span image_runs;    /* struct aotc_image_run, ascending, not overlapping */

  uint32_t memory_min; /* wasm pages */
  uint32_t memory_max; /* wasm pages; 65536 when the module gives none */
  /* Code offset of the thunk for the start function, or AOTC_NONE. Thunks are preserve_none `void(void)`: they
   * take arguments from the scratch slots, leave results there, and pass global 0 through in a Go-shaped module. */
  uint32_t start_thunk;
  /* Go-shaped: code offset of the thunk for the loop that restarts goroutines, or AOTC_NONE. */
  uint32_t resume_thunk;

  uint64_t checksum; /* XXH3-64 of every byte of the header before this field */
};

struct aotc_type {
  uint32_t first; /* index into type_bytes */
  uint16_t params;
  uint16_t results;
};

struct aotc_import {
  uint32_t module; /* string offset */
  uint32_t field;  /* string offset */
  uint32_t type;   /* index into types */
  /* Go-shaped: table index of the resumable function that wraps this import, or AOTC_NONE. Go calls it PC_F. */
  uint32_t wrapper;
};

enum aotc_export_kind {
  AOTC_EXPORT_FUNCTION = 0,
  AOTC_EXPORT_TABLE = 1,
  AOTC_EXPORT_MEMORY = 2,
  AOTC_EXPORT_GLOBAL = 3
};

struct aotc_export {
  uint32_t name; /* string offset */
  uint32_t kind; /* enum aotc_export_kind, as in the wasm binary format */
  uint32_t index;
  uint32_t type;  /* function: index into types */
  uint32_t thunk; /* function: code offset; AOTC_NONE for a re-exported import */
};

/* Globals that code reads from the context. Immutable ones are folded into the code and have no slot. */
struct aotc_global {
  uint64_t value[2]; /* initial bits, low word first */
  uint32_t type;     /* enum aotc_value_type */
  uint32_t index;    /* wasm global index */
};

struct aotc_table_init {
  uint32_t index; /* wasm table index */
  uint32_t min;
  uint32_t max; /* AOTC_NONE when the module gives none */
};

/* Native code of one function. A frame is the return address plus `frame_size` bytes below it. */
struct aotc_function {
  uint32_t code;
  uint32_t code_size;
  uint32_t frame_size;
  uint32_t name; /* string offset, or AOTC_NONE */
};

struct aotc_trap_site {
  uint32_t code;        /* of the trap instruction */
  uint32_t wasm_offset; /* byte offset of the wasm instruction in the module */
};

struct aotc_data_segment {
  uint64_t offset; /* of the bytes, inside the metadata section; 0 with size 0 for a segment that the image holds */
  uint32_t size;
  uint32_t active; /* 1: copied to `address` at instantiation, in order, trapping when out of bounds */
  uint64_t address;
};

struct aotc_elem_segment {
  uint32_t first; /* index into elements */
  uint32_t count;
  uint32_t active; /* 1: written to table descriptor `table` at `address` at instantiation */
  uint32_t table;
  uint32_t address;
};

/* `pages` pages of AOTC_IMAGE_PAGE bytes: linear memory from `address`, file bytes from `offset`. */
struct aotc_image_run {
  uint64_t address;
  uint64_t offset;
  uint64_t pages;
};

/* --- Snapshot ------------------------------------------------------------------------------------------------------
 *
 * A program that stands still: memory, globals and tables are all of its state, and the same for every target, and what
 * its hosts keep (host.h). Either no call runs (a reactor after _initialize), or it is a Go program that waits in an
 * import: Go keeps every goroutine's stack in linear memory. Then it goes on so: write `wrapper << 16` below the Go
 * stack pointer, run the resume thunk, and the import is called again. All offsets in here, those of spans and image
 * runs included, are from the start of the snapshot; those in a host's state are the host's affair.
 */
#define AOTC_SNAPSHOT_MAGIC 0x0050414e53383031ull /* "108SNAP\0" read as a little-endian number */

enum aotc_snapshot_flags {
  AOTC_SNAPSHOT_REACTOR = 1u << 0 /* no call runs: there is nothing to resume */
};

struct aotc_snapshot {
  uint64_t magic;
  uint64_t size;      /* of the whole snapshot */
  uint64_t head_size; /* of this structure and the arrays: everything before the pages */
  uint8_t module_sha256[32];
  uint32_t flags;        /* enum aotc_snapshot_flags */
  uint32_t memory_pages; /* wasm pages */
  uint32_t wrapper;      /* struct aotc_import of the import in which it stopped; AOTC_NONE for a reactor */
  uint32_t reserved0;
  uint64_t realtime; /* when it was made: nanoseconds since 1970 */
  /* Of a Go program: addresses in linear memory of the generators that every clone seeds anew, 0 for none. */
  uint64_t chacha8;   /* 304 bytes: u64 buf[32], seed[4]; u32 i, n, c */
  uint64_t fast_rand; /* `fast_rand_size` bytes, at most 16 */
  uint32_t fast_rand_size;
  uint32_t reserved1;
  struct aotc_span globals; /* 16 bytes each, in slot order */
  struct aotc_span runs;    /* struct aotc_image_run, ascending, not overlapping */
  struct aotc_span tables;  /* uint32_t: sizes of the tables that may change, in descriptor order */
  struct aotc_span
      elements;             /* uint32_t function references (index + 1, 0 = null): their entries, one after the other */
  struct aotc_span dropped; /* bytes, 1 for a dropped segment: data segments, then element segments */
  struct aotc_span hosts;   /* struct aotc_snapshot_host */
  struct aotc_span report;  /* bytes: JSON for people, see `aotc inspect` */
  struct aotc_span redrawn; /* struct aotc_random_range, at most AOTC_MAX_RANDOM_RANGES */
  struct aotc_span draws;   /* struct aotc_snapshot_draw, at most AOTC_MAX_DRAWS */
  struct aotc_span sequences; /* struct aotc_snapshot_sequence, at most AOTC_MAX_SEQUENCES */
};

#define AOTC_MAX_RANDOM_RANGES 32
#define AOTC_MAX_RANDOM_RANGE 256
#define AOTC_RANDOM_SOURCE_WORDS 607
enum aotc_random_kind {
  AOTC_RANDOM_BYTES = 0,
  AOTC_RANDOM_TEXT = 1,  /* ASCII letters and digits */
  AOTC_RANDOM_SOURCE = 2 /* the AOTC_RANDOM_SOURCE_WORDS u64 of a generator of math/rand */
};
/* Linear memory that every clone fills with random values of its own; bytes and text are at most AOTC_MAX_RANDOM_RANGE.
 */
struct aotc_random_range {
  uint32_t address, size;
  uint32_t kind; /* enum aotc_random_kind */
};

#define AOTC_MAX_SEQUENCES 8
/* A generator of identifiers by the time, for which the instances of a process count together (snowflake.c). */
struct aotc_snapshot_sequence {
  uint32_t address, step_bits;
  int64_t epoch; /* milliseconds since 1970 */
};

#define AOTC_MAX_DRAWS 64
#define AOTC_GO_NAME 112
enum aotc_draw_kind {
  AOTC_DRAW_BYTES = 0, /* random bytes */
  AOTC_DRAW_CLOCK = 1, /* the time, 8 bytes, of which a generator of identifiers was made */
  AOTC_DRAW_COUNT = 2  /* likewise; instances count together */
};
/* What a function drew before the freeze. */
struct aotc_snapshot_draw {
  char function[AOTC_GO_NAME]; /* of Go, NUL-terminated, perhaps cut off */
  uint32_t kind;               /* enum aotc_draw_kind */
  uint32_t reserved;
  uint64_t bytes;
  uint64_t shared; /* those of them that clones may have in common */
};

/* What a host kept. */
struct aotc_snapshot_host {
  char name[32];          /* NUL-terminated */
  struct aotc_span state; /* bytes */
};

#endif
