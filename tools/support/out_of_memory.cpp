// out_of_memory.cpp - what `new` does in a program that compiles when there is no memory: it says so and ends.
//
// From whichever thread, and before main, when libraries make their own objects: there may be no memory to unwind with,
// and nothing needs it. So the handler is set before any library begins.
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <new>

#include "support/exit_codes.h"

namespace aotc {
namespace {

[[noreturn]] void end() {
  const iovec words[] = {{program_invocation_short_name, strlen(program_invocation_short_name)},
                         {const_cast<char*>(": out of memory\n"), 16}};
  [[maybe_unused]] ssize_t written = writev(STDERR_FILENO, words, std::size(words));
  _exit(kExitFailed);
}

void begin() { std::set_new_handler(end); }

[[gnu::section(".preinit_array"), gnu::used]] void (*const begin_first)() = begin;

}  // namespace
}  // namespace aotc
