// pclntab.h - Go's own function table, which every Go program carries in its data, stripped or not.
#pragma once

#include <optional>

#include "wasm/module.h"

namespace aotc {

struct GoFunction {
  std::string name;          // "runtime.(*mspan).sweep"
  uint32_t deferreturn = 0;  // PC_B at which a recovered panic resumes this function, 0 for none
};

// One entry per defined function, in order; nullopt when there is no table, or none of a layout known here (Go 1.20 to
// 1.27). Everything in it is checked: the table is the tenant's data.
std::optional<std::vector<GoFunction>> read_pclntab(const Module& module);

}  // namespace aotc
