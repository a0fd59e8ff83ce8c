// remote_compile.cpp - uploads a module that the server does not have, then follows the job by server-sent events until
// it has ended.
#include "remote_compile.h"

#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "registry/digest.h"
#include "registry/registry_client.h"
#include "support/error.h"

namespace {

using Json = nlohmann::ordered_json;

using aotc::failure;

std::string text_in(const Json& json, const char* key) {
  return json.is_object() && json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
}

// What a server says of a job. Deeper than any is, it could only be meant to end us when it is printed.
Json parse_job(const std::string& text) {
  constexpr int kMaxDepth = 32;
  Json json = Json::parse(text, [](int depth, Json::parse_event_t, Json&) { return depth < kMaxDepth; }, false);
  return json.is_object() ? json : Json();
}

bool has_ended(const Json& job) {
  std::string state = text_in(job, "state");
  return state == "done" || state == "failed" || state == "cancelled";
}

void report(const Json& job, const RemoteCompile& options) {
  if (!job.contains("progress") || !job["progress"].is_object()) return;
  const Json& progress = job["progress"];
  if (progress.contains("done") && progress.contains("total") && progress["done"].is_number_unsigned() &&
      progress["total"].is_number_unsigned())
    options.progress(text_in(progress, "target"), progress["done"].get<uint64_t>(), progress["total"].get<uint64_t>());
}

// Takes parts of a stream of events; keeps the last job that was sent.
struct Follower {
  const RemoteCompile& options;
  std::string pending;
  Json job;

  bool hear(const char* data, size_t size) {
    pending.append(data, size);
    for (size_t end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1)) {
      if (pending.rfind("data: ", 0) != 0) continue;
      Json json = parse_job(pending.substr(6, end - 6));
      if (!json.is_object()) continue;
      job = std::move(json);
      report(job, options);
    }
    return pending.size() < (1 << 20);
  }
};

}  // namespace

std::string server_token() {
  const char* token = std::getenv("AOTC_TOKEN");
  return token ? token : "";
}

llvm::Expected<std::string> compile_on_server(const std::string& wasm, const RemoteCompile& options) {
  std::string error, base = options.server;
  while (!base.empty() && base.back() == '/') base.pop_back();
  // As a query, and as the document that is enough when the server has the module.
  std::string query;
  Json document = {{"module", aotc::sha256(wasm)}};
  for (const aotc::OptionInfo& row : aotc::option_table()) {
    if (row.user == aotc::OptionUser::Local) continue;
    for (const std::string& value : options.options.all(row.option)) {
      query += (query.empty() ? "?" : "&") + std::string(row.name) + "=" + aotc::percent_encoded(value);
      if (row.repeated())
        document[row.name].push_back(value);
      else
        document[row.name] = value;
    }
  }
  std::optional<aotc::HttpUrl> url = aotc::parse_url(base + "/v1/compile", error);
  if (!url) return failure("--server: " + error);

  aotc::HttpRequest request{"POST", *url, {{"Content-Type", "application/json"}}, document.dump()};
  request.headers.emplace_back(
      "Aotc-Module", document["module"].get<std::string>());  // a proxy can choose one of several servers by it
  std::string token = server_token();
  if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
  aotc::HttpResponse response;
  if (!aotc::send_request(request, {}, response, error)) return failure(error);
  if (response.status == 404) {
    request.url.target += query;
    request.headers.front().second = "application/wasm";
    request.body = wasm;
    if (!aotc::send_request(request, {}, response, error)) return failure(error);
  }
  if (response.status != 200 && response.status != 202)
    return failure(url->authority() + ": " + aotc::refusal(response));

  Follower follower{options, "", parse_job(response.body)};
  std::string id = text_in(follower.job, "id");
  request.method = "GET";
  request.body.clear();
  request.headers.front() = {"Accept", "text/event-stream"};
  request.url.target = "/v1/jobs/" + id;
  aotc::HttpOptions stream;
  stream.sink = [&](const char* data, size_t size) { return follower.hear(data, size); };
  while (!has_ended(follower.job)) {  // the server ends a stream after a while, or when it is restarted
    if (!aotc::send_request(request, stream, response, error)) return failure(error);
    if (response.status != 200) return failure(url->authority() + ": " + aotc::refusal(response));
  }
  if (text_in(follower.job, "state") == "done") return follower.job.dump();
  std::string detail = follower.job.contains("error") ? text_in(follower.job["error"], "detail") : "";
  return failure(detail.empty() ? "the job was cancelled" : detail);
}
