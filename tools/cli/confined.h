// confined.h - commands that only look at something: they open it, take from this process all that looking does not
// need (rule set `inspector` of tools/sandbox), and only then read. What follows can compute and print.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "llvm/Support/Error.h"

// read_file(), confined before the first byte is read. For good, so for the last files that a command needs.
llvm::Expected<std::vector<uint8_t>> read_file_confined(const std::string& path, uint64_t limit);
llvm::Expected<std::vector<std::vector<uint8_t>>> read_files_confined(const std::vector<std::string>& paths,
                                                                      uint64_t limit);

// For commands that speak to servers (rule set `client`), before they do: they can read the files `read`, beside what
// TLS and the lookup of names need, and write in the folders `write`. Empty names count for nothing.
llvm::Error confine_client(const std::vector<std::string>& read, const std::vector<std::string>& write);
