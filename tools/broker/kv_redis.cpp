// kv_redis.cpp - see kv_redis.h.
#include "kv_redis.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "kv_script.h"

namespace {

constexpr uint64_t kMillisecond = 1'000'000, kSecond = 1'000 * kMillisecond;
constexpr uint64_t kAnswerTime = 2 * kSecond, kOpenTime = 2 * kSecond, kTick = 100 * kMillisecond;
constexpr uint64_t kQuiet = 10 * kSecond;  // from one error of a kind in the log to the next
constexpr uint64_t kFirstBackoff = 100 * kMillisecond, kMostBackoff = 2 * kSecond;
constexpr size_t kMostSent = 256, kMostSentBytes = 4 << 20;  // under way
constexpr unsigned kMostOfApp = 16;                          // of these
constexpr size_t kMostWaiting = 64 << 20;                    // bytes of an app
constexpr uint64_t kMostMilliseconds = uint64_t{1} << 52;
constexpr size_t kNameOfScript = 40, kMostDigits = 20;

std::string word_of(uint64_t version) { return version == AOTC_KV_ANY ? "*" : std::to_string(version); }

// The first text behind all those that begin with the prefix; empty: there is none.
std::string behind(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

// What a stranger says, for a log.
std::string plain(std::string text) {
  text.resize(std::min<size_t>(text.size(), 200));
  std::replace_if(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text;
}

size_t most_bytes(std::string_view operation) {
  return operation == "get" ? AOTC_KV_MAX_VALUE : operation == "add" ? kMostDigits : 0;
}

// False if it is none of the script's.
bool read_answer(const std::vector<std::string>& words, const RedisReply& reply, KvStore::Answer& answer) {
  const std::vector<RedisReply>& parts = reply.parts;
  if (reply.kind != RedisReply::Kind::List || parts.size() < 3) return false;
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i].kind != (i < 3 ? RedisReply::Kind::Number : RedisReply::Kind::Text)) return false;
  if (parts[1].number < 0 || parts[2].number < 0) return false;
  switch (parts[0].number) {
    case AOTC_KV_OK:
    case AOTC_KV_NOT_THERE:
    case AOTC_KV_CONFLICT:
    case AOTC_KV_FULL:
    case AOTC_KV_NO_NUMBER:
      answer.status = static_cast<aotc_kv_status>(parts[0].number);
      break;
    default:
      return false;
  }
  answer.version = static_cast<uint64_t>(parts[1].number);
  answer.expires = static_cast<uint64_t>(parts[2].number);
  if (words[0] != "list") {
    if (parts.size() != 4 || parts[3].text.size() > most_bytes(words[0])) return false;
    answer.bytes = parts[3].text;
    return true;
  }
  if (parts.size() > 3 + AOTC_KV_MAX_LIST + 1 || answer.status != AOTC_KV_OK) return false;
  for (size_t i = 3; i < parts.size(); ++i) {
    const std::string& name = parts[i].text;
    if (name.size() > AOTC_KV_MAX_KEY || !name.starts_with(words[1])) return false;
    const auto size = static_cast<uint16_t>(name.size());
    answer.bytes.append(reinterpret_cast<const char*>(&size), sizeof size).append(name);
  }
  return true;
}

}  // namespace

KvRedis::KvRedis(Broker& broker, const aotc::RemotePlace& place, uint64_t most)
    : broker_(broker), place_(place), most_(most) {}

KvRedis::~KvRedis() { broker_.forget_time(this); }

std::string KvRedis::open(const std::string& password_file) {
  std::string password = place_.password;
  if (!password_file.empty()) {
    std::ifstream file(password_file);
    if (!std::getline(file, password) || password.empty()) return password_file + ": there is no password to read";
  }
  link_ = std::make_unique<RedisLink>(broker_, place_, password, *this);
  return {};
}

void KvRedis::start() {
  if (!link_) return;
  state_ = State::Opening;
  link_->open(kOpenTime);
}

void KvRedis::say(const std::string& why, const char* level) {
  broker_.say_own("the key-value store " + place_.shown() + ": " + plain(why), level);
}

void KvRedis::get(const App& app, std::string_view key, Then then) {
  push(app, {"get", std::string(key)}, std::move(then));
}

void KvRedis::list(const App& app, std::string_view prefix, std::string_view after, uint64_t most, Then then) {
  const std::string to = behind(std::string(prefix));
  const std::string from = after >= prefix ? "(" + std::string(after) : "[" + std::string(prefix);
  push(app, {"list", std::string(prefix), from, to.empty() ? "+" : "(" + to, std::to_string(most)}, std::move(then));
}

void KvRedis::put(const App& app, std::string key, std::string value, uint64_t version, uint64_t milliseconds,
                  Then then) {
  push(app,
       {"put", std::move(key), std::to_string(most_), std::move(value), word_of(version),
        std::to_string(std::min(milliseconds, kMostMilliseconds))},
       std::move(then));
}

void KvRedis::remove(const App& app, std::string key, uint64_t version, Then then) {
  push(app, {"delete", std::move(key), word_of(version)}, std::move(then));
}

void KvRedis::add(const App& app, std::string key, int64_t number, Then then) {
  push(app, {"add", std::move(key), std::to_string(most_), std::to_string(number)}, std::move(then));
}

void KvRedis::push(const App& app, std::vector<std::string> words, Then then) {
  Request request{.app = app.name, .words = std::move(words), .then = std::move(then), .since = Loop::now()};
  for (const std::string& word : request.words) request.size += word.size();
  if (!link_ || lost_) return request.then({.status = AOTC_KV_FAILED});
  Queue& queue = queues_[app.name];
  if (queue.bytes + request.size > kMostWaiting) return request.then({.status = AOTC_KV_FAILED});
  queue.bytes += request.size;
  queue.waiting.push_back(std::move(request));
  tick_soon();
  send_some();
}

// Each app in turn; the end when none has anything that may go.
KvRedis::Queues::iterator KvRedis::next_queue() {
  auto at = queues_.upper_bound(last_);
  for (size_t i = 0; i < queues_.size(); ++i, ++at) {
    if (at == queues_.end()) at = queues_.begin();
    if (!at->second.waiting.empty() && at->second.running < kMostOfApp) return at;
  }
  return queues_.end();
}

void KvRedis::send_some() {
  while (state_ == State::Ready && sent_.size() < kMostSent && sent_bytes_ < kMostSentBytes) {
    auto next = next_queue();
    if (next == queues_.end()) return;
    last_ = next->first;
    Request request = std::move(next->second.waiting.front());
    next->second.waiting.pop_front();
    next->second.bytes -= request.size;
    ++next->second.running;
    send(std::move(request));
  }
}

void KvRedis::send(Request request) {
  const std::string name = "aotc:{" + request.app + "}:";
  const std::string keys[] = {name + "values", name + "names", name + "times", name + "app"};
  std::vector<std::string_view> words = {"EVALSHA", script_, "4"};
  words.insert(words.end(), std::begin(keys), std::end(keys));
  words.insert(words.end(), request.words.begin(), request.words.end());
  request.since = Loop::now();
  sent_bytes_ += request.size;
  link_->write(words);
  sent_.push_back(std::move(request));
}

void KvRedis::load_script() {
  sent_.push_back({.app = {}, .words = {}, .then = {}, .since = Loop::now()});
  link_->write({"SCRIPT", "LOAD", kKvScript});
}

void KvRedis::on_open() {
  state_ = State::Loading;
  load_script();
  tick_soon();
}

bool KvRedis::on_reply(const RedisReply& reply) {
  if (sent_.empty()) return false;
  Request request = std::move(sent_.front());
  sent_.pop_front();
  if (request.words.empty() ? !take_script(reply) : !settle(std::move(request), reply)) return false;
  send_some();
  return true;
}

bool KvRedis::take_script(const RedisReply& reply) {
  if (reply.kind == RedisReply::Kind::Error) {
    link_->fail(reply.text);
    return true;
  }
  if (reply.kind != RedisReply::Kind::Text || reply.text.size() != kNameOfScript) return false;
  script_ = reply.text;
  if (state_ == State::Ready) return true;
  state_ = State::Ready;
  ready_at_ = Loop::now();
  if (std::exchange(lost_, false)) say("it answers", "info");
  return true;
}

bool KvRedis::settle(Request request, const RedisReply& reply) {
  Queue& queue = queues_[request.app];
  sent_bytes_ -= request.size;
  const bool failed = reply.kind == RedisReply::Kind::Error;
  if (failed && !request.again && reply.text.starts_with("NOSCRIPT")) {
    load_script();
    request.again = true;
    send(std::move(request));
    return true;
  }
  if (--queue.running == 0 && queue.waiting.empty()) queues_.erase(request.app);
  Answer answer{.status = AOTC_KV_FAILED};
  const bool good = failed || read_answer(request.words, reply, answer);
  if (failed && reply.text.starts_with("OOM")) answer.status = AOTC_KV_FULL;
  const std::string kind = failed ? reply.text.substr(0, reply.text.find(' ')) : "";
  if (failed && (Loop::now() >= silent_until_ || kind != said_)) {
    silent_until_ = Loop::now() + kQuiet;
    said_ = kind;
    say(reply.text);
  }
  if (!good) answer = {.status = AOTC_KV_FAILED};
  request.then(answer);
  return good;
}

void KvRedis::on_broken(const std::string& why) {
  const uint64_t now = Loop::now();
  // One that was used for some time is made again at once, as when a server closes what is idle.
  const bool once = state_ == State::Ready && !slow_ && now - ready_at_ >= kSecond;
  state_ = State::Down;
  slow_ = false;
  std::deque<Request> sent;
  sent.swap(sent_);
  sent_bytes_ = 0;
  for (auto& [app, queue] : queues_) queue.running = 0;
  if (once ? !sent.empty() : !lost_) say(why + (once ? "" : ": programs get errors until it answers"));
  lost_ |= !once;
  backoff_ = once ? 0 : std::clamp(2 * backoff_, kFirstBackoff, kMostBackoff);
  open_at_ = now + backoff_;
  tick_soon();
  for (const Request& request : sent)
    if (request.then) request.then({.status = AOTC_KV_FAILED});
  if (once)
    start();
  else
    fail_waiting(now);
}

// All that waits since then, or longer.
void KvRedis::fail_waiting(uint64_t until) {
  std::vector<Then> failed;
  for (auto& [app, queue] : queues_)
    for (; !queue.waiting.empty() && queue.waiting.front().since <= until; queue.waiting.pop_front()) {
      queue.bytes -= queue.waiting.front().size;
      failed.push_back(std::move(queue.waiting.front().then));
    }
  std::erase_if(queues_, [](const auto& entry) { return entry.second.waiting.empty() && entry.second.running == 0; });
  for (const Then& then : failed) then({.status = AOTC_KV_FAILED});
}

void KvRedis::tick_soon() {
  if (!std::exchange(ticks_, true)) broker_.set_time(this, Loop::now() + kTick);
}

void KvRedis::on_time() {
  const uint64_t now = Loop::now();
  ticks_ = false;
  if (state_ == State::Down && now >= open_at_) start();
  if (!slow_ && !sent_.empty() && now - sent_.front().since > kAnswerTime) {
    slow_ = true;
    link_->fail("it has not answered for 2 s");
  }
  fail_waiting(now - kAnswerTime);
  if (state_ != State::Ready || !sent_.empty() || !queues_.empty()) tick_soon();
}
