// name_section.h - function names from a module's custom "name" section.
//
// The section is advice: tools write it, strip it and sometimes break it. Whatever does not parse is skipped, and no
// input is an error. It follows the code, so read_module uses it twice: to fill Module::names, and to name the function
// an error message is about when reading stopped before the section was reached.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

namespace aotc {

// Calls `found` for every function name in section order; a later one for the same index replaces an earlier one. Names
// are valid UTF-8 without control characters.
void for_each_function_name(llvm::ArrayRef<uint8_t> wasm,
                            llvm::function_ref<void(uint32_t function, llvm::StringRef name)> found);

// The name of one function, empty when there is none.
std::string find_function_name(llvm::ArrayRef<uint8_t> wasm, uint32_t function);

}  // namespace aotc
