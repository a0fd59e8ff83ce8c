// upload_sessions.cpp - see upload_sessions.h.
#include "upload_sessions.h"

#include <algorithm>
#include <vector>

namespace aotc::server {

namespace {

constexpr size_t kIdBytes = 16;  // nobody guesses another's

}  // namespace

UploadSessions::Use& UploadSessions::Use::operator=(Use&& other) noexcept {
  std::swap(sessions_, other.sessions_);
  std::swap(session_, other.session_);
  return *this;
}

UploadSessions::Use::~Use() {
  if (!session_) return;
  std::lock_guard<std::mutex> lock(sessions_->mutex_);
  session_->used = Clock::now();
  session_->busy = false;
}

void UploadSessions::Use::end() {
  std::shared_ptr<Session> gone = std::move(session_);
  if (!gone) return;
  std::lock_guard<std::mutex> lock(sessions_->mutex_);
  sessions_->sessions_.erase(gone->id);
}

UploadSessions::Use UploadSessions::begin(const std::string& repository, IncomingBlob blob) {
  auto session = std::make_shared<Session>(Session{random_hex(kIdBytes), repository, std::move(blob)});
  const std::string& tenant = session->blob.tenant();
  std::lock_guard<std::mutex> lock(mutex_);
  auto own = std::count_if(sessions_.begin(), sessions_.end(),
                           [&](const auto& entry) { return entry.second->blob.tenant() == tenant; });
  if (sessions_.size() >= limits_.all_sessions || static_cast<uint64_t>(own) >= limits_.sessions) return {};
  sessions_[session->id] = session;
  return {*this, std::move(session)};
}

UploadSessions::Found UploadSessions::find(const std::string& tenant, const std::string& repository,
                                           const std::string& id, Use& use) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second->blob.tenant() != tenant || found->second->repository != repository)
    return Found::Unknown;
  if (found->second->busy) return Found::Busy;
  found->second->busy = true;
  use.sessions_ = this;
  use.session_ = found->second;
  return Found::Here;
}

size_t UploadSessions::size() {
  std::lock_guard<std::mutex> lock(mutex_);
  return sessions_.size();
}

uint64_t UploadSessions::expire(Clock::time_point now) {
  std::vector<std::shared_ptr<Session>> gone;  // whose files are closed when the lock is not held any more
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto entry = sessions_.begin(); entry != sessions_.end();) {
    const Session& session = *entry->second;
    if (session.busy || now - session.used < std::chrono::seconds(limits_.age)) {
      ++entry;
      continue;
    }
    gone.push_back(std::move(entry->second));
    entry = sessions_.erase(entry);
  }
  return gone.size();
}

}  // namespace aotc::server
