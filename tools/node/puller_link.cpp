// puller_link.cpp - see puller_link.h. A puller talks to strangers, so what it sends is taken for no more than a wish:
// lines of a bounded length, of which only well-formed ones count.
#include "puller_link.h"

#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>

#include "log.h"
#include "pull.h"
#include "revoked.h"
#include "support/quantity.h"

namespace {

constexpr size_t kMaxLine = 4096;
constexpr int kMostFailures = 32;
constexpr uint64_t kRestart = 1'000'000'000;
constexpr uint64_t kLongestDelay = 86'400'000'000'000;  // as long as --poll

}  // namespace

void PullerLink::start(const Release& newest) {
  ControlMessage message;
  message.kind = Control::StartPuller;
  message.process = process = front_.new_process();
  message.app = app.place;
  message.value = announced_ ? failures_ : -1;
  set_text(message.index, newest.index);
  set_text(message.statement, newest.statement);
  started_at_ = Loop::now();
  front_.tell(message);
}

void PullerLink::on_started(int descriptor) {
  fd_ = descriptor;
  front_.loop.add(fd_, EPOLLIN, this);
  // The one before may have ended without hearing it.
  if (!kept_.empty()) send(kept_);
}

void PullerLink::on_ended(const std::string& how, bool well) {
  on_events(EPOLLIN);
  if (!well) write_log("error", app.name, "its puller ended: " + how);
  stop();
  // One that has come to the end of its work is followed by the next at once, unless it was too quick.
  if (well) retry_at = started_at_ + std::min(kRestart, app.pull.poll);
}

// When its process has ended, or was never there.
void PullerLink::stop() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  process = 0;
  retry_at = Loop::now() + kRestart;
  heard_.clear();
}

void PullerLink::look_now() {
  retry_at = 0;  // a new one looks at once
  send("now");
}

void PullerLink::keep(const Release& release) {
  kept_ = "good " + release_words(release);
  send(kept_);
}

void PullerLink::send(const std::string& line) {
  if (fd_ >= 0) (void)!::send(fd_, (line + "\n").data(), line.size() + 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void PullerLink::on_events(uint32_t) {
  char piece[4096];
  ssize_t n;
  while (fd_ >= 0 && (n = ::recv(fd_, piece, sizeof piece, MSG_DONTWAIT)) > 0) {
    heard_.append(piece, static_cast<size_t>(n));
    for (size_t end; (end = heard_.find('\n')) != std::string::npos; heard_.erase(0, end + 1))
      on_line(heard_.substr(0, end));
    if (heard_.size() > kMaxLine) heard_.clear();
  }
  // The supervisor says so when it has ended.
  if (fd_ >= 0 && n == 0) front_.loop.remove(fd_);
}

void PullerLink::on_line(const std::string& line) {
  AppMetrics& metrics = front_.metrics[app.name];
  size_t space = line.find(' ');
  std::string what = line.substr(0, space), rest = space == std::string::npos ? "" : line.substr(space + 1);
  Release release;
  ObeyedLists lists;
  std::string index;
  Revocation revocation;
  aotc::ReleaseDocument document;
  uint64_t none = 0;
  announced_ |= what == "announced";
  if (what == "newest" || what == "same") failures_ = 0;
  if (what == "failed") failures_ = std::min(failures_ + 1, kMostFailures);
  if ((what == "newest" || what == "good") && parse_release_words(rest, release)) {
    if (what == "newest") ++metrics.pulls[0];
    front_.on_release(app, release, what == "good");
  } else if (what == "document" && app.pull.follows() && !app.pull.canary && parse_document_words(rest, document)) {
    front_.on_document(app, document);
  } else if (what == "none" && app.pull.canary && parse_number(rest, none)) {
    ++metrics.pulls[1];
    failures_ = 0;
    front_.on_none(app, none);
  } else if (what == "obey" && parse_list_words(rest, lists)) {
    front_.on_lists(app, lists);
  } else if (what == "revoked" && parse_revoked_words(rest, index, revocation)) {
    front_.on_revoked(app, index, revocation);
  } else if (what == "refused") {
    ++metrics.revocations[1];
    write_log("error", app.name, "does not obey a list of revocations: " + rest);
  } else if (what == "same") {
    ++metrics.pulls[1];
  } else if (what == "failed") {
    ++metrics.pulls[2];
    space = rest.find(' ');
    char expected[AOTC_QUANTITY_TEXT];
    uint64_t delay = 0;
    if (!aotc_read_quantity(rest.substr(0, space).c_str(), AOTC_DURATION, 0, kLongestDelay, &delay, expected)) return;
    write_log("error", app.name, "cannot pull " + app.artifact + ": " + rest.substr(space + 1),
              ",\"retry_seconds\":" + std::to_string(static_cast<double>(delay) / 1e9));
  }
}
