// routes_jobs.cpp - uploads become jobs, jobs become JSON.
#include "routes_jobs.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "metrics.h"
#include "store/catalog.h"
#include "upload.h"

namespace aotc::server {

namespace {

constexpr unsigned kMaxWait = 60;
constexpr unsigned kMaxEvents = 3600;
constexpr unsigned kMaxPage = 1000;

// The parameter as a number, `fallback` without one, nothing when it is not a number.
std::optional<unsigned> number(const Request& request, const char* name, unsigned fallback) {
  std::optional<std::string> text = request.parameter(name);
  unsigned value = fallback;
  if (text && llvm::StringRef(*text).getAsInteger(10, value)) return std::nullopt;
  return value;
}

Response describe(Service& service, const Request& request, const std::string& id, unsigned status,
                  unsigned wait_seconds = 0) {
  llvm::Expected<std::optional<JobView>> job = service.jobs.describe(request.caller.tenant, id);
  if (!job) return internal_problem(job.takeError());
  if (!*job) return problem(404, "there is no such job");
  Response response = json_response(status, (*job)->text + "\n");
  if ((*job)->ended || wait_seconds == 0) return response;
  response.wait_seconds = wait_seconds;
  response.watch = [&jobs = service.jobs, tenant = request.caller.tenant, id, seen = (*job)->version](
                       JobNews least, std::function<void()> wake) {
    return jobs.watch(tenant, id, seen, least, std::move(wake));
  };
  return response;
}

// What is asked, if this caller may ask for it.
llvm::Expected<CompileRequest> compile_request(Service& service, const Request& request) {
  llvm::Expected<CompileRequest> options = parse_compile_request(request.query);
  if (options && !options->name().empty() && !service.tenants.owns(request.caller, options->name()))
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   "name: your repositories start with \"" + request.caller.tenant + "/\"");
  return options;
}

// Adds an option of a document to a query: a string, a number or a list. A query has targets and baselines with commas,
// other lists as repeated parameters.
bool add_option(const std::string& key, const nlohmann::json& value, decltype(Request::query)& query) {
  bool commas = key == "target" || key == "cpu";
  std::string joined;
  for (const nlohmann::json& item : value.is_array() ? value : nlohmann::json::array({value})) {
    if (!item.is_string() && !item.is_number_unsigned()) return false;
    std::string text = item.is_string() ? item.get<std::string>() : item.dump();
    if (commas)
      joined += (joined.empty() ? "" : ",") + text;
    else
      query.emplace_back(key, text);
  }
  if (commas) query.emplace_back(key, joined);
  return true;
}

// The answer to what a quota or the queue does not allow; other errors are the server's own.
Response refused(llvm::Error error) {
  unsigned status = 0;
  std::string detail;
  llvm::Error other = llvm::handleErrors(
      std::move(error),
      [&](const Refusal& refusal) {
        status = refusal.status;
        detail = refusal.message;
      },
      [&](const RevokedError& revoked) {
        status = 403;
        detail = revoked.message;
      },
      [&](const QuotaError& quota) {
        status = 403;
        detail = llvm::toString(llvm::make_error<QuotaError>(quota.limit));
      });
  if (other) return internal_problem(std::move(other));
  Response response = problem(status, detail);
  if (status != 403) response.headers.emplace_back("Retry-After", "5");
  return response;
}

Response post_compile(Service& service, const Request& request, const BlobInfo& module,
                      JobQueue::Place* place = nullptr) {
  llvm::Expected<CompileRequest> options = compile_request(service, request);
  if (!options) return problem(400, llvm::toString(options.takeError()));
  llvm::Expected<Submission> submission = service.jobs.submit(module, *options, place);
  if (!submission) return refused(submission.takeError());
  Response response = describe(service, request, submission->id, submission->done ? 200 : 202);
  response.headers.emplace_back("Location", "/v1/jobs/" + submission->id);
  return response;
}

class ModuleIntake : public Intake {
 public:
  ModuleIntake(Service& service, const Request& request, Upload upload)
      : service_(service), request_(request), upload_(std::move(upload)) {}

  std::optional<Response> append(llvm::StringRef bytes) override {
    if (llvm::Error error = upload_.append(bytes)) return refused(std::move(error));
    return std::nullopt;
  }

  Response finish() override {
    if (upload_.size() == 0) return problem(400, "the body is empty; it has to be a WebAssembly module");
    llvm::Expected<BlobInfo> blob = upload_.finish(service_.store);
    if (!blob) return refused(blob.takeError());
    ++service_.counters.uploads;
    service_.counters.upload_bytes += blob->size;
    Response response = post_compile(service_, request_, *blob, &upload_.place());
    if (response.status < 400) return response;
    *blob = BlobInfo();  // with its lease
    if (llvm::Error error = service_.catalog.drop_garbage(request_.caller.tenant).takeError())
      return internal_problem(std::move(error));
    return response;
  }

 private:
  Service& service_;
  const Request& request_;
  Upload upload_;
};

}  // namespace

std::variant<std::unique_ptr<Intake>, Response> start_module(Service& service, const Request& request,
                                                             uint64_t length) {
  llvm::Expected<CompileRequest> options = compile_request(service, request);
  if (!options) return problem(400, llvm::toString(options.takeError()));
  const std::string& tenant = request.caller.tenant;
  Accounts::Reservation space = service.catalog.reserve(tenant, service.tenants.quota(tenant));
  llvm::Expected<Upload> upload = Upload::start(service.jobs, std::move(space), length);
  if (!upload) return refused(upload.takeError());
  return std::make_unique<ModuleIntake>(service, request, std::move(*upload));
}

Response compile_known(Service& service, const Request& request) {
  auto document = nlohmann::json::parse(request.body, nullptr, false);
  if (!document.is_object()) return problem(400, "the body is not a JSON object");
  Request spelled_out = request;
  for (const auto& [key, value] : document.items())
    if (key != "module" && !add_option(key, value, spelled_out.query))
      return problem(400, "\"" + key + "\" is not a string, a number or a list of them");
  auto module_digest = document.find("module");
  std::string digest;
  if (module_digest != document.end() && module_digest->is_string()) digest = module_digest->get<std::string>();
  if (!is_digest(digest)) return problem(400, "\"module\" is not a digest");
  llvm::Expected<std::optional<BlobInfo>> module = service.store.find_blob({request.caller.tenant, digest});
  if (!module) return internal_problem(module.takeError());
  if (!*module || (*module)->damaged) return problem(404, "you have no such module: upload it");
  return post_compile(service, spelled_out, **module);
}

Response get_job(Service& service, const Request& request, const std::string& id) {
  if (id.size() != 32) return problem(404, "there is no such job");
  bool events = request.header("accept") == "text/event-stream";
  std::optional<unsigned> wait = number(request, "wait", 0);
  if (!wait) return problem(400, "wait: not a number of seconds");
  Response response = describe(service, request, id, 200, events ? kMaxEvents : std::min(*wait, kMaxWait));
  response.events = events && response.status == 200;
  return response;
}

Response delete_job(Service& service, const Request& request, const std::string& id) {
  llvm::Expected<bool> cancelled = service.jobs.cancel(request.caller.tenant, id);
  if (!cancelled) return internal_problem(cancelled.takeError());
  Response response = describe(service, request, id, 202);
  return *cancelled || response.status != 202 ? response : problem(409, "the job has ended");
}

namespace {

// A page of jobs, or of those in a state; `key` is what they are called.
Response list_jobs(Service& service, const Request& request, const char* key, const std::string& state) {
  std::optional<unsigned> count = number(request, "n", 100);
  if (!count || *count == 0) return problem(400, "n: not a positive number");
  size_t limit = std::min(*count, kMaxPage);
  std::string prefix = keys_of(request.caller.tenant), last = request.parameter("last").value_or("");
  auto page = service.store.list(Table::Jobs, prefix, last.empty() ? "" : prefix + last, limit);
  if (!page) return internal_problem(page.takeError());
  nlohmann::ordered_json jobs = nlohmann::ordered_json::array();
  for (const auto& [name, text] : *page) {
    auto record = nlohmann::ordered_json::parse(text, nullptr, false);
    if (!record.is_object() || (!state.empty() && record.value("state", "") != state)) continue;
    record.erase("parts");
    jobs.push_back(std::move(record));
  }
  nlohmann::ordered_json document = {{key, jobs}};
  if (page->size() >= limit) document["last"] = page->back().first.substr(prefix.size());
  return json_response(200, document.dump() + "\n");
}

}  // namespace

Response get_modules(Service& service, const Request& request) {
  return list_jobs(service, request, "modules", "done");
}

Response get_jobs(Service& service, const Request& request) {
  return list_jobs(service, request, "jobs", request.parameter("state").value_or(""));
}

}  // namespace aotc::server
