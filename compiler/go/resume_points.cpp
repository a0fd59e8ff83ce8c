// resume_points.cpp - see resume_points.h.
#include "resume_points.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

namespace aotc {

using namespace llvm;

namespace {

// Functions to whose callers nothing ever returns: a recovered panic resumes at the call of deferreturn. (That a
// function only unwinds does not suffice: runtime.mcall unwinds, and its caller is resumed later.)
bool is_panic(StringRef name) {
  return name.starts_with("runtime.panic") || name.starts_with("runtime.goPanic") || name == "runtime.sigpanic" ||
         name == "runtime.gopanic" || name == "runtime.throw" || name == "runtime.fatal";
}

// `i64.const; i64.store; i32.const; call`: the callee for which the constant at `at` is the return address, or -1.
int64_t callee_of(const std::vector<Instr>& code, size_t at) {
  bool is_call = at + 3 < code.size() && code[at + 1].op == Op::I64Store && code[at + 2].op == Op::I32Const &&
                 code[at + 3].op == Op::Call;
  return is_call ? int64_t{code[at + 3].low()} : -1;
}

}  // namespace

std::vector<std::vector<uint32_t>> find_resume_points(const Module& module, const TablePlan& tables,
                                                      const std::vector<GoFunction>& functions) {
  std::vector<std::vector<uint32_t>> points(module.functions.size());
  // PC_F is an index into table 0.
  if (tables.descriptor.empty() || tables.descriptor[0] >= 0) return points;
  const std::vector<uint32_t>& table = tables.contents[0];
  auto add = [&](uint64_t function, uint32_t pc_b) {
    if (function >= module.import_count()) points[function - module.import_count()].push_back(pc_b);
  };

  for (size_t i = 0; i < functions.size(); ++i) {
    points[i].push_back(0);
    if (functions[i].deferreturn) points[i].push_back(functions[i].deferreturn & 0xffff);
    if (functions[i].name == "runtime.goexit") points[i].push_back(1);
  }
  std::vector<bool> panics(module.functions.size()), never_resumes(module.functions.size());
  for (size_t i = 0; i < functions.size(); ++i) panics[i] = is_panic(functions[i].name);
  // Who calls nobody, or only to panic, cannot unwind and come back.
  for (size_t i = 0; i < functions.size(); ++i)
    never_resumes[i] = panics[i] || none_of(module.functions[i].body.code, [&](const Instr& instr) {
                         return instr.op == Op::CallIndirect ||
                                (instr.op == Op::Call &&
                                 (instr.low() < module.import_count() || !panics[instr.low() - module.import_count()]));
                       });
  for (const DefinedFunction& function : module.functions) {
    const std::vector<Instr>& code = function.body.code;
    for (size_t i = 0; i < code.size(); ++i) {
      if (code[i].op == Op::I64Const) {
        int64_t callee = callee_of(code, i);
        if (callee >= module.import_count() && never_resumes[callee - module.import_count()]) continue;
        uint64_t pc_f = code[i].imm >> 16;
        if (pc_f < table.size() && table[pc_f] != 0) add(table[pc_f] - 1, static_cast<uint32_t>(code[i].imm & 0xffff));
      } else if (code[i].op == Op::Call && i > 0 && code[i - 1].op == Op::I32Const && code[i - 1].low() != 0) {
        add(code[i].low(), code[i - 1].low());
      }
    }
  }
  for (std::vector<uint32_t>& list : points) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  return points;
}

}  // namespace aotc
