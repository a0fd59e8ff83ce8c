// unnamed_file.h - bytes on their way to or from a worker: a file that has no name, so that nothing has to be cleaned
// up and no other process can open it.
#pragma once

#include <string>

#include "blob_info.h"
#include "llvm/Support/Error.h"
#include "support/unique_fd.h"
#include "tenants/accounts.h"

namespace aotc::server {

class Store;

llvm::Expected<UniqueFd> make_unnamed_file(const std::string& folder);
// Another descriptor of the same file, with an offset of its own, that cannot write.
llvm::Expected<UniqueFd> open_to_read(const UniqueFd& file);

llvm::Error write_to(const UniqueFd& file, llvm::StringRef bytes);
llvm::Error copy_from_store(Store& store, const BlobInfo& blob, const UniqueFd& file);
llvm::Expected<BlobInfo> copy_to_store(Store& store, Accounts::Reservation& space, const UniqueFd& file,
                                       const std::string& digest = "");  // if it is known

}  // namespace aotc::server
