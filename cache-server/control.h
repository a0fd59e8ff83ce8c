// control.h - how `aotc-server backup` and its like speak to the server that has the data open: a socket in the data
// folder, for the server's own user only.
//
// A command is a JSON object and a newline, so is its answer: {"done": text} or {"error": text}. One at a time:
//   {"command": "backup", "to": folder, "keep": number}
//   {"command": "rebuild", "compiler": version}
//   {"command": "revoke", "compiler": version, "index": digest, "repository": name, "reason": text}; see
//   administration.cpp for what may be empty
#pragma once

#include <functional>
#include <string>
#include <thread>

#include <nlohmann/json_fwd.hpp>

#include "llvm/Support/Error.h"
#include "store/unnamed_file.h"

namespace aotc::server {

class Control {
 public:
  // Says what has been done.
  using Handler = std::function<llvm::Expected<std::string>(const nlohmann::json& command)>;

  static llvm::Expected<std::unique_ptr<Control>> open(const std::string& data, Handler handler);
  // Waits for the command under way.
  ~Control();

 private:
  Control(UniqueFd socket, UniqueFd wake, Handler handler);
  void work();
  void serve(const UniqueFd& connection);

  UniqueFd socket_, wake_;
  Handler handler_;
  std::thread thread_;
};

// What the server answers; nothing when none has this folder open.
llvm::Expected<std::optional<std::string>> ask_server(const std::string& data, const nlohmann::json& command);

}  // namespace aotc::server
