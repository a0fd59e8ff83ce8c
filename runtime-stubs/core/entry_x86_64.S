/* entry_x86_64.S - crossing between the host's stack and the guest's, and the two helpers that unwind goroutines.
 *
 * The base register is GS, written with wrgsbase; the host's value is kept on its stack. glibc keeps its own things in
 * FS, so C code runs unchanged while GS is the guest's. All CFI is relative to rbp where the stack changes, and those
 * functions are marked as signal frames, so that a debugger accepts a caller at a lower address.
 */
#include "entry.h"

#define STATE(offset) (-65536 + (offset))
#define UNWIND_STACK %gs:-128
#define SELF %gs:-8

	.section aotc_helpers, "ax", @progbits

/* int aotc_enter(uint8_t* base, const void* code, void* stack_top) */
	.globl	aotc_enter, aotc_leave
	.hidden	aotc_enter, aotc_leave, aotc_enter_return
	.globl	aotc_enter_return
	.type	aotc_enter, @function
	.p2align 4
aotc_enter:
	.cfi_startproc
	.cfi_signal_frame
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	pushq	%rbx
	.cfi_offset %rbx, -24
	pushq	%r12
	.cfi_offset %r12, -32
	pushq	%r13
	.cfi_offset %r13, -40
	pushq	%r14
	.cfi_offset %r14, -48
	pushq	%r15
	.cfi_offset %r15, -56
	rdgsbase %rax
	pushq	%rax
	movq	%rsp, STATE(AOTC_STATE_HOST_STACK)(%rdi)
	wrgsbase %rdi
	movq	%rdx, %rsp
	call	*%rsi
aotc_enter_return:
	xorl	%eax, %eax
	movq	%gs:STATE(AOTC_STATE_HOST_STACK), %rsp
	jmp	.Lfinish

/* void aotc_leave(uint8_t* base, int status): from any stack, with any register values */
aotc_leave:
	movq	STATE(AOTC_STATE_HOST_STACK)(%rdi), %rsp
	leaq	48(%rsp), %rbp
	movl	%esi, %eax
	cld
.Lfinish:
	popq	%rcx
	wrgsbase %rcx
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size	aotc_enter, .-aotc_enter

/* A helper that runs C code on the host's stack. Leaves a frame record for the backtrace. Compiled code has its address, so
 * that it begins with a branch target's mark, as do the two below. */
	.macro	ON_HOST_STACK name, target, check_status
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.p2align 4
\name:
	.cfi_startproc
	.cfi_signal_frame
	endbr64
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	movq	%rsp, %gs:STATE(AOTC_STATE_GUEST_FRAME)
	movq	%gs:STATE(AOTC_STATE_HOST_STACK), %rsp
	call	\target
	.if \check_status
	testl	%eax, %eax
	jne	1f
	.endif
	movq	%rbp, %rsp
	popq	%rbp
	.cfi_remember_state
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_restore_state
	.if \check_status
1:	movq	SELF, %rdi
	movl	%eax, %esi
	jmp	aotc_leave
	.endif
	.cfi_endproc
	.size	\name, .-\name
	.endm

	ON_HOST_STACK aotc_host_call_entry, aotc_host_call, 1
	ON_HOST_STACK aotc_memory_grow_entry, aotc_memory_grow, 0
	ON_HOST_STACK aotc_table_grow_entry, aotc_table_grow, 0

/* void aotc_raise(uint8_t* base, uint32_t trap, const void* frame) */
	.globl	aotc_raise
	.hidden	aotc_raise
	.type	aotc_raise, @function
	.p2align 4
aotc_raise:
	.cfi_startproc
	.cfi_undefined %rip
	movq	STATE(AOTC_STATE_HOST_STACK)(%rdi), %rsp
	call	aotc_record_raised
	movq	SELF, %rdi
	movl	%eax, %esi
	jmp	aotc_leave
	.cfi_endproc
	.size	aotc_raise, .-aotc_raise

/* preserve_none {i32 sp, i32 unwound} aotc_catch_call(i32 sp, i32 pc_b, i64 code): r12d, r13d, r14 -> eax, edx.
 * Its frame: [pad][unwind_stack of the outer one][rbp][return address]. */
	.globl	aotc_catch_call, aotc_unwind
	.globl	aotc_catch_call_return
	.hidden	aotc_catch_call, aotc_unwind, aotc_catch_call_return
	.type	aotc_catch_call, @function
	.p2align 4
aotc_catch_call:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	pushq	UNWIND_STACK
	.cfi_def_cfa_offset 24
	subq	$8, %rsp
	.cfi_def_cfa_offset 32
	movq	%rsp, UNWIND_STACK
	call	*%r14
aotc_catch_call_return:
	xorl	%edx, %edx
.Lcaught:
	addq	$8, %rsp
	.cfi_def_cfa_offset 24
	popq	UNWIND_STACK
	.cfi_def_cfa_offset 16
	popq	%rbp
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
	.size	aotc_catch_call, .-aotc_catch_call

/* preserve_none void aotc_unwind(i32 sp): r12d. Without a catch_call it is the guest that is wrong. */
	.type	aotc_unwind, @function
	.p2align 4
aotc_unwind:
	.cfi_startproc
	endbr64
	movq	UNWIND_STACK, %rcx
	testq	%rcx, %rcx
	je	1f
	movq	%rcx, %rsp
	movl	%r12d, %eax
	movl	$1, %edx
	jmp	.Lcaught
1:	.byte	0x67, 0x0f, 0xb9, 0x40, AOTC_TRAP_UNREACHABLE_CODE
	.cfi_endproc
	.size	aotc_unwind, .-aotc_unwind

	.section .note.GNU-stack, "", @progbits
