// program_log.cpp - see program_log.h.
#include "program_log.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "log.h"

namespace {

constexpr size_t kMaxLine = 4096, kMaxPanic = 64 << 10;

// The program ends, and all that comes until then belongs to it: the runtime prints the goroutines, in many writes.
bool begins_end(std::string_view line) { return line.starts_with("panic: ") || line.starts_with("fatal error: "); }

// What is behind it belongs to it, as net/http prints all of it at once.
bool begins_panic(std::string_view line) { return line.find("http: panic serving ") != line.npos; }

}  // namespace

void AppLog::write(const char* level, std::string_view message, const std::string& fields) {
  write_one_of(lines_, kMaxLines, level, message, fields);
}

void AppLog::write_panic(std::string_view message, const std::string& fields) {
  write_one_of(panics_, kMaxPanics, "error", message, fields);
}

void AppLog::write_one_of(std::atomic<unsigned>& written, unsigned most, const char* level, std::string_view message,
                          const std::string& fields) {
  if (written.fetch_add(1) < most)
    return write_log(level, app_, std::string(message), ",\"source\":\"program\"" + fields);
  written = most;
  drop(1);
}

void AppLog::every_second() {
  const uint64_t dropped = dropped_;
  if (dropped > said_) write_log("warn", app_, std::to_string(dropped - said_) + " lines of its log were dropped");
  said_ = dropped;
  lines_ = 0;
  panics_ = 0;
}

bool AppLog::hold(size_t bytes) {
  if (held_.fetch_add(bytes) + bytes <= kMaxHeld) return true;
  held_ -= bytes;
  return false;
}

ProgramLog::~ProgramLog() {
  for (size_t bytes : held_) log_.release(bytes);
  if (begins_end(text_[Err])) write_panic(text_[Err]);
  for (Stream stream : {Out, Err})
    if (!text_[stream].empty() && !(stream == Err && begins_end(text_[Err])))
      log_.write(stream == Out ? "info" : "warn", text_[stream], fields_);
}

bool ProgramLog::take(std::string_view entries) {
  while (!entries.empty()) {
    uint32_t head[2];
    if (entries.size() < sizeof head) return false;
    std::memcpy(head, entries.data(), sizeof head);
    entries.remove_prefix(sizeof head);
    if (head[0] > entries.size()) return false;
    text_[head[1] == 1 ? Out : Err].append(entries.substr(0, head[0]));
    entries.remove_prefix(head[0]);
  }
  write_lines(Out);
  write_lines(Err);
  return true;
}

void ProgramLog::write_panic(std::string_view text) {
  log_.write_panic(text.substr(0, text.find_last_not_of('\n') + 1), fields_);
}

bool ProgramLog::hold(Stream stream, size_t bytes) {
  if (!log_.hold(bytes)) return false;
  held_[stream] = bytes;
  return true;
}

void ProgramLog::write_lines(Stream stream) {
  log_.release(std::exchange(held_[stream], 0));
  std::string_view rest = text_[stream];
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, std::min(end, kMaxLine));
    if (stream == Err && begins_end(line) && rest.size() < kMaxPanic && hold(stream, rest.size())) break;
    if (stream == Err && (begins_end(line) || begins_panic(line))) {
      write_panic(rest);
      rest = {};
      break;
    }
    if (end == rest.npos && rest.size() < kMaxLine && hold(stream, rest.size())) break;
    if (!line.empty()) log_.write(stream == Out ? "info" : "warn", line, fields_);
    rest.remove_prefix(line.size() + (line.size() == end));
  }
  std::string& text = text_[stream];
  if (rest.size() < text.capacity() / 2)
    text = std::string(rest);  // with no room of what is gone
  else
    text.erase(0, text.size() - rest.size());
}
