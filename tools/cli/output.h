// output.h - where a command's result goes, and what it says. Messages name the path and what the system said.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

// Puts the result of a command where the user said.
//   nothing there, or a regular file   appears or changes as a whole: the bytes are written beside it, then renamed.
//   What was
//                                      there passes on its permissions, and its owner if the system lets us; other hard
//                                      links to it keep the old content
//   a symbolic link                    stays; what it leads to is treated so. One that leads nowhere is refused
//   /dev/stdout, /dev/stderr,          that descriptor, from where it stands
//   /dev/fd/N, /proc/self/fd/N
//   any other device, a FIFO           written through
//   a directory, a socket              refused
llvm::Error write_output(const std::string& path, llvm::ArrayRef<uint8_t> bytes);

// The same in two steps, for a process that gives up its rights between them: open() looks at what is there and opens
// it; after that it needs to write in folder(), or, when that is empty, nothing more.
class Output {
 public:
  static llvm::Expected<Output> open(const std::string& path);
  Output(Output&& other) noexcept;
  Output& operator=(Output&&) = delete;
  ~Output();
  std::string folder() const;
  llvm::Error write(llvm::ArrayRef<uint8_t> bytes);

 private:
  Output() = default;
  std::string path_, name_;  // name_: of the file that is made or replaced; empty: fd_ is written
  std::optional<struct stat> old_;
  int fd_ = -1;
  bool own_ = false;
};

// Before the work is done: refuses a directory, and `input` under whatever name.
llvm::Error check_output(const std::string& path, const std::string& input);

// Whether `path` is there but no file, so that adding to its name makes no sense.
bool is_device(const std::string& path);

// For what must replace nothing. After a failure there is no file.
llvm::Error create_file(const std::string& path, llvm::ArrayRef<uint8_t> bytes, mode_t mode);

// What comes from a module or a server: nothing in it may reach the terminal as a control sequence.
std::string printable(llvm::StringRef text);
// The same for what may have several lines: those after the first are indented, so that none looks like one of ours.
std::string printable_lines(llvm::StringRef text);

// Prints, never throws: whether all has arrived is asked once, at the end. What stderr does not take is lost.
void write_text(FILE* stream, std::string_view text);

template <typename... T>
void print(FILE* stream, fmt::format_string<T...> format, T&&... values) {
  write_text(stream, fmt::format(format, std::forward<T>(values)...));
}

template <typename... T>
void print(fmt::format_string<T...> format, T&&... values) {
  write_text(stdout, fmt::format(format, std::forward<T>(values)...));
}

// stdout, unless the result goes there; then what is said about it would be in the middle of it.
FILE* stream_beside(const std::string& output);

llvm::Error finish_stdout();
