// main.cpp - `aotc-server`: opens the store, starts the job queue, serves until SIGTERM, stops in the opposite order.
// `aotc-server worker` and `aotc-server keeper` are the same program as processes of a compile; only the server starts
// them.
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "aotc/program.h"
#include "cache/keeper.h"
#include "config_file.h"
#include "confinement.h"
#include "control.h"
#include "http/tls.h"
#include "jobs/job_queue.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "log.h"
#include "metrics.h"
#include "oci/upload_sessions.h"
#include "options.h"
#include "process/worker.h"
#include "registry/digest.h"
#include "sandbox/cgroup.h"
#include "sandbox/sandbox.h"
#include "store/catalog.h"
#include "support/error.h"
#include "support/exit_codes.h"
#include "support/remote_place.h"
#include "support/version.h"

using aotc::failure;

namespace {

using namespace aotc::server;

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

llvm::Expected<std::string> read_key(const std::string& path) {
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file) return failure(path + ": " + file.getError().message());
  return (*file)->getBuffer().str();
}

// Keys stay in this process and in keepers of functions, which are told theirs: what else it starts gets no descriptor
// and no memory of it, and no other process may look into it.
llvm::Expected<std::string> read_private_key(const std::string& path) {
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return failure("cannot protect the memory of this process");
  llvm::sys::fs::file_status status;
  if (std::error_code code = llvm::sys::fs::status(path, status)) return failure(path + ": " + code.message());
  if (status.permissions() & (llvm::sys::fs::all_all & ~llvm::sys::fs::owner_all))
    return failure(path + ": others can read this key; make it `chmod 600`");
  return read_key(path);
}

llvm::Expected<SigningOptions> read_sign_keys(const ServerArguments& arguments) {
  SigningOptions signing;
  signing.valid_seconds = arguments.sign_days * 86400;
  for (const std::string& path : arguments.sign_keys) {
    llvm::Expected<std::string> pem = read_private_key(path);
    if (!pem) return pem.takeError();
    std::string error;
    std::optional<aotc::Signer> signer = aotc::Signer::read(*pem, error);
    if (!signer) return failure(path + ": " + error);
    signing.keys.push_back(std::move(*signer));
  }
  if (const std::string& path = arguments.cosign_key; !path.empty()) {
    llvm::Expected<std::string> pem = read_private_key(path);
    if (!pem) return pem.takeError();
    std::string error;
    signing.cosign_key = aotc::P256Key::read_private(*pem, error);
    if (!signing.cosign_key) return failure(path + ": " + error);
  }
  return signing;
}

llvm::Expected<std::optional<aotc::RemoteCache>> read_remote(const ServerArguments& arguments) {
  if (arguments.cache_remote.empty()) return std::nullopt;
  std::string error;
  std::optional<aotc::RemotePlace> place = aotc::parse_remote_place(arguments.cache_remote, error);
  if (!place) return failure("--cache-remote: " + error);
  if (arguments.cache_trust.empty() && arguments.cache_sign.empty())
    return failure("--cache-trust: what comes from " + place->shown() +
                   " becomes code: it needs a public key to check it by");
  if (!arguments.jobs.functions.kept())
    return failure("--cache-remote: with --function-cache-bytes 0 there is no cache");
  if (prctl(PR_SET_DUMPABLE, 0) != 0)
    return failure("cannot protect the memory of this process");  // the URL's password
  aotc::RemoteCache remote;
  remote.shown = place->shown();
  remote.courier.url = arguments.cache_remote;
  if (const char* token = std::getenv("AOTC_CACHE_TOKEN")) remote.courier.token = token;
  if (const char* file = std::getenv("SSL_CERT_FILE")) remote.courier.certificates = file;
  remote.allowance = std::chrono::microseconds(static_cast<int64_t>(arguments.cache_wait * 1e6));
  for (const std::string& path : arguments.cache_trust) {
    llvm::Expected<std::string> pem = read_key(path);
    if (!pem) return pem.takeError();
    if (llvm::Error bad = remote.trust(path, *pem)) return bad;
  }
  if (arguments.cache_sign.empty()) return remote;
  llvm::Expected<std::string> pem = read_private_key(arguments.cache_sign);
  if (!pem) return pem.takeError();
  if (llvm::Error bad = remote.sign_with(arguments.cache_sign, *pem)) return bad;
  return remote;
}

// An upload in several requests has a file; a connection has a socket, and a file while it uploads or a watch on its
// client while it waits; workers and the store have theirs.
llvm::Error provide_descriptors(const ServerArguments& arguments) {
  constexpr uint64_t kOthers = 1024, kPerWorker = 16;
  uint64_t needed = arguments.http.connections.all * uint64_t{2} + arguments.uploads.all_sessions +
                    arguments.jobs.workers * kPerWorker + kOthers;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return failure("the limit on descriptors is not known");
  if (limit.rlim_max < needed)
    return failure(fmt::format("--max-connections {} needs {} descriptors, but this process may have {} (ulimit -Hn)",
                               arguments.http.connections.all, needed, limit.rlim_max));
  if (limit.rlim_cur >= needed) return llvm::Error::success();
  limit.rlim_cur = needed;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? llvm::Error::success() : failure("cannot have more descriptors");
}

// What can be seen of the options before anything is opened to be written.
llvm::Expected<std::string> check_config(const ServerArguments& arguments) {
  if (llvm::Error error = check_exposure(arguments)) return error;
  Tenants tenants(arguments.token_file);
  if (llvm::Error error = tenants.load()) return error;
  TlsIdentity tls(arguments.tls_certificate, arguments.tls_key);
  if (llvm::Error error = tls.load()) return error;
  if (auto signing = read_sign_keys(arguments); !signing) return signing.takeError();
  if (auto remote = read_remote(arguments); !remote) return remote.takeError();
  return "nothing is wrong";
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
  if (code) return failure("/proc/self/exe: " + code.message());
  limits.freeze.program = self.parent_path() / "aotc-exec";
  llvm::Expected<SigningOptions> signing = read_sign_keys(arguments);
  if (!signing) return signing.takeError();
  llvm::Expected<std::optional<aotc::RemoteCache>> remote = read_remote(arguments);
  if (!remote) return remote.takeError();
  limits.functions.remote = std::move(*remote);
  limits.functions.folder = std::filesystem::absolute(arguments.data).string() + "/functions";
  if (llvm::Error error = aotc::Store::prepare(limits.functions.folder))
    return failure(limits.functions.folder + ": " + llvm::toString(std::move(error)));
  limits.groups = aotc_cgroup_open(nullptr);
  log(Level::Info,
      limits.groups >= 0 ? "workers have control groups" : "workers have no control groups, only limits of their own",
      {{"reason", limits.groups >= 0 ? "" : std::strerror(errno)}});
  if (limits.groups >= 0) folders.push_back("/proc/self/fd/" + std::to_string(limits.groups));
  std::vector<std::string> read = {arguments.token_file, arguments.tls_certificate, arguments.tls_key};
  read.insert(read.end(), limits.functions.warm.begin(), limits.functions.warm.end());
  Reach reach{read, folders, {limits.freeze.program, self.parent_path() / "aotc-courier"}};
  if (llvm::Error error = confine_server(reach)) return error;
  StoreOptions store_options = arguments.store;
  store_options.upgrade = tenants.open_to_all() ? Upgrade::OneTenant : Upgrade::Tenants;
  llvm::Expected<std::unique_ptr<Store>> store = Store::open(arguments.data + "/store", store_options);
  if (!store) return store.takeError();
  Counters counters;
  RevocationBook revocations(**store, signing->all_keys());
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
  UploadLimits upload_limits = arguments.uploads;
  upload_limits.bytes = arguments.http.max_upload;
  UploadSessions uploads(upload_limits);
  Service service{**store, catalog, tenants, jobs, counters, revocations, uploads};
  Listener listener(service, arguments.http, tls);
  llvm::Expected<std::string> address = listener.bind(arguments.listen);
  if (!address) return address.takeError();
  if (llvm::Error error = jobs.start()) return error;
  // The module and artifacts of a job under way have no repository yet.
  JanitorOptions duties = arguments.janitor;
  duties.grace_seconds = std::max(duties.grace_seconds, static_cast<uint64_t>(limits.wall_seconds * 2));
  Janitor janitor(catalog, tenants, jobs, uploads, counters, duties);
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
// 64 KiB on get pages of their own. (Fewer arenas would save a little more, but answers of 304 a fifth of their
// number.)
void limit_malloc() { mallopt(M_MMAP_THRESHOLD, 64 << 10); }

// Parses, does what was asked for, returns the exit code.
int run(int argc, char** argv) {
  CLI::App app("aotc-server compiles WebAssembly modules that are uploaded to it and serves the artifacts to nodes.",
               "aotc-server");
  app.set_version_flag("--version", std::string("aotc-server ") + aotc_version);
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
  ConfigFile file;
  try {
    app.parse(argc, argv);
    if (!arguments.file.empty()) {
      for (const CLI::Option* option : app.parse_order())
        if (!option->check_lname("file") && !option->check_lname("check-config"))
          throw CLI::ValidationError("--file", "holds all options, so there can be no " + option->get_name());
      llvm::Expected<ConfigFile> read = read_config_file(app, arguments.file);
      if (!read) throw CLI::FileError(llvm::toString(read.takeError()));
      file = std::move(*read);
      const bool check_only = arguments.check_only;
      app.parse(std::vector<std::string>(file.words.rbegin(), file.words.rend()));
      arguments.check_only = check_only;
    }
    if (app.got_subcommand("new-token")) return print_new_token();
    if (!command && arguments.data.empty()) throw CLI::RequiredError("--data");
  } catch (const CLI::Success& done) {  // --help, --version
    std::ostringstream text;
    app.exit(done, text);
    std::fputs(text.str().c_str(), stdout);
    return finish();
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "aotc-server: %s\nRun `aotc-server --help` for how to use it.\n",
                 file.explain(error.what()).c_str());
    return kExitUsage;
  }
  llvm::Expected<std::string> done = command                ? command(administration)
                                     : arguments.check_only ? check_config(arguments)
                                                            : serve(arguments);
  if (!done) {
    std::fprintf(stderr, "aotc-server: %s\n", llvm::toString(done.takeError()).c_str());
    return kExitFailed;
  }
  if (done->empty()) return 0;  // it has served, whether anybody listened to it or not
  std::puts(done->c_str());
  return finish();
}

}  // namespace

int main(int argc, char** argv) {
  aotc_begin_program();
  limit_malloc();
  try {
    if (std::optional<int> code = aotc::worker_main(argc, argv)) return *code;
    if (std::optional<int> code = aotc::keeper_main(argc, argv)) return *code;
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "aotc-server: %s\n", error.what());
    return kExitFailed;
  }
}
