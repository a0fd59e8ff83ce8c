// cmd_cache.cpp - `aotc cache`: how much was kept of what was compiled, whether it is right, and its end.
#include <sys/stat.h>

#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cache/keeper.h"
#include "cache_options.h"
#include "command.h"
#include "output.h"
#include "support/error.h"
#include "support/remote_place.h"

namespace {

struct CacheArguments {
  CacheOptions cache;
  bool json = false;
};

// Of one kind, as it comes from the process that looked.
struct Counts {
  uint64_t values, bytes, damaged;
  char failed[128];
};
struct Answer {
  Counts functions, artifacts;
};

Counts counts_of(const aotc::ShelfReport& report) {
  Counts counts{report.values, report.bytes, report.damaged, {}};
  std::snprintf(counts.failed, sizeof counts.failed, "%s", report.failed.c_str());
  return counts;
}

// Milliseconds that a remote has to say what it holds.
constexpr int kPatience = 10'000;

// A remote is not ours to look after.
llvm::Error refuse_remote(const CacheArguments& arguments, const char* reason) {
  if (!aotc::is_url(arguments.cache.where)) return llvm::Error::success();
  llvm::Expected<std::optional<aotc::RemoteCache>> remote = arguments.cache.find_place();
  if (!remote) return remote.takeError();
  return llvm::make_error<UsageError>("--cache: " + (*remote)->shown + ": " + reason);
}

llvm::Expected<std::string> folder_of(const CacheArguments& arguments) {
  std::optional<std::string> folder = arguments.cache.folder();
  if (!folder) return llvm::make_error<UsageError>("--cache: there is no cache to look after");
  return *folder;
}

aotc::StoreOptions store_of(const CacheArguments& arguments, const std::string& folder) {
  aotc::StoreOptions options;
  options.folder = folder;
  options.limit = arguments.cache.size;
  return options;
}

llvm::Error about(const std::string& folder, const std::string& message) {
  return aotc::failure("cache " + folder + ": " + message);
}

bool exists(const std::string& folder) {
  struct stat info;
  return stat(folder.c_str(), &info) == 0;
}

nlohmann::ordered_json to_json(const Counts& counts, bool all) {
  nlohmann::ordered_json json = {{"records", counts.values}, {"bytes", counts.bytes}};
  if (all) json["damaged"] = counts.damaged;
  return json;
}

// Shows what is there, of each value when `all` is asked for.
llvm::Error show(const CacheArguments& arguments, bool all,
                 llvm::function_ref<void(nlohmann::ordered_json*)> and_more = nullptr) {
  llvm::Expected<std::string> folder = folder_of(arguments);
  if (!folder) return folder.takeError();
  Answer answer{};
  if (exists(*folder)) {
    if (llvm::Error error = aotc::Store::prepare(*folder)) return about(*folder, llvm::toString(std::move(error)));
    auto look = [&](aotc::Store& store, void* to) {
      aotc::Store::Report report = store.report(all);
      *static_cast<Answer*>(to) = {counts_of(report.functions), counts_of(report.artifacts)};
    };
    if (llvm::Error error = with_store(store_of(arguments, *folder), look, &answer, sizeof answer))
      return about(*folder, llvm::toString(std::move(error)));
  }
  if (arguments.json) {
    nlohmann::ordered_json json = {{"folder", *folder},
                                   {"functions", to_json(answer.functions, all)},
                                   {"artifacts", to_json(answer.artifacts, all)}};
    if (and_more) and_more(&json);
    print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else {
    print("{}\n", printable(*folder));
    for (const auto& [name, counts] : {std::pair("functions", answer.functions), {"artifacts", answer.artifacts}})
      print("{}  {}{} in {}\n", name, all ? "" : "about ", counts.values, format_size(counts.bytes));
    if (and_more) and_more(nullptr);
  }
  for (const Counts& counts : {answer.functions, answer.artifacts})
    if (counts.failed[0] != 0)
      return about(*folder, printable(llvm::StringRef(counts.failed, strnlen(counts.failed, sizeof counts.failed))));
  if (uint64_t damaged = answer.functions.damaged + answer.artifacts.damaged)
    return about(*folder, std::to_string(damaged) + " of its records are damaged");
  return llvm::Error::success();
}

// Of the remote beside the folder, if there is one.
llvm::Error show_with_remote(const CacheArguments& arguments) {
  llvm::Expected<std::optional<aotc::RemoteCache>> remote = arguments.cache.find_place();
  if (!remote) return remote.takeError();
  if (!*remote) return show(arguments, false);
  llvm::Expected<aotc::RemoteCounts> counts = aotc::count_remote((*remote)->courier, kPatience);
  (*remote)->forget_secrets();
  if (!counts)
    return llvm::joinErrors(show(arguments, false),
                            about((*remote)->shown, printable(llvm::toString(counts.takeError()))));
  auto show_remote = [&](nlohmann::ordered_json* json) {
    if (json) {
      nlohmann::ordered_json& of_remote = (*json)["remote"] = {{"url", (*remote)->shown}};
      if (counts->values) of_remote["records"] = *counts->values;
      if (counts->bytes) of_remote["bytes"] = *counts->bytes;
    } else {
      print("{}\n", (*remote)->shown);
      if (counts->values)
        print("records    {}, of whoever keeps something there, in {}\n", *counts->values,
              counts->bytes ? format_size(*counts->bytes) : "what it does not say");
      else
        print("answers; how much it holds it cannot be asked\n");
    }
  };
  return show(arguments, false, show_remote);
}

llvm::Error prune(const CacheArguments& arguments) {
  if (llvm::Error error = refuse_remote(arguments, "it drops what is old itself, when it is told how much it may hold"))
    return error;
  llvm::Expected<std::string> folder = folder_of(arguments);
  if (!folder) return folder.takeError();
  if (exists(*folder)) {
    if (llvm::Error error = aotc::Store::prepare(*folder)) return about(*folder, llvm::toString(std::move(error)));
    bool done = false;
    auto work = [&](aotc::Store& store, void* to) { *static_cast<bool*>(to) = store.shrink(arguments.cache.size); };
    if (llvm::Error error = with_store(store_of(arguments, *folder), work, &done, sizeof done))
      return about(*folder, llvm::toString(std::move(error)));
    if (!done) return about(*folder, "others are writing to it");
  }
  return show(arguments, false);
}

// Looks at nothing, so that it can remove what makes others fail.
llvm::Error clear(const CacheArguments& arguments) {
  if (llvm::Error error = refuse_remote(arguments, "it is shared; who runs it can empty it")) return error;
  llvm::Expected<std::string> folder = folder_of(arguments);
  if (!folder) return folder.takeError();
  if (exists(*folder)) {
    aotc::StoreOptions options;
    options.folder = *folder;
    if (!aotc::Store(options).clear()) return about(*folder, "others are writing to it");
  }
  return arguments.json ? show(arguments, false) : llvm::Error::success();
}

}  // namespace

void add_cache(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<CacheArguments>();
  CLI::App* command = app.add_subcommand("cache", "Look after what was compiled before");
  command->require_subcommand(1);
  auto add = [&](const char* name, const char* help, std::function<llvm::Error()> work) {
    CLI::App* added = command->add_subcommand(name, help);
    arguments->cache.add_to(*added);
    added->add_flag("--json", arguments->json, "print the result as JSON");
    added->callback([&action, work = std::move(work)] { action = work; });
    return added;
  };
  CLI::App* stats =
      add("stats", "How much it holds, and its remote", [arguments] { return show_with_remote(*arguments); });
  arguments->cache.add_place_to(*stats);
  stats->footer("Examples:\n  aotc cache stats --json\n  aotc cache stats --cache redis://cache:6379");
  add("verify", "Read all of it; fail if anything is damaged", [arguments]() -> llvm::Error {
    if (llvm::Error error = refuse_remote(*arguments, "what comes from there is verified when it is used"))
      return error;
    return show(*arguments, true);
  })->footer("Example:\n  aotc cache verify || aotc cache clear");
  CLI::App* pruned = add("prune", "Drop what was not used for longest until no more than that is left",
                         [arguments] { return prune(*arguments); });
  arguments->cache.add_size_to(*pruned, "--to", "bytes on disk");
  pruned->footer("Example:\n  aotc cache prune --to 100M");
  add("clear", "Remove all of it", [arguments] {
    return clear(*arguments);
  })->footer("Example:\n  aotc cache clear --cache /var/cache/aotc");
  add_cache_warm(*command, action);
  command->footer(
      "`aotc compile` and `aotc run` keep functions and whole artifacts there, and take from there what they would\n"
      "make again. It holds as much as --cache-size says; what was not used for longest goes first. Any number of\n"
      "processes can use it at once. What is damaged is not used: at worst it starts again empty. Nobody else may\n"
      "write there: what is in it becomes code.\n"
      "Machines share functions through a remote, which is asked after the folder (aotc compile --cache-remote).\n"
      "\nExamples:\n"
      "  aotc cache stats\n"
      "  aotc cache warm --target all\n"
      "  aotc cache verify\n"
      "  aotc cache prune --to 100M\n"
      "  aotc cache clear");
}
