// resume_points.cpp - see resume_points.h.
#include "resume_points.h"

namespace aotc {

void find_resume_points(Compilation& c, const std::vector<GoFunction>& functions) {
  const Module& module = c.module;
  // PC_F is an index into table 0.
  if (c.tables.descriptor.empty() || c.tables.descriptor[0] >= 0) return;
  const std::vector<uint32_t>& table = c.tables.contents[0];
  std::vector<std::vector<uint32_t>> points(module.functions.size());
  auto add = [&](uint64_t function, uint32_t pc_b) {
    if (function >= module.import_count()) points[function - module.import_count()].push_back(pc_b);
  };

  for (size_t i = 0; i < functions.size(); ++i) {
    points[i].push_back(0);
    if (functions[i].deferreturn) points[i].push_back(functions[i].deferreturn & 0xffff);
    if (functions[i].name == "runtime.goexit") points[i].push_back(1);
  }
  for (const DefinedFunction& function : module.functions) {
    const std::vector<Instr>& code = function.body.code;
    for (size_t i = 0; i < code.size(); ++i) {
      if (code[i].op == Op::I64Const) {
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
  c.go.resume_points = std::move(points);
}

}  // namespace aotc
