/* guest_x86_64.S - see guest.h. */
#define SLOT(i) %gs:(-49152 + 16 * (i))
#define HELPER(h) %gs:(-33792 + 8 * (h))
#define SELF %gs:-8
#define CATCH_CALL 11
#define UNWIND 12
#define TRAP(code) .byte 0x67, 0x0f, 0xb9, 0x40, code

	.section .rodata
	.macro FUNCTION name
	.globl \name
	.p2align 4, 0xcc
\name:
	.endm

	FUNCTION guest_start
	nop
	FUNCTION guest_add
	movl	SLOT(0), %eax
	addl	SLOT(1), %eax
	movl	%eax, SLOT(0)
	ret

	FUNCTION guest_trap
	subq	$8, %rsp
	call	guest_trap_middle
	addq	$8, %rsp
	ret
	FUNCTION guest_trap_middle
	subq	$24, %rsp
	call	guest_trap_leaf
	addq	$24, %rsp
	ret
	FUNCTION guest_trap_leaf
	.globl guest_trap_site
guest_trap_site:
	TRAP(1)

	FUNCTION guest_load
	movl	SLOT(0), %eax
	movl	SLOT(1), %ecx
	movl	%gs:0x7fffffff(%rax,%rcx), %eax
	movl	%eax, SLOT(0)
	ret
	FUNCTION guest_store
	movl	SLOT(0), %eax
	movl	SLOT(1), %ecx
	movl	%ecx, %gs:(%rax)
	ret

	FUNCTION guest_recurse
	subq	$8, %rsp
	call	guest_recurse_inner
	addq	$8, %rsp
	ret
	FUNCTION guest_recurse_inner
	subq	$40, %rsp
	movq	%rax, 8(%rsp)
	decl	SLOT(0)
	je	1f
	call	guest_recurse_inner
1:	addq	$40, %rsp
	ret

	FUNCTION guest_loop
	jmp	guest_loop

	FUNCTION guest_host
	subq	$8, %rsp
	movq	SELF, %rdi
	xorl	%esi, %esi
	call	*HELPER(0)
	addq	$8, %rsp
	ret
	FUNCTION guest_host_loop
	subq	$8, %rsp
1:	movq	SELF, %rdi
	xorl	%esi, %esi
	call	*HELPER(0)
	jmp	1b

	FUNCTION guest_helper
	subq	$8, %rsp
	movl	SLOT(0), %eax
	movq	SELF, %rdi
	movl	SLOT(1), %esi
	movl	SLOT(2), %edx
	movl	SLOT(3), %ecx
	movl	SLOT(4), %r8d
	call	*%gs:-33792(,%rax,8)
	movl	%eax, SLOT(0)
	addq	$8, %rsp
	ret
	FUNCTION guest_helper_loop
	subq	$8, %rsp
1:	movl	SLOT(0), %eax
	movq	SELF, %rdi
	movl	SLOT(1), %esi
	movl	SLOT(2), %edx
	movl	SLOT(3), %ecx
	movl	SLOT(4), %r8d
	call	*%gs:-33792(,%rax,8)
	jmp	1b

/* Slot 0: Go SP, slot 1: mode. Results: SP, unwound, 1 if the registers a C function keeps were kept. */
	FUNCTION guest_catch
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	subq	$8, %rsp
	movl	$0x1234, %ebp
	movl	SLOT(0), %r12d
	movl	SLOT(1), %r13d
	leaq	guest_catch_inner(%rip), %r14
	call	*HELPER(CATCH_CALL)
	movl	%eax, SLOT(0)
	movl	%edx, SLOT(1)
	xorl	%eax, %eax
	cmpl	$0x1234, %ebp
	sete	%al
	movl	%eax, SLOT(2)
	addq	$8, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret
	FUNCTION guest_catch_inner
	subq	$8, %rsp
	incl	%r12d
	call	guest_catch_deep
	addq	$8, %rsp
	ret
/* Mode 0 returns SP + 10, 1 unwinds with SP + 100, 2 traps, 3 catches an unwinding call and then unwinds with 1000 more. */
	FUNCTION guest_catch_deep
	subq	$24, %rsp
	cmpl	$1, %r13d
	je	1f
	cmpl	$2, %r13d
	je	2f
	cmpl	$3, %r13d
	je	3f
	leal	10(%r12), %eax
	addq	$24, %rsp
	ret
1:	xorl	%ebp, %ebp
	addl	$100, %r12d
	addq	$24, %rsp
	jmp	*HELPER(UNWIND)
2:	TRAP(7)
3:	movl	$1, %r13d
	leaq	guest_catch_inner(%rip), %r14
	call	*HELPER(CATCH_CALL)
	leal	1000(%rax,%rdx), %r12d
	call	*HELPER(UNWIND)

	FUNCTION guest_unwind_outside
	subq	$8, %rsp
	call	*HELPER(UNWIND)

/* Host import 1 calls into another instance; slot 0 passes through. */
	FUNCTION guest_host_nested
	subq	$8, %rsp
	movq	SELF, %rdi
	movl	$1, %esi
	call	*HELPER(0)
	movl	SLOT(0), %eax
	movl	%eax, %gs:64
	addq	$8, %rsp
	ret

/* As LLVM encodes code 0: without a displacement. */
	FUNCTION guest_unreachable
	ud1l	(%eax), %eax

/* The helper in slot 0, or catch_call, called after slot 5 bytes more of the stack. */
	FUNCTION guest_deep
	movq	%rsp, %rbx
	subq	SLOT(5), %rsp
	movl	SLOT(0), %eax
	movq	SELF, %rdi
	movl	SLOT(1), %esi
	movl	SLOT(2), %edx
	movl	SLOT(3), %ecx
	movl	SLOT(4), %r8d
	call	*%gs:-33792(,%rax,8)
	movl	%eax, SLOT(0)
	movq	%rbx, %rsp
	ret
	FUNCTION guest_deep_catch
	movq	%rsp, %rbx
	subq	SLOT(5), %rsp
	movl	SLOT(0), %r12d
	movl	SLOT(1), %r13d
	leaq	guest_catch_inner(%rip), %r14
	call	*HELPER(CATCH_CALL)
	movl	%eax, SLOT(0)
	movq	%rbx, %rsp
	ret

	.globl guest_end
	.p2align 4, 0xcc
guest_end:
	.byte 0
	.section .note.GNU-stack, "", @progbits
