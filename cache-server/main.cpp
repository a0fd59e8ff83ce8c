// main.cpp - `aotc-server`: opens the store, starts the job queue, serves until SIGTERM, stops in the opposite order.
// `aotc-server worker` is the same program as a compile's process; only the server starts it.
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <thread>

#include <fmt/format.h>

#include "administration.h"
#include "aotc/digest.h"
#include "aotc/standard_streams.h"
#include "confinement.h"
#include "control.h"
#include "janitor.h"
#include "job_queue.h"
#include "listener.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "sandbox/sandbox.h"
#include "scrubber.h"
#include "store.h"
#include "tls.h"
#include "worker.h"

namespace {

using namespace aotc::server;

struct ServerArguments {
  std::string data;
  std::string listen = "127.0.0.1:8080";
  std::vector<std::string> backups;
  std::string token_file;
  std::string tls_certificate, tls_key;
  bool anonymous = false;
  std::vector<std::string> sign_keys;
  uint64_t sign_days = 90;
  HttpLimits http;
  JobLimits jobs;
  StoreOptions store;
  ScrubOptions scrub;
  JanitorOptions janitor;
};

// What anybody may use must not be reachable from elsewhere by mistake.
llvm::Error check_exposure(const ServerArguments& arguments) {
  llvm::StringRef address(arguments.listen);
  if (!arguments.token_file.empty() || arguments.anonymous || address.starts_with("127.") ||
      address.starts_with("[::1]"))
    return llvm::Error::success();
  return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                 arguments.listen +
                                     ": not a loopback address, so it needs --token-file, or --anonymous if everybody "
                                     "who reaches it may use it");
}

llvm::Error failure(const std::string& message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

// Keys stay in this process: what it starts gets no descriptor and no memory of it, and no other process may look into
// it.
llvm::Expected<SigningOptions> read_sign_keys(const ServerArguments& arguments) {
  SigningOptions signing;
  signing.valid_seconds = arguments.sign_days * 86400;
  if (arguments.sign_keys.empty()) return signing;
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return failure("cannot protect the memory of this process");
  for (const std::string& path : arguments.sign_keys) {
    llvm::sys::fs::file_status status;
    if (std::error_code code = llvm::sys::fs::status(path, status)) return failure(path + ": " + code.message());
    if (status.permissions() & (llvm::sys::fs::all_all & ~llvm::sys::fs::owner_all))
      return failure(path + ": others can read this key; make it `chmod 600`");
    auto file = llvm::MemoryBuffer::getFile(path);
    if (!file) return failure(path + ": " + file.getError().message());
    std::string error;
    std::optional<aotc::Signer> signer = aotc::Signer::read((*file)->getBuffer().str(), error);
    if (!signer) return failure(path + ": " + error);
    signing.keys.push_back(std::move(*signer));
  }
  return signing;
}

// A connection has a socket, and a file while it uploads; workers and the store have theirs.
llvm::Error provide_descriptors(const ServerArguments& arguments) {
  constexpr uint64_t kOthers = 1024, kPerWorker = 16;
  uint64_t needed = arguments.http.connections.all * uint64_t{2} + arguments.jobs.workers * kPerWorker + kOthers;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return failure("the limit on descriptors is not known");
  if (limit.rlim_max < needed)
    return failure(fmt::format("--max-connections {} needs {} descriptors, but this process may have {} (ulimit -Hn)",
                               arguments.http.connections.all, needed, limit.rlim_max));
  if (limit.rlim_cur >= needed) return llvm::Error::success();
  limit.rlim_cur = needed;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? llvm::Error::success() : failure("cannot have more descriptors");
}

// Until it is told to stop.
llvm::Expected<std::string> serve(const ServerArguments& arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  if (llvm::Error error = check_exposure(arguments)) return error;
  if (llvm::Error error = provide_descriptors(arguments)) return error;
  Tenants tenants(arguments.token_file);
  if (llvm::Error error = tenants.load()) return error;
  TlsIdentity tls(arguments.tls_certificate, arguments.tls_key);
  if (llvm::Error error = tls.load()) return error;
  std::vector<std::string> folders = arguments.backups;
  folders.push_back(arguments.data);
  for (const std::string& folder : folders)
    if (llvm::Error error = Store::make_folder(folder)) return error;
  std::error_code code;
  JobLimits limits = arguments.jobs;
  std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", code);
  limits.freeze.program = self.parent_path() / "aotc-exec";
  llvm::Expected<SigningOptions> signing = read_sign_keys(arguments);
  if (!signing) return signing.takeError();
  Reach reach{{arguments.token_file, arguments.tls_certificate, arguments.tls_key}, folders, {limits.freeze.program}};
  if (llvm::Error error = confine_server(reach)) return error;
  StoreOptions store_options = arguments.store;
  store_options.upgrade = tenants.open_to_all() ? Upgrade::OneTenant : Upgrade::Tenants;
  llvm::Expected<std::unique_ptr<Store>> store = Store::open(arguments.data + "/store", store_options);
  if (!store) return store.takeError();
  Counters counters;
  RevocationBook revocations(**store, signing->keys);
  if (llvm::Error error = revocations.open()) return error;
  Catalog catalog(**store, std::move(*signing), revocations);
  if (llvm::Error error = catalog.open()) return error;
  if (llvm::Error error = catalog.sweep(0)) return error;  // what a crash left
  llvm::Expected<uint64_t> renewed = catalog.refresh();
  if (!renewed) return renewed.takeError();
  counters.renewed_statements += *renewed;
  llvm::Expected<uint64_t> published = catalog.publish_revocations(tenants);
  if (!published) return published.takeError();
  counters.published_revocations += *published;
  JobQueue jobs(**store, catalog, tenants, counters, limits,
                std::filesystem::absolute(arguments.data).string() + "/work");
  Service service{**store, catalog, tenants, jobs, counters, revocations};
  Listener listener(service, arguments.http, tls);
  llvm::Expected<std::string> address = listener.bind(arguments.listen);
  if (!address) return address.takeError();
  if (llvm::Error error = jobs.start()) return error;
  // The module and artifacts of a job under way have no repository yet.
  JanitorOptions duties = arguments.janitor;
  duties.grace_seconds = std::max(duties.grace_seconds, static_cast<uint64_t>(limits.wall_seconds * 2));
  Janitor janitor(catalog, tenants, jobs, counters, duties);
  Scrubber scrubber(**store, jobs, counters, arguments.scrub);
  llvm::Expected<std::unique_ptr<Control>> control =
      Control::open(arguments.data, [&](const auto& command) { return run_command(service, command); });
  if (!control) return control.takeError();
  // Who starts a server need not listen to it.
  std::fputs(fmt::format("listening on {}://{}\n", tls.context() ? "https" : "http", *address).c_str(), stdout);
  std::fflush(stdout);
  listener.run();
  (*store)->stop_backup();
  jobs.stop();
  return "";
}

void add_options(CLI::App& app, ServerArguments& arguments) {
  // Both kinds of size are powers of 1024: 64M is 67108864.
  auto size = CLI::AsSizeValue(false);
  CLI::AsNumberWithUnit duration(std::map<std::string, uint64_t>{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}});
  unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  arguments.jobs.threads = cores;
  app.add_option("--data", arguments.data, "folder that holds everything the server keeps; created if missing");
  app.add_option("--backups", arguments.backups,
                 "folder to which `aotc-server backup` can write while this server runs; created if missing, may be repeated")
      ->allow_extra_args(false);
  app.add_option("--listen", arguments.listen, "address and port; port 0 picks a free one, printed at the start")
      ->capture_default_str();
  app.add_option("--token-file", arguments.token_file,
                 "tenants, their tokens and quotas (see tenants.h); SIGHUP reads it again");
  app.add_option("--sign-key", arguments.sign_keys,
                 "sign images with this key (see `aotc keygen`); given twice, with both, while keys are changed")
      ->allow_extra_args(false);
  app.add_option("--sign-days", arguments.sign_days, "days for which a signature is good; renewed after half of them")
      ->check(CLI::Range(1u, 3650u))
      ->capture_default_str();
  auto* certificate = app.add_option("--tls-cert", arguments.tls_certificate,
                                     "speak TLS (1.2 and later) with this chain of certificates, PEM; SIGHUP reads it "
                                     "again");
  auto* key = app.add_option("--tls-key", arguments.tls_key, "its private key, PEM");
  certificate->needs(key);
  key->needs(certificate);
  app.add_flag("--anonymous", arguments.anonymous, "without tokens, listen on an address that is not loopback");
  app.add_option("--grace", arguments.janitor.grace_seconds,
                 "seconds for which a blob that nobody owns is kept; at least as long as a job may take")
      ->capture_default_str();
  EvictionLimits& eviction = arguments.janitor.eviction;
  app.add_option("--max-store-bytes", eviction.store_bytes, "evict images when their blobs take more (see evictor.h)")
      ->transform(size);
  app.add_option("--max-age", eviction.age, "evict images that nobody asked for so long: 90d, 12h, 30m, 10s")
      ->transform(duration);
  app.add_option("--max-untagged-age", eviction.untagged_age, "the same for images that no tag names (default: 7d)")
      ->transform(duration);
  app.add_option("--keep-jobs", arguments.janitor.keep_job_seconds,
                 "forget jobs that ended so long ago and have no image (default: 30d)")
      ->transform(duration);
  app.add_option("--cache-bytes", arguments.store.cache_bytes, "memory for what is downloaded often (default: 64M)")
      ->transform(size);
  app.add_option("--scrub-every", arguments.scrub.round_seconds,
                 "time from the start of one search for damage to the next (default: 1d)")
      ->transform(duration);
  app.add_option("--scrub-rate", arguments.scrub.bytes_per_second,
                 "bytes a second to read in search of damage (default: 4M)")
      ->transform(size);
  app.add_flag("!--no-request-log", arguments.http.log_requests, "log failures and jobs only, not each request");
  app.add_option("--workers", arguments.jobs.workers,
                 "compiles at a time, each in a process; with 0 jobs are taken and wait")
      ->check(CLI::Range(0u, 256u))
      ->capture_default_str();
  app.add_option("--threads", arguments.jobs.threads, "threads of each worker")
      ->check(CLI::Range(1u, 1024u))
      ->capture_default_str();
  QueueLimits& queue = arguments.jobs.queue;
  app.add_option("--queue", queue.jobs, "jobs of one tenant that may wait, with uploads under way; more are refused")
      ->capture_default_str();
  app.add_option("--queue-all", queue.all_jobs, "the same of all tenants together")->capture_default_str();
  app.add_option("--queue-bytes", queue.bytes, "bytes of the modules of these jobs of one tenant (default: 4G)")
      ->transform(size);
  app.add_option("--queue-all-bytes", queue.all_bytes, "the same of all tenants together (default: 16G)")
      ->transform(size);
  app.add_option("--job-timeout", arguments.jobs.wall_seconds, "seconds that one compile for one target may take")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--worker-memory", arguments.jobs.memory_bytes,
                 "memory that one worker may use (default: 2G and 1G for each thread)")
      ->transform(size);
  app.add_option("--freeze-timeout", arguments.jobs.freeze.wall_seconds,
                 "seconds that a program may run until it waits for input, and is frozen")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--freeze-memory", arguments.jobs.freeze.memory_bytes, "memory that it may use (default: 512M)")
      ->transform(size);
  app.add_option("--max-upload", arguments.http.max_upload, "refuse larger modules (default: 256M)")->transform(size);
  ConnectionLimits& connections = arguments.http.connections;
  app.add_option("--max-connections", connections.all, "for further ones, those go that have been idle or slow longest")
      ->capture_default_str();
  app.add_option("--max-connections-per-address", connections.per_address,
                 "of one client address, or IPv6 /64; further ones are closed. Raise it behind a proxy")
      ->capture_default_str();
  app.add_option("--max-connections-per-tenant", connections.per_tenant, "answer further connections with 429")
      ->capture_default_str();
  app.add_option("--transfer-memory", connections.memory,
                 "for what is being received and sent (default: 256M); more is answered with 503")
      ->transform(size);
  app.add_option("--header-timeout", arguments.http.header_seconds, "seconds for a request's header, and of idleness")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--min-rate", arguments.http.least_rate,
                 "bytes a second in which a client must send a body and take an answer (default: 4K)")
      ->transform(size);
  app.add_option("--body-timeout", arguments.http.body_seconds, "seconds that it may be behind that")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("!--no-sync", arguments.store.sync)->group("");  // for power_loss.py
  app.footer(
      "`aotc-server new-token` prints a new token and the line of a token file that accepts it.\n\n"
      "Examples:\n"
      "  aotc-server --data /var/lib/aotc --listen 127.0.0.1:8080\n"
      "  curl --data-binary @hello.wasm 'http://127.0.0.1:8080/v1/compile?name=hello'\n"
      "  curl 'http://127.0.0.1:8080/v1/jobs/ID?wait=60'\n"
      "  curl http://127.0.0.1:8080/v2/hello/manifests/latest");
}

using AdminCommand = llvm::Expected<std::string> (*)(const Administration&);

// The command that was given, or nothing.
void add_administration(CLI::App& app, Administration& arguments, AdminCommand& chosen) {
  auto add = [&](const char* name, const char* help, AdminCommand command) {
    CLI::App* added = app.add_subcommand(name, help);
    added->add_option("--data", arguments.data, "the server's data folder")->required();
    added->callback([&chosen, command] { chosen = command; });
    return added;
  };
  CLI::App* backup = add("backup", "add a backup of a server's data, which may be running, to a folder", back_up);
  backup->add_option("--to", arguments.folder, "folder of the backups")->required();
  backup->add_option("--keep", arguments.keep, "older backups are removed")->check(CLI::PositiveNumber);
  CLI::App* from = add("restore", "make a data folder of the last backup", restore);
  from->add_option("--from", arguments.folder, "folder of the backups")->required();
  CLI::App* again = add("rebuild", "let a running server compile again what an older compiler made", rebuild);
  again->add_option("--compiler", arguments.revocation.compiler, "its version")->required();
  CLI::App* away = add("revoke", "let a running server remove what must not run any more, and tell nodes so", revoke);
  auto* compiler = away->add_option("--compiler", arguments.revocation.compiler, "all that this version has made");
  away->add_option("--index", arguments.revocation.index, "the image with this digest, in all repositories")
      ->excludes(compiler);
  away->add_option("--repository", arguments.revocation.repository,
                   "there only; without the others all that was signed for it so far");
  away->add_option("--reason", arguments.reason, "what nodes and clients say: up to 200 characters of ASCII")
      ->capture_default_str();
}

// Ends as --version does.
void print_sandbox(const std::string& process) {
  std::unique_ptr<char, decltype(&std::free)> text(aotc_sandbox_text("aotc-server", process.c_str()), std::free);
  if (!text) throw CLI::ValidationError("--print-sandbox", "no such process: " + process);
  throw CLI::CallForVersion(std::string(llvm::StringRef(text.get()).rtrim()), 0);
}

// Whether all that was printed has arrived, as an exit code.
int finish() { return aotc_finish_stdout("aotc-server") ? 0 : 1; }

int print_new_token() {
  std::string token = aotc::random_hex(32);
  std::puts(fmt::format("token: {}\n{{\"sha256\": \"{}\", \"roles\": [\"pull\", \"push\"]}}", token,
                        aotc::sha256(token).substr(7))
                .c_str());
  return finish();
}

// Keeps the server's memory flat: a large buffer that lies between small ones could not be given back, so those from
// 64 KiB on get pages of their own. (Fewer arenas would save a little more, but answers of 304 a fifth of their number.)
void limit_malloc() { mallopt(M_MMAP_THRESHOLD, 64 << 10); }

// Parses, does what was asked for, returns the exit code.
int run(int argc, char** argv) {
  CLI::App app("aotc-server compiles WebAssembly modules that are uploaded to it and serves the artifacts to nodes.",
               "aotc-server");
  app.set_version_flag("--version", std::string("aotc-server ") + aotc::kCompilerVersion);
  app.add_option_function<std::string>("--print-sandbox", print_sandbox,
                                       "[=PROCESS] what this server's processes may do, or one of them")
      ->expected(0, 1)
      ->type_name("");
  ServerArguments arguments;
  add_options(app, arguments);
  app.add_subcommand("new-token", "")->group("");
  Administration administration;
  AdminCommand command = nullptr;
  add_administration(app, administration, command);
  try {
    app.parse(argc, argv);
    if (app.got_subcommand("new-token")) return print_new_token();
    if (!command && arguments.data.empty()) throw CLI::RequiredError("--data");
  } catch (const CLI::Success& done) {  // --help, --version
    std::ostringstream text;
    app.exit(done, text);
    std::fputs(text.str().c_str(), stdout);
    return finish();
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "aotc-server: %s\nRun `aotc-server --help` for how to use it.\n", error.what());
    return 2;
  }
  llvm::Expected<std::string> done = command ? command(administration) : serve(arguments);
  if (!done) {
    std::fprintf(stderr, "aotc-server: %s\n", llvm::toString(done.takeError()).c_str());
    return 1;
  }
  if (done->empty()) return 0;  // it has served, whether anybody listened to it or not
  std::puts(done->c_str());
  return finish();
}

}  // namespace

int main(int argc, char** argv) {
  aotc_hold_standard_streams();
  limit_malloc();
  try {
    if (std::optional<int> code = aotc::worker_main(argc, argv)) return *code;
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "aotc-server: %s\n", error.what());
    return 1;
  }
}
