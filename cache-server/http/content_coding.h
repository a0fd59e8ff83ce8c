// content_coding.h - request bodies that are sent compressed (Content-Encoding: gzip or zstd), decoded as they come.
//
// What comes out is bounded by the caller's limit, like a body that is sent as it is, and by what it is appended to;
// memory by the coding, whatever a stream asks for.
#pragma once

#include <memory>

#include "intake.h"

namespace aotc::server {

// Whether bodies can be sent in it; without a coding they are sent as they are.
bool is_known_coding(llvm::StringRef coding);
// `intake` gets what is decoded, at most `most` bytes of it.
std::unique_ptr<Intake> make_decoder(llvm::StringRef coding, uint64_t most, std::unique_ptr<Intake> intake);

}  // namespace aotc::server
