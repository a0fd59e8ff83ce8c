// dev_server.h - a program that is served while it is written: built, compiled and served again when it was saved.
//
// Nothing of that is done here: `aotc build`, `aotc compile` and `aotc-node serve` run as everywhere, the last for as
// long as this goes on. It loads the new artifact when it gets SIGHUP, and sends requests there once that is ready.
//
//   saved ─▶ aotc build ─▶ aotc compile ─▶ SIGHUP ─▶ "ready"
//            (errors: what was served before goes on)
#pragma once

#include <string>
#include <vector>

#include "go_build.h"
#include "llvm/Support/Error.h"

struct DevOptions {
  std::string go, listen;
  std::vector<std::string> compile;  // options of `aotc compile`
  std::vector<std::string> node;     // and of `aotc-node serve`, whose app is called "app"
  std::vector<std::string> words;    // for Go
};

// Until SIGINT, SIGTERM or SIGHUP. Leaves nothing running and no file.
llvm::Error serve_while_written(const DevOptions& options);
