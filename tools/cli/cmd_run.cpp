// cmd_run.cpp - `aotc run`: hand an artifact to the node runtime; compile first when given a module.
//
// The program runs in `aotc-exec`, a static binary beside this one that contains the runtime and nothing else, so what
// runs here is what runs on a node. aotc replaces itself with it, so signals and the exit code need no forwarding. A
// module is compiled into a file in memory that the new process inherits. An artifact for another architecture is run
// by that architecture's aotc-exec under qemu's user mode.
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "aotc/artifact_format.h"
#include "artifact_view.h"
#include "command.h"
#include "exec/run_limits.h"
#include "files.h"
#include "local_compile.h"
#include "memory_file.h"
#include "run_broker.h"

namespace {

constexpr uint64_t kNotGiven = ~uint64_t{0};

struct RunArguments {
  std::string file;
  CodeOptions code;
  CacheOptions cache;
  std::vector<std::string> dirs, env, secrets, listeners, allowed, networks;
  std::string config, secret_files, kv;
  uint64_t timeout = 0, max_memory = 0;
  uint64_t tmp_size = kNotGiven;
  bool gdb = false;
  bool cold = false;
  std::string invoke;              // never set, here so that --help shows the option: `guest` holds it
  std::vector<std::string> guest;  // "--invoke EXPORT ARG..." and "-- ARG...", as given
};

llvm::Error error(std::string message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), std::move(message));
}

// Full path of `program` on PATH, or empty.
std::string find_on_path(const std::string& program) {
  const char* path = getenv("PATH");
  for (std::string rest = path ? path : ""; !rest.empty();) {
    size_t colon = rest.find(':');
    std::string candidate = rest.substr(0, colon) + "/" + program;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
  }
  return "";
}

// The command that runs artifacts of `architecture` on this machine.
llvm::Expected<std::vector<std::string>> runner(aotc::Architecture architecture) {
  llvm::Expected<aotc::Architecture> host = aotc::parse_architecture("host");
  if (!host) return host.takeError();
  bool native = architecture == *host;
  std::string name = native ? "aotc-exec" : fmt::format("aotc-exec-{}", aotc::architecture_name(architecture));
  llvm::Expected<std::string> directory = directory_of_this_program();
  if (!directory) return directory.takeError();
  std::string exec = *directory + "/" + name;
  if (access(exec.c_str(), X_OK) != 0) return error(fmt::format("{}: {}", exec, std::strerror(errno)));
  if (native) return std::vector<std::string>{exec};
  std::string qemu_name = fmt::format("qemu-{}", aotc::architecture_name(architecture));
  std::string qemu = find_on_path(qemu_name);
  if (qemu.empty()) qemu = find_on_path(qemu_name + "-static");
  if (qemu.empty())
    return error(fmt::format("code for {} does not run on this machine, and {} is not installed (package qemu-user)",
                             aotc::architecture_name(architecture), qemu_name));
  return std::vector<std::string>{qemu, exec};
}

llvm::Error run_command(const RunArguments& arguments) {
  llvm::Expected<std::vector<aotc::CompileOptions>> targets = arguments.code.resolve(arguments.file);
  if (!targets) return targets.takeError();
  if (targets->size() != 1) return llvm::make_error<UsageError>("--target: a program runs on one target");

  llvm::Expected<FileKind> kind = file_kind(arguments.file);
  if (!kind) return kind.takeError();
  std::string artifact = arguments.file;
  llvm::Expected<MemoryFile> compiled = MemoryFile::make(base_name(arguments.file));
  if (!compiled) return compiled.takeError();
  aotc::Architecture architecture = targets->front().architecture;
  if (*kind == FileKind::Wasm) {
    llvm::Expected<MemoryFile> module = MemoryFile::copy_of(arguments.file, arguments.code.max_input);
    if (!module) return module.takeError();
    llvm::Expected<CompiledLocally> done = compile_locally(*module, *compiled, targets->front(), arguments.cache);
    if (!done) return done.takeError();
    artifact = compiled->path_after_exec();
  } else {
    llvm::Expected<uint32_t> recorded = artifact_architecture(arguments.file);
    if (!recorded) return recorded.takeError();
    architecture = *recorded == AOTC_ARCH_AARCH64 ? aotc::Architecture::AArch64 : aotc::Architecture::X86_64;
  }

  llvm::Expected<std::vector<std::string>> command = runner(architecture);
  if (!command) return command.takeError();
  std::vector<std::string> words = std::move(*command);
  size_t program = words.size() - 1;
  auto add = [&words](const char* option, const std::string& value) {
    words.push_back(option);
    words.push_back(value);
  };
  if (*kind == FileKind::Wasm) add("--name", base_name(arguments.file));
  for (const std::string& dir : arguments.dirs) add("--dir", dir);
  for (const std::string& variable : arguments.env) add("--env", variable);
  for (const std::string& name : arguments.secrets) add("--secret-env", name);
  for (const std::string& address : arguments.listeners) add("--tcplisten", address);
  if (!arguments.allowed.empty() || !arguments.kv.empty()) {
    llvm::Expected<int> channel =
        start_broker(base_name(arguments.file), arguments.allowed, arguments.networks, arguments.kv);
    if (!channel) return channel.takeError();
    add("--outbound", std::to_string(*channel));
  }
  if (!arguments.config.empty()) add("--config", arguments.config);
  if (!arguments.secret_files.empty()) add("--secrets", arguments.secret_files);
  if (arguments.timeout != 0) add("--timeout", aotc::shown(AOTC_DURATION, arguments.timeout));
  if (arguments.max_memory != 0) add("--max-memory", aotc::shown(AOTC_SIZE, arguments.max_memory));
  if (arguments.tmp_size != kNotGiven) add("--tmp-size", aotc::shown(AOTC_SIZE, arguments.tmp_size));
  if (arguments.gdb) words.push_back("--gdb");
  if (arguments.cold) words.push_back("--cold");
  words.push_back(artifact);
  words.insert(words.end(), arguments.guest.begin(), arguments.guest.end());

  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  return error(fmt::format("{}: {}", words[program], std::strerror(errno)));
}

// Removes the guest's part from the end of `args`: it may look like options of ours ("-1", "--help").
std::vector<std::string> take_guest_part(std::vector<std::string>& args) {
  auto begin = args.begin();
  while (begin != args.end() && *begin != "--" && *begin != "--invoke") ++begin;
  std::vector<std::string> guest(begin, args.end());
  args.erase(begin, args.end());
  return guest;
}

}  // namespace

void add_run(CLI::App& app, Action& action, std::vector<std::string>& args) {
  auto arguments = std::make_shared<RunArguments>();
  if (!args.empty() && args.front() == "run") arguments->guest = take_guest_part(args);

  CLI::App* command = app.add_subcommand("run", "Run an artifact, or a module after compiling it");
  command->add_option("file", arguments->file, "a .wasm module or an artifact")->required();
  command->add_option("--dir", arguments->dirs, "HOST::GUEST[:ro]: let the program use directory HOST as GUEST")
      ->allow_extra_args(false);
  command->add_option("--env", arguments->env, "KEY=VALUE for the program's environment")->allow_extra_args(false);
  command->add_option("--secret-env", arguments->secrets, "NAME: set it to the value that it has here")
      ->allow_extra_args(false);
  aotc::add_quantity(*command, "--timeout", arguments->timeout, "stop the program after this long: 500ms, 10s, 2m",
                     {AOTC_DURATION, kLeastRunTime, kMostRunTime});
  aotc::add_quantity(*command, "--max-memory", arguments->max_memory,
                     "limit on memory and native stack together: 64M, 1G",
                     {AOTC_SIZE, kLeastRunMemory, kMostRunMemory});
  aotc::add_quantity(*command, "--tmp-size", arguments->tmp_size,
                     "give the program a directory /tmp in memory; one with a listener has it anyway, of 64M",
                     {AOTC_SIZE, 0, kMostRunMemory});
  command
      ->add_option("--tcplisten", arguments->listeners, "ADDR:PORT: give the program a listening socket, from fd 3 on")
      ->allow_extra_args(false);
  command
      ->add_option(
          "--allow", arguments->allowed,
          "TARGET: what the program may connect to: tcp://HOST:PORT, http:// or https://HOST[:PORT][,METHOD...],\n"
          "or any")
      ->allow_extra_args(false);
  command
      ->add_option("--allow-private", arguments->networks,
                   "NETWORK: private addresses that names may lead to: 10.0.0.0/8")
      ->allow_extra_args(false);
  command->add_option("--config", arguments->config,
                      "DIR: what edge.Config tells the program: the files in it, by their names");
  command->add_option("--secrets", arguments->secret_files, "DIR: likewise edge.Secret");
  command->add_option("--kv", arguments->kv,
                      "DIR: where edge.KV keeps what the program puts; or redis://HOST:PORT/DATABASE");
  command->add_flag("--cold", arguments->cold, "start from the beginning even if the artifact has a snapshot");
  command->add_flag("--gdb", arguments->gdb, "make the program known to gdb, and its call graphs to perf");
  command->add_option("--invoke", arguments->invoke,
                      "EXPORT ARG...: call this export with numbers as arguments instead of\nrunning the program; last "
                      "option before --");
  arguments->code.add_to(*command);
  arguments->cache.add_to(*command);
  arguments->cache.add_size_to(*command, "--cache-size", "bytes on disk that it may take");
  arguments->cache.add_remote_to(*command);
  command->footer(
      "An artifact with a snapshot goes on from there if arguments, environment and directories are those of\n"
      "`aotc compile --snapshot`; otherwise it starts from the beginning.\n"
      "Everything after -- goes to the program. --target, --cpu, --tier, --jobs and --cache matter for a .wasm only.\n"
      "The exit code is the program's, 1 for its codes above 125; 134 after a trap.\n"
      "\nExamples:\n"
      "  aotc run hello.wasm -- world\n"
      "  aotc run server.aotc --tcplisten 127.0.0.1:8080 --dir ./site::/site:ro --env MODE=test\n"
      "  aotc run job.aotc --timeout 10s --max-memory 256M\n"
      "  aotc run add.wasm --target aarch64 --invoke add 40 -2");
  command->callback([arguments, &action] { action = [arguments] { return run_command(*arguments); }; });
}
