// routes_jobs.cpp - uploads become jobs, jobs become JSON.
#include "routes_jobs.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace aotc::server {

namespace {

constexpr unsigned kMaxWait = 60;
constexpr unsigned kMaxPage = 1000;

// The parameter as a number, `fallback` without one, nothing when it is not a number.
std::optional<unsigned> number(const Request& request, const char* name, unsigned fallback) {
  std::optional<std::string> text = request.parameter(name);
  unsigned value = fallback;
  if (text && llvm::StringRef(*text).getAsInteger(10, value)) return std::nullopt;
  return value;
}

Response describe(Service& service, const std::string& id, unsigned status) {
  llvm::Expected<std::optional<std::string>> text = service.jobs.describe(id);
  if (!text) return internal_problem(text.takeError());
  if (!*text) return problem(404, "there is no such job");
  return json_response(status, **text + "\n");
}

}  // namespace

std::optional<Response> check_compile(const Request& request) {
  llvm::Expected<CompileRequest> options = parse_compile_request(request.query);
  if (options) return std::nullopt;
  return problem(400, llvm::toString(options.takeError()));
}

Response post_compile(Service& service, const Request& request, const BlobInfo& module) {
  llvm::Expected<CompileRequest> options = parse_compile_request(request.query);
  if (!options) return problem(400, llvm::toString(options.takeError()));
  llvm::Expected<Submission> submission = service.jobs.submit(module, *options);
  if (!submission) return internal_problem(submission.takeError());
  if (submission->full) {
    Response refused = problem(503, "too many jobs are waiting; the module is stored, ask again later");
    refused.headers.emplace_back("Retry-After", "5");
    return refused;
  }
  Response response = describe(service, submission->id, submission->done ? 200 : 202);
  response.headers.emplace_back("Location", "/v1/jobs/" + submission->id);
  return response;
}

Response get_job(Service& service, const Request& request, const std::string& id) {
  if (id.size() != 32) return problem(404, "there is no such job");
  std::optional<unsigned> wait = number(request, "wait", 0);
  if (!wait) return problem(400, "wait: not a number of seconds");
  bool finished = service.jobs.finished(id);
  Response response = describe(service, id, 200);
  if (!finished) response.wait_seconds = std::min(*wait, kMaxWait);
  return response;
}

Response get_modules(Service& service, const Request& request) {
  std::optional<unsigned> count = number(request, "n", 100);
  if (!count || *count == 0) return problem(400, "n: not a positive number");
  auto page = service.store.list(Table::Jobs, "", request.parameter("last").value_or(""), std::min(*count, kMaxPage));
  if (!page) return internal_problem(page.takeError());
  nlohmann::ordered_json modules = nlohmann::ordered_json::array();
  for (const auto& [id, text] : *page) {
    auto record = nlohmann::ordered_json::parse(text, nullptr, false);
    if (!record.is_object() || record.value("state", "") != "done") continue;
    record.erase("parts");
    modules.push_back(std::move(record));
  }
  nlohmann::ordered_json document = {{"modules", modules}};
  if (!page->empty() && page->size() >= std::min(*count, kMaxPage)) document["last"] = page->back().first;
  return json_response(200, document.dump() + "\n");
}

}  // namespace aotc::server
