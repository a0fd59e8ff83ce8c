// check_fragment: every way to write the base register or to reach the kernel is refused, ordinary code is not.
#include "verify/check_fragment.h"

#include <gtest/gtest.h>

#include "aotc/abi.h"
#include "assemble.h"

namespace aotc {
namespace {

std::string check(Architecture architecture, const std::string& text) {
  Fragment fragment;
  fragment.text = assemble(architecture, text + (architecture == Architecture::X86_64 ? "\n ud2" : "\n brk #1"));
  if (fragment.text.empty()) return "does not assemble";
  llvm::Error error = check_fragment(fragment, architecture);
  return error ? llvm::toString(std::move(error)) : "";
}

std::string check_bytes(Architecture architecture, std::vector<uint8_t> text) {
  Fragment fragment;
  fragment.text = std::move(text);
  llvm::Error error = check_fragment(fragment, architecture);
  return error ? llvm::toString(std::move(error)) : "";
}

constexpr const char* kRefusedX86[] = {
    "wrgsbase %rax",
    "wrgsbase %eax",
    "wrfsbase %rax",
    "rdgsbase %rax",
    "rdfsbase %rax",
    "swapgs",
    "movw %ax, %gs",
    "movl %eax, %gs",
    "movq %rax, %gs",
    "movw (%rax), %gs",
    "movl %eax, %fs",
    "movl %eax, %ss",
    "movl %eax, %ds",
    "popq %gs",
    "popq %fs",
    "popw %gs",
    "lgsl (%rax), %eax",
    "lgsq (%rax), %rax",
    "lfsq (%rax), %rax",
    "lssq (%rax), %rax",
    "lkgs %ax",
    "lkgs (%rax)",
    "syscall",
    "sysenter",
    "sysexit",
    "sysretq",
    "int $0x80",

    "iretq",
    "iretl",
    "uiret",
    "eretu",
    "inb $1, %al",
    "inl %dx, %eax",
    "outb %al, $1",
    "outl %eax, %dx",
    "insb",
    "outsb",
    "hlt",
    "cli",
    "sti",
    "ljmpl *(%rax)",
    "ljmpq *(%rax)",
    "lcalll *(%rax)",
    "lcallq *(%rax)",
    "lretq",
    "lretl $8",
    "xrstor (%rax)",
    "xrstor64 (%rax)",
    "xrstors (%rax)",
    "fxrstor (%rax)",
    "xsave (%rax)",
    "xsetbv",
    "wrpkru",
    "rdpkru",
    "rdmsr",
    "wrmsr",
    "uwrmsr %rax, %rbx",
    "urdmsr %rax, %rbx",
    "lgdt (%rax)",
    "lidt (%rax)",
    "sgdt (%rax)",
    "lldt %ax",
    "ltr %ax",
    "lmsw %ax",
    "clts",
    "invlpg (%rax)",
    "wbinvd",
    "movq %rax, %cr3",
    "movq %cr0, %rax",
    "movq %rax, %db7",
    "cpuid",
    "rdtsc",
    "rdtscp",
    "rdpmc",
    "rdrand %rax",
    "rdseed %rax",
    "vmcall",
    "vmmcall",
    "vmfunc",
    "enclu",
    "xbegin 0",
    "xend",
    "xabort $1",
    "monitor",
    "mwait",
    "tpause %eax",
    "umwait %eax",
    "senduipi %rax",
    "popfq",
    "ldmxcsr (%rax)",
    "clflush (%rax)",
    "movq %fs:0, %rax",
    "movq %rax, %fs:(%rbx)",
    "addl %eax, %fs:8",
    "enqcmd (%rax), %rbx",
    "wrssq %rax, (%rbx)",
    "incsspq %rax",
    "setssbsy",
    "clui",
    "stui",
};

constexpr const char* kAllowedX86[] = {
    "movq %gs:-8, %rax",
    "movl %eax, %eax\n movl %ecx, %gs:16(%rax)",
    "movl %ebx, %ebx\n addq %rax, %gs:(%rbx)",
    "movq -8(%rsp), %rax",
    "pushq %rbx\n popq %rbx\n retq",
    "jmp .+2",
    "ud2",
    "int3",
    "ud1l 0x40(%eax), %eax",
    "nopw %cs:0x200(%rax,%rax)",
    "idivl %ecx",
    "divq %rcx",
    "cqto",
    "lzcntq %rax, %rcx",
    "tzcntl %eax, %ecx",
    "popcntq %rax, %rax",
    "bextrl %eax, %ecx, %edx",
    "mulxq %rax, %rbx, %rcx",
    "roundsd $3, %xmm0, %xmm1",
    "vfmadd213sd %xmm0, %xmm1, %xmm2",
    "vpxor %ymm0, %ymm0, %ymm1",
    "vzeroupper",
    "cvttsd2si %xmm0, %rax",
    "movl %eax, %eax\n vpermd %gs:(%rax), %ymm0, %ymm1",
    "vaddpd %zmm0, %zmm1, %zmm2",
    "kmovw %k1, %eax",
    "leaq 4(%rax), %rax",
    "movbeq %gs:8, %rcx",
    "setb %al",
    "cmovneq %rax, %rcx",
    "rorxq $4, %rax, %rcx",
    "vpcompressd %zmm0, %zmm1 {%k1}{z}",
};

TEST(CheckFragment, X86Refuses) {
  for (const char* text : kRefusedX86) {
    std::string message = check(Architecture::X86_64, text);
    EXPECT_TRUE(message.starts_with("instruction is not allowed: ") || message.starts_with("access relative to fs") ||
                message.starts_with("cannot decode"))
        << text << ": " << (message.empty() ? "accepted" : message);
  }
}

TEST(CheckFragment, X86Allows) {
  for (const char* text : kAllowedX86) EXPECT_EQ(check(Architecture::X86_64, text), "") << text;
}

TEST(CheckFragment, X86NamesInstructionAndPlace) {
  EXPECT_EQ(check(Architecture::X86_64, "nop\n nop\n wrgsbase %rax"),
            "instruction is not allowed: wrgsbaseq %rax at 0x2");
}

TEST(CheckFragment, X86RefusesWhatDoesNotDecode) {
  EXPECT_EQ(check_bytes(Architecture::X86_64, {0x90, 0x06}), "cannot decode the instruction at 0x1");
  EXPECT_EQ(check_bytes(Architecture::X86_64, {0xe8, 0, 0}), "cannot decode the instruction at 0x0");
}

TEST(CheckFragment, X86RefusesBarePrefixes) {
  EXPECT_NE(check_bytes(Architecture::X86_64, {0xf0, 0x01, 0x08}), "");  // lock add
}

constexpr const char* kWritesBase[] = {
    "mov x28, x0",
    "mov w28, w0",
    "mov x28, #1",
    "movk x28, #1",
    "add x28, x28, #8",
    "sub w28, w1, w2",
    "ldr x28, [x0]",
    "ldr w28, [x0]",
    "ldrb w28, [x0]",
    "ldrsw x28, [x0]",
    "ldur x28, [x0, #1]",
    "ldr x28, [x0, x1, lsl #3]",
    "ldp x28, x1, [x0]",
    "ldp x1, x28, [x0]",
    "ldp x28, x29, [sp], #16",
    "ldpsw x28, x1, [x0]",
    "ldr x0, [x28], #8",
    "ldr x0, [x28, #8]!",
    "str x0, [x28], #8",
    "str x0, [x28, #8]!",
    "stp x0, x1, [x28, #16]!",
    "ldp x0, x1, [x28], #16",
    "ldr q0, [x28], #16",
    "str q0, [x28, #16]!",
    "ld1 {v0.16b}, [x28], #16",
    "st1 {v0.16b}, [x28], x1",
    "ld4 {v0.4s-v3.4s}, [x28], #64",
    "fmov x28, d0",
    "fcvtzs x28, d0",
    "umov x28, v0.d[0]",
    "csel x28, x0, x1, eq",
    "cset w28, eq",
    "adr x28, .",
    "adrp x28, .",
    "madd x28, x0, x1, x2",
    "udiv x28, x0, x1",
    "clz x28, x0",
    "rbit x28, x0",
    "ubfx x28, x0, #1, #2",
    "bfi x28, x0, #1, #2",
    "eor x28, x0, x1",
    "cas x28, x1, [x0]",
    "casp x28, x29, x0, x1, [x2]",
    "ldadd x0, x28, [x1]",
    "swp x0, x28, [x1]",
    "ldxr x28, [x0]",
    "stxr w28, x0, [x1]",
    "ldar x28, [x0]",
    "mrs x28, tpidr_el0",
    "crc32x w28, w0, x1",
    "extr x28, x0, x1, #3",
};

constexpr const char* kRefusedArm[] = {
    "svc #0",
    "hvc #0",
    "smc #0",
    "hlt #0",
    "msr tpidr_el0, x0",
    "msr daifset, #2",
    "msr spsel, #1",
    "mrs x0, tpidr_el0",
    "mrs x0, nzcv",
    "sys #0, c7, c5, #0",
    "ic ivau, x0",
    "dc civac, x0",
    "dc zva, x0",
    "at s1e1r, x0",
    "tlbi vmalle1",
    "eret",
    "drps",
    "dcps1",
    "wfi",
    "wfe",
    "sev",
    "isb",
    "dsb sy",
    "sb",
    "paciasp",
    "autiasp",
    "pacia x0, x1",
    "retaa",
    "braa x0, x1",
    "xpaclri",
    "udf #0",
    "clrex",
    "ldg x0, [x1]",
    "stg x0, [x1], #16",
    "cntb x0",
    "ptrue p0.b",
    "add z0.d, z0.d, z1.d",
    "smstart",
    "ldxr x0, [x1]",
    "ldaddal x0, x1, [x2]",
};

constexpr const char* kAllowedArm[] = {
    "ldr x0, [x28]",
    "str w1, [x28, w0, uxtw]",
    "ldur x0, [x28, #-8]",
    "ldp x0, x1, [x28, #16]",
    "add x0, x28, x1",
    "mov x0, x28",
    "str x28, [sp, #-16]!",
    "ldr q0, [x28, w1, uxtw]",
    "add x1, x28, w1, uxtw\n ldr x0, [x1], #8",
    "stp x29, x30, [sp, #-16]!\n ldp x29, x30, [sp], #16",
    "ret",
    "b .",
    "bl .",
    "cbz x0, .",
    "tbnz x0, #3, .",
    "brk #0x5501",
    "nop",
    "bti c",
    "fadd d0, d1, d2",
    "fcvtzs x0, d0",
    "cnt v0.8b, v0.8b",
    "addv b0, v0.8b",
    "udiv x0, x1, x2",
    "madd x0, x1, x2, x3",
    "mov x27, x0",
    "ldp x27, x26, [x28]",
    "adrp x0, .",
    "smov x0, v0.s[1]",
    "dmb ish",
    "frintn d0, d0",
    "fminnm d0, d0, d1",
    "prfm pldl1keep, [x0]",
};

TEST(CheckFragment, ArmRefusesWritesOfTheBase) {
  for (const char* text : kWritesBase) {
    std::string message = check(Architecture::AArch64, text);
    EXPECT_TRUE(message.starts_with("writes the base register: ") ||
                message.starts_with("instruction is not allowed: ") || message.starts_with("cannot decode"))
        << text << ": " << (message.empty() ? "accepted" : message);
  }
}

TEST(CheckFragment, ArmRefuses) {
  for (const char* text : kRefusedArm) {
    std::string message = check(Architecture::AArch64, text);
    EXPECT_TRUE(message.starts_with("instruction is not allowed: ") || message.starts_with("cannot decode"))
        << text << ": " << (message.empty() ? "accepted" : message);
  }
}

TEST(CheckFragment, ArmAllows) {
  for (const char* text : kAllowedArm) EXPECT_EQ(check(Architecture::AArch64, text), "") << text;
}

TEST(CheckFragment, ArmNamesInstructionAndPlace) {
  EXPECT_EQ(check(Architecture::AArch64, "nop\n ldr x0, [x28, #8]!"),
            "writes the base register: ldr x0, [x28, #8]! at 0x4");
}

// The definitions that LLVM knows are all there is for write-back; every general register as target, for the others.
TEST(CheckFragment, ArmKnowsEveryWriteOfEveryRegister) {
  for (int r = 0; r < 31; ++r) {
    std::string x = "x" + std::to_string(r), w = "w" + std::to_string(r);
    for (const std::string& text : {"add " + x + ", x1, x2", "orr " + w + ", w1, w2", "ldr " + x + ", [x1]",
                                    "ldr q0, [" + x + "], #16", "csinc " + x + ", x1, x2, eq"})
      EXPECT_EQ(check(Architecture::AArch64, text).starts_with("writes the base register"), r == 28) << text;
  }
}

TEST(CheckFragment, RefusesLargeFrames) {
  Fragment fragment;
  fragment.text = {0xc3};
  fragment.frame_size = AOTC_MAX_FRAME;
  EXPECT_FALSE(static_cast<bool>(check_fragment(fragment, Architecture::X86_64)));
  fragment.frame_size = AOTC_MAX_FRAME + 1;
  llvm::Error error = check_fragment(fragment, Architecture::X86_64);
  EXPECT_EQ(llvm::toString(std::move(error)), "stack frame of 524289 bytes is too large");
}

std::string check_relocation(Architecture architecture, const std::string& text, RelocationKind kind, uint32_t offset,
                             SymbolKind symbol = SymbolKind::Function) {
  bool is_x86 = architecture == Architecture::X86_64;
  Fragment fragment;
  fragment.text = assemble(architecture, text + (is_x86 ? "\n ud2" : "\n brk #1"));
  fragment.symbols = one_of_each();
  fragment.relocations.push_back({offset, FragmentSection::Text, kind, ordinal(symbol), is_x86 ? -4 : 0});
  llvm::Error error = check_fragment(fragment, architecture);
  return error ? llvm::toString(std::move(error)) : "";
}

TEST(CheckFragment, RelocationsMayOnlyPatchImmediates) {
  EXPECT_EQ(check_relocation(Architecture::X86_64, "call .", RelocationKind::Pc32, 1), "");
  EXPECT_NE(check_relocation(Architecture::X86_64, "call .", RelocationKind::Pc32, 0), "");
  EXPECT_NE(check_relocation(Architecture::X86_64, "call .\n ret", RelocationKind::Pc32, 2), "");
  EXPECT_NE(check_relocation(Architecture::X86_64, "call .", RelocationKind::Pc64, 1), "");
  EXPECT_EQ(check_relocation(Architecture::X86_64, "call .", RelocationKind::Pc32, 100), "relocation outside the code");
  EXPECT_EQ(
      check_relocation(Architecture::X86_64, "call .", RelocationKind::Pc32, 1, static_cast<SymbolKind>(kSymbolKinds)),
      "relocation against a symbol that the fragment has not got");
  EXPECT_EQ(check_relocation(Architecture::AArch64, "bl .", RelocationKind::ArmCall26, 0), "");
  EXPECT_NE(check_relocation(Architecture::AArch64, "mov x0, x1", RelocationKind::ArmCall26, 0), "");
  EXPECT_NE(check_relocation(Architecture::AArch64, "bl .\n bl .", RelocationKind::ArmCall26, 2), "");
  EXPECT_NE(check_relocation(Architecture::AArch64, "ldr x0, [x28]", RelocationKind::ArmLoad128Low12, 0), "");
}

// What a constant is put into is a whole operand and nothing else of the instruction.
TEST(CheckFragment, ConstantsAreOperands) {
  constexpr const char* kMoveNumber = ".byte 0xb8, 0, 0, 0, 0";                    // movl $0, %eax
  constexpr const char* kMoveLong = ".byte 0x48, 0xc7, 0xc0, 0, 0, 0, 0";          // movq $0, %rax
  constexpr const char* kLoad = ".byte 0x65, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0";  // movq %gs:0, %rax
  constexpr const char* kShort = ".byte 0x83, 0xc0, 0, 0x90, 0x90, 0x90";          // addl $0, %eax; nops
  constexpr const char* kShortPlace = ".byte 0x65, 0x48, 0x8b, 0x44, 0, 0";        // movq %gs:0(%rax,%rax), %rax
  constexpr const char* kWide = ".byte 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0";        // movabsq $0, %rax
  auto at = [](const char* text, uint32_t offset, RelocationKind kind = RelocationKind::Abs32,
               SymbolKind symbol = SymbolKind::Constant) {
    return check_relocation(Architecture::X86_64, text, kind, offset, symbol);
  };
  const std::string kMisfit = "relocation does not fit the instruction";
  EXPECT_EQ(at(kMoveNumber, 1), "");
  EXPECT_EQ(at(kMoveLong, 3), "");
  EXPECT_EQ(at(kLoad, 5), "");
  EXPECT_TRUE(at(kMoveNumber, 0).starts_with(kMisfit));
  EXPECT_TRUE(at(kMoveLong, 2).starts_with(kMisfit));
  EXPECT_TRUE(at(kLoad, 4).starts_with(kMisfit));
  EXPECT_TRUE(at(kShort, 2).starts_with(kMisfit));
  EXPECT_TRUE(at(kShortPlace, 2).starts_with(kMisfit));
  EXPECT_EQ(at(kWide, 2), "") << "its upper half is 0";
  EXPECT_TRUE(at(kWide, 6).starts_with(kMisfit)) << "the upper half";
  EXPECT_TRUE(at("movl $5, %eax", 1).starts_with(kMisfit)) << "a number is there already";
  EXPECT_TRUE(at("call .+5", 1).starts_with("relocation of an immediate"));
  EXPECT_EQ(at(kMoveNumber, 1, RelocationKind::Pc32), "relocation does not fit the symbol");
  EXPECT_EQ(at(kMoveNumber, 1, RelocationKind::Abs32, SymbolKind::Function), "relocation does not fit the symbol");
  auto arm = [](const char* text, RelocationKind kind) {
    return check_relocation(Architecture::AArch64, text, kind, 0, SymbolKind::Constant);
  };
  EXPECT_EQ(arm("movz x0, #0, lsl #16", RelocationKind::ArmMovHigh16), "");
  EXPECT_EQ(arm("movk x0, #0", RelocationKind::ArmMovLow16), "");
  for (const char* text : {"movz x0, #0", "movz x0, #0, lsl #32", "movn x0, #0, lsl #16", "movk x0, #0, lsl #16"})
    EXPECT_TRUE(arm(text, RelocationKind::ArmMovHigh16).starts_with(kMisfit)) << text;
  for (const char* text : {"movk x0, #0, lsl #16", "movz x0, #0"})
    EXPECT_TRUE(arm(text, RelocationKind::ArmMovLow16).starts_with(kMisfit)) << text;
}

}  // namespace
}  // namespace aotc
