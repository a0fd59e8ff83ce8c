// operands.h - what an action reads, and what it leaves in a register, by what is known before it.
#pragma once

#include "machine_state.h"

namespace aotc {

class Operands {
 public:
  Operands(const Fragment& fragment, MachineState& state) : fragment_(fragment), state_(state) {}

  Value of(const Term& term, bool narrow) const;
  // first + second + constant.
  Value sum_of(const Action& action) const;
  // Of a comparison.
  Side side_of(const Term& term, bool narrow);
  // What one of the actions Sum to PageOf leaves in its register.
  Value result_of(const Action& action);

 private:
  Value place_of(const Value& pointer, const Term& term) const;
  Value source_of(const Action& action);
  Value shifted(const Action& action);
  Value moved_by(const Action& action);
  Value masked(const Action& action, Value value);
  Value sign_extended(const Action& action);
  Value symbol_of(const Action& action) const;

  const Fragment& fragment_;
  MachineState& state_;
};

}  // namespace aotc
