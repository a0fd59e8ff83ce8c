// run_broker.h - connections of a program that `aotc run` starts: a broker of its own (tools/broker).
#pragma once

#include <string>
#include <vector>

#include "llvm/Support/Error.h"

// The descriptor of the program's channel, which is left open for the program that this process becomes. The broker
// ends with it. `kv` is the folder or URL of its key-value store, or empty. Wrong rules are wrong usage.
llvm::Expected<int> start_broker(const std::string& name, const std::vector<std::string>& allowed,
                                 const std::vector<std::string>& networks, const std::string& kv);
