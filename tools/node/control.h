// control.h - what the supervisor and the front say to each other: packets of one size over a socket pair, with the
// descriptors that they speak of.
//
//   front       StartTenant, StartPuller, Kill  name a process by a number that the front chose. The release is the
//                               tenant's, or the newest that a puller has found before; `value` is how often it has
//                               failed, or -1 for the first, which says what is in the cache
//               Up                              every app from a file has come up once
//               AskReload                       an operator asks for what SIGHUP does
//   supervisor  Started     with descriptors: of a tenant its log, then of each worker a channel for every loop of the
//                           front; of a puller its socket.
//                           `value` is how many there are in all; more than fit into one packet come in several
//               NotStarted  `text` says why
//               Ended       `value` is its status as waitpid has it; `text` says more, if more is known
//               Served      with a descriptor of packed settings (settings.h): what is to be served from now on. Before
//                           Reload
//               Certificate  with descriptors, one message for each of --certificate, the `app`th; `text` says of what
//                           (certificates.h). Before Reload
//               Reload, Drain  SIGHUP, SIGTERM
//
// The front may be in wrong hands, so the supervisor checks every field, and takes no descriptor from it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

enum class Control : uint32_t {
  StartTenant = 1,
  StartPuller,
  Kill,
  Up,
  AskReload,
  Started,
  NotStarted,
  Ended,
  Served,
  Certificate,
  Reload,
  Drain
};

struct ControlMessage {
  Control kind = Control::Up;
  uint32_t process = 0;
  uint32_t app = 0;  // its place
  int32_t value = 0;
  char index[80] = {}, statement[80] = {};      // of a release
  char own_list[80] = {}, fleet_list[80] = {};  // of revocations, that a tenant obeys
  char text[256] = {};
};

// Texts in a message end at the first zero, or with their place.
template <size_t N>
void set_text(char (&to)[N], const std::string& from) {
  size_t size = std::min(from.size(), N - 1);
  std::memcpy(to, from.data(), size);
  to[size] = 0;
}
template <size_t N>
std::string text_of(const char (&from)[N]) {
  return {from, strnlen(from, N)};
}

class ControlSocket {
 public:
  explicit ControlSocket(int fd = -1) : fd_(fd) {}
  ~ControlSocket() { close(); }
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  void open(int fd);
  void close();
  int fd() const { return fd_; }

  // The descriptors are closed when they have been sent.
  void send(const ControlMessage& message, std::vector<int> descriptors = {});
  // Writes what can be written. False when the other side is gone.
  bool flush();
  bool has_output() const { return !out_.empty(); }

  enum class Next { Nothing, Message, Gone };
  // A packet of another size counts as the end. Without `descriptors` those that come are closed.
  Next receive(ControlMessage& message, std::vector<int>* descriptors);

 private:
  struct Packet {
    ControlMessage message;
    std::vector<int> descriptors;
  };
  int fd_;
  std::deque<Packet> out_;
};
