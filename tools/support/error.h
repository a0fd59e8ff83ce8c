// error.h - the usual errors of programs with LLVM. Those without it, in C++: `false`, or nothing, and the message in
// the last argument.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include "llvm/Support/Error.h"

namespace aotc {

inline llvm::Error failure(const std::string& message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

// Of a call of the system.
inline llvm::Error system_failure(const std::string& message, int code = errno) {
  return llvm::createStringError(std::error_code(code, std::generic_category()), message + ": " + std::strerror(code));
}

}  // namespace aotc
