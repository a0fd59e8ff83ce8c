// function_record.h - a compiled function as the function cache keeps it; see function_cache.h.
#pragma once

#include "compile_function.h"
#include "function_cache.h"

namespace aotc {

FunctionRecord make_record(llvm::ArrayRef<uint8_t> unit, const Compiled& compiled);

// Nothing if the record is of another unit, or no record. What it holds is taken for code that was checked when it was
// made; whoever gives records answers for that.
std::optional<Compiled> read_record(llvm::ArrayRef<uint8_t> record, llvm::ArrayRef<uint8_t> unit);

}  // namespace aotc
