// job_record.cpp - the only place that knows the names of a record's members.
#include "job_record.h"
#include "support/version.h"

#include <algorithm>

namespace aotc::server {

namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string string_in(const Json& json, const char* key) {
  auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

Json to_json(const ImageName& image) {
  Json json = {{"name", image.repository}, {"tag", image.tag}};
  if (!image.was.empty()) json["was"] = image.was;
  return json;
}

}  // namespace

JobRecord::JobRecord(const std::string& id, const std::string& module, const CompileRequest& request,
                     const std::vector<ImageName>& images, JobCause cause) {
  Json targets = Json::array();
  for (const CompileTarget& target : request.targets)
    targets.push_back({{"target", architecture_name(target.architecture)}, {"cpu", target.cpu}});
  json_ = {{"id", id},           {"state", "queued"},
           {"module", module},   {"tier", tier_name(request.options.tier())},
           {"targets", targets}, {"images", Json::array()}};
  add_images(images);
  for (const auto& [name, value] : request.options.snapshot_pairs())
    json_["freeze"].push_back(Json::array({name, value}));
  if (cause == JobCause::Again) json_["again"] = true;
  if (cause == JobCause::Better) json_["better"] = true;
}

std::optional<JobRecord> JobRecord::parse(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  return JobRecord(std::move(json));
}

std::string JobRecord::text() const { return dump(json_); }

std::string JobRecord::shown(const JobProgress& progress) const {
  Json json = json_;
  json.erase("parts");
  if (!progress.target.empty()) {
    json["state"] = "running";
    json["progress"] = {{"target", progress.target}, {"done", progress.done}, {"total", progress.total}};
  }
  return dump(json);
}

std::string JobRecord::string(const char* key) const { return string_in(json_, key); }

std::string JobRecord::reason() const {
  auto error = json_.find("error");
  return error == json_.end() ? "" : string_in(*error, "detail");
}

JobCause JobRecord::cause() const {
  return json_.contains("again") ? JobCause::Again : json_.contains("better") ? JobCause::Better : JobCause::Asked;
}

bool JobRecord::can_be_better() const {
  auto artifacts = json_.find("artifacts");
  return string("tier") == tier_name(Tier::Auto) && artifacts != json_.end() &&
         std::any_of(artifacts->begin(), artifacts->end(),
                     [](const Json& artifact) { return artifact.value("quick_functions", uint64_t{0}) != 0; });
}

std::optional<int64_t> JobRecord::finished() const {
  auto found = json_.find("finished");
  if (found == json_.end()) return std::nullopt;
  return found->get<int64_t>();
}

llvm::Expected<CompileRequest> JobRecord::request() const {
  std::string targets, cpus;
  for (const Json& target : json_["targets"]) {
    targets += string_in(target, "target") + ",";
    cpus += string_in(target, "cpu") + ",";
  }
  std::vector<std::pair<std::string, std::string>> parameters = {
      {"tier", string("tier")}, {"target", targets}, {"cpu", cpus}};
  if (auto freeze = json_.find("freeze"); freeze != json_.end())
    for (const Json& parameter : *freeze)
      parameters.emplace_back(parameter[0].get<std::string>(), parameter[1].get<std::string>());
  return parse_compile_request(parameters);
}

std::vector<ImageName> JobRecord::images() const {
  std::vector<ImageName> names;
  for (const Json& image : json_["images"])
    names.push_back({string_in(image, "name"), string_in(image, "tag"), string_in(image, "was")});
  return names;
}

Image JobRecord::image() const {
  Image image{index(), {}};
  image.compiler = compiler();
  if (auto parts = json_.find("parts"); parts != json_.end())
    for (const Json& part : *parts) image.parts.push_back({part[0].get<std::string>(), part[1].get<std::string>()});
  return image;
}

bool JobRecord::add_images(const std::vector<ImageName>& images) {
  Json& known = json_["images"];
  size_t before = known.size();
  for (const ImageName& image : images)
    if (Json json = to_json(image); std::find(known.begin(), known.end(), json) == known.end())
      known.push_back(std::move(json));
  return known.size() > before;
}

void JobRecord::set_images(const std::vector<ImageName>& images) {
  json_["images"] = Json::array();
  add_images(images);
}

void JobRecord::drop_results() {
  for (const char* key : {"index", "artifacts", "snapshot", "parts"}) json_.erase(key);
}

void JobRecord::add_artifact(const CompileTarget& target, const BlobInfo& artifact, const CompileStats& stats,
                             double seconds) {
  json_["artifacts"].push_back({{"target", architecture_name(target.architecture)},
                                {"cpu", target.cpu},
                                {"digest", artifact.digest()},
                                {"size", artifact.size},
                                {"functions", stats.functions},
                                {"cached_functions", stats.cached_functions},
                                {"quick_functions", stats.quick_functions},
                                {"seconds", seconds}});
}

void JobRecord::set_snapshot(const FrozenProgram& frozen) {
  Json& shown = json_["snapshot"] = Json::object();
  if (frozen.snapshot)
    shown.update({{"digest", frozen.snapshot->digest()}, {"size", frozen.snapshot->size}});
  else
    shown["reason"] = frozen.reason;
  if (!frozen.notes.empty()) shown["random"] = frozen.notes;
  shown["seconds"] = frozen.seconds;
}

void JobRecord::set_image(const Image& image) {
  json_["compiler"] = std::string(aotc_version);
  json_["index"] = image.index;
  Json& parts = json_["parts"] = Json::array();
  for (const ImagePart& part : image.parts) parts.push_back(Json::array({part.digest, part.media_type}));
}

void JobRecord::end(int64_t now, const char* state) {
  json_["finished"] = now;
  json_.erase("again");
  json_.erase("better");
  json_["state"] = state;
}

void JobRecord::end_done(int64_t now) {
  end(now, "done");
  for (Json& image : json_["images"]) image.erase("was");
}

void JobRecord::end_revoked(const std::vector<ImageName>& images) {
  json_["state"] = "revoked";
  for (const char* key : {"artifacts", "snapshot", "parts"}) json_.erase(key);
  set_images(images);
}

void JobRecord::end_with_problem(int64_t now, const char* state, const std::string& problem) {
  end(now, state);
  json_["error"] = Json::parse(problem);
  drop_results();
}

}  // namespace aotc::server
