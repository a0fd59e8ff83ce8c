/* guest_aarch64.S - see guest.h. */
#define CATCH_CALL 11
#define UNWIND 12
#define TRAP(code) brk #0x5500 + code

	.section .rodata
	.macro FUNCTION name
	.globl \name
	.p2align 4
\name:
	.endm
	/* x9 = scratch slots, x10 = helpers */
	.macro CONTEXT
	sub	x9, x28, #12, lsl #12
	sub	x10, x28, #8, lsl #12
	sub	x10, x10, #1024
	.endm
	.macro ENTER
	stp	x29, x30, [sp, #-32]!
	mov	x29, sp
	.endm
	.macro LEAVE
	ldp	x29, x30, [sp], #32
	ret
	.endm

	FUNCTION guest_start
	nop
	FUNCTION guest_add
	CONTEXT
	ldr	w0, [x9]
	ldr	w1, [x9, #16]
	add	w0, w0, w1
	str	w0, [x9]
	ret

	FUNCTION guest_trap
	ENTER
	bl	guest_trap_middle
	LEAVE
	FUNCTION guest_trap_middle
	ENTER
	bl	guest_trap_leaf
	LEAVE
	FUNCTION guest_trap_leaf
	.globl guest_trap_site
guest_trap_site:
	TRAP(1)

	FUNCTION guest_load
	CONTEXT
	ldr	w0, [x9]
	ldr	w1, [x9, #16]
	add	x0, x0, x1
	mov	w1, #0x7fffffff
	add	x0, x0, x1
	ldr	w0, [x28, x0]
	str	w0, [x9]
	ret
	FUNCTION guest_store
	CONTEXT
	ldr	w0, [x9]
	ldr	w1, [x9, #16]
	str	w1, [x28, w0, uxtw]
	ret

	FUNCTION guest_recurse
	ENTER
	bl	guest_recurse_inner
	LEAVE
	FUNCTION guest_recurse_inner
	ENTER
	CONTEXT
	ldr	w0, [x9]
	subs	w0, w0, #1
	str	w0, [x9]
	b.eq	1f
	bl	guest_recurse_inner
1:	LEAVE

	FUNCTION guest_loop
	b	guest_loop

	FUNCTION guest_host
	ENTER
	CONTEXT
	mov	x0, x28
	mov	w1, #0
	ldr	x11, [x10]
	blr	x11
	LEAVE
	FUNCTION guest_host_loop
	ENTER
1:	CONTEXT
	mov	x0, x28
	mov	w1, #0
	ldr	x11, [x10]
	blr	x11
	b	1b

	.macro CALL_HELPER
	CONTEXT
	ldr	w11, [x9]
	mov	x0, x28
	ldr	w1, [x9, #16]
	ldr	w2, [x9, #32]
	ldr	w3, [x9, #48]
	ldr	w4, [x9, #64]
	ldr	x11, [x10, x11, lsl #3]
	blr	x11
	.endm
	FUNCTION guest_helper
	ENTER
	CALL_HELPER
	CONTEXT
	str	w0, [x9]
	LEAVE
	FUNCTION guest_helper_loop
	ENTER
1:	CALL_HELPER
	b	1b

	FUNCTION guest_catch
	stp	x29, x30, [sp, #-176]!
	mov	x29, sp
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	str	x27, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	CONTEXT
	ldr	w20, [x9]
	ldr	w21, [x9, #16]
	adr	x22, guest_catch_inner
	ldr	x11, [x10, #8 * CATCH_CALL]
	blr	x11
	CONTEXT
	str	w0, [x9]
	str	w1, [x9, #16]
	mov	x11, sp
	cmp	x29, x11
	cset	w0, eq
	str	w0, [x9, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldr	x27, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	ldp	x29, x30, [sp], #176
	ret
	FUNCTION guest_catch_inner
	ENTER
	add	w20, w20, #1
	bl	guest_catch_deep
	LEAVE
	FUNCTION guest_catch_deep
	ENTER
	CONTEXT
	cmp	w21, #1
	b.eq	1f
	cmp	w21, #2
	b.eq	2f
	cmp	w21, #3
	b.eq	3f
	add	w0, w20, #10
	LEAVE
1:	mov	x29, #0
	add	w20, w20, #100
	ldr	x11, [x10, #8 * UNWIND]
	br	x11
2:	TRAP(7)
3:	mov	w21, #1
	adr	x22, guest_catch_inner
	ldr	x11, [x10, #8 * CATCH_CALL]
	blr	x11
	add	w20, w0, w1
	add	w20, w20, #1000
	CONTEXT
	ldr	x11, [x10, #8 * UNWIND]
	blr	x11

	FUNCTION guest_unwind_outside
	ENTER
	CONTEXT
	ldr	x11, [x10, #8 * UNWIND]
	blr	x11

	FUNCTION guest_host_nested
	ENTER
	CONTEXT
	mov	x0, x28
	mov	w1, #1
	ldr	x11, [x10]
	blr	x11
	CONTEXT
	ldr	w0, [x9]
	str	w0, [x28, #64]
	LEAVE

	FUNCTION guest_unreachable
	TRAP(0)

	FUNCTION guest_deep
	ENTER
	CONTEXT
	ldr	x11, [x9, #80]
	sub	x11, x29, x11
	mov	sp, x11
	CALL_HELPER
	CONTEXT
	str	w0, [x9]
	mov	sp, x29
	LEAVE
	FUNCTION guest_deep_catch
	ENTER
	CONTEXT
	mov	x19, sp
	ldr	x11, [x9, #80]
	sub	x11, x29, x11
	mov	sp, x11
	ldr	w20, [x9]
	ldr	w21, [x9, #16]
	adr	x22, guest_catch_inner
	ldr	x11, [x10, #8 * CATCH_CALL]
	blr	x11
	CONTEXT
	str	w0, [x9]
	mov	sp, x19
	mov	x29, x19
	LEAVE

	.globl guest_end
	.p2align 4
guest_end:
	.byte 0
	.section .note.GNU-stack, "", %progbits
