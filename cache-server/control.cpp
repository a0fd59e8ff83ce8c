// control.cpp - see control.h.
#include "control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <nlohmann/json.hpp>

#include "log.h"
#include "support/error.h"

namespace aotc::server {

namespace {

constexpr size_t kMaxLine = 64 << 10;

// The socket's address. A path of any length fits, by way of a descriptor of its folder.
llvm::Expected<sockaddr_un> address_in(const std::string& data, UniqueFd& folder) {
  folder = UniqueFd(open(data.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) return system_failure(data);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = "/proc/self/fd/" + std::to_string(folder.get()) + "/control";
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

std::string read_line(int fd) {
  std::string line;
  char byte;
  while (line.size() < kMaxLine && read(fd, &byte, 1) == 1 && byte != '\n') line += byte;
  return line;
}

bool write_line(int fd, const nlohmann::json& json) {
  std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

}  // namespace

llvm::Expected<std::unique_ptr<Control>> Control::open(const std::string& data, Handler handler) {
  UniqueFd folder;
  llvm::Expected<sockaddr_un> address = address_in(data, folder);
  if (!address) return address.takeError();
  UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  unlink(address->sun_path);  // of a server that was killed: the store's lock says that there is no other
  mode_t before = umask(0177);
  int bound = bind(listener.get(), reinterpret_cast<sockaddr*>(&*address), sizeof *address);
  umask(before);
  if (bound != 0 || listen(listener.get(), 4) != 0) return system_failure(data + "/control");
  UniqueFd wake(eventfd(0, EFD_CLOEXEC));
  return std::unique_ptr<Control>(new Control(std::move(listener), std::move(wake), std::move(handler)));
}

Control::Control(UniqueFd socket, UniqueFd wake, Handler handler)
    : socket_(std::move(socket)), wake_(std::move(wake)), handler_(std::move(handler)), thread_([this] { work(); }) {}

Control::~Control() {
  eventfd_write(wake_.get(), 1);
  thread_.join();
}

void Control::work() {
  for (;;) {
    pollfd ready[] = {{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (poll(ready, 2, -1) < 0 && errno != EINTR) return;
    if (ready[1].revents != 0) return;
    if (ready[0].revents == 0) continue;
    UniqueFd connection(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.get() >= 0) serve(connection);
  }
}

void Control::serve(const UniqueFd& connection) {
  timeval patience{5, 0};  // for a command that does not come
  setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  nlohmann::json command = nlohmann::json::parse(read_line(connection.get()), nullptr, false);
  if (!command.is_object()) return;
  log(Level::Info, "command", {{"command", command}});
  llvm::Expected<std::string> done = handler_(command);
  nlohmann::json answer;
  if (done)
    answer["done"] = *done;
  else
    answer["error"] = llvm::toString(done.takeError());
  log(answer.contains("error") ? Level::Error : Level::Info, "command ended", {{"answer", answer}});
  write_line(connection.get(), answer);
}

llvm::Expected<std::optional<std::string>> ask_server(const std::string& data, const nlohmann::json& command) {
  UniqueFd folder;
  llvm::Expected<sockaddr_un> address = address_in(data, folder);
  if (!address) return address.takeError();
  UniqueFd connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(connection.get(), reinterpret_cast<sockaddr*>(&*address), sizeof *address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return std::optional<std::string>();
    return system_failure(data + "/control");
  }
  nlohmann::json answer;
  if (write_line(connection.get(), command))
    answer = nlohmann::json::parse(read_line(connection.get()), nullptr, false);
  if (answer.is_object() && answer.contains("done")) return answer["done"].get<std::string>();
  std::string message = "the server ended before it was done";
  if (answer.is_object() && answer.contains("error")) message = answer["error"].get<std::string>();
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

}  // namespace aotc::server
