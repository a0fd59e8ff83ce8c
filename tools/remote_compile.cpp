// remote_compile.cpp - uploads, then follows the job by server-sent events until it has ended.
#include "remote_compile.h"

#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "aotc/registry_client.h"

namespace {

using Json = nlohmann::ordered_json;

llvm::Error failure(const std::string& message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

std::string text_in(const Json& json, const char* key) {
  return json.is_object() && json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
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
      Json json = Json::parse(pending.substr(6, end - 6), nullptr, false);
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
  std::string query = "?target=" + aotc::percent_encoded(options.target) + "&tier=" + options.tier;
  if (!options.cpu.empty()) query += "&cpu=" + aotc::percent_encoded(options.cpu);
  query += "&snapshot=" + options.snapshot + "&listeners=" + std::to_string(options.listeners);
  for (const std::string& variable : options.env) query += "&env=" + aotc::percent_encoded(variable);
  for (const std::string& argument : options.args) query += "&arg=" + aotc::percent_encoded(argument);
  size_t colon = options.name.find(':');
  if (!options.name.empty()) query += "&name=" + aotc::percent_encoded(options.name.substr(0, colon));
  if (colon != std::string::npos) query += "&tag=" + aotc::percent_encoded(options.name.substr(colon + 1));
  std::optional<aotc::HttpUrl> url = aotc::parse_url(base + "/v1/compile" + query, error);
  if (!url) return failure("--server: " + error);

  aotc::HttpRequest request{"POST", *url, {{"Content-Type", "application/wasm"}}, wasm};
  std::string token = server_token();
  if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
  aotc::HttpResponse response;
  if (!aotc::send_request(request, {}, response, error)) return failure(error);
  if (response.status != 200 && response.status != 202)
    return failure(url->authority() + ": " + aotc::refusal(response));

  Follower follower{options, "", Json::parse(response.body, nullptr, false)};
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
