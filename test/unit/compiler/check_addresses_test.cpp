// check_fragment, of addresses: what code generation emits is accepted, and each way to patch it that leaves linear
// memory, the frame, the constants or the fragment itself is refused.
#include <gtest/gtest.h>

#include "aotc/abi.h"
#include "assemble.h"
#include "llvm/Support/Endian.h"
#include "verify/check_fragment.h"

namespace aotc {
namespace {

constexpr uint32_t kFrame = 64;

struct Case {
  const char* text;
  const char* problem;  // how the message starts; "" if it is accepted
};

// Each text is a function, entered at its start with any values in registers.
std::string check(Architecture architecture, const std::string& text, const std::vector<Relocation>& relocations = {},
                  std::vector<uint8_t> rodata = {}) {
  Fragment fragment;
  fragment.text = assemble(architecture, text);
  fragment.rodata = std::move(rodata);
  fragment.symbols = one_of_each();
  fragment.relocations = relocations;
  fragment.frame_size = kFrame;
  if (fragment.text.empty()) return "does not assemble";
  llvm::Error error = check_fragment(fragment, architecture);
  return error ? llvm::toString(std::move(error)) : "";
}

void check_all(Architecture architecture, llvm::ArrayRef<Case> cases) {
  for (const Case& test : cases) {
    std::string message = check(architecture, test.text);
    std::string problem = test.problem;
    EXPECT_TRUE(problem.empty() ? message.empty() : message.starts_with(problem)) << test.text << "\n" << message;
  }
}

constexpr const char* kMemory = "address is not known to be in memory: ";
constexpr const char* kStack = "address is outside the stack frame: ";
constexpr const char* kAnything = "address can be anything: ";
constexpr const char* kRefused = "instruction is not allowed: ";
constexpr const char* kFollow = "instruction cannot be followed: ";
constexpr const char* kJump = "jump can lead anywhere: ";
constexpr const char* kCall = "call can lead anywhere: ";
constexpr const char* kKept = "return with another value in a register that is kept: ";
constexpr const char* kTable = "address is not known to be in the table: ";

constexpr Case kX86[] = {
    // Linear memory: base + 32 bits + constant.
    {"movl %r12d, %eax\n movq %gs:8(%rax), %rcx\n retq", ""},
    {"movq %gs:8(%rax), %rcx\n retq", kMemory},                      // the mask dropped
    {"movl %r12d, %eax\n movq 8(%rax), %rcx\n retq", kAnything},     // the base dropped
    {"movl %r12d, %eax\n movq %gs:-8(%rax), %rcx\n retq", kMemory},  // reaches the context
    {"movl %r12d, %eax\n movb %cl, %gs:-1(%rax)\n retq", kMemory},
    {"addl $-8, %r12d\n movq %rax, %gs:(%r12)\n retq", ""},
    {"addq $-8, %r12\n movq %rax, %gs:(%r12)\n retq", kMemory},  // in 64 bits
    {"movl %r12d, %eax\n movl %r13d, %ecx\n movq %gs:(%rax,%rcx), %rax\n retq", ""},
    {"movl %r12d, %eax\n movl %r13d, %ecx\n movq %gs:(%rax,%rcx,2), %rax\n retq", kMemory},
    {"movl %r12d, %eax\n movq %gs:(%eax,%ecx,8), %rax\n retq", ""},  // an address of 32 bits
    {"movl %r12d, %eax\n movabsq $0x1bfffffff, %rcx\n movb %gs:(%rax,%rcx), %al\n retq", ""},
    {"movl %r12d, %eax\n movabsq $0x1c0000001, %rcx\n movb %gs:(%rax,%rcx), %al\n retq",
     kMemory},  // the constant too large
    {"movl %r12d, %eax\n movabsq $0x1bffffffa, %rcx\n movq %gs:(%rax,%rcx), %rax\n retq", kMemory},
    {"movslq %r12d, %rax\n movb %gs:(%rax), %al\n retq", kMemory},  // with its sign
    {"movzwl %r12w, %eax\n shlq $3, %rax\n movb %gs:(%rax), %al\n retq", ""},
    {"movl %r12d, %eax\n shlq $3, %rax\n movb %gs:(%rax), %al\n retq", kMemory},
    {"movl %r12d, %eax\n movb $1, %al\n movb %gs:(%rax), %al\n retq", ""},  // leaves the others
    {"movl %r12d, %eax\n popcntq %rcx, %rax\n movb %gs:(%rax), %al\n retq", ""},
    {"movl %r12d, %eax\n imulq %rcx, %rax\n movb %gs:(%rax), %al\n retq", kMemory},
    {"movl %r12d, %eax\n cmovneq %rcx, %rax\n movb %gs:(%rax), %al\n retq", kMemory},
    {"movl %r12d, %eax\n movl %r13d, %ecx\n cmovneq %rcx, %rax\n movb %gs:(%rax), %al\n retq", ""},
    {"xchgq %rax, %rcx\n movb %gs:(%rax), %al\n retq", kMemory},
    {"movb %gs:-1(%rip), %al\n retq", kAnything},
    // Where paths meet, along loops, after calls.
    {"movl %r12d, %eax\n testl %r13d, %r13d\n je 1f\n movq %rcx, %rax\n 1: movb %gs:(%rax), %al\n retq", kMemory},
    {"movl %r12d, %eax\n 1: movb %gs:(%rax), %cl\n incl %eax\n testb %cl, %cl\n jne 1b\n retq", ""},
    {"movl %r12d, %eax\n 1: movb %gs:(%rax), %cl\n incq %rax\n testb %cl, %cl\n jne 1b\n retq", kMemory},
    {"xorl %eax, %eax\n 1: movb %gs:8(%rax), %cl\n incq %rax\n cmpq $16, %rax\n jne 1b\n retq", ""},
    {"xorl %eax, %eax\n 1: movb %gs:8(%rax), %cl\n incq %rax\n cmpq $16, %rcx\n jne 1b\n retq", kMemory},
    {"cmpq $999, %rax\n ja 1f\n movb %gs:(%rax), %al\n 1: retq", ""},
    {"cmpq $999, %rax\n jg 1f\n movb %gs:(%rax), %al\n 1: retq", kMemory},  // with sign
    {"cmpl $999, %eax\n ja 1f\n movb %gs:(%rax), %al\n 1: retq", kMemory},  // the low half alone
    {"cmpq $999, %rax\n ja 1f\n incq %rax\n movb %gs:(%rax), %al\n 1: retq", ""},
    {"cmpq $999, %rax\n movq %rcx, %rax\n ja 1f\n movb %gs:(%rax), %al\n 1: retq", kMemory},
    {"leaq -7(%rax), %rcx\n cmpq $9, %rcx\n ja 1f\n movb %gs:(%rax), %al\n 1: retq", ""},
    {"leaq -7(%rax), %rcx\n cmpq $9, %rcx\n ja 1f\n movb %gs:(%rdx), %al\n 1: retq", kMemory},
    {"movq %rax, %rcx\n shrq $3, %rcx\n cmpq $99, %rax\n ja 1f\n movb %gs:(%rcx), %al\n 1: retq", ""},
    {"movq %rax, %rcx\n shrq $3, %rcx\n cmpq $99, %rcx\n ja 1f\n movb %gs:(%rax), %al\n 1: retq", ""},
    // A comparison before paths meet and its branch after it: of a number made from another one on each path, and of
    // one that is a whole on one path and the low half of any on the other.
    {"movq %rax, %rdx\n testl %r13d, %r13d\n je 2f\n leaq -7(%rax), %rcx\n cmpq $9, %rcx\n jmp 1f\n"
     " 2: leaq -7(%rbx), %rcx\n cmpq $9, %rcx\n 1: ja 3f\n movb %gs:(%rax), %al\n 3: retq",
     kMemory},
    {"testl %r13d, %r13d\n je 2f\n movzbl %cl, %eax\n cmpl $9, %eax\n jmp 1f\n"
     " 2: movq %rdx, %rax\n cmpl $255, %eax\n ja 3f\n cmpl $9, %eax\n 1: ja 3f\n movb %gs:(%rax), %al\n 3: retq",
     kMemory},
    {"testl %r13d, %r13d\n je 2f\n movzbl %cl, %eax\n cmpl $9, %eax\n jmp 1f\n"
     " 2: movzbl %dl, %eax\n cmpl $9, %eax\n 1: ja 3f\n movb %gs:(%rax), %al\n 3: retq",
     ""},
    {"subq $8, %rsp\n movl %r12d, %eax\n call f0\n movb %gs:(%rax), %al\n addq $8, %rsp\n retq\n f0:", kCall},
    // The frame.
    {"subq $64, %rsp\n movq %rax, (%rsp)\n movl %r12d, %ecx\n movq %rcx, 8(%rsp)\n movq 8(%rsp), %rax\n movb "
     "%gs:(%rax), %al\n "
     "addq $64, %rsp\n retq",
     ""},
    {"subq $64, %rsp\n movl %r12d, %ecx\n movq %rcx, 8(%rsp)\n movb $1, 12(%rsp)\n movq 8(%rsp), %rax\n movb "
     "%gs:(%rax), %al\n ud2",
     kMemory},
    {"movq %rax, (%rsp)\n retq", kStack},  // the return address
    {"subq $64, %rsp\n movq %rax, 60(%rsp)\n ud2", kStack},
    {"subq $64, %rsp\n movups %xmm0, 48(%rsp)\n addq $64, %rsp\n retq", ""},
    {"subq $64, %rsp\n movups %xmm0, 56(%rsp)\n ud2", kStack},
    {"subq $64, %rsp\n movsd %xmm0, 56(%rsp)\n addq $64, %rsp\n retq", ""},
    {"movq %rax, -200(%rsp)\n retq", kStack},
    {"subq $64, %rsp\n movq %rax, (%rsp,%rcx)\n ud2", kAnything},
    {"subq $64, %rsp\n retq", kKept},
    {"movq %rax, %rsp\n retq", kKept},
    {"movq %rax, %rbp\n retq", kKept},
    {"pushq %rbp\n movq %rax, %rbp\n popq %rbp\n retq", ""},
    {"pushq %rax\n popq %rbp\n retq", kKept},
    {"pushq $1\n ud2", kFollow},
    {"leave\n ud2", kFollow},
    {"retq $8", kFollow},
    // Instructions with addresses of their own.
    {"rep movsb\n ud2", kRefused},
    {"movsq\n ud2", kRefused},
    {"rep stosq\n ud2", kRefused},
    {"stosb\n ud2", kRefused},
    {"lodsb\n ud2", kRefused},
    {"scasb\n ud2", kRefused},
    {"cmpsb\n ud2", kRefused},
    {"xlatb\n ud2", kFollow},
    {"movl %r12d, %eax\n btq %rcx, %gs:(%rax)\n ud2", kFollow},
    {"movl %r12d, %eax\n btsl %ecx, %gs:(%rax)\n ud2", kFollow},
    {"movl %r12d, %eax\n lock btrl %ecx, %gs:(%rax)\n ud2", kFollow},
    {"movl %r12d, %eax\n btcw %cx, %gs:(%rax)\n ud2", kFollow},
    {"movl %r12d, %eax\n btl $3, %gs:(%rax)\n ud2", ""},
    {"btl %ecx, %eax\n ud2", ""},
    {"maskmovdqu %xmm0, %xmm1\n ud2", kRefused},
    {"vmaskmovdqu %xmm0, %xmm1\n ud2", kRefused},
    {"maskmovq %mm0, %mm1\n ud2", kRefused},
    {"movl %r12d, %eax\n movdir64b %gs:(%rax), %rcx\n ud2", kRefused},
    {"movl %r12d, %eax\n vpgatherdd %ymm0, %gs:(%rax,%ymm1,4), %ymm2\n ud2", kMemory},
    {"movl %r12d, %eax\n vgatherqpd %ymm0, %gs:(%rax,%ymm1,8), %ymm2\n ud2", kMemory},
    {"movl %r12d, %eax\n vpscatterdd %zmm0, %gs:(%rax,%zmm1,4) {%k1}\n ud2", kMemory},
    {"movl %r12d, %eax\n vmaskmovps %ymm0, %ymm1, %gs:(%rax)\n ud2", ""},
    {"movl %r12d, %eax\n cmpxchg16b %gs:(%rax)\n ud2", ""},
    {"movl %r12d, %eax\n cmpxchg16b %gs:(%rcx)\n ud2", kMemory},
    // The context.
    {"movq %gs:-120, %rax\n retq", ""},
    {"movq %rax, %gs:-120\n retq", kMemory},    // memory_size
    {"movq %rax, %gs:-33792\n retq", kMemory},  // a helper
    {"movq %rax, %gs:-32768\n retq", kMemory},  // a table
    {"movq %rax, %gs:-144\n retq", ""},         // a global
    {"movq %rax, %gs:-49152\n retq", ""},       // a scratch slot
    {"movq %gs:-49160, %rax\n retq", kMemory},
    {"movq %gs:-32768, %rax\n movl %gs:-32760, %ecx\n cmpl %ecx, %r12d\n jae 1f\n movl %r12d, %edx\n movl "
     "(%rax,%rdx,4), %eax\n retq\n 1: ud2",
     ""},
    {"movq %gs:-32768, %rax\n movl %gs:-32760, %ecx\n cmpl %ecx, %r12d\n ja 1f\n movl %r12d, %edx\n movl "
     "(%rax,%rdx,4), %eax\n retq\n 1: ud2",
     kTable},
    {"movq %gs:-32768, %rax\n movl %gs:-32744, %ecx\n cmpl %ecx, %r12d\n jae 1f\n movl %r12d, %edx\n movl "
     "(%rax,%rdx,4), %eax\n retq\n 1: ud2",
     kTable},
    {"movq %gs:-32768, %rax\n movl %gs:-32760, %ecx\n cmpl %ecx, %r12d\n jae 1f\n movl %r12d, %edx\n movq "
     "(%rax,%rdx,4), %rax\n retq\n 1: ud2",
     kTable},
    {"pushq %rax\n movl %r12d, 4(%rsp)\n movl %gs:-32760, %eax\n subl %eax, %r12d\n jae 1f\n movl 4(%rsp), %r12d\n "
     "movq %gs:-32768, %rax\n "
     "movl %r12d, %ecx\n movl $3, (%rax,%rcx,4)\n popq %rcx\n retq\n 1: ud2",
     ""},
    {"movq %gs:-32768, %rax\n cmpl $3, %gs:-32760\n jb 1f\n movl 8(%rax), %eax\n retq\n 1: ud2", ""},
    {"movq %gs:-32768, %rax\n cmpl $0, %gs:-32760\n je 1f\n movl (%rax), %eax\n retq\n 1: ud2", ""},
    {"movq %gs:-32768, %rax\n cmpl $0, %gs:-32760\n je 1f\n movl 4(%rax), %eax\n retq\n 1: ud2", kTable},
    {"movq %gs:-32768, %rax\n cmpl $2, %gs:-32760\n jb 1f\n movl 8(%rax), %eax\n retq\n 1: ud2", kTable},
    // Flow.
    {"jmp .+100", "jump leads between instructions: "},
    {"jmp .+3\n movl $0x12345678, %eax\n retq", "jump leads between instructions: "},
    {"jmpq *%rax", kJump},
    {"jmpq *%gs:-33792", kJump},
    {"callq *%rax\n ud2", kCall},
    {"nop", "code runs past its end: "},
    {"je .+0", "code runs past its end: "},
    {"pushq %rax\n movq %gs:-8, %rdi\n callq *%gs:-33776\n popq %rcx\n retq", ""},
    {"subq $4096, %rsp\n movq %gs:-8, %rdi\n callq *%gs:-33776\n ud2", "stack pointer is outside the frame: "},
    {"pushq %rax\n movq %gs:-16, %rdi\n callq *%gs:-33776\n popq %rcx\n retq", "helper gets a wrong argument: "},
    {"pushq %rax\n callq *%gs:-33704\n popq %rcx\n retq", "helper gets a wrong argument: "},  // catch_call
    {"pushq %rax\n movq %gs:-8, %rdi\n callq *%gs:-33772\n popq %rcx\n retq", kCall},
};

TEST(CheckAddresses, X86) { check_all(Architecture::X86_64, kX86); }

constexpr Case kArm[] = {
    // Linear memory.
    {"ldr x0, [x28, w20, uxtw]\n ret", ""},
    {"ldr x0, [x28, x20]\n ret", kMemory},                // the mask dropped
    {"mov w8, w20\n ldr x0, [x8, #8]\n ret", kAnything},  // the base dropped
    {"mov w8, w20\n ldr x0, [x28, x8]\n ret", ""},
    {"mov w8, w20\n add x8, x8, x28\n ldr x0, [x8, #32760]\n ret", ""},
    {"mov w8, w20\n add x8, x8, x28\n ldur x0, [x8, #-8]\n ret", kMemory},
    {"mov w8, w20\n sub x8, x8, #8\n ldr x0, [x28, x8]\n ret", kMemory},
    {"sub w8, w20, #8\n ldr x0, [x28, x8]\n ret", ""},
    {"ldr x0, [x28, w20, sxtw]\n ret", kMemory},  // with its sign
    {"ldr x0, [x28, w20, uxtw #3]\n ret", kMemory},
    {"mov w8, w20\n mov x9, #0x100000000\n movk x9, #0xbfff, lsl #16\n movk x9, #0xffff\n add x8, x8, x9\n ldrb w0, "
     "[x28, x8]\n ret",
     ""},
    {"mov w8, w20\n mov x9, #0x100000000\n movk x9, #0xd000, lsl #16\n add x8, x8, x9\n ldrb w0, [x28, x8]\n ret",
     kMemory},  // the constant too large
    {"mov w8, w20\n lsl x8, x8, #3\n ldrb w0, [x28, x8]\n ret", kMemory},
    {"and x8, x20, #0xffff\n ldrb w0, [x28, x8, lsl #0]\n ret", ""},
    {"ubfx x8, x20, #4, #32\n ldrb w0, [x28, x8]\n ret", ""},
    {"ubfx x8, x20, #4, #40\n ldrb w0, [x28, x8]\n ret", kMemory},
    {"mov x8, #4096\n bfxil x8, x20, #0, #4\n ldrb w0, [x28, x8]\n ret", ""},
    {"mov x8, #0\n bfi x8, x20, #8, #24\n ldrb w0, [x28, x8]\n ret", ""},
    {"mov w8, w20\n bfi w8, w21, #8, #24\n ldrb w0, [x28, x8]\n ret", ""},
    {"bfi w20, w21, #8, #24\n ldrb w0, [x28, x20]\n ret", ""},
    {"bfxil x20, x21, #0, #4\n ldrb w0, [x28, x20]\n ret", kMemory},
    {"mov x8, #4096\n bfxil x8, x20, #4, #40\n ldrb w0, [x28, x8]\n ret", kMemory},
    {"mov x8, #4096\n bfi x8, x20, #8, #32\n ldrb w0, [x28, x8]\n ret", kMemory},
    {"mov x8, #4096\n bfi x8, x20, #8, #56\n ldrb w0, [x28, x8]\n ret", kMemory},
    {"ubfx x8, x20, #1, #63\n ldrb w0, [x28, x8]\n ret", kMemory},
    {"ubfx x8, x20, #0, #63\n ldrb w0, [x28, x8]\n ret", kMemory},
    {"ubfiz x8, x20, #1, #63\n ldrb w0, [x28, x8]\n ret", kMemory},
    {"add x8, x28, w20, uxtb #3\n ldr x0, [x8]\n ret", ""},
    {"add x8, x28, w20, sxtb #3\n ldr x0, [x8]\n ret", kMemory},
    {"mov w8, w20\n csel x8, x8, x9, eq\n ldr x0, [x28, x8]\n ret", kMemory},
    {"mov w8, w20\n str q0, [x28, x8]\n ret", ""},
    {"add x8, x28, w20, uxtw\n ldr x0, [x8], #8\n ldr x1, [x8]\n ret", ""},
    {"add x8, x28, w20, uxtw\n ldr x0, [x8, x9]\n ret", kAnything},
    {"add x8, x28, w20, uxtw\n ldp x0, x1, [x8, #-16]\n ret", kMemory},
    // Where paths meet, along loops.
    {"mov w8, w20\n cbz w21, 1f\n mov x8, x9\n 1: ldr x0, [x28, x8]\n ret", kMemory},
    {"mov x8, xzr\n 1: ldrb w0, [x28, x8]\n add x8, x8, #1\n cmp x8, #16\n b.ne 1b\n ret", ""},
    {"mov x8, xzr\n 1: ldrb w0, [x28, x8]\n add x8, x8, #1\n cmp x9, #16\n b.ne 1b\n ret", kMemory},
    {"cmp x8, #999\n b.hi 1f\n ldrb w0, [x28, x8]\n 1: ret", ""},
    {"cmp x8, #999\n b.gt 1f\n ldrb w0, [x28, x8]\n 1: ret", kMemory},
    {"cmp w8, #999\n b.hi 1f\n ldrb w0, [x28, x8]\n 1: ret", kMemory},
    {"sub x9, x8, #1\n cmp x9, #15\n b.hi 1f\n ldrb w0, [x28, x8]\n 1: ret", ""},
    {"lsr x9, x8, #3\n cmp x8, #99\n b.hi 1f\n ldrb w0, [x28, x9]\n 1: ret", ""},
    {"lsr x9, x8, #3\n cmp x9, #99\n b.hi 1f\n ldrb w0, [x28, x8]\n 1: ret", ""},
    {"lsr x9, x8, #14\n cbnz x9, 1f\n ldrb w0, [x28, x8]\n 1: ret", ""},
    {"lsr w9, w8, #3\n cmp w9, #99\n b.hi 1f\n ldrb w0, [x28, w8, sxtw]\n 1: ret", ""},
    {"lsr w9, w8, #3\n cmp w9, #99\n b.hi 1f\n ldrb w0, [x28, x8]\n 1: ret", kMemory},       // the low half alone
    {"lsr x9, x8, #3\n cmp w9, #99\n b.hi 1f\n ldrb w0, [x28, x8]\n 1: ret", kMemory},       // of what was made from it
    {"lsr x9, x8, #3\n cmp x9, #99\n b.lo 1f\n ldrb w0, [x28, x8]\n 1: ret", kMemory},       // the other way
    {"asr x9, x8, #3\n cmp x9, #99\n b.hi 1f\n ldrb w0, [x28, x8]\n 1: ret", kMemory},       // with its sign
    {"ubfx x9, x8, #3, #8\n cmp x9, #99\n b.hi 1f\n ldrb w0, [x28, x8]\n 1: ret", kMemory},  // some of its bits
    {"lsr x9, x8, #3\n mov x8, x10\n cmp x9, #99\n b.hi 1f\n ldrb w0, [x28, x8]\n 1: ret", kMemory},
    {"lsr x9, x8, #3\n cmp x9, x10\n b.hi 1f\n ldrb w0, [x28, x8]\n 1: ret", kMemory},
    // The frame.
    {"sub sp, sp, #64\n mov w8, w20\n str x8, [sp, #8]\n ldr x9, [sp, #8]\n ldr x0, [x28, x9]\n add sp, sp, #64\n ret",
     ""},
    {"sub sp, sp, #64\n mov w8, w20\n str x8, [sp, #8]\n strb w0, [sp, #12]\n ldr x9, [sp, #8]\n ldr x0, [x28, x9]\n "
     "brk #1",
     kMemory},
    {"str x0, [sp]\n ret", kStack},  // the caller's frame
    {"sub sp, sp, #64\n str x0, [sp, #64]\n brk #1", kStack},
    {"sub sp, sp, #64\n str x0, [sp, x1]\n brk #1", kAnything},
    {"sub sp, sp, #64\n ret", kKept},
    {"mov x29, x0\n ret", kKept},
    {"mov x30, x0\n ret", kKept},
    {"ret x0", "return can lead anywhere: "},
    {"stp x29, x30, [sp, #-16]!\n mov x29, sp\n ldp x29, x30, [sp], #16\n ret", ""},
    {"stp x29, x30, [sp, #-16]!\n mov x29, sp\n ldp x30, x29, [sp], #16\n ret", kKept},
    // Instructions that the proof does not know.
    {"ld1 {v0.16b}, [x28]\n brk #1", kFollow},
    {"st1 {v0.s}[1], [x28]\n brk #1", kFollow},
    {"ldxp x0, x1, [x28]\n brk #1", kRefused},
    {"ldar x0, [x28]\n brk #1", kRefused},
    // The context.
    {"ldur x0, [x28, #-120]\n ret", ""},
    {"stur x0, [x28, #-120]\n ret", kMemory},
    {"mov w8, #-144\n ldr x0, [x28, w8, sxtw]\n ret", ""},
    {"stur x0, [x28, #-144]\n ret", ""},
    {"mov x8, #-32768\n str x0, [x28, x8]\n ret", kMemory},
    {"mov x8, #-32760\n ldr w9, [x28, x8]\n cmn w9, #64\n b.ls 1f\n mov x8, #-32768\n ldr x8, [x28, x8]\n mov x9, "
     "#0x3ffffff00\n "
     "ldr w0, [x8, x9]\n 1: ret",
     ""},
    {"mov x8, #-32760\n ldr w9, [x28, x8]\n cmn w9, #65\n b.ls 1f\n mov x8, #-32768\n ldr x8, [x28, x8]\n mov x9, "
     "#0x3ffffff00\n "
     "ldr w0, [x8, x9]\n 1: ret",
     kTable},
    // Flow.
    {"b .+100", "jump leads between instructions: "},
    {"br x0", kJump},
    {"blr x0\n brk #1", kCall},
    {"bl 1f\n brk #1\n 1: ret", kCall},
    {"nop", "code runs past its end: "},
};

TEST(CheckAddresses, Arm) { check_all(Architecture::AArch64, kArm); }

// movslq and addq of a jump table with three entries, all of which lead to the ud2 at its end; `instruction` is what
// stands between the table's address and the load.
std::string jump_through(const std::string& compare, const std::string& load, int64_t last_addend,
                         uint32_t entries = 3) {
  std::vector<uint8_t> before = assemble(Architecture::X86_64, compare + "\n 1:");
  std::string text = compare + "\n leaq 0(%rip), %rcx\n " + load + "\n addq %rcx, %rax\n jmpq *%rax\n 1: ud2";
  auto end = static_cast<int64_t>(assemble(Architecture::X86_64, text).size()) - 2;
  std::vector<Relocation> relocations{{static_cast<uint32_t>(before.size()) + 3, FragmentSection::Text,
                                       RelocationKind::Pc32, ordinal(SymbolKind::Rodata), -4}};
  for (uint32_t i = 0; i < entries; ++i)
    relocations.push_back({4 * i, FragmentSection::Rodata, RelocationKind::Pc32, ordinal(SymbolKind::Text),
                           4 * i + (i + 1 == entries ? last_addend + end : end)});
  return check(Architecture::X86_64, text, relocations, std::vector<uint8_t>(4 * entries));
}

TEST(CheckAddresses, X86JumpTables) {
  const std::string compare = "movl %r13d, %eax\n subl $2, %r13d\n ja 1f", load = "movslq (%rcx,%rax,4), %rax";
  EXPECT_EQ(jump_through(compare, load, 0), "");
  EXPECT_NE(jump_through("movl %r13d, %eax\n subl $3, %r13d\n ja 1f", load, 0), "");  // one entry too many
  EXPECT_NE(jump_through("movl %r13d, %eax\n subl $2, %r13d\n jg 1f", load, 0), "");  // a negative one
  EXPECT_NE(jump_through("movl %r12d, %eax\n subl $2, %r13d\n ja 1f", load, 0), "");  // of something else
  EXPECT_NE(jump_through(compare, "movslq (%rcx,%rax,2), %rax", 0), "");              // between entries
  const std::string quarter = "movl %r13d, %eax\n shrl $2, %r13d\n testl %r13d, %r13d\n jne 1f";
  EXPECT_EQ(jump_through(quarter, load, 0, 4), "");
  EXPECT_NE(jump_through(quarter, load, 0, 3), "");
  EXPECT_EQ(jump_through("movl %r13d, %eax\n andl $8, %eax", "movslq (%rcx,%rax), %rax", 0), "");
  EXPECT_NE(jump_through("movl %r13d, %eax\n andl $10, %eax", "movslq (%rcx,%rax), %rax", 0), "");
  EXPECT_NE(jump_through(compare, "movslq 1(%rcx,%rax,4), %rax", 0), "");
  EXPECT_NE(jump_through(compare, "movl (%rcx,%rax,4), %eax", 0), "");  // without its sign
  EXPECT_NE(jump_through(compare, load, 1), "");                        // into an instruction
  EXPECT_NE(jump_through(compare, load, 0, 2), "");                     // behind the table
}

// What a relocation refers to, `text` being one instruction of seven bytes with its last four relocated.
std::string refer(const std::string& text, SymbolKind symbol, int64_t addend) {
  return check(Architecture::X86_64, text + "\n ud2",
               {{3, FragmentSection::Text, RelocationKind::Pc32, ordinal(symbol), addend}}, std::vector<uint8_t>(16));
}

TEST(CheckAddresses, X86Constants) {
  EXPECT_EQ(refer("movq 0(%rip), %rax", SymbolKind::Rodata, -4), "");
  EXPECT_EQ(refer("movq 0(%rip), %rax", SymbolKind::Rodata, 4), "");
  EXPECT_TRUE(llvm::StringRef(refer("movq 0(%rip), %rax", SymbolKind::Rodata, 5))
                  .starts_with("address is not known to be in the constants: "));
  EXPECT_NE(refer("movq 0(%rip), %rax", SymbolKind::Rodata, -5), "");
  EXPECT_NE(refer("movq %rax, 0(%rip)", SymbolKind::Rodata, -4), "");
  EXPECT_NE(refer("movq 0(%rip), %rax", SymbolKind::Text, -4), "");
  EXPECT_NE(refer("movq 0(%rip), %rax", SymbolKind::Function, -4), "");
  EXPECT_NE(refer("movq 0(%rax), %rax", SymbolKind::Rodata, -4), "");
  // A register in a byte behind the address.
  auto blend = [](const char* name, uint32_t at, int64_t addend) {
    return check(Architecture::X86_64, std::string(name) + " %xmm0, 0(%rip), %xmm1, %xmm0\n ud2",
                 {{at, FragmentSection::Text, RelocationKind::Pc32, ordinal(SymbolKind::Rodata), addend}},
                 std::vector<uint8_t>(16));
  };
  for (const char* name : {"vblendvpd", "vblendvps", "vpblendvb"}) {
    EXPECT_EQ(blend(name, 5, -5), "");
    EXPECT_NE(blend(name, 5, -4), "");  // past the constants
    EXPECT_NE(blend(name, 6, -4), "");
    EXPECT_NE(blend(name, 4, -6), "");
  }
  // An immediate that is patched afterwards is not the one that was looked at.
  EXPECT_EQ(refer("cmpq $0x12345678, %rcx", SymbolKind::Rodata, -4),
            "relocation of an immediate: cmpq $305419896, %rcx at 0x0");
  EXPECT_NE(refer("cmpl $0x12345678, 0(%rip)", SymbolKind::Rodata, -4), "");
  EXPECT_NE(refer("jmp 1f\n movl %eax, %eax\n 1:", SymbolKind::Rodata, -4), "");
}

TEST(CheckAddresses, CallsLeadToStarts) {
  auto call = [](SymbolKind symbol, int64_t addend) {
    return check(Architecture::X86_64,
                 "call 1f\n ud2\n 1:", {{1, FragmentSection::Text, RelocationKind::Pc32, ordinal(symbol), addend}});
  };
  EXPECT_EQ(call(SymbolKind::Function, -4), "");
  EXPECT_EQ(call(SymbolKind::Text, -4), "");
  EXPECT_NE(call(SymbolKind::Function, -3), "");
  EXPECT_NE(call(SymbolKind::Rodata, -4), "");
  EXPECT_NE(call(SymbolKind::StaticTable, -4), "");
}

// Values that are only known until the call.
TEST(CheckAddresses, CallsForget) {
  auto after = [](const std::string& text) {
    return check(Architecture::X86_64, "pushq %rax\n call 1f\n " + text + "\n ud2\n 1:",
                 {{2, FragmentSection::Text, RelocationKind::Pc32, ordinal(SymbolKind::Function), -4}});
  };
  EXPECT_EQ(after("movl %eax, %eax\n movb %gs:(%rax), %al"), "");
  EXPECT_NE(after("movb %gs:(%rax), %al"), "");
  EXPECT_NE(after("movq -8(%rsp), %rax\n movb %gs:(%rax), %al"), "");
}

// A constant that a relocation puts there is one of 0 .. 2^31 - 1, whichever.
TEST(CheckAddresses, Constants) {
  auto x86 = [](const std::string& text, std::vector<uint32_t> offsets) {
    std::vector<Relocation> relocations;
    for (uint32_t offset : offsets)
      relocations.push_back({offset, FragmentSection::Text, RelocationKind::Abs32, ordinal(SymbolKind::Constant), 0});
    return check(Architecture::X86_64, text, relocations);
  };
  // movb %gs:C, %al
  EXPECT_EQ(x86(".byte 0x65, 0x8a, 0x04, 0x25, 0, 0, 0, 0\n retq", {4}), "");
  // movl %r12d, %eax; movb %gs:C(%rax), %al
  EXPECT_EQ(x86("movl %r12d, %eax\n .byte 0x65, 0x8a, 0x80, 0, 0, 0, 0\n retq", {6}), "");
  // movb %gs:C(%rax), %al
  EXPECT_TRUE(llvm::StringRef(x86(".byte 0x65, 0x8a, 0x80, 0, 0, 0, 0\n retq", {3})).starts_with(kMemory));
  // movb C, %al: without the base
  EXPECT_NE(x86(".byte 0x8a, 0x04, 0x25, 0, 0, 0, 0\n retq", {3}), "");
  // movl $C, %eax; movb %gs:-1(%rax), %al
  EXPECT_TRUE(llvm::StringRef(x86(".byte 0xb8, 0, 0, 0, 0\n movb %gs:-1(%rax), %al\n retq", {1})).starts_with(kMemory));
  EXPECT_EQ(x86(".byte 0xb8, 0, 0, 0, 0\n movb %gs:1(%rax), %al\n retq", {1}), "");
  // cmpq $C, %rax; above it there is no bound, below it there is
  EXPECT_EQ(x86(".byte 0x48, 0x3d, 0, 0, 0, 0\n jae 1f\n movb %gs:(%rax), %al\n 1: retq", {2}), "");
  EXPECT_NE(x86(".byte 0x48, 0x3d, 0, 0, 0, 0\n jb 1f\n movb %gs:(%rax), %al\n 1: retq", {2}), "");
  // movq $C, %gs:C: two of them
  EXPECT_EQ(x86(".byte 0x65, 0x48, 0xc7, 0x04, 0x25, 0, 0, 0, 0, 0, 0, 0, 0\n retq", {5, 9}), "");
  EXPECT_NE(x86(".byte 0x65, 0x48, 0xc7, 0x04, 0x25, 0, 0, 0, 0, 0, 0, 0, 0\n retq", {5, 5}), "");

  auto arm = [](const std::string& text, bool low = true) {
    std::vector<Relocation> relocations{
        {0, FragmentSection::Text, RelocationKind::ArmMovHigh16, ordinal(SymbolKind::Constant), 0}};
    if (low)
      relocations.push_back({4, FragmentSection::Text, RelocationKind::ArmMovLow16, ordinal(SymbolKind::Constant), 0});
    return check(Architecture::AArch64, text, relocations);
  };
  EXPECT_EQ(arm("movz x0, #0, lsl #16\n movk x0, #0\n ldrb w0, [x28, x0]\n ret"), "");
  EXPECT_NE(arm("movz x0, #0, lsl #16\n movk x1, #0\n ldrb w0, [x28, x1]\n ret"), "");
  EXPECT_NE(arm("movz x0, #0, lsl #16\n movk x0, #0\n sub x0, x0, #1\n ldrb w0, [x28, x0]\n ret"), "");
  EXPECT_NE(arm("movz x0, #0, lsl #16\n movk x0, #0\n ldrb w0, [x0]\n ret"), "");
}

}  // namespace
}  // namespace aotc
