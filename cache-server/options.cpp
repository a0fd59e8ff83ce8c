// options.cpp - see options.h.
#include "options.h"

#include <algorithm>
#include <thread>

#include "support/quantity_option.h"

namespace aotc::server {

namespace {

constexpr uint64_t kMillisecond = kSecond / 1000, kHour = 3600 * kSecond;
constexpr uint64_t kK = 1 << 10, kM = kK << 10, kG = kM << 10, kT = kG << 10;
constexpr uint64_t kYear = 365 * 86400;  // in seconds

constexpr Range kCount{AOTC_COUNT, 1, 1'000'000};
constexpr Range kDisk{AOTC_SIZE, 64 * kK, 1024 * kT};
constexpr Range kAge{AOTC_SECONDS, 1, 10 * kYear};
constexpr Range kOfClient{AOTC_DURATION, 10 * kMillisecond, kDay};

void add_identity(CLI::App& app, ServerArguments& arguments) {
  app.add_option(
      "--file", arguments.file,
      "all other options, in YAML: each is a key of its name, without dashes, that has a list where it may be\n"
      "repeated. What it says is read at the start only");
  app.add_flag("--check-config", arguments.check_only,
               "say what is wrong with the options, and the files that they name, and serve nothing");
  app.add_option("--data", arguments.data, "folder that holds everything the server keeps; created if missing");
  app.add_option(
         "--backups", arguments.backups,
         "folder to which `aotc-server backup` can write while this server runs; created if missing, may be repeated")
      ->allow_extra_args(false);
  app.add_option("--listen", arguments.listen, "address and port; port 0 picks a free one, printed at the start")
      ->capture_default_str();
  app.add_option("--token-file", arguments.token_file,
                 "tenants, their tokens and quotas (see tenants.h); SIGHUP reads it again");
  app.add_option("--sign-key", arguments.sign_keys,
                 "sign images with this key (see `aotc keygen`); given twice, with both, while keys are changed")
      ->allow_extra_args(false);
  app.add_option("--cosign-key", arguments.cosign_key,
                 "sign images as cosign does it, too, and say where they come from, with this key on P-256 (see `aotc\n"
                 "keygen --cosign`)");
  add_quantity(app, "--sign-days", arguments.sign_days,
               "days for which a signature is good; renewed after half of them", {AOTC_COUNT, 1, 3650});
  auto* certificate = app.add_option("--tls-cert", arguments.tls_certificate,
                                     "speak TLS (1.2 and later) with this chain of certificates, PEM; SIGHUP reads it "
                                     "again");
  auto* key = app.add_option("--tls-key", arguments.tls_key, "its private key, PEM");
  certificate->needs(key);
  key->needs(certificate);
  app.add_flag("--anonymous", arguments.anonymous, "without tokens, listen on an address that is not loopback");
}

void add_storage(CLI::App& app, ServerArguments& arguments) {
  JanitorOptions& janitor = arguments.janitor;
  EvictionLimits& eviction = janitor.eviction;
  add_quantity(app, "--grace", janitor.grace_seconds,
               "how long a blob that nobody owns is kept; at least as long as a job may take",
               {AOTC_SECONDS, 0, kYear});
  add_quantity(app, "--max-loose-age", janitor.loose_seconds,
               "remove pushed blobs that no manifest has named for so long", kAge);
  add_quantity(app, "--max-store-bytes", eviction.store_bytes,
               "evict images when their blobs take more (see evictor.h)", kDisk);
  add_quantity(app, "--max-age", eviction.age, "evict images that nobody asked for so long", kAge);
  add_quantity(app, "--max-untagged-age", eviction.untagged_age, "the same for images that no tag names", kAge);
  add_quantity(app, "--keep-jobs", janitor.keep_job_seconds, "forget jobs that ended so long ago and have no image",
               kAge);
  add_quantity(app, "--cache-bytes", arguments.store.cache_bytes, "memory for what is downloaded often",
               {AOTC_SIZE, 0, kT});
  add_quantity(app, "--function-cache-bytes", arguments.jobs.functions.bytes,
               "disk for compiled functions, to be used again in other modules of their tenant; with 0 none are kept",
               {AOTC_SIZE, 0, kT});
  app.add_option("--warm", arguments.jobs.functions.warm,
                 "module whose functions are compiled for all tenants when there is no job (see `aotc cache warm "
                 "--output`);\nmay be repeated")
      ->allow_extra_args(false);
  add_quantity(app, "--share-functions", arguments.jobs.functions.share,
               "a function that so many tenants have is compiled once more, by itself, for all, who can notice by the\n"
               "time that it takes that others have it; with 0 none is",
               {AOTC_COUNT, 0, 1'000'000});
  app.add_option("--cache-remote", arguments.cache_remote,
                 "share functions with other servers through redis[s]://[USER:PASSWORD@]HOST[:PORT][/DATABASE] or\n"
                 "http[s]://HOST[:PORT]/PATH, each tenant's with that tenant's; AOTC_CACHE_TOKEN can hold the password")
      ->envname("AOTC_CACHE_REMOTE")
      ->type_name("URL");
  app.add_option("--cache-trust", arguments.cache_trust,
                 "public key (aotc keygen): a remote's functions are taken if one of several has signed them")
      ->type_name("KEY.pub")
      ->allow_extra_args(false);
  app.add_option("--cache-sign", arguments.cache_sign,
                 "private key: what is compiled is signed with it, and written to the remote")
      ->type_name("KEY");
  add_quantity(app, "--cache-wait", arguments.cache_wait,
               "wait as long for a remote, not a small part of the time that it may save",
               {AOTC_DURATION, kMillisecond, kDay});
  add_quantity(app, "--scrub-every", arguments.scrub.round_seconds,
               "time from the start of one search for damage to the next", {AOTC_SECONDS, 0, kYear});
  add_quantity(app, "--scrub-rate", arguments.scrub.bytes_per_second,
               "bytes a second to read in search of damage; with 0 nothing is searched", {AOTC_SIZE, 0, kT});
}

void add_compiling(CLI::App& app, JobLimits& jobs) {
  jobs.threads = std::max(1u, std::thread::hardware_concurrency());
  add_quantity(app, "--workers", jobs.workers, "compiles at a time, each in a process; with 0 jobs are taken and wait",
               {AOTC_COUNT, 0, 256});
  add_quantity(app, "--threads", jobs.threads, "threads of each worker", {AOTC_COUNT, 1, 1024});
  QueueLimits& queue = jobs.queue;
  add_quantity(app, "--queue", queue.jobs, "jobs of one tenant that may wait, with uploads under way; more are refused",
               kCount);
  add_quantity(app, "--queue-all", queue.all_jobs, "the same of all tenants together", kCount);
  add_quantity(app, "--queue-bytes", queue.bytes, "bytes of the modules of these jobs of one tenant", kDisk);
  add_quantity(app, "--queue-all-bytes", queue.all_bytes, "the same of all tenants together", kDisk);
  add_quantity(app, "--job-timeout", jobs.wall_seconds, "how long one compile for one target may take",
               {AOTC_DURATION, kMillisecond, kDay});
  add_quantity(app, "--worker-memory", jobs.memory_bytes,
               "memory that one worker may use; 2G and 1G for each thread if it is not given", {AOTC_SIZE, kM, kT});
  add_quantity(app, "--freeze-timeout", jobs.freeze.wall_seconds,
               "how long a program may run until it waits for input, and is frozen",
               {AOTC_DURATION, kMillisecond, kHour});
  add_quantity(app, "--freeze-memory", jobs.freeze.memory_bytes, "memory that it may use", {AOTC_SIZE, 64 * kK, kT});
}

void add_uploads(CLI::App& app, UploadLimits& uploads) {
  add_quantity(app, "--upload-sessions", uploads.sessions, "uploads in several requests that a tenant may have begun",
               kCount);
  add_quantity(app, "--upload-sessions-all", uploads.all_sessions, "the same of all tenants together", kCount);
  add_quantity(app, "--upload-timeout", uploads.age, "how long such an upload may stand still until it is forgotten",
               kAge);
}

void add_connections(CLI::App& app, HttpLimits& http) {
  add_quantity(app, "--max-upload", http.max_upload, "refuse larger modules and blobs", {AOTC_SIZE, kK, 4 * kG});
  ConnectionLimits& connections = http.connections;
  add_quantity(app, "--max-connections", connections.all,
               "for further ones, those go that have been idle or slow longest", kCount);
  add_quantity(app, "--max-connections-per-address", connections.per_address,
               "of one client address, or IPv6 /64; further ones are closed. Raise it behind a proxy", kCount);
  add_quantity(app, "--max-connections-per-tenant", connections.per_tenant, "answer further connections with 429",
               kCount);
  add_quantity(app, "--header-timeout", http.header_seconds, "for a request's header, and of idleness", kOfClient);
  add_quantity(app, "--transfer-memory", connections.memory,
               "for what is being received and sent; more is answered with 503", {AOTC_SIZE, kM, kT});
  add_quantity(app, "--min-rate", http.least_rate,
               "bytes a second in which a client must send a body and take an answer", {AOTC_SIZE, 1, kG});
  add_quantity(app, "--body-timeout", http.body_seconds, "how long it may be behind that", kOfClient);
  app.add_flag("!--no-request-log", http.log_requests, "log failures and jobs only, not each request");
}

}  // namespace

void add_options(CLI::App& app, ServerArguments& arguments) {
  add_identity(app, arguments);
  add_storage(app, arguments);
  add_compiling(app, arguments.jobs);
  add_uploads(app, arguments.uploads);
  add_connections(app, arguments.http);
  app.add_flag("!--no-sync", arguments.store.sync)->group("");  // for power_loss.py
  app.footer(
      "Exit codes: 0 stopped by a signal, or with --check-config nothing is wrong; 1 it could not start or go on, or "
      "what an\n"
      "option names is wrong; 2 wrong usage, or a wrong --file.\n\n"
      "`aotc-server new-token` prints a new token and the line of a token file that accepts it.\n\n"
      "Examples:\n"
      "  aotc-server --data /var/lib/aotc --listen 127.0.0.1:8080\n"
      "  aotc-server --file /etc/aotc/server.yaml --check-config\n"
      "  curl --data-binary @hello.wasm 'http://127.0.0.1:8080/v1/compile?name=hello'\n"
      "  curl 'http://127.0.0.1:8080/v1/jobs/ID?wait=60'\n"
      "  curl http://127.0.0.1:8080/v2/hello/manifests/latest");
}

void add_administration(CLI::App& app, Administration& arguments, AdminCommand& chosen) {
  auto add = [&](const char* name, const char* help, AdminCommand command) {
    CLI::App* added = app.add_subcommand(name, help);
    added->add_option("--data", arguments.data, "the server's data folder")->required();
    added->callback([&chosen, command] { chosen = command; });
    return added;
  };
  CLI::App* backup = add("backup", "add a backup of a server's data, which may be running, to a folder", back_up);
  backup->add_option("--to", arguments.folder, "folder of the backups")->required();
  add_quantity(*backup, "--keep", arguments.keep, "older backups are removed", {AOTC_COUNT, 1, kMostBackups});
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

}  // namespace aotc::server
