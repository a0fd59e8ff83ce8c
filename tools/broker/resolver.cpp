// resolver.cpp - see resolver.h. libcurl is given what is found here, so that what was checked is what is connected to.
#include "resolver.h"

#include <netdb.h>
#include <algorithm>
#include <cerrno>
#include <cstring>

namespace {

constexpr unsigned kThreads = 16, kThreadsOfOne = 4;
constexpr size_t kMostKnown = 1024, kMostWaiting = 1024;  // names of an app, streams that wait for one
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

// Each app in turn; the end when no thread has anything to do.
std::map<std::string, Resolver::Questions>::iterator Resolver::next_question() {
  auto at = questions_.upper_bound(last_);
  for (size_t i = 0; i < questions_.size(); ++i, ++at) {
    if (at == questions_.end()) at = questions_.begin();
    if (!at->second.names.empty() && at->second.running < kThreadsOfOne) return at;
  }
  return questions_.end();
}

void Resolver::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    auto next = questions_.end();
    asked_.wait(lock, [&] { return stopping_ || (next = next_question()) != questions_.end(); });
    if (stopping_) return;
    Questions& questions = next->second;
    Answer answer{last_ = next->first, std::move(questions.names.front()), {}};
    questions.names.pop_front();
    ++questions.running;
    lock.unlock();
    answer.found = ask(answer.name);
    lock.lock();
    --questions.running;
    answers_.push_back(std::move(answer));
    const uint64_t one = 1;
    (void)!write(event_, &one, sizeof one);
  }
}

// Once a second at most, however often it is asked.
void Resolver::Memory::forget_old(uint64_t now) {
  if (now < next_forgetting) return;
  next_forgetting = now + kSecond;
  std::erase_if(names, [&](const auto& entry) { return entry.second.until != 0 && entry.second.until <= now; });
}

void Resolver::look_up(const std::string& whom, const std::string& name, Then then) {
  const uint64_t now = Loop::now();
  Memory& memory = known_[whom];
  if (memory.names.size() >= kMostKnown) memory.forget_old(now);
  auto [at, added] = memory.names.try_emplace(name);
  Known& known = at->second;
  if (!added && known.until > now) return then(Found(known.found));
  const bool asks = added || known.until != 0;
  if (memory.names.size() > kMostKnown || known.waiting.size() >= kMostWaiting) {
    if (added) memory.names.erase(at);
    return then({ENOBUFS, {}});
  }
  known.until = 0;
  known.waiting.push_back(std::move(then));
  if (!asks) return;
  {
    std::lock_guard lock(mutex_);
    questions_[whom].names.push_back(name);
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
    Known& known = known_[answer.whom].names[answer.name];
    known.found = std::move(answer.found);
    known.until = Loop::now() + (known.found.error == 0 ? kKept : kFailureKept);
    std::vector<Then> waiting;
    waiting.swap(known.waiting);
    const Found found = known.found;
    for (const Then& then : waiting) then(found);
  }
}
