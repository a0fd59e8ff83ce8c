// config_file.h - the file of `aotc-server --file`, in YAML: options of the command line, each by its name without
// dashes, with a list where it may be repeated. There is no list of them here: they are what was added to `app`.
#pragma once

#include <CLI/App.hpp>
#include <map>
#include <string>
#include <vector>

#include "llvm/Support/Error.h"

namespace aotc::server {

struct ConfigFile {
  std::vector<std::string> words;             // of a command line that says the same
  std::map<std::string, std::string> places;  // "--queue" -> "server.yaml:3: queue"

  // What is wrong with the words, told with the place in the file.
  std::string explain(const std::string& error) const;
};

llvm::Expected<ConfigFile> read_config_file(const CLI::App& app, const std::string& path);

}  // namespace aotc::server
