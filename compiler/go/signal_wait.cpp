// signal_wait.cpp - see signal_wait.h.
#include "signal_wait.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "llvm/ADT/StringRef.h"

namespace aotc {

using namespace llvm;

namespace {

// A call as Go's compiler makes it, of a function whose arguments are constants, the first in memory at the stack
// pointer: from where the first one is pushed to the call.
constexpr Op kReturnAddress[] = {Op::LocalGet, Op::I32Const, Op::I32Sub,   Op::LocalTee, Op::GlobalSet,
                                 Op::LocalGet, Op::I64Const, Op::I64Store, Op::I32Const, Op::Call};
constexpr Op kArgument[] = {Op::I64Const, Op::I64Store};
constexpr Op kSecondArgument[] = {Op::LocalGet,   Op::I64ExtendI32U, Op::I64Const, Op::I64Add,
                                  Op::I32WrapI64, Op::I64Const,      Op::I64Store};

// Index in `code` of the first argument of the only call of `callee`.
std::optional<size_t> find_argument(ArrayRef<Instr> code, uint32_t callee, size_t arguments) {
  std::vector<Op> shape(std::begin(kArgument), std::end(kArgument));
  if (arguments == 2) shape.insert(shape.end(), std::begin(kSecondArgument), std::end(kSecondArgument));
  shape.insert(shape.end(), std::begin(kReturnAddress), std::end(kReturnAddress));
  std::optional<size_t> found;
  for (size_t i = 0; i < code.size(); ++i) {
    if (code[i].op != Op::Call || code[i].low() != callee) continue;
    if (found || i + 1 < shape.size()) return std::nullopt;
    found = i + 1 - shape.size();
  }
  if (!found) return std::nullopt;
  ArrayRef<Instr> call = code.slice(*found, shape.size());
  bool same =
      std::equal(shape.begin(), shape.end(), call.begin(), [](Op op, const Instr& instr) { return op == instr.op; });
  return same && call[1].imm == 0 ? found : std::nullopt;
}

}  // namespace

void park_signal_receiver(Module& module, const std::vector<GoFunction>& functions) {
  auto find = [&](StringRef name) -> std::optional<uint32_t> {
    auto found = std::find_if(functions.begin(), functions.end(), [&](const auto& each) { return each.name == name; });
    if (found == functions.end()) return std::nullopt;
    return static_cast<uint32_t>(found - functions.begin()) + module.import_count();
  };
  std::optional<uint32_t> receive = find("os/signal.signal_recv"), wait = find("runtime.notetsleepg"),
                          gopark = find("runtime.gopark"), mcall = find("runtime.mcall");
  if (!receive || !wait || !gopark || !mcall || module.type_index(*wait) != module.type_index(*mcall)) return;
  ArrayRef<Instr> park = module.functions[*gopark - module.import_count()].body.code;
  std::vector<Instr>& code = module.functions[*receive - module.import_count()].body.code;
  std::optional<size_t> park_m = find_argument(park, *mcall, 1), note = find_argument(code, *wait, 2);
  if (!park_m || !note) return;
  code[*note].imm = park[*park_m].imm;
  for (Instr& instr : code)
    if (instr.op == Op::Call && instr.low() == *wait) instr.imm = *mcall;
}

}  // namespace aotc
