// dev_log.h - what a node says (its log, a JSON object a line), for the one who writes the program that it serves.
#pragma once

#include <string>
#include <vector>

#include "llvm/ADT/StringRef.h"
#include "support/unique_fd.h"

struct DevLogLine {
  enum Kind { Said, Listening, Ready, Ended } kind = Said;
  std::string text;  // to show; empty: nothing
};

// Text of the program's, and so of anybody's, shows no control characters.
DevLogLine read_log_line(llvm::StringRef line);

// The lines that have arrived at a pipe.
class LineReader {
 public:
  explicit LineReader(aotc::UniqueFd fd) : fd_(std::move(fd)) {}
  int fd() const { return fd_.get(); }
  // False at the pipe's end.
  bool read(std::vector<std::string>& lines);

 private:
  aotc::UniqueFd fd_;
  std::string pending_;
};
