/* exit_codes.h - what our programs end with, apart from what a program that they run ends with. */
#ifndef AOTC_SUPPORT_EXIT_CODES_H
#define AOTC_SUPPORT_EXIT_CODES_H

enum {
  kExitFailed = 1, /* bad input, or what was to be done could not be */
  kExitUsage = 2,
  kExitNotFrozen = 3,    /* aotc-exec --freeze: the program cannot be; the reason is on stderr */
  kExitNotRehearsed = 4, /* likewise, but without the rehearsal it may be */
  kExitCannotRun = 125,
  kExitNotOfPrograms = 126, /* from here on, no code of a program that aotc-exec runs */
  kExitNotStarted = 127,    /* a process of ours that could not become what it was to be */
  kExitTrap = 134
};

#endif
