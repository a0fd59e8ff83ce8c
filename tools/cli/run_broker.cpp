// run_broker.cpp - see run_broker.h.
#include "run_broker.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <cerrno>
#include <cstring>

#include "command.h"
#include "files.h"
#include "support/error.h"
#include "support/outbound_rule.h"
#include "support/remote_place.h"
#include "support/unique_fd.h"

namespace {

constexpr uint64_t kKvSize = 256 << 20;  // as aotc-node has it by default

// The number of the only app, with a channel.
bool give_channel(int broker, int channel) {
  uint32_t app = 0;
  iovec part = {&app, sizeof app};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof channel)] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof channel);
  std::memcpy(CMSG_DATA(head), &channel, sizeof channel);
  return sendmsg(broker, &message, MSG_NOSIGNAL) >= 0;
}

int spawn(const std::string& program, std::vector<std::string> words, int input) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  char* no_environment[] = {nullptr};
  pid_t pid;
  const int status = posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), no_environment);
  posix_spawn_file_actions_destroy(&actions);
  return status;
}

}  // namespace

llvm::Expected<int> start_broker(const std::string& name, const std::vector<std::string>& allowed,
                                 const std::vector<std::string>& networks, const std::string& kv) {
  std::vector<std::string> words = {"aotc-broker", "log=plain"};
  std::string wrong;
  if (aotc::is_url(kv)) {
    const std::optional<aotc::RemotePlace> place = aotc::parse_remote_place(kv, wrong);
    if (!place || !place->redis)
      return llvm::make_error<UsageError>("--kv: expected a folder, or redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]");
  }
  if (const char* certificates = std::getenv("SSL_CERT_FILE"))
    words.push_back(std::string("certificates=") + certificates);
  if (!kv.empty()) words.insert(words.end(), {"kv=" + kv, "kv-size=" + std::to_string(kKvSize)});
  words.push_back("app=" + name);
  for (const std::string& rule : allowed) {
    if (!aotc::parse_outbound_rule(rule, wrong)) return llvm::make_error<UsageError>("--allow: " + wrong + ": " + rule);
    words.push_back("allow=" + rule);
  }
  for (const std::string& network : networks) {
    if (!aotc::parse_outbound_network(network))
      return llvm::make_error<UsageError>("--allow-private: not an address or network like 10.0.0.0/8: " + network);
    words.push_back("private=" + network);
  }
  llvm::Expected<std::string> folder = directory_of_this_program();
  if (!folder) return folder.takeError();
  const std::string program = *folder + "/aotc-broker";
  int control[2], channel[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0) return aotc::system_failure(program);
  aotc::UniqueFd ours(control[0]), theirs(control[1]);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, channel) != 0) return aotc::system_failure(program);
  aotc::UniqueFd end(channel[1]);
  errno = spawn(program, std::move(words), theirs.get());
  if (errno != 0 || !give_channel(ours.get(), end.get())) {
    llvm::Error error = aotc::system_failure(program);
    close(channel[0]);
    return error;
  }
  return channel[0];
}
