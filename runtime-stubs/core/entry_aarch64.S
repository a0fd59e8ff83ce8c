/* entry_aarch64.S - crossing between the host's stack and the guest's, and the two helpers that unwind goroutines.
 *
 * The base register is x28, callee-saved for C code, so it survives every call into the host. Every frame here is a
 * frame record {x29, x30}, because that chain is what a backtrace walks. All CFI is relative to x29 where the stack
 * changes, and those functions are marked as signal frames, so that a debugger accepts a caller at a lower address.
 */
#include "entry.h"

#define UNWIND_STACK [x28, #-128]

	.section aotc_helpers, "ax", %progbits

/* int aotc_enter(uint8_t* base, const void* code, void* stack_top) */
	.globl	aotc_enter, aotc_leave
	.globl	aotc_enter_return
	.hidden	aotc_enter, aotc_leave, aotc_enter_return
	.type	aotc_enter, %function
	.p2align 4
aotc_enter:
	.cfi_startproc
	.cfi_signal_frame
	stp	x29, x30, [sp, #-160]!
	.cfi_def_cfa_offset 160
	.cfi_offset x29, -160
	.cfi_offset x30, -152
	mov	x29, sp
	.cfi_def_cfa_register x29
	stp	x19, x20, [sp, #16]
	.cfi_offset x19, -144
	.cfi_offset x20, -136
	stp	x21, x22, [sp, #32]
	.cfi_offset x21, -128
	.cfi_offset x22, -120
	stp	x23, x24, [sp, #48]
	.cfi_offset x23, -112
	.cfi_offset x24, -104
	stp	x25, x26, [sp, #64]
	.cfi_offset x25, -96
	.cfi_offset x26, -88
	stp	x27, x28, [sp, #80]
	.cfi_offset x27, -80
	.cfi_offset x28, -72
	stp	d8, d9, [sp, #96]
	.cfi_offset d8, -64
	.cfi_offset d9, -56
	stp	d10, d11, [sp, #112]
	.cfi_offset d10, -48
	.cfi_offset d11, -40
	stp	d12, d13, [sp, #128]
	.cfi_offset d12, -32
	.cfi_offset d13, -24
	stp	d14, d15, [sp, #144]
	.cfi_offset d14, -16
	.cfi_offset d15, -8
	sub	x9, x0, #16, lsl #12
	mov	x10, sp
	str	x10, [x9, #AOTC_STATE_HOST_STACK]
	mov	x28, x0
	mov	sp, x2
	blr	x1
aotc_enter_return:
	mov	w0, #0
	sub	x9, x28, #16, lsl #12
	b	.Lfinish

/* void aotc_leave(uint8_t* base, int status): from any stack, with any register values */
aotc_leave:
	sub	x9, x0, #16, lsl #12
	mov	w0, w1
.Lfinish:
	ldr	x10, [x9, #AOTC_STATE_HOST_STACK]
	mov	x29, x10
	mov	sp, x10
	ldp	d14, d15, [sp, #144]
	ldp	d12, d13, [sp, #128]
	ldp	d10, d11, [sp, #112]
	ldp	d8, d9, [sp, #96]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #160
	.cfi_def_cfa sp, 0
	ret
	.cfi_endproc
	.size	aotc_enter, .-aotc_enter

/* A helper that runs C code on the host's stack. Leaves a frame record for the backtrace. Compiled code has its address, so
 * that it begins with a branch target's mark, as do the two below. */
	.macro	ON_HOST_STACK name, target, check_status
	.globl	\name
	.hidden	\name
	.type	\name, %function
	.p2align 4
\name:
	.cfi_startproc
	.cfi_signal_frame
	hint	#34  /* bti c */
	stp	x29, x30, [sp, #-16]!
	.cfi_def_cfa_offset 16
	.cfi_offset x29, -16
	.cfi_offset x30, -8
	mov	x29, sp
	.cfi_def_cfa_register x29
	sub	x9, x28, #16, lsl #12
	mov	x10, sp
	str	x10, [x9, #AOTC_STATE_GUEST_FRAME]
	ldr	x10, [x9, #AOTC_STATE_HOST_STACK]
	mov	sp, x10
	bl	\target
	.if \check_status
	cbnz	w0, 1f
	.endif
	mov	sp, x29
	ldp	x29, x30, [sp], #16
	.cfi_remember_state
	.cfi_def_cfa sp, 0
	ret
	.cfi_restore_state
	.if \check_status
1:	mov	w1, w0
	mov	x0, x28
	b	aotc_leave
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
	.type	aotc_raise, %function
	.p2align 4
aotc_raise:
	.cfi_startproc
	.cfi_undefined x30
	sub	x9, x0, #16, lsl #12
	ldr	x10, [x9, #AOTC_STATE_HOST_STACK]
	mov	sp, x10
	bl	aotc_record_raised
	mov	w1, w0
	mov	x0, x28
	b	aotc_leave
	.cfi_endproc
	.size	aotc_raise, .-aotc_raise

/* preserve_none {i32 sp, i32 unwound} aotc_catch_call(i32 sp, i32 pc_b, i64 code): w20, w21, x22 -> w0, w1.
 * Its frame: [x29, x30][unwind_stack of the outer one][pad]. */
	.globl	aotc_catch_call, aotc_unwind
	.globl	aotc_catch_call_return
	.hidden	aotc_catch_call, aotc_unwind, aotc_catch_call_return
	.type	aotc_catch_call, %function
	.p2align 4
aotc_catch_call:
	.cfi_startproc
	hint	#34  /* bti c */
	stp	x29, x30, [sp, #-32]!
	.cfi_def_cfa_offset 32
	.cfi_offset x29, -32
	.cfi_offset x30, -24
	mov	x29, sp
	ldur	x9, UNWIND_STACK
	str	x9, [sp, #16]
	mov	x9, sp
	stur	x9, UNWIND_STACK
	blr	x22
aotc_catch_call_return:
	mov	w1, #0
.Lcaught:
	ldr	x9, [sp, #16]
	stur	x9, UNWIND_STACK
	ldp	x29, x30, [sp], #32
	.cfi_def_cfa_offset 0
	.cfi_restore x29
	.cfi_restore x30
	ret
	.cfi_endproc
	.size	aotc_catch_call, .-aotc_catch_call

/* preserve_none void aotc_unwind(i32 sp): w20. Without a catch_call it is the guest that is wrong. */
	.type	aotc_unwind, %function
	.p2align 4
aotc_unwind:
	.cfi_startproc
	hint	#34  /* bti c */
	ldur	x9, UNWIND_STACK
	cbz	x9, 1f
	mov	sp, x9
	mov	w0, w20
	mov	w1, #1
	b	.Lcaught
1:	brk	#0x5500 + AOTC_TRAP_UNREACHABLE_CODE
	.cfi_endproc
	.size	aotc_unwind, .-aotc_unwind

	.section .note.GNU-stack, "", %progbits
