// certificates.cpp - see certificates.h.
#include "certificates.h"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace {

constexpr size_t kMaxFile = 1 << 20;
constexpr char kChain = 'c', kKey = 'k', kOcsp = 'o';
constexpr std::pair<char, const char*> kParts[] = {{kChain, ""}, {kKey, ".key"}, {kOcsp, ".ocsp"}};

std::string& place_of(TlsFiles& files, char part) {
  return part == kChain ? files.chain : part == kKey ? files.key : files.ocsp;
}

// The whole of it from where it is.
bool read_all(int fd, std::string& text, std::string& error) {
  char piece[16 << 10];
  for (;;) {
    const ssize_t n = ::read(fd, piece, sizeof piece);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return error = std::strerror(errno), false;
    if (n == 0) return true;
    text.append(piece, static_cast<size_t>(n));
    if (text.size() > kMaxFile) return error = "larger than 1 MiB", false;
  }
}

// Descriptors of the parts that there are, and which these are.
bool open_parts(const std::string& file, std::vector<int>& descriptors, std::string& parts, std::string& error) {
  for (auto [part, suffix] : kParts) {
    const int fd = open((file + suffix).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT && part != kChain) continue;
    if (fd < 0) return error = file + suffix + ": " + std::strerror(errno), false;
    descriptors.push_back(fd);
    parts.push_back(part);
  }
  return true;
}

bool read_parts(TlsFiles& files, const std::vector<int>& descriptors, const std::string& parts, std::string& error) {
  for (size_t i = 0; i < descriptors.size() && i < parts.size(); ++i)
    if (!read_all(descriptors[i], place_of(files, parts[i]), error)) return error = files.name + ": " + error, false;
  return true;
}

void close_all(std::vector<int>& descriptors) {
  for (int fd : descriptors) ::close(fd);
  descriptors.clear();
}

}  // namespace

std::shared_ptr<const TlsConfig> read_certificates(const std::vector<std::string>& files, std::string& error) {
  std::vector<TlsFiles> all;
  for (const std::string& file : files) {
    std::vector<int> descriptors;
    std::string parts;
    TlsFiles& one = all.emplace_back();
    one.name = file;
    const bool good = open_parts(file, descriptors, parts, error) && read_parts(one, descriptors, parts, error);
    close_all(descriptors);
    if (!good) return nullptr;
  }
  return TlsConfig::create(all, error);
}

bool send_certificates(const std::vector<std::string>& files, ControlSocket& to, std::string& error) {
  struct Opened {
    std::vector<int> descriptors;
    std::string parts;
  };
  std::vector<Opened> all;
  for (const std::string& file : files) {
    Opened& one = all.emplace_back();
    if (open_parts(file, one.descriptors, one.parts, error)) continue;
    for (Opened& opened : all) close_all(opened.descriptors);
    return false;
  }
  for (size_t i = 0; i < all.size(); ++i) {
    ControlMessage message{.kind = Control::Certificate, .app = static_cast<uint32_t>(i)};
    set_text(message.text, all[i].parts);
    to.send(message, all[i].descriptors);
  }
  return true;
}

void ArrivingCertificates::take(const std::vector<std::string>& files, const ControlMessage& message,
                                const std::vector<int>& descriptors) {
  if (message.app == 0) {
    files_.clear();
    error_.clear();
  }
  if (message.app == files_.size() && message.app < files.size()) {
    TlsFiles& one = files_.emplace_back();
    one.name = files[message.app];
    std::string error;
    if (!read_parts(one, descriptors, text_of(message.text), error)) error_ = error;
  }
  for (int fd : descriptors) ::close(fd);
}

bool ArrivingCertificates::complete(const std::vector<std::string>& files, std::shared_ptr<const TlsConfig>& made,
                                    std::string& error) {
  if (files.empty() || files_.size() != files.size()) return false;
  error = error_;
  made = error.empty() ? TlsConfig::create(files_, error) : nullptr;
  files_.clear();
  return true;
}
