// dev_log.cpp - see dev_log.h.
#include "dev_log.h"

#include <unistd.h>
#include <cerrno>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "output.h"

namespace {

constexpr size_t kMaxLine = 4 << 20;

// Go's tracebacks are indented.
std::string without_tabs(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '\t' ? std::string(4, ' ') : std::string(1, c);
  return out;
}

}  // namespace

DevLogLine read_log_line(llvm::StringRef line) {
  nlohmann::json said = nlohmann::json::parse(line.begin(), line.end(), nullptr, false);
  if (!said.is_object()) return {DevLogLine::Said, printable(line)};
  auto field = [&](const char* name) {
    return said.contains(name) && said[name].is_string() ? said[name].get<std::string>() : std::string();
  };
  const std::string message = field("message");
  std::string request = field("method").empty() ? "" : fmt::format("{} {}: ", field("method"), field("path"));
  if (field("source") == "program") return {DevLogLine::Said, printable_lines(without_tabs(request + message))};
  llvm::StringRef text = message;
  if (text.consume_front("listening on ")) return {DevLogLine::Listening, text.str()};
  if (text == "ready") return {DevLogLine::Ready, ""};
  if (text.starts_with("its process ended: ")) return {DevLogLine::Ended, printable("node: " + message)};
  if (field("level") == "info") return {};
  const std::string cause = field("cause");
  return {DevLogLine::Said, printable_lines("node: " + request + message + (cause.empty() ? "" : " (" + cause + ")"))};
}

bool LineReader::read(std::vector<std::string>& lines) {
  char bytes[1 << 14];
  ssize_t size;
  while ((size = ::read(fd(), bytes, sizeof bytes)) > 0) {
    pending_.append(bytes, static_cast<size_t>(size));
    for (size_t end; (end = pending_.find('\n')) != std::string::npos; pending_.erase(0, end + 1))
      lines.push_back(pending_.substr(0, end));
    if (pending_.size() > kMaxLine) pending_.clear();
  }
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (!pending_.empty()) lines.push_back(std::exchange(pending_, ""));
  return false;
}
