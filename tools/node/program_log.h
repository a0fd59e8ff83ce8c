// program_log.h - what programs write to stdout and stderr, as records of the node's log.
//
// A line is a record: stdout's of level `info`, stderr's `warn`. A panic or a fatal error, with its goroutines, is one,
// of level `error`. Each says of which request: its number, method and path. An app may have kMaxLines of them in a
// second, and kMaxPanics more, which no other lines can use up; what is dropped is counted, and said once a second.
// Half a line, and a panic until its end, waits in the front, kMaxHeld bytes of an app's at most: what is more is
// written as it comes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

// Of one app, for all loops of the front.
class AppLog {
 public:
  explicit AppLog(const std::string& app) : app_(app) {}
  static constexpr unsigned kMaxLines = 200, kMaxPanics = 20;
  static constexpr size_t kMaxHeld = 1 << 20;
  bool full() const { return lines_ >= kMaxLines; }
  void drop(uint64_t lines) { dropped_ += lines; }
  void write(const char* level, std::string_view message, const std::string& fields = {});
  void write_panic(std::string_view message, const std::string& fields);
  uint64_t dropped() const { return dropped_; }  // so far
  void every_second();                           // by one of them
  // Of bytes that wait: false when there is no room for so many more.
  bool hold(size_t bytes);
  void release(size_t bytes) { held_ -= bytes; }

 private:
  void write_one_of(std::atomic<unsigned>& written, unsigned most, const char* level, std::string_view message,
                    const std::string& fields);
  const std::string& app_;
  std::atomic<unsigned> lines_ = 0, panics_ = 0;  // this second
  std::atomic<uint64_t> dropped_ = 0;
  std::atomic<size_t> held_ = 0;
  uint64_t said_ = 0;  // of these
};

// Of one request.
class ProgramLog {
 public:
  // `fields` say which, as for write_log.
  ProgramLog(AppLog& log, std::string fields) : log_(log), fields_(std::move(fields)) {}
  ~ProgramLog();  // half a line, too
  // As the worker sends it: {uint32 size, uint32 descriptor, bytes}... False when it is not that.
  bool take(std::string_view entries);

 private:
  enum Stream { Out, Err };
  void write_lines(Stream stream);
  bool hold(Stream stream, size_t bytes);
  void write_panic(std::string_view text);
  AppLog& log_;
  const std::string fields_;
  std::array<std::string, 2> text_;  // that no record has yet
  std::array<size_t, 2> held_{};     // bytes of it that count
};
