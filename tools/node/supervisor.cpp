// supervisor.cpp - see supervisor.h.
#include "supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "certificates.h"
#include "channel.h"
#include "front.h"
#include "listen.h"
#include "log.h"
#include "loop.h"
#include "option_table.h"
#include "process_words.h"
#include "registry/digest.h"
#include "sandbox/sandbox.h"
#include "spawn_self.h"
#include "support/outbound_counts.h"
#include "support/remote_place.h"

namespace {

constexpr uint64_t kSecond = 1'000'000'000, kNever = ~0ull;
constexpr uint64_t kFirstBackoff = kSecond / 10, kMaxBackoff = 30 * kSecond;
constexpr uint64_t kSteady = 60 * kSecond;  // a front that ran for so long begins with the first backoff
constexpr uint64_t kDrainTime = kFrontDrainTime + 10 * kSecond;
constexpr unsigned kMostProcesses = 8;  // of an app at the same time, those that finish their last requests included
constexpr unsigned kMostStarts = 1200;  // of an app in a minute
constexpr int kMessagesPerTurn = 64;
constexpr size_t kMostBrokerWords = 64 << 10;  // of an app, in one packet

std::string how_it_ended(int status) {
  return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                             : "exit code " + std::to_string(WEXITSTATUS(status));
}

void close_all(std::vector<int>& descriptors) {
  for (int fd : descriptors) close(fd);
  descriptors.clear();
}

Release release_of(const ControlMessage& message) {
  Release release;
  release.index = text_of(message.index);
  release.statement = text_of(message.statement);
  return release;
}

// Settings in memory, for another process; or -1 with errno.
int memory_file(const std::vector<Setting>& settings) {
  const std::string text = packed(settings);
  const int fd = memfd_create("aotc-settings", MFD_CLOEXEC);
  if (fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      lseek(fd, 0, SEEK_SET) == 0)
    return fd;
  if (fd >= 0) close(fd);
  return -1;
}

// Memory of that size, which nobody can make another; or -1.
int fixed_memory(size_t size) {
  const int fd = memfd_create("aotc-counts", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd >= 0 && ftruncate(fd, static_cast<off_t>(size)) == 0 &&
      fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
    return fd;
  if (fd >= 0) close(fd);
  return -1;
}

// An app keeps its number for as long as there is anything of it, its user for one.
void give_places(std::vector<Setting>& settings, std::map<std::string, uint32_t>& places) {
  for (Setting& s : settings)
    if (s.option == "app")
      s.key = std::to_string(places.try_emplace(s.app, static_cast<uint32_t>(places.size())).first->second);
}

// What the settings say of the option, if it cannot change while the node serves.
std::vector<std::string> fixed_values(const std::vector<Setting>& settings, const OptionRow& row) {
  std::vector<std::string> values;
  for (const Setting& s : settings)
    if (row.of == OptionRow::Of::Node && !row.live && s.option == row.name) values.push_back(s.value);
  return values;
}

ObeyedLists lists_of(const ControlMessage& message) { return {text_of(message.own_list), text_of(message.fleet_list)}; }

}  // namespace

Supervisor::Supervisor(Told told)
    : file_(std::move(told.file)),
      settings_(std::move(told.settings)),
      options_(options_of(settings_)),
      served_(options_.served),
      limits_(options_) {}

Supervisor::~Supervisor() { close_all(listeners_); }

bool Supervisor::open_listeners(std::string& error) {
  for (const ListenAddress& listen : listen_addresses(options_)) {
    if (!::open_listeners(listen.address, listen.sockets, listeners_, error)) return false;
    write_log("info", "", "listening on " + shown_address(listeners_.back()));
  }
  return true;
}

bool Supervisor::start_front() {
  int pair[2];
  retry_at_ = 0;
  end_front_at_ = kNever;
  started_at_ = Loop::now();
  places_.clear();
  give_places(settings_, places_);
  served_ = options_of(settings_).served;
  const int settings = memory_file(settings_);
  int status = settings < 0 ? errno : 0;
  if (status == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) status = errno;
  if (status == 0) {
    fallocate(counts_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kCountsSize);  // as all that the front counts
    std::vector<int> descriptors = {settings, 2, 2, pair[1], counts_};
    descriptors.insert(descriptors.end(), listeners_.begin(), listeners_.end());
    status = spawn_self({"aotc-node", "--front", std::to_string(users_.front())}, descriptors, {}, &front_);
    close(pair[1]);
    control_.open(pair[0]);
  }
  if (settings >= 0) close(settings);
  if (status != 0) write_log("error", "", std::string("cannot start the front: ") + std::strerror(status));
  return status == 0;
}

// Why not to start what the front asks for; empty: nothing speaks against it.
std::string Supervisor::refusal(const ControlMessage& message) {
  const App* found = served_->by_place(message.app);
  if (found == nullptr) return "there is no such app";
  const App& app = *found;
  bool puller = message.kind == Control::StartPuller;
  std::string index = text_of(message.index), statement = text_of(message.statement);
  bool named = aotc::is_digest(index),
       well_formed = (index.empty() || named) && (statement.empty() || (named && aotc::is_digest(statement)));
  for (const std::string& list : {text_of(message.own_list), text_of(message.fleet_list)})
    well_formed = well_formed && (list.empty() || (app.pulled && !puller && aotc::is_digest(list)));
  if (!well_formed || (puller ? !app.pulled : app.pulled != named)) return "there is no such release";
  unsigned count = 0;
  for (const auto& [pid, child] : children_) {
    if (child.number == message.process) return "its number is in use";
    count += child.app == message.app && child.puller == puller;
  }
  if (count >= (puller ? 1 : kMostProcesses)) return "too many of its processes are running";
  Starts& starts = starts_[message.app];
  uint64_t minute = Loop::now() / (60 * kSecond);
  if (starts.minute != minute) starts = {minute, 0};
  return ++starts.count > kMostStarts ? "started too often" : "";
}

// It has a descriptor by which it is told of tenants, and starts again when the next one needs it.
int Supervisor::start_broker() {
  if (broker_ > 0) return 0;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return errno;
  int status = spawn_self(broker_words(options_, *served_, users_.broker()), {pair[1], -1, 2, counts_}, {}, &broker_,
                          broker_program_.c_str());
  close(pair[1]);
  if (status != 0) {
    close(pair[0]);
    broker_ = -1;
    write_log("error", "", "cannot start " + broker_program_ + ": " + std::strerror(status));
    return status;
  }
  broker_socket_ = pair[0];
  broker_numbers_ = 0;
  broker_apps_.clear();
  for (const App& app : served_->apps) broker_apps_[app.place] = {broker_numbers_++, broker_words_of(app)};
  return 0;
}

// Of an app that is new, or may do something else now. Tenants that it has already go on as they were.
int Supervisor::tell_broker(const App& app) {
  const std::vector<std::string> words = broker_words_of(app);
  auto found = broker_apps_.find(app.place);
  if (found != broker_apps_.end() && found->second.words == words) return 0;
  std::string packet;
  for (const std::string& word : words) packet.append(word).push_back('\0');
  if (send(broker_socket_, packet.data(), packet.size(), MSG_NOSIGNAL) < 0) return errno;
  broker_apps_[app.place] = {broker_numbers_++, words};
  return 0;
}

int Supervisor::give_to_broker(const App& app, const std::vector<int>& channels) {
  constexpr size_t kMost = 64;  // in one packet
  if (channels.empty()) return 0;
  if (const int status = tell_broker(app); status != 0) return status;
  uint32_t number = broker_apps_.at(app.place).number;
  for (size_t at = 0; at < channels.size(); at += kMost) {
    const size_t size = std::min(kMost, channels.size() - at) * sizeof(int);
    iovec part = {&number, sizeof number};
    alignas(cmsghdr) char space[CMSG_SPACE(kMost * sizeof(int))] = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(head), &channels[at], size);
    if (sendmsg(broker_socket_, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) return errno;
  }
  return 0;
}

// Tenants cannot be given other channels, so those that have some go with it.
void Supervisor::on_broker_ended(int status) {
  write_log("error", "", "the broker ended: " + how_it_ended(status));
  broker_ = -1;
  close(broker_socket_);
  for (const auto& [pid, child] : children_)
    if (child.brokered) kill(pid, SIGKILL);
}

int Supervisor::start_tenant(const App& app, const ControlMessage& message, std::vector<int>& ends, pid_t* pid) {
  std::vector<int> theirs;
  int log[2];
  if (pipe2(log, O_CLOEXEC | O_NONBLOCK) != 0) return errno;
  ends.push_back(log[0]);
  theirs.push_back(log[1]);
  int status = 0;
  for (uint64_t i = 0; i < options_.workers * options_.loops && status == 0; ++i) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
      status = errno;
      break;
    }
    int size = static_cast<int>(kMaxFrame);
    for (int fd : pair) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    ends.push_back(pair[0]);
    theirs.push_back(pair[1]);
  }
  std::vector<int> descriptors = {-1, log[1], log[1]}, brokers;
  const bool outbound = has_outbound(options_, app);
  const uint64_t memory = limits_.memory_of(app);
  if (status == 0 && outbound) status = start_broker();
  for (unsigned i = 0; i < options_.workers && status == 0 && outbound; ++i) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
      status = errno;
      break;
    }
    brokers.push_back(pair[0]);
    theirs.push_back(pair[1]);
  }
  if (status == 0) status = give_to_broker(app, brokers);
  close_all(brokers);
  if (status == 0 && limits_.grouped()) {
    theirs.push_back(limits_.make_group(message.process, memory));
    if (theirs.back() < 0) status = errno;
  }
  descriptors.insert(descriptors.end(), theirs.begin() + 1, theirs.end());
  std::vector<std::string> words = tenant_words(options_, app, release_of(message), lists_of(message),
                                                {users_.tenant(message.app), memory, limits_.grouped(), outbound});
  if (status == 0) status = spawn_self(words, descriptors, {}, pid);
  if (status == 0 && !limits_.started(message.process, *pid, memory)) {
    status = errno;
    kill(*pid, SIGKILL);
  }
  if (status != 0) limits_.ended(message.process);
  close_all(theirs);
  return status;
}

int Supervisor::start_puller(const App& app, const ControlMessage& message, std::vector<int>& ends, pid_t* pid) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return errno;
  ends.push_back(pair[0]);
  // It speaks HTTP and TLS as the operator's environment says.
  std::vector<std::string> environment;
  for (const char* name : {"AOTC_TOKEN", "DOCKER_CONFIG", "HOME", "LOCALDOMAIN", "RES_OPTIONS", "SSL_CERT_FILE"})
    if (const char* value = std::getenv(name)) environment.push_back(std::string(name) + "=" + value);
  PullOptions pull = app.pull;
  pull.user = users_.puller();
  pull.announce = message.value < 0;
  pull.failures = static_cast<unsigned>(std::clamp(message.value, 0, 32));
  pull.known = release_of(message);
  int status = spawn_self(pull_words(pull), {pair[1], pair[1], 2}, environment, pid);
  close(pair[1]);
  return status;
}

void Supervisor::start(const ControlMessage& message) {
  ControlMessage answer;
  answer.process = message.process;
  std::string why = refusal(message);
  std::vector<int> ends;
  bool puller = message.kind == Control::StartPuller;
  if (why.empty()) {
    const App& app = *served_->by_place(message.app);
    pid_t pid = -1;
    int status = puller ? start_puller(app, message, ends, &pid) : start_tenant(app, message, ends, &pid);
    if (status == 0)
      children_[pid] = {message.process, message.app, puller, !puller && has_outbound(options_, app)};
    else
      why = std::strerror(status);
  }
  if (!why.empty()) {
    close_all(ends);
    answer.kind = Control::NotStarted;
    set_text(answer.text, why);
    return control_.send(answer);
  }
  answer.kind = Control::Started;
  answer.value = static_cast<int32_t>(ends.size());
  control_.send(answer, std::move(ends));
}

void Supervisor::on_message(const ControlMessage& message) {
  switch (message.kind) {
    case Control::StartTenant:
    case Control::StartPuller:
      if (!draining_) start(message);
      break;
    case Control::Kill:
      for (const auto& [pid, child] : children_)
        if (child.number == message.process) kill(pid, SIGKILL);
      break;
    case Control::Up:
      up_ = true;
      break;
    case Control::AskReload:
      asked_reload_ = true;
      break;
    default:
      write_log("error", "", "the front sends what is no message");
      kill(front_, SIGKILL);
      break;
  }
}

// What it does not take waits; then it is not heard either, so that what waits is bounded.
void Supervisor::serve_front() {
  ControlMessage message;
  for (int i = 0; i < kMessagesPerTurn && control_.fd() >= 0 && !control_.has_output(); ++i) {
    ControlSocket::Next next = control_.receive(message, nullptr);
    if (next == ControlSocket::Next::Nothing) return;
    if (next == ControlSocket::Next::Gone) return give_up_front();
    on_message(message);
    if (!control_.flush()) return give_up_front();
  }
}

// It no longer listens: if it is not about to end, it is ended.
void Supervisor::give_up_front() {
  control_.close();
  end_front_at_ = std::min(end_front_at_, Loop::now() + kSecond);
}

void Supervisor::end_children() {
  for (const auto& [pid, child] : children_) kill(pid, SIGKILL);
}

void Supervisor::on_front_ended(int status) {
  front_ = -1;
  control_.close();
  end_children();
  bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!(draining_ && well)) write_log("error", "", "the front ended: " + how_it_ended(status));
  // What is wrong at the start will not get better.
  done_ = draining_ || !up_;
  exit_code_ = draining_ && well ? 0 : 1;
  if (done_) return;
  uint64_t now = Loop::now();
  backoff_ = backoff_ == 0 || now - started_at_ > kSteady ? kFirstBackoff : std::min(backoff_ * 2, kMaxBackoff);
  retry_at_ = now + backoff_;
}

void Supervisor::on_ended(pid_t pid, int status) {
  if (pid == front_) return on_front_ended(status);
  if (pid == broker_) return on_broker_ended(status);
  auto found = children_.find(pid);
  if (found == children_.end()) return;
  ControlMessage message;
  message.kind = Control::Ended;
  message.process = found->second.number;
  message.value = status;
  if (limits_.ended(message.process)) set_text(message.text, "it used more memory than it may");
  children_.erase(found);
  if (control_.fd() >= 0) control_.send(message);
}

void Supervisor::on_signals() {
  signalfd_siginfo info;
  while (::read(signals_, &info, sizeof info) == sizeof info) {
    ControlMessage message;
    if (info.ssi_signo == SIGCHLD) {
      int status;
      for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) on_ended(pid, status);
      continue;
    }
    if (info.ssi_signo == SIGHUP) {
      reload();
      continue;
    }
    message.kind = Control::Drain;
    if (!draining_) end_front_at_ = Loop::now() + kDrainTime;
    draining_ = true;
    close_all(listeners_);
    done_ |= front_ < 0;
    if (control_.fd() >= 0) control_.send(message);
  }
}

// What is wrong changes nothing at all.
void Supervisor::reload() {
  if (draining_) return;
  try {
    if (!file_.empty()) read_file_again();
  } catch (const SettingError& error) {
    return write_log("error", "", std::string("goes on as before: ") + error.what());
  }
  if (control_.fd() < 0) return;
  std::string error;
  if (!send_certificates(served_->certificates, control_, error))
    write_log("error", "", "goes on with its certificates: " + error);
  control_.send({.kind = Control::Reload});
}

// Why that cannot be served by this node, which is listening.
void Supervisor::check_change(const std::vector<Setting>& settings, const Options& next) const {
  for (const OptionRow& row : option_table()) {
    if (fixed_values(settings, row) == fixed_values(settings_, row)) continue;
    auto said = std::find_if(settings.begin(), settings.end(), [&](const Setting& s) { return s.option == row.name; });
    const std::string where = said == settings.end() ? file_ + ": " + row.file_key() : said->where;
    throw SettingError(where + ": cannot change while the node serves: start it again");
  }
  for (const App& app : next.served->apps) {
    TrustRoot root;
    std::string error;
    if (!read_trust(app.pull.trust, root, error))
      throw SettingError(file_ + ": apps." + app.name + ": trust: " + error);
    if (!users_.has(app.place))
      throw SettingError(file_ + ": apps." + app.name + ": there is no user for one more app: start the node again");
    if (!options_.kv.empty() && !aotc::is_url(options_.kv) && places_.count(app.store()) == 0)
      throw SettingError(file_ + ": apps." + app.name +
                         ": cannot get a key-value store while the node serves: start it again");
    size_t words = 0;
    for (const std::string& word : broker_words_of(app)) words += word.size() + 1;
    if (words > kMostBrokerWords)
      throw SettingError(file_ + ": apps." + app.name + ": allows too much to change while the node serves");
  }
}

void Supervisor::read_file_again() {
  std::vector<Setting> settings = settings_of_file(file_);
  std::map<std::string, uint32_t> places = places_;
  give_places(settings, places);
  const Options next = options_of(settings);
  check_change(settings, next);
  const int fd = memory_file(settings);
  if (fd < 0) throw SettingError(file_ + ": " + std::strerror(errno));
  settings_ = std::move(settings);
  places_ = std::move(places);
  served_ = next.served;
  limits_.share_out(*served_);
  if (control_.fd() >= 0)
    control_.send({.kind = Control::Served}, {fd});
  else
    close(fd);
}

int Supervisor::run() {
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  std::string error;
  if (!users_.choose(options_, error) || !open_listeners(error)) {
    std::fprintf(stderr, "aotc-node: %s\n", error.c_str());
    return 1;
  }
  if (users_.shares_nobody())
    write_log("error", "", "processes become nobody, all of them: there are no users for them here, see --uid-base");
  write_log("info", "", limits_.open());
  counts_ = fixed_memory(kCountsSize);
  char self[4096];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  if (length > 0) broker_program_ = std::string(self, static_cast<size_t>(length));
  broker_program_ = broker_program_.substr(0, broker_program_.rfind('/') + 1) + "aotc-broker";
  // All that the others need is in it, but nothing that would make them, or itself, more.
  if (const char* failed = aotc_sandbox_enter(AOTC_SUPERVISOR, nullptr)) {
    std::fprintf(stderr, "aotc-node: cannot confine the supervisor: %s: %s\n", failed, std::strerror(errno));
    return 1;
  }
  if (!start_front()) return 1;
  while (!done_) {
    uint64_t now = Loop::now();
    if (now >= end_front_at_ && front_ >= 0) kill(front_, SIGKILL);
    if (retry_at_ != 0 && now >= retry_at_ && children_.empty() && !start_front()) retry_at_ = now + kMaxBackoff;
    pollfd polled[2] = {{signals_, POLLIN, 0}, {control_.fd(), 0, 0}};
    polled[1].events = static_cast<short>(control_.has_output() ? POLLOUT : POLLIN);
    int wait = limits_.look(now);
    if (end_front_at_ != kNever || retry_at_ != 0 || asked_reload_) wait = wait < 0 ? 100 : std::min(wait, 100);
    if (poll(polled, 2, wait) < 0 && errno != EINTR) return 1;
    if (polled[1].revents != 0) serve_front();  // what it said before it ended counts
    on_signals();
    // No more often than an operator would.
    if (asked_reload_ && now >= reload_at_) {
      asked_reload_ = false;
      reload_at_ = now + kSecond;
      reload();
    }
    if (control_.fd() >= 0 && !control_.flush()) give_up_front();
  }
  if (broker_ > 0) kill(broker_, SIGKILL);
  // What they hold, a cache for example, is free when this process has ended.
  end_children();
  while (wait(nullptr) > 0) continue;
  return exit_code_;
}
