// module.cpp - names of instructions and functions.
#include "module.h"

namespace aotc {

const char* op_text(Op op) {
  switch (op) {
#define AOTC_OP(code, name, text) \
  case Op::name:                  \
    return text;
#include "opcodes.def"
#undef AOTC_OP
    case Op::I32Symbol:
      return "i32.symbol";
    case Op::I64Symbol:
      return "i64.symbol";
  }
  return "?";
}

std::string Module::display_name(uint32_t function) const {
  if (function < names.size() && !names[function].empty()) return names[function];
  return "function " + std::to_string(function);
}

std::string Module::full_name(uint32_t function) const {
  std::string number = "function " + std::to_string(function);
  return function < names.size() && !names[function].empty() ? number + " (" + names[function] + ")" : number;
}

}  // namespace aotc
