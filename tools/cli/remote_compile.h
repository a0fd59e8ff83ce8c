// remote_compile.h - `aotc compile --server`: the module goes to an aotc-server, which keeps what it made of it.
#pragma once

#include <functional>
#include <string>

#include "llvm/Support/Error.h"
#include "process/option_set.h"

struct RemoteCompile {
  std::string server;       // "https://host:port"
  aotc::OptionSet options;  // as a server takes them
  std::function<void(const std::string& target, uint64_t done, uint64_t total)> progress;
};

// A job's outcome as the server writes it, JSON.
llvm::Expected<std::string> compile_on_server(const std::string& wasm, const RemoteCompile& options);

// The server's token in AOTC_TOKEN; "" without one.
std::string server_token();
