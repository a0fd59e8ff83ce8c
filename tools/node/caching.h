// caching.h - what one request has to do with the cache of its app's process (response_cache.h): it is answered from
// there, waits for another that makes the same response, or makes one, which is looked at as it goes by and kept.
//
// The cache changes no request: programs, and handlers of a chain, see what they would see without it. A response that
// comes gets a field Cache-Status (RFC 9211), nothing else. What is kept is what leaves the worker, compressed if it
// compresses, with the fields that say so.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http.h"
#include "loop_context.h"
#include "response_cache.h"

class Caching final : public ResponseReader::Watcher {
 public:
  class Owner {
   public:
    virtual void on_cache() = 0;  // what was waited for has come, or go_on_later() was called

   protected:
    ~Owner() = default;
  };
  // Of a request whose head is the beginning of its output.
  Caching(LoopContext& loop, std::shared_ptr<ResponseCache> cache, AppMetrics& metrics, const RequestReader& request,
          Owner& owner);
  ~Caching();
  const ResponseCache& cache() const { return *cache_; }

  enum class Next { Give, Wait, Make, Refuse };
  Next look();
  // Nothing is waited for any more, whatever look() says.
  void stop_waiting();
  // Instead of what the program has answered, or did not: once look() has said Make.
  bool has_fallback() const { return stale_ != nullptr; }
  // What is kept, piece by piece: its head, then its body.
  std::string begin_giving(bool instead);
  std::string_view give(size_t most);
  void go_on_later();  // calls on_cache(), not from within

  // Whether it is to be made anew while the client has a stale one, and who has that done.
  bool refreshes() const { return refreshes_; }
  std::unique_ptr<Caching> refresh(AppMetrics& metrics, Owner& owner);
  const std::string& head() const { return head_; }

  void on_head(int status, std::string_view lines, std::string& more) override;
  void on_body(std::string_view bytes) override;
  void on_trailers() override;
  bool fills() const { return filling_ != nullptr; }
  bool swallows() const { return swallows_; }  // the response, for there is a better one
  void end(bool complete);                     // of the response
  size_t held() const { return head_.capacity() + body_.capacity(); }

 private:
  static constexpr unsigned kMostRounds = 3;
  // Reached by posts that come when it may be no more.
  struct Wake {
    Caching* caching;
  };
  Caching(const Caching& of, AppMetrics& metrics, Owner& owner);
  void finish(ResponseCache::Outcome outcome, std::shared_ptr<const StoredResponse> stored = nullptr);
  std::string cache_status(std::string_view what) const;

  LoopContext& loop_;
  const std::shared_ptr<ResponseCache> cache_;
  AppMetrics& metrics_;
  Owner& owner_;
  const CacheRequest request_;
  const std::string head_;
  std::shared_ptr<Wake> wake_;
  unsigned rounds_ = 0;  // waited for others
  bool refreshes_ = false, goes_on_ = false;
  const char* forwarded_ = "bypass";  // why
  std::shared_ptr<ResponseCache::Flight> flight_;
  std::shared_ptr<const StoredResponse> stored_, stale_;
  size_t at_ = 0, end_ = 0;  // of its body, that is to be given
  int status_ = 0;           // of the program
  bool swallows_ = false;
  std::shared_ptr<StoredResponse> filling_;
  std::string body_;  // of that
};
