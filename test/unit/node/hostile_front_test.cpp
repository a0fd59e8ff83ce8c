// hostile_front_test.cpp - a supervisor whose front is in wrong hands: it gets what is configured, and nothing else.
//
//   hostile_front_test FOLDER
//
// This program is all of the node's processes: the real supervisor, a front that tries what it must not get, and
// tenants and pullers that show what they were started with and stay until their channel ends. Each front is the next
// in a list; all but the last end as fronts should not.
#include <dirent.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "control.h"
#include "front.h"
#include "process_words.h"
#include "supervisor.h"

// The sanitizer for leaks traces the process that ends, which the supervisor's rule set forbids it and its children.
extern "C" int __lsan_is_turned_off();
extern "C" int __lsan_is_turned_off() { return 1; }

namespace {

constexpr unsigned kWorkers = 3, kLoops = 2;
constexpr uint32_t kFile = 0, kPulled = 1;  // the apps
const std::string kDigest = "sha256:" + std::string(64, 'a'), kOther = "sha256:" + std::string(64, 'b');

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "failed: %s\n", what.c_str());
  kill(getppid(), SIGKILL);
  std::_Exit(1);
}

void check(bool good, const std::string& what) {
  if (!good) fail(what);
}

unsigned descriptors_of(pid_t pid) {
  unsigned count = 0;
  DIR* folder = opendir(("/proc/" + std::to_string(pid) + "/fd").c_str());
  while (folder != nullptr && readdir(folder) != nullptr) ++count;
  if (folder != nullptr) closedir(folder);
  return count;
}

class HostileFront {
 public:
  HostileFront() : control_(kControl) {}

  void tell(const ControlMessage& message) {
    control_.send(message);
    check(control_.flush(), "the supervisor listens");
  }

  ControlMessage hear(std::vector<int>& descriptors) {
    ControlMessage message;
    pollfd ready = {kControl, POLLIN, 0};
    poll(&ready, 1, 60'000);
    check(control_.receive(message, &descriptors) == ControlSocket::Next::Message, "the supervisor answers");
    return message;
  }

  ControlMessage ask(Control kind, uint32_t app, const std::string& index, const std::string& statement,
                     std::vector<int>& descriptors, uint32_t process = 0) {
    ControlMessage message;
    message.kind = kind;
    message.process = process != 0 ? process : ++last_;
    message.app = app;
    set_text(message.index, index);
    set_text(message.statement, statement);
    set_text(message.own_list, own_list_);
    set_text(message.fleet_list, fleet_list_);
    tell(message);
    ControlMessage answer = hear(descriptors);
    check(answer.process == message.process, "the answer is for the process that was asked for");
    return answer;
  }

  void refused(Control kind, uint32_t app, const std::string& index, const std::string& statement, const char* why) {
    std::vector<int> descriptors;
    ControlMessage answer = ask(kind, app, index, statement, descriptors);
    check(answer.kind == Control::NotStarted && descriptors.empty(), "refused: " + index + " " + statement);
    check(text_of(answer.text) == why, "refused with the words: " + text_of(answer.text));
  }

  // What the process shows of itself; it ends when its channels do.
  std::string started(Control kind, uint32_t app, const std::string& index = "", const std::string& statement = "") {
    std::vector<int> descriptors;
    ControlMessage answer = ask(kind, app, index, statement, descriptors);
    check(answer.kind == Control::Started, text_of(answer.text));
    check(descriptors.size() == (kind == Control::StartTenant ? kWorkers * kLoops + 1 : 1), "its descriptors");
    std::string shown;
    char piece[4096];
    for (ssize_t n; shown.find('\n') == std::string::npos && (n = read_soon(descriptors[0], piece, sizeof piece)) > 0;)
      shown.append(piece, static_cast<size_t>(n));
    for (int fd : descriptors) close(fd);
    std::vector<int> none;
    ControlMessage ended = hear(none);
    check(ended.kind == Control::Ended && ended.process == answer.process && ended.value == 0, "it ends");
    return shown;
  }

  static ssize_t read_soon(int fd, char* to, size_t size) {
    pollfd ready = {fd, POLLIN, 0};
    poll(&ready, 1, 60'000);
    return read(fd, to, size);
  }

  void what_is_not_configured() {
    const char *no_app = "there is no such app", *no_release = "there is no such release";
    const auto tenant = Control::StartTenant, puller = Control::StartPuller;
    refused(tenant, 2, "", "", no_app);
    refused(puller, ~0u, "", "", no_app);
    refused(puller, kFile, "", "", no_release);
    refused(tenant, kFile, kDigest, "", no_release);
    refused(tenant, kFile, "", kDigest, no_release);
    for (const std::string& wrong :
         {std::string(), kDigest.substr(1), kDigest.substr(0, 70), kDigest + "a", "sha256:" + std::string(64, 'A'),
          std::string("../../etc/passwd"), "sha256:../../../" + std::string(55, 'a'), std::string(200, 'a')}) {
      refused(tenant, kPulled, wrong, "", no_release);
      if (wrong.empty()) continue;
      refused(tenant, kPulled, kDigest, wrong, no_release);
      refused(puller, kPulled, wrong, "", no_release);
      refused(puller, kPulled, kDigest, wrong, no_release);
      for (std::string* list : {&own_list_, &fleet_list_}) {
        *list = wrong;
        refused(tenant, kPulled, kDigest, "", no_release);
        list->clear();
      }
    }
    own_list_ = fleet_list_ = kDigest;
    refused(tenant, kFile, "", "", no_release);
    refused(puller, kPulled, kDigest, "", no_release);
    own_list_.clear(), fleet_list_.clear();
  }

  void what_is() {
    std::string shown = started(Control::StartTenant, kFile);
    check(shown.find(" name=file ") != std::string::npos && shown.find("artifact=/an/artifact ") != std::string::npos,
          shown);
    check(shown.find("pulled") == std::string::npos, "a tenant hears nothing of another: " + shown);
    own_list_ = kOther;
    shown = started(Control::StartTenant, kPulled, kDigest, kOther);
    own_list_.clear();
    check(shown.find(" revocations=" + kOther) != std::string::npos, shown);
    check(
        shown.find(" index=" + kDigest) != std::string::npos && shown.find(" statement=" + kOther) != std::string::npos,
        shown);
    check(shown.find("TOKEN") == std::string::npos, "a tenant gets nothing of the environment");
    shown = started(Control::StartPuller, kPulled);
    check(shown.find(" reference=v1 ") != std::string::npos && shown.find("AOTC_TOKEN=token") != std::string::npos,
          shown);
    check(shown.find("OTHER") == std::string::npos, "a puller gets what it needs of the environment");
  }

  void how_many() {
    std::vector<int> held, more;
    uint32_t first = last_ + 1;
    for (unsigned i = 0; i < 8; ++i)
      check(ask(Control::StartTenant, kFile, "", "", held).kind == Control::Started, "eight at a time");
    ControlMessage answer = ask(Control::StartTenant, kFile, "", "", more);
    check(text_of(answer.text) == "too many of its processes are running", text_of(answer.text));
    answer = ask(Control::StartTenant, kPulled, kDigest, "", more, first);
    check(text_of(answer.text) == "its number is in use", text_of(answer.text));
    check(more.empty(), "nothing came with a refusal");
    tell({.kind = Control::Kill, .process = 12345});  // nobody
    tell({.kind = Control::Kill, .process = first});
    answer = hear(more);
    check(answer.kind == Control::Ended && answer.process == first && answer.value == SIGKILL,
          "only that one is ended");
    for (int fd : held) close(fd);
    for (unsigned i = 1; i < 8; ++i) check(hear(more).kind == Control::Ended, "the others end with their channels");
  }

  void how_often() {
    std::vector<int> descriptors;
    ControlMessage answer;
    unsigned count = 0;
    do {
      descriptors.clear();
      answer = ask(Control::StartPuller, kPulled, "", "", descriptors);
      for (int fd : descriptors) close(fd);
      if (answer.kind == Control::Started) check(hear(descriptors).kind == Control::Ended, "it ends");
    } while (answer.kind == Control::Started && ++count < 10'000);
    check(text_of(answer.text) == "started too often" && count >= 1000, std::to_string(count) + " starts");
  }

  // The supervisor keeps no descriptor that it is sent.
  void descriptors_for_it() {
    unsigned before = descriptors_of(getppid());
    for (int i = 0; i < 100; ++i) {
      ControlMessage message;
      message.kind = Control::Kill;
      control_.send(message, {dup(kControl), dup(2)});
      check(control_.flush(), "the supervisor listens");
    }
    refused(Control::StartTenant, 2, "", "", "there is no such app");  // when this is answered all were heard
    check(descriptors_of(getppid()) == before, "descriptors of the supervisor");
  }

 private:
  ControlSocket control_;
  uint32_t last_ = 0;
  std::string own_list_, fleet_list_;  // of the next tenants
};

int run_as_front(const std::string& folder) {
  unsigned turn = 0;
  std::ifstream(folder + "/turn") >> turn;
  std::ofstream(folder + "/turn") << turn + 1;
  HostileFront front;
  switch (turn) {
    case 0:
      front.what_is_not_configured();
      front.what_is();
      front.how_many();
      front.descriptors_for_it();
      front.how_often();
      front.tell({.kind = Control::Up});
      front.tell({.kind = static_cast<Control>(77)});  // ends it
      break;
    case 1:
      front.tell({.kind = Control::Up});
      (void)!send(kControl, "short", 5, 0);  // ends it, too
      break;
    case 2:
      front.tell({.kind = Control::Up});
      return 0;  // though nobody asked it to stop
    default:
      std::vector<int> none;
      kill(getppid(), SIGTERM);
      check(front.hear(none).kind == Control::Drain, "it is asked to stop");
      return 0;
  }
  for (;;) pause();
}

// What it was started with, then as long as somebody holds the other end.
int run_as_child(char** argv, int show, int channel) {
  std::string text;
  for (char** word = argv; *word != nullptr; ++word) text.append(*word).append(" ");
  for (char** word = environ; *word != nullptr; ++word) text.append(*word).append(" ");
  text += "\n";
  (void)!write(show, text.data(), text.size());
  pollfd closed = {channel, POLLIN, 0};
  poll(&closed, 1, -1);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string first = argc > 1 ? argv[1] : "";
  if (first == "--front") return run_as_front(options_of(unpacked(STDIN_FILENO)).cache);
  if (first == "--tenant") return run_as_child(argv, 1, kFirstChannel);
  if (first == "--pull") return run_as_child(argv, 1, 0);
  const std::string folder = first;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  setenv("AOTC_TOKEN", "token", 1);
  setenv("OTHER", "variable", 1);
  std::vector<std::string> words = {"--listen",
                                    "127.0.0.1:0",
                                    "--app",
                                    "file=/an/artifact",
                                    "--app",
                                    "pulled=oci://127.0.0.1:1/a/b:v1",
                                    "--insecure-unsigned",
                                    "--workers",
                                    std::to_string(kWorkers),
                                    "--loops",
                                    std::to_string(kLoops),
                                    "--cache",
                                    folder};
  int code = Supervisor(told_by(words)).run();
  unsigned turns = 0;
  std::ifstream(folder + "/turn") >> turns;
  if (code == 0 && turns == 4) return 0;
  std::fprintf(stderr, "exit code %d after %u fronts\n", code, turns);
  return 1;
}
