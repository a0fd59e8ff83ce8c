/* syscall_filter.h - leaves a process that runs compiled programs only the system calls that this takes.
 *
 * What is left is memory that is not executable, signals and timers of its own, clocks, random bytes, and reading and
 * writing what is open. It cannot open, create or connect anything, start programs or threads, or signal others. A call
 * that is not on the list answers ENOSYS, as if the kernel did not have it.
 */
#ifndef AOTC_TOOLS_SYSCALL_FILTER_H
#define AOTC_TOOLS_SYSCALL_FILTER_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* For all threads, and for good. With `directories` files can be opened for reading, too; which of them is for somebody
 * else to restrict, since a filter sees no paths. Returns 0 or a negative errno. */
int aotc_filter_system_calls(bool directories);

#ifdef __cplusplus
}
#endif
#endif
