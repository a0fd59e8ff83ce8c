// resolver.cpp - see resolver.h. libcurl is given what is found here, so that what was checked is what is connected to.
#include "resolver.h"

#include <netdb.h>
#include <algorithm>
#include <cerrno>
#include <cstring>

namespace {

constexpr unsigned kThreads = 4;
constexpr size_t kMostKnown = 4096, kMostWaiting = 1024;
constexpr size_t kMostAddresses = 32;
constexpr uint64_t kSecond = 1'000'000'000, kKept = 5 * kSecond, kFailureKept = kSecond;

int error_of(int code) {
  switch (code) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
      return ENOENT;
    case EAI_AGAIN:
      return ETIMEDOUT;
    case EAI_MEMORY:
      return ENOBUFS;
    default:
      return EIO;
  }
}

Resolver::Found ask(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  Resolver::Found found;
  if (int code = getaddrinfo(name.c_str(), nullptr, &hints, &list); code != 0) {
    found.error = error_of(code);
    return found;
  }
  for (const addrinfo* at = list; at != nullptr && found.addresses.size() < kMostAddresses; at = at->ai_next) {
    sockaddr_storage storage{};
    std::memcpy(&storage, at->ai_addr, std::min<size_t>(at->ai_addrlen, sizeof storage));
    aotc::AddressBytes bytes = aotc::address_bytes(storage);
    if (std::find(found.addresses.begin(), found.addresses.end(), bytes) == found.addresses.end())
      found.addresses.push_back(bytes);
  }
  freeaddrinfo(list);
  if (found.addresses.empty()) found.error = ENOENT;
  return found;
}

}  // namespace

Resolver::Resolver(Loop& loop, int event) : loop_(loop), event_(event) {}

void Resolver::start() {
  loop_.add(event_, EPOLLIN, this);
  for (unsigned i = 0; i < kThreads; ++i) threads_.emplace_back([this] { work(); });
}

Resolver::~Resolver() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  asked_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  close(event_);
}

void Resolver::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    asked_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
    if (stopping_) return;
    Answer answer{questions_.front(), {}};
    questions_.pop_front();
    lock.unlock();
    answer.found = ask(answer.key.second);
    lock.lock();
    answers_.push_back(std::move(answer));
    const uint64_t one = 1;
    (void)!write(event_, &one, sizeof one);
  }
}

void Resolver::forget_old(uint64_t now) {
  std::erase_if(known_, [&](const auto& entry) { return entry.second.until != 0 && entry.second.until <= now; });
}

void Resolver::look_up(const std::string& whom, const std::string& name, Then then) {
  const uint64_t now = Loop::now();
  if (known_.size() >= kMostKnown) forget_old(now);
  auto [at, added] = known_.try_emplace(Key(whom, name));
  Known& known = at->second;
  if (!added && known.until > now) return then(known.found);
  const bool asks = added || known.until != 0;
  if (known_.size() > kMostKnown || known.waiting.size() >= kMostWaiting) {
    if (added) known_.erase(at);
    return then({ENOBUFS, {}});
  }
  known.until = 0;
  known.waiting.push_back(std::move(then));
  if (!asks) return;
  {
    std::lock_guard lock(mutex_);
    questions_.push_back(at->first);
  }
  asked_.notify_one();
}

void Resolver::on_events(uint32_t) {
  uint64_t count;
  (void)!read(event_, &count, sizeof count);
  std::deque<Answer> answers;
  {
    std::lock_guard lock(mutex_);
    answers.swap(answers_);
  }
  for (Answer& answer : answers) {
    Known& known = known_[answer.key];
    known.found = std::move(answer.found);
    known.until = Loop::now() + (known.found.error == 0 ? kKept : kFailureKept);
    std::vector<Then> waiting;
    waiting.swap(known.waiting);
    const Found found = known.found;
    for (const Then& then : waiting) then(found);
  }
}
