// plan.h - decisions about the whole module that compiling a single function needs, each made once.
#pragma once

#include "compilation.h"
#include "go/pclntab.h"

namespace aotc {

// Which tables are static; fills c.tables.
void plan_tables(Compilation& c);

// Which globals have a slot: those that can change. Fills c.global_slots.
void plan_globals(Compilation& c);

// What is called from outside, and the imports that anything refers to; lists c.thunks.
void plan_thunks(Compilation& c);

// Everything that is decided of each function; fills c.functions. `table` is Go's own function table, if there is one.
// Needs what the others have decided.
void plan_functions(Compilation& c, const std::optional<std::vector<GoFunction>>& table);

}  // namespace aotc
