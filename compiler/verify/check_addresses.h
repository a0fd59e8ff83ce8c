// check_addresses.h - every address that a fragment's code can form is one that it may use.
#pragma once

#include <string>
#include <vector>

#include "machine_actions.h"
#include "native/fragment.h"

namespace aotc {

// One decoded instruction; its actions are those from `first_action` on up to the next one's.
struct Step {
  uint32_t offset;  // in text
  uint32_t first_action;
};

struct AddressProblem {
  uint32_t step;       // index of the instruction
  const char* reason;  // null: none was found
};

// `steps` are all instructions of the fragment, in order. See check_addresses.cpp for what is proved and what is not.
AddressProblem check_addresses(const Fragment& fragment, const std::vector<Step>& steps,
                               const std::vector<Action>& actions, const RegisterRoles& roles);

}  // namespace aotc
