// pushed_manifest.h - a manifest or index that somebody pushes: what it names, what it is about, and whether there is a
// module in it to be compiled. Nothing in it is believed; a PushError says what the client is told.
//
// A module is compiled when it is the only WebAssembly layer (kWasmType, or kSpinWasmType of Spin's applications) of an
// image, whatever its config is, and the image refers to nothing. Annotations of the manifest that start with "aotc."
// are options of the compilation by the names of compile_options.def, those that can be given several times with one
// more name each:
//
//   aotc.tier quick      aotc.snapshot required      aotc.env.MODE production      aotc.arg.1 --verbose
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "llvm/Support/Error.h"
#include "oci_image.h"

namespace aotc::server {

class PushError : public llvm::ErrorInfo<PushError> {
 public:
  static char ID;
  PushError(const char* code, std::string message) : code(code), message(std::move(message)) {}
  void log(llvm::raw_ostream& os) const override { os << message; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }
  const char* code;  // of the distribution specification
  std::string message;
};

struct PushedManifest {
  struct Part {
    std::string digest;
    uint64_t size = 0;
    bool manifest = false;   // one that an index names
    bool elsewhere = false;  // a layer that may not be distributed, so that it need not be there
  };
  std::string digest, media_type;
  std::vector<Part> parts;
  std::string subject;   // digest; empty: refers to nothing
  std::string referrer;  // JSON descriptor of the manifest itself, for its subject's list
  std::string module;    // digest of the layer to be compiled; empty: none is
  std::vector<std::pair<std::string, std::string>> options;
};

// `content_type` may be empty, then the document has to say what it is.
llvm::Expected<PushedManifest> read_pushed_manifest(const std::string& bytes, llvm::StringRef content_type);

}  // namespace aotc::server
