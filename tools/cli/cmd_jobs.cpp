// cmd_jobs.cpp - `aotc jobs` and `aotc cancel`: what an aotc-server is to compile, has compiled, or failed to.
#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "command.h"
#include "confined.h"
#include "output.h"
#include "registry_image.h"
#include "remote_compile.h"
#include "support/error.h"

namespace {

using Json = nlohmann::ordered_json;
using aotc::failure;

constexpr unsigned kMostPages = 10'000;

// What a server says stands on one line, and moves no cursor.
std::string text_in(const Json& json, const char* key) {
  std::string text =
      json.is_object() && json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
  std::replace_if(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c >= 0x7f; }, '?');
  return text;
}

// Asks a server, of which `where` is HOST[:PORT].
llvm::Expected<std::string> ask(const std::string& where, const char* method, const std::string& path,
                                unsigned expected) {
  std::string error;
  std::optional<aotc::ImageReference> reference = aotc::parse_reference(where, error);
  if (!reference) return llvm::make_error<UsageError>(error);
  if (!reference->repository.empty()) return llvm::make_error<UsageError>(where + ": a server is needed, HOST[:PORT]");
  std::optional<aotc::HttpUrl> url = aotc::parse_url(reference->base + path, error);
  if (!url) return failure(error);
  aotc::HttpRequest request{method, *url, {}, ""};
  const std::string token = server_token();
  if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
  aotc::HttpResponse response;
  if (!aotc::send_request(request, {}, response, error)) return failure(error);
  if (response.status != expected) return failure(where + ": " + aotc::refusal(response));
  return std::move(response.body);
}

// Deeper than any answer is, it could only be meant to end us when it is printed.
Json parse(const std::string& text) {
  constexpr int kMaxDepth = 32;
  return Json::parse(text, [](int depth, Json::parse_event_t, Json&) { return depth < kMaxDepth; }, false);
}

void show(const Json& job) {
  std::string names;
  if (job.contains("images") && job["images"].is_array())
    for (const Json& image : job["images"]) names += " " + text_in(image, "name") + ":" + text_in(image, "tag");
  const std::string why = job.contains("error") ? text_in(job["error"], "detail") : "";
  print("{}  {:9} {}{}{}\n", text_in(job, "id"), text_in(job, "state"), names, why.empty() ? "" : "  ", why);
}

llvm::Error list(const std::string& where, const std::string& state, bool json) {
  if (llvm::Error error = confine_client({}, {})) return error;
  Json all = Json::array();
  std::string last;
  for (unsigned page = 0; page < kMostPages; ++page) {
    std::string path = "/v1/jobs?n=1000";
    if (!state.empty()) path += "&state=" + aotc::percent_encoded(state);
    if (!last.empty()) path += "&last=" + aotc::percent_encoded(last);
    llvm::Expected<std::string> text = ask(where, "GET", path, 200);
    if (!text) return text.takeError();
    const Json answer = parse(*text);
    if (!answer.is_object() || !answer.contains("jobs") || !answer["jobs"].is_array())
      return failure(where + ": says nothing of jobs");
    for (const Json& job : answer["jobs"]) {
      if (json)
        all.push_back(job);
      else
        show(job);
    }
    const std::string next = text_in(answer, "last");
    if (next.empty() || next <= last) break;
    last = next;
  }
  if (json) print("{}\n", all.dump(2, ' ', true, Json::error_handler_t::replace));
  return llvm::Error::success();
}

llvm::Error cancel(const std::string& where, const std::string& id) {
  const bool is_id = id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_id) return llvm::make_error<UsageError>("not the id of a job: " + id);
  if (llvm::Error error = confine_client({}, {})) return error;
  return ask(where, "DELETE", "/v1/jobs/" + id, 202).takeError();
}

}  // namespace

void add_jobs(CLI::App& app, Action& action) {
  auto where = std::make_shared<std::string>(), state = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("jobs", "List what a server compiles and has compiled");
  command->add_option("server", *where, "HOST[:PORT]")->required();
  command->add_option("--state", *state, "of these alone: queued, running, done, failed or cancelled")
      ->check(CLI::IsMember({"queued", "running", "done", "failed", "cancelled"}));
  command->add_flag("--json", *json, "all that the server says of them");
  add_ca_file(*command);
  command->footer("AOTC_TOKEN holds the server's token.\n\nExample:\n  aotc jobs 127.0.0.1:8080 --state failed");
  command->callback([=, &action] { action = [=] { return list(*where, *state, *json); }; });

  auto id = std::make_shared<std::string>();
  command = app.add_subcommand("cancel", "Cancel a job of a server");
  command->add_option("server", *where, "HOST[:PORT]")->required();
  command->add_option("job", *id, "its id, as `aotc jobs` has it")->required();
  add_ca_file(*command);
  command->footer("Example:\n  aotc cancel 127.0.0.1:8080 1a3342d0ec00000100000000000000ff");
  command->callback([=, &action] { action = [=] { return cancel(*where, *id); }; });
}
