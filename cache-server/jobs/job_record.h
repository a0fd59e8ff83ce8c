// job_record.h - what is remembered of a job: what was asked, how far it is, what came of it.
//
// A JSON object, in the store's table `jobs` and, without "parts" and while it runs with "progress", what
// GET /v1/jobs/{id} shows:
//   {"id", "state": "queued" | "running" | "done" | "failed" | "cancelled" | "revoked", "module": digest, "tier",
//    "targets": [{"target", "cpu"}], "images": [{"name", "tag", "was"}], "index": digest, "artifacts": [{"target",
//    "cpu", "digest", "size", "functions",
//    "cached_functions", "quick_functions", "seconds"}], "freeze": [[parameter, value]],
//    "snapshot": {"digest", "size", "random", "seconds"} or {"reason", "seconds"}, "parts": [[digest, media type]],
//    "compiler": version, "error": problem document, "finished": milliseconds since 1970,
//    "again": true or "better": true if that is the cause}
//
// The state is "running" in what is shown only: what a restart finds is queued still. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "compile_request.h"
#include "freeze_step.h"
#include "job_queue.h"
#include "oci/oci_image.h"
#include "store/catalog.h"

namespace aotc::server {

struct JobProgress {
  std::string target;  // empty before the first
  uint64_t done = 0, total = 0;
};

class JobRecord {
 public:
  // Of a job that is queued.
  JobRecord(const std::string& id, const std::string& module, const CompileRequest& request,
            const std::vector<ImageName>& images, JobCause cause);
  // Nothing when it is damaged.
  static std::optional<JobRecord> parse(const std::string& text);

  std::string text() const;
  std::string shown(const JobProgress& progress) const;

  std::string id() const { return string("id"); }
  std::string state() const { return string("state"); }
  std::string module() const { return string("module"); }
  std::string compiler() const { return string("compiler"); }
  std::string index() const { return string("index"); }
  std::string reason() const;  // why it failed
  JobCause cause() const;
  // Of tier auto, and with more time it would be another image.
  bool can_be_better() const;
  std::optional<int64_t> finished() const;
  llvm::Expected<CompileRequest> request() const;
  std::vector<ImageName> images() const;
  Image image() const;

  // False when it has all of them.
  bool add_images(const std::vector<ImageName>& images);
  void set_images(const std::vector<ImageName>& images);
  void drop_results();  // of a run that a restart cut off
  void add_artifact(const CompileTarget& target, const BlobInfo& artifact, const CompileStats& stats, double seconds);
  void set_snapshot(const FrozenProgram& frozen);
  void set_image(const Image& image);
  // The end: "done", then the images are without conditions; or "failed" or "cancelled" and a problem document.
  void end_done(int64_t now);
  // It was done, and its image is gone; these are the tags that named it. Such a record holds its module.
  void end_revoked(const std::vector<ImageName>& images);
  void end_with_problem(int64_t now, const char* state, const std::string& problem);

 private:
  using Json = nlohmann::ordered_json;
  explicit JobRecord(Json json) : json_(std::move(json)) {}
  std::string string(const char* key) const;
  void end(int64_t now, const char* state);
  Json json_;
};

}  // namespace aotc::server
