// upload_sessions.h - blobs that arrive in several requests: what was begun, until it is ended, cancelled or forgotten.
//
// A session belongs to a tenant and to one of its repositories; under another name there is no such session. Its bytes
// are in a file without a name and in the tenant's quota (store/incoming_blob.h). Sessions are in memory only: after a
// restart there are none, and no bytes of them. One request at a time uses one. Bounded: so many of a tenant and in
// all, and what nobody used for `age` is forgotten. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "store/incoming_blob.h"

namespace aotc::server {

struct UploadLimits {
  uint64_t sessions = 64, all_sessions = 1024;  // of a tenant, of all
  uint64_t bytes = uint64_t{256} << 20;         // of one blob, and of any body when it is decoded
  uint64_t age = 3600;                          // seconds since its last use
};

class UploadSessions {
 public:
  using Clock = std::chrono::steady_clock;

  explicit UploadSessions(const UploadLimits& limits) : limits_(limits) {}
  const UploadLimits& limits() const { return limits_; }

 private:
  struct Session {
    std::string id, repository;
    IncomingBlob blob;
    Clock::time_point used = Clock::now();
    bool busy = true;
  };

 public:
  // The only one who uses a session, as long as this lives. Must not outlive the sessions.
  class Use {
   public:
    Use() = default;
    Use(Use&&) = default;
    Use& operator=(Use&& other) noexcept;
    ~Use();
    explicit operator bool() const { return session_ != nullptr; }
    const std::string& id() const { return session_->id; }
    IncomingBlob& blob() { return session_->blob; }
    // Forgets the session, and with it the bytes.
    void end();

   private:
    friend class UploadSessions;
    Use(UploadSessions& sessions, std::shared_ptr<Session> session)
        : sessions_(&sessions), session_(std::move(session)) {}
    UploadSessions* sessions_ = nullptr;
    std::shared_ptr<Session> session_;
  };

  // Nothing when there are too many.
  Use begin(const std::string& repository, IncomingBlob blob);
  enum class Found { Here, Unknown, Busy };
  Found find(const std::string& tenant, const std::string& repository, const std::string& id, Use& use);
  size_t size();
  // Forgets those that were not used for long; their number.
  uint64_t expire(Clock::time_point now = Clock::now());

 private:
  const UploadLimits limits_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Session>> sessions_;  // by id
};

}  // namespace aotc::server
