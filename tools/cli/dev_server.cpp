// dev_server.cpp - see dev_server.h.
#include "dev_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "command.h"
#include "dev_log.h"
#include "files.h"
#include "output.h"
#include "source_watch.h"
#include "subprocess.h"
#include "support/error.h"
#include "support/unique_fd.h"
#include "temporary_folder.h"

namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

constexpr Milliseconds kQuiet{50};  // an editor's way of saving is over after that
constexpr int kPatience = 15'000;   // milliseconds, for a node to finish its requests
constexpr uint64_t kMaxList = 64 << 20;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// At once, also where stdout is a file.
template <typename... T>
void say(fmt::format_string<T...> format, T&&... values) {
  write_text(stdout, fmt::format(format, std::forward<T>(values)...));
  std::fflush(stdout);
}

class DevServer {
 public:
  DevServer(const DevOptions& options, GoWords words, std::string programs, std::string folder, SourceWatch watch,
            CaughtSignals signals, aotc::UniqueFd nowhere)
      : options_(options),
        words_(std::move(words)),
        programs_(std::move(programs)),
        folder_(std::move(folder)),
        watch_(std::move(watch)),
        signals_(std::move(signals)),
        nowhere_(std::move(nowhere)) {}

  llvm::Error run();

 private:
  enum class Step { None, Build, Compile, Start };

  llvm::Error list_sources();
  void begin();
  void start_step(Step step, std::vector<std::string> words);
  llvm::Error on_step_ended();
  llvm::Error swap();
  llvm::Error on_node();
  void on_saved();
  void served();
  void failed(const std::string& what);
  int wait_time() const;
  void stop();

  const DevOptions& options_;
  GoWords words_;
  std::string programs_, folder_, address_;
  SourceWatch watch_;
  CaughtSignals signals_;
  aotc::UniqueFd nowhere_;

  Step step_ = Step::None;
  std::optional<Subprocess> process_, node_;  // of the step; aotc-node
  std::optional<LineReader> log_;
  bool stale_ = false;  // saved since the step's sources were read
  std::set<std::string> names_;
  Clock::time_point saved_ = Clock::now(), quiet_at_ = Clock::time_point::max();  // the first time; when to begin
  Clock::time_point begun_, compiled_, swapped_;
  bool ever_served_ = false;
};

// Which folders there are may change with every save; asking takes a fraction of building.
llvm::Error DevServer::list_sources() {
  const std::string path = folder_ + "/list";
  aotc::UniqueFd out(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!out) return aotc::system_failure(path);
  std::vector<std::string> words = {options_.go, "list"};
  if (!words_.folder.empty()) words.insert(words.end(), {"-C", words_.folder});
  words.insert(words.end(), {"-e", "-deps", "-json=Dir,Standard,Module,EmbedFiles"});
  for (const GoWords::Flag& flag : words_.flags)
    if (flag.name == "tags" || flag.name == "mod" || flag.name == "modfile")
      words.insert(words.end(), flag.words.begin(), flag.words.end());
  words.insert(words.end(), words_.packages.begin(), words_.packages.end());
  llvm::Expected<Subprocess> list =
      Subprocess::start({std::move(words), {"GOOS=wasip1", "GOARCH=wasm"}, out.get(), -1});
  if (!list) return list.takeError();
  if (llvm::Error error = list->wait()) return error;
  llvm::Expected<std::vector<uint8_t>> text = read_file(path, kMaxList);
  if (!text) return text.takeError();
  llvm::Expected<SourceFolders> folders =
      source_folders(llvm::StringRef(reinterpret_cast<const char*>(text->data()), text->size()));
  if (!folders) return folders.takeError();
  watch_.look_at(*folders);
  return llvm::Error::success();
}

void DevServer::start_step(Step step, std::vector<std::string> words) {
  llvm::Expected<Subprocess> process = Subprocess::start({std::move(words), {"TMPDIR=" + folder_}, nowhere_.get(), -1});
  if (!process) return failed(llvm::toString(process.takeError()));
  process_.emplace(std::move(*process));
  step_ = step;
}

void DevServer::begin() {
  stale_ = false;
  quiet_at_ = Clock::time_point::max();
  begun_ = Clock::now();
  if (llvm::Error error = list_sources()) llvm::consumeError(std::move(error));  // building says what is wrong
  std::vector<std::string> words = {programs_ + "/aotc",  "build", "--go", options_.go, "--", "-o",
                                    folder_ + "/app.wasm"};
  words.insert(words.end(), options_.words.begin(), options_.words.end());
  start_step(Step::Build, std::move(words));
}

llvm::Error DevServer::on_step_ended() {
  llvm::Error error = process_->wait();
  process_.reset();
  if (stale_) {
    llvm::consumeError(std::move(error));
    step_ = Step::None;
    return llvm::Error::success();
  }
  if (error) {
    llvm::consumeError(std::move(error));  // it has said why
    failed(step_ == Step::Build ? "not built" : "not compiled");
    return llvm::Error::success();
  }
  if (step_ == Step::Compile) return swap();
  compiled_ = Clock::now();
  std::vector<std::string> words = {programs_ + "/aotc", "compile", folder_ + "/app.wasm", "-o", folder_ + "/next.aotc",
                                    "--snapshot",        "required"};
  words.insert(words.end(), options_.compile.begin(), options_.compile.end());
  start_step(Step::Compile, std::move(words));
  return llvm::Error::success();
}

llvm::Error DevServer::swap() {
  swapped_ = Clock::now();
  step_ = Step::Start;
  const std::string artifact = folder_ + "/app.aotc";
  if (rename((folder_ + "/next.aotc").c_str(), artifact.c_str()) != 0) return aotc::system_failure(artifact);
  if (node_) {
    node_->signal(SIGHUP);
    return llvm::Error::success();
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return aotc::system_failure("cannot make a pipe");
  log_.emplace(aotc::UniqueFd(ends[0]));
  aotc::UniqueFd theirs(ends[1]);
  fcntl(ends[1], F_SETFL, 0);
  std::vector<std::string> words = {programs_ + "/aotc-node", "serve",   "--listen", options_.listen, "--app",
                                    "app=" + artifact,        "--allow", "app=any"};
  words.insert(words.end(), options_.node.begin(), options_.node.end());
  llvm::Expected<Subprocess> node = Subprocess::start({std::move(words), {}, -1, ends[1]});
  if (!node) return node.takeError();
  node_.emplace(std::move(*node));
  return llvm::Error::success();
}

// What the node says. One that has ended takes this with it: somebody else listens there, for example.
llvm::Error DevServer::on_node() {
  std::vector<std::string> lines;
  bool goes_on = log_->read(lines);
  for (const std::string& text : lines) {
    DevLogLine line = read_log_line(text);
    if (line.kind == DevLogLine::Listening)
      address_ = line.text;
    else if (!line.text.empty())
      say("{}\n", line.text);
    if (line.kind == DevLogLine::Ready && step_ == Step::Start) served();
    if (line.kind == DevLogLine::Ended && step_ == Step::Start && ever_served_) failed("not started");
  }
  if (goes_on) return llvm::Error::success();
  llvm::Error error = node_->wait();
  node_.reset();
  return error ? std::move(error) : aotc::failure("aotc-node: it has ended");
}

void DevServer::served() {
  step_ = Step::None;
  Clock::time_point now = Clock::now();
  std::string parts = fmt::format("build {:.2f}, compile {:.2f}, start {:.2f}", seconds_between(begun_, compiled_),
                                  seconds_between(compiled_, swapped_), seconds_between(swapped_, now));
  if (!ever_served_)
    say("serving on http://{}/ after {:.2f} s ({})\n", address_, seconds_between(saved_, now), parts);
  else
    say("serving what was saved {:.2f} s ago ({})\n", seconds_between(saved_, now), parts);
  ever_served_ = true;
}

void DevServer::failed(const std::string& what) {
  step_ = Step::None;
  say("{}{}\n", what, ever_served_ ? ": what was served before goes on" : "");
}

void DevServer::on_saved() {
  std::set<std::string> names = watch_.take();
  if (names.empty()) return;
  Clock::time_point now = Clock::now();
  if (names_.empty()) saved_ = now;
  names_.insert(names.begin(), names.end());
  quiet_at_ = now + kQuiet;
}

// Milliseconds until there is something to do without being told.
int DevServer::wait_time() const {
  if (quiet_at_ == Clock::time_point::max() || step_ == Step::Start || stale_) return -1;
  auto left = std::chrono::duration_cast<Milliseconds>(quiet_at_ - Clock::now()).count();
  return static_cast<int>(std::max<int64_t>(left + 1, 0));
}

// Whatever runs has time to take back what it made.
void DevServer::stop() {
  for (std::optional<Subprocess>* process : {&process_, &node_}) {
    if (!*process) continue;
    (*process)->signal(SIGTERM);
    pollfd events[2] = {{(*process)->fd(), POLLIN, 0}, {signals_.fd(), POLLIN, 0}};
    poll(events, 2, kPatience);
    process->reset();
  }
}

llvm::Error DevServer::run() {
  if (llvm::Error error = list_sources()) return error;
  if (!watch_.looks()) return aotc::failure("there is no package to watch");
  say("building for the first time; the program may connect to anything here, on a node to what --allow says\n");
  begin();
  llvm::Error error = llvm::Error::success();
  while (!error && signals_.take() == 0) {
    pollfd events[4] = {{signals_.fd(), POLLIN, 0},
                        {watch_.fd(), POLLIN, 0},
                        {process_ ? process_->fd() : -1, POLLIN, 0},
                        {log_ ? log_->fd() : -1, POLLIN, 0}};
    poll(events, 4, wait_time());
    if (events[1].revents != 0) on_saved();
    if (events[3].revents != 0) error = on_node();
    if (!error && events[2].revents != 0) error = on_step_ended();
    if (error || Clock::now() < quiet_at_ || step_ == Step::Start) continue;
    if (process_) {  // what it makes of older sources is wanted no more
      if (!std::exchange(stale_, true)) process_->signal(SIGTERM);
      continue;
    }
    say("{} saved\n", printable(fmt::format("{}", fmt::join(names_, ", "))));
    names_.clear();
    begin();
  }
  stop();
  return error;
}

}  // namespace

llvm::Error serve_while_written(const DevOptions& options) {
  GoWords words = read_go_words(options.words);
  if (!words.output.empty())
    return llvm::make_error<UsageError>("-o: aotc dev keeps what it builds to itself; aotc build writes it");
  llvm::Expected<std::string> programs = directory_of_this_program();
  if (!programs) return programs.takeError();
  llvm::Expected<CaughtSignals> signals = CaughtSignals::make();
  if (!signals) return signals.takeError();
  llvm::Expected<SourceWatch> watch = SourceWatch::make();
  if (!watch) return watch.takeError();
  llvm::Expected<std::unique_ptr<TemporaryFolder>> folder = TemporaryFolder::make("aotc-dev");
  if (!folder) return folder.takeError();
  aotc::UniqueFd nowhere(open("/dev/null", O_WRONLY | O_CLOEXEC));
  return DevServer(options, std::move(words), std::move(*programs), (*folder)->path(), std::move(*watch),
                   std::move(*signals), std::move(nowhere))
      .run();
}
