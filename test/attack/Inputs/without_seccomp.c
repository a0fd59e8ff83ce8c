/* without_seccomp.c - runs a program as on a kernel that lets nobody filter system calls: without_seccomp PROGRAM
 * ARG... */
#include <errno.h>
#include <seccomp.h>
#include <unistd.h>

int main(int argc, char** argv) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (argc < 2 || seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(seccomp), 0) != 0 ||
      seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, 22)) != 0 ||
      seccomp_load(filter) != 0)
    return 1;
  execvp(argv[1], argv + 1);
  return 1;
}
