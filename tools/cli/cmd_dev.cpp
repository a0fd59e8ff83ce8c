// cmd_dev.cpp - `aotc dev`: a Go program is served while it is written (dev_server.h).
#include <memory>

#include "cache_options.h"
#include "command.h"
#include "dev_server.h"

namespace {

struct DevArguments {
  std::string go = "go", listen = "127.0.0.1:8080", tier = "quick";
  CacheOptions cache;
  std::vector<std::string> env;
  std::string config, secrets, kv;
  std::vector<std::string> packages;  // never set, here so that --help shows them: `words` holds them
  std::vector<std::string> words;
};

llvm::Error dev_command(const DevArguments& arguments) {
  std::vector<std::string> compile = {"--tier", arguments.tier};
  if (!arguments.cache.where.empty()) compile.insert(compile.end(), {"--cache", arguments.cache.where});
  for (const std::string& variable : arguments.env) compile.insert(compile.end(), {"--env", variable});
  std::vector<std::string> node;
  if (!arguments.config.empty()) node.insert(node.end(), {"--config", "app=" + arguments.config});
  if (!arguments.secrets.empty()) node.insert(node.end(), {"--secrets", "app=" + arguments.secrets});
  if (!arguments.kv.empty()) node.insert(node.end(), {"--kv", arguments.kv});
  return serve_while_written({arguments.go, arguments.listen, std::move(compile), std::move(node), arguments.words});
}

}  // namespace

void add_dev(CLI::App& app, Action& action, std::vector<std::string>& args) {
  auto arguments = std::make_shared<DevArguments>();
  if (!args.empty() && args.front() == "dev")
    arguments->words =
        take_go_words(args, {"--go", "--listen", "--tier", "--cache", "--env", "--config", "--secrets", "--kv"}, {});

  CLI::App* command = app.add_subcommand("dev", "Serve a Go program on this machine, anew whenever it is saved");
  command->add_option("packages", arguments->packages, "as go build has them (default: the one in this folder)")
      ->type_name("[PACKAGE] [GO FLAGS...]");
  command->add_option("--listen", arguments->listen, "where to serve")->capture_default_str()->type_name("ADDR:PORT");
  command->add_option("--go", arguments->go, "the go command")->capture_default_str()->type_name("COMMAND");
  command->add_option("--tier", arguments->tier, "as aotc compile has it")
      ->check(CLI::IsMember({"quick", "best", "auto"}))
      ->capture_default_str();
  command->add_option("--env", arguments->env, "KEY=VALUE for the program's environment")->allow_extra_args(false);
  command->add_option("--config", arguments->config,
                      "DIR: what edge.Config tells the program: the files in it, by their names");
  command->add_option("--secrets", arguments->secrets, "DIR: likewise edge.Secret");
  command->add_option("--kv", arguments->kv,
                      "DIR: where edge.KV keeps what the program puts; or redis://HOST:PORT/DATABASE");
  arguments->cache.add_to(*command);
  command->footer(
      "Builds it (aotc build), compiles and freezes it (aotc compile), serves it (aotc-node), shows what it logs, and "
      "its\n"
      "panics, and does so again when a file is saved that it is built from: in folders of the main module, and of "
      "what\n"
      "is embedded. No request is lost meanwhile; what cannot be built leaves the version before as it is. ^C ends "
      "it.\n"
      "\nExamples:\n"
      "  aotc dev\n"
      "  aotc dev ./cmd/site --listen 127.0.0.1:3000 --env MODE=test -tags dev");
  command->callback([arguments, &action] { action = [arguments] { return dev_command(*arguments); }; });
}
