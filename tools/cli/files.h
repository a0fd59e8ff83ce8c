// files.h - whole files in (output.h: out). Messages name the path and what the system said.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

// Fails for files larger than `limit` bytes. Pipes are read to their end.
llvm::Expected<std::vector<uint8_t>> read_file(const std::string& path, uint64_t limit);

// The same in two steps: a descriptor, and what is in it, which needs no name any more. Closes it.
llvm::Expected<int> open_to_read(const std::string& path);
llvm::Expected<std::vector<uint8_t>> read_open_file(int fd, const std::string& path, uint64_t limit);

// The first `size` bytes, or all when there are fewer.
llvm::Expected<std::vector<uint8_t>> read_prefix(const std::string& path, size_t size);

bool is_wasm(llvm::ArrayRef<uint8_t> bytes);
bool is_elf(llvm::ArrayRef<uint8_t> bytes);
// The last component, and the same without its extension.
std::string base_name(const std::string& path);
std::string stem(const std::string& path);
// The directory that holds this program and aotc-exec.
llvm::Expected<std::string> directory_of_this_program();
