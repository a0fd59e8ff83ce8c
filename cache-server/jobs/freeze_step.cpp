// freeze_step.cpp - see freeze_step.h.
#include "freeze_step.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include <nlohmann/json.hpp>

#include "aotc/artifact_format.h"
#include "registry/digest.h"
#include "store/store.h"
#include "support/error.h"
#include "support/io.h"

namespace aotc::server {

namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxReport = 64 << 10;

// The report in a snapshot; nothing if it is not one of this module. It was written by a process that ran a program
// whose author may be hostile, so nothing in it is believed.
std::optional<Json> read_report(const UniqueFd& file, const std::string& module_digest) {
  struct stat st;
  aotc_snapshot head;
  if (fstat(file.get(), &st) != 0 ||
      aotc_pread_all(file.get(), &head, sizeof head, 0) != static_cast<ssize_t>(sizeof head))
    return std::nullopt;
  uint64_t size = static_cast<uint64_t>(st.st_size);
  if (head.magic != AOTC_SNAPSHOT_MAGIC || head.size != size || head.head_size > size ||
      "sha256:" + to_hex(head.module_sha256, sizeof head.module_sha256) != module_digest ||
      head.report.count > kMaxReport || head.report.offset > size - head.report.count)
    return std::nullopt;
  std::string text(head.report.count, '\0');
  if (aotc_pread_all(file.get(), text.data(), text.size(), static_cast<off_t>(head.report.offset)) !=
      static_cast<ssize_t>(text.size()))
    return std::nullopt;
  Json report = {{"frozen", true}};
  Json rest = Json::parse(text, nullptr, false);
  if (!rest.is_object()) return std::nullopt;
  report.update(rest);
  report["frozen"] = true;
  return report;
}

}  // namespace

llvm::Expected<std::optional<FrozenProgram>> freeze_and_store(
    Store& store, Accounts::Reservation& space, const std::string& folder, const std::string& module_digest,
    llvm::ArrayRef<FinishedArtifact> artifacts, bool go_shaped,
    llvm::function_ref<llvm::Expected<int>(Architecture, const std::string& cpu)> make, const FreezeRequest& request,
    double& cpu_seconds) {
  llvm::Expected<UniqueFd> output = make_unnamed_file(folder);
  if (!output) return output.takeError();
  llvm::Expected<std::optional<FreezeOutcome>> outcome =
      freeze_program(artifacts, go_shaped, make, output->get(), request);
  if (!outcome) return outcome.takeError();
  if (!*outcome) return std::nullopt;
  cpu_seconds += (*outcome)->cpu_seconds;

  FrozenProgram frozen;
  frozen.seconds = (*outcome)->seconds;
  frozen.reason = (*outcome)->reason;
  frozen.notes = (*outcome)->notes;
  Json report = {{"frozen", false}};
  if (frozen.reason.empty()) {
    std::optional<Json> found = read_report(*output, module_digest);
    if (!found) return failure("what came of freezing the program is not a snapshot");
    report = *found;
    llvm::Expected<BlobInfo> stored = copy_to_store(store, space, *output);
    if (!stored) return stored.takeError();
    frozen.snapshot = *stored;
  } else {
    report["reason"] = frozen.reason;
  }
  llvm::Expected<BlobInfo> stored = store.put_blob(space, report.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!stored) return stored.takeError();
  frozen.report = *stored;
  return std::optional<FrozenProgram>(std::move(frozen));
}

}  // namespace aotc::server
