// link.h - fragments to an artifact: lay out, patch relocations, write the ELF file of artifact_format.h.
#pragma once

#include "compilation.h"

namespace aotc {

// Fills c.artifact from c.module, c.fragments, c.thunks and c.tables. Deterministic. Fails when a relocation is out of
// range or text passes 2 GiB (128 MiB on AArch64, the reach of bl).
llvm::Error link(Compilation& c);

// Sections and functions with addresses, for dump --after=link.
std::string describe_layout(const Compilation& c);

}  // namespace aotc
