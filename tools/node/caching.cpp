// caching.cpp - see caching.h.
#include "caching.h"

#include <ctime>
#include <utility>

using Outcome = ResponseCache::Outcome;

namespace {

std::string_view head_of(const RequestReader& request) {
  return std::string_view(request.output).substr(0, request.output.find("\r\n\r\n") + 4);
}

}  // namespace

// The head is copied: it goes to the worker before the response comes.
Caching::Caching(LoopContext& loop, std::shared_ptr<ResponseCache> cache, AppMetrics& metrics,
                 const RequestReader& request, Owner& owner)
    : loop_(loop),
      cache_(std::move(cache)),
      metrics_(metrics),
      owner_(owner),
      request_(cache_request_of(request.method, request.host, request.target, head_of(request),
                                !request.done() || head_of(request).size() != request.output.size())),
      head_(request_.passes ? "" : request.output),
      wake_(std::make_shared<Wake>(Wake{this})) {}

Caching::Caching(const Caching& of, AppMetrics& metrics, Owner& owner)
    : loop_(of.loop_),
      cache_(of.cache_),
      metrics_(metrics),
      owner_(owner),
      request_(of.request_),
      head_(of.head_),
      wake_(std::make_shared<Wake>(Wake{this})) {}

Caching::~Caching() {
  wake_->caching = nullptr;
  finish(Outcome::Failed);
}

Caching::Next Caching::look() {
  using Then = ResponseCache::Then;
  const bool waited = rounds_ > 0;
  if (request_.passes) {
    forwarded_ = request_.unsafe ? "method" : "bypass";
    ++metrics_.cache_results[static_cast<size_t>(CacheResult::Pass)];
    return Next::Make;
  }
  std::function<void()> wait;
  if (rounds_ < kMostRounds)
    wait = [&loop = loop_, wake = wake_] {
      loop.post([wake] {
        if (wake->caching != nullptr) wake->caching->owner_.on_cache();
      });
    };
  ResponseCache::Found found = cache_->find(request_, head_, loop_.now, std::move(wait));
  flight_ = std::move(found.flight);
  const auto count = [&](CacheResult result) { ++metrics_.cache_results[static_cast<size_t>(result)]; };
  switch (found.then) {
    case Then::Wait:
      ++rounds_;
      return Next::Wait;
    case Then::Answer:
    case Then::Refresh:
      stored_ = std::move(found.stored);
      refreshes_ = found.then == Then::Refresh;
      if (waited) forwarded_ = "uri-miss; collapsed";
      count(waited ? CacheResult::Collapsed : stored_->ttl(loop_.now) > 0 ? CacheResult::Hit : CacheResult::Stale);
      return Next::Give;
    case Then::Make:
      break;
  }
  if (request_.only_if_cached) {
    finish(Outcome::Failed);
    return Next::Refuse;
  }
  stale_ = std::move(found.stored);
  const bool is_stale = flight_ != nullptr && flight_->replaces != nullptr;
  forwarded_ = is_stale ? "stale" : found.varies ? "vary-miss" : "uri-miss";
  count(CacheResult::Miss);
  return Next::Make;
}

void Caching::stop_waiting() {
  rounds_ = kMostRounds;
  wake_->caching = nullptr;
  wake_ = std::make_shared<Wake>(Wake{this});
}

std::string Caching::cache_status(std::string_view what) const { return std::string("aotc-node; ").append(what); }

std::string Caching::begin_giving(bool instead) {
  std::string what;
  if (instead) {
    stored_ = stale_;
    what = std::string("fwd=stale") + (status_ != 0 ? "; fwd-status=" + std::to_string(status_) : "");
    ++metrics_.cache_results[static_cast<size_t>(CacheResult::Stale)];
  } else if (rounds_ > 0) {
    what = std::string("fwd=") + forwarded_;
  } else {
    what = "hit; ttl=" + std::to_string(stored_->ttl(loop_.now));
  }
  swallows_ = false;
  stale_.reset();
  StoredAnswer answer = answer_from(*stored_, head_, cache_status(what), loop_.now);
  at_ = answer.begin;
  end_ = answer.end;
  return std::move(answer.head);
}

std::string_view Caching::give(size_t most) {
  const std::string_view piece = std::string_view(*stored_->body).substr(at_, std::min(most, end_ - at_));
  at_ += piece.size();
  return piece;
}

void Caching::go_on_later() {
  if (std::exchange(goes_on_, true)) return;
  loop_.post([wake = wake_] {
    if (wake->caching == nullptr) return;
    wake->caching->goes_on_ = false;
    wake->caching->owner_.on_cache();
  });
}

std::unique_ptr<Caching> Caching::refresh(AppMetrics& metrics, Owner& owner) {
  refreshes_ = false;
  std::unique_ptr<Caching> other(new Caching(*this, metrics, owner));
  other->flight_ = std::move(flight_);
  return other;
}

void Caching::finish(Outcome outcome, std::shared_ptr<const StoredResponse> stored) {
  filling_.reset();
  body_ = {};
  if (const auto flight = std::exchange(flight_, nullptr)) cache_->end(flight, outcome, std::move(stored), loop_.now);
}

void Caching::on_head(int status, std::string_view lines, std::string& more) {
  status_ = status;
  if (request_.unsafe && status < 400) cache_->invalidate(request_.key);
  if (status >= 500) {
    swallows_ = has_fallback();
  } else if (flight_ != nullptr && status == 304) {
    if (const auto& before = flight_->replaces)
      if (auto anew = freshened(*before, request_, head_, lines, loop_.now, std::time(nullptr)))
        finish(Outcome::Kept, std::move(anew));
    finish(Outcome::Failed);
  } else if (flight_ != nullptr) {
    filling_ = stored_response(request_, head_, status, lines, loop_.now, std::time(nullptr));
    // What one client is refused says nothing of what there was.
    if (status >= 400 && status != 404 && status != 410) flight_->replaces = nullptr;
    if (filling_ == nullptr) finish(Outcome::NotKept);
  }
  const std::string what = std::string("fwd=") + forwarded_ + (fills() ? "; stored" : "");
  more.append("Cache-Status: ").append(cache_status(what)).append("\r\n");
}

void Caching::on_body(std::string_view bytes) {
  if (filling_ == nullptr) return;
  if (body_.size() + bytes.size() > cache_->most_of_one()) return finish(Outcome::NotKept);
  body_.append(bytes);
}

void Caching::on_trailers() {
  if (filling_ != nullptr) finish(Outcome::NotKept);
}

void Caching::end(bool complete) {
  if (!complete || filling_ == nullptr) return finish(Outcome::Failed);
  body_.shrink_to_fit();
  filling_->body = std::make_shared<const std::string>(std::move(body_));
  finish(Outcome::Kept, filling_);
}
