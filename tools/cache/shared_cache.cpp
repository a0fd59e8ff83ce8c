// shared_cache.cpp - see shared_cache.h.
#include "cache/shared_cache.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "cache/courier_channel.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"

namespace aotc {

using namespace llvm;
using namespace std::chrono_literals;

namespace {

static_assert(kCourierKey == sizeof(SharedName));

// A byte of a unit costs at least 1 us of a processor (tier quick); 3 % of that may be spent on asking for it,
// and a quarter of what was saved by then. The rest is for the smallest programs, which take at least 60 ms.
constexpr auto kLeastAllowance = 2ms;
constexpr auto kPerByte = 30ns;
constexpr auto kPerHit = 250us;
constexpr uint64_t kMostUnits = 1 << 30, kUsualUnit = 1 << 10;
constexpr int kPartAtEnd = 25;  // of the time that all took

constexpr size_t kMostWaiting = 64 << 20;       // bytes that the courier has not taken
constexpr uint64_t kMostRemembered = 64 << 20;  // and that were taken
constexpr uint64_t kMostArrived = 320 << 20;    // bytes of records that have come
constexpr size_t kSealedTogether = 256;
// Of one compiler, who may have been taken over.
constexpr size_t kMostKeys = 1 << 20;
constexpr uint64_t kMostGiven = 512 << 20;  // bytes of records
constexpr uint64_t kMostRejected = 16;
constexpr size_t kPart = 256 << 10;

void append_number(std::vector<uint8_t>& to, size_t number) {
  uint8_t bytes[4];
  support::endian::write32le(bytes, static_cast<uint32_t>(number));
  to.insert(to.end(), bytes, bytes + 4);
}

void append(std::vector<uint8_t>& to, ArrayRef<uint8_t> bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

TrustedKeys with_own(TrustedKeys keys, const std::optional<Signer>& signer) {
  if (signer) keys.add(*signer);
  return keys;
}

}  // namespace

SharedCache::SharedCache(int courier, SharedOptions options)
    : courier_(courier),
      options_(std::move(options)),
      opener_(with_own(options_.trusted, options_.signer)),
      cores_(std::max(1u, std::thread::hardware_concurrency())) {}

SharedCache::Clock::duration SharedCache::allowance() const {
  if (options_.allowance.count() != 0) return options_.allowance;
  return kLeastAllowance + (unit_bytes_ * kPerByte + counts_.hits * kPerHit) / cores_;
}

void SharedCache::lose(const std::string& why) {
  if (!lost_) why_ = why;
  lost_ = gave_up_ = true;
  out_.clear();
  in_.clear();
  sent_of_out_ = 0;
}

void SharedCache::send_waiting() {
  while (!lost_ && sent_of_out_ < out_.size()) {
    ssize_t count = send(courier_, out_.data() + sent_of_out_, out_.size() - sent_of_out_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) return receive();  // its last word may be there
    sent_of_out_ += static_cast<size_t>(count);
  }
  if (sent_of_out_ > kPart || sent_of_out_ == out_.size()) {
    out_.erase(out_.begin(), out_.begin() + static_cast<ptrdiff_t>(sent_of_out_));
    sent_of_out_ = 0;
  }
}

void SharedCache::receive() {
  while (!lost_) {
    size_t before = in_.size();
    in_.resize(before + kPart);
    ssize_t count = recv(courier_, in_.data() + before, kPart, MSG_DONTWAIT);
    in_.resize(before + (count > 0 ? static_cast<size_t>(count) : 0));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    size_t at = 0;
    while (!lost_ && take_message(at)) continue;
    if (lost_) return;
    in_.erase(in_.begin(), in_.begin() + static_cast<ptrdiff_t>(at));
    if (count <= 0) return lose("its courier has ended");
  }
}

// False when there is not all of one.
bool SharedCache::take_message(size_t& at) {
  if (in_.size() - at < 8) return false;
  uint32_t number = support::endian::read32le(&in_[at]), size = support::endian::read32le(&in_[at + 4]);
  bool is_text = number == kCourierFailed, is_count = number == kCourierKept;
  if (size > (is_text ? kMostCourierText : is_count ? 8 : kMostCourierValue) || (is_count && size != 8)) {
    lose("its courier says what it should not");
    return false;
  }
  if (in_.size() - at - 8 < size) return false;
  ArrayRef<uint8_t> bytes(in_.data() + at + 8, size);
  at += 8 + size;
  if (is_text) {
    lose(std::string(bytes.begin(), bytes.end()));
  } else if (is_count) {
    ++answered_;
    settled_ = std::min<uint64_t>(support::endian::read32le(bytes.data()), given_);
    counts_.sent = std::min<uint64_t>(support::endian::read32le(bytes.data() + 4), settled_);
  } else {
    take_answer(number, bytes);
  }
  return true;
}

void SharedCache::take_answer(uint32_t number, ArrayRef<uint8_t> sealed) {
  if (number >= asked_.size() || asked_[number].is_answered) return lose("its courier says what it should not");
  Question& question = asked_[number];
  question.is_answered = true;
  ++answered_;
  if (sealed.empty() || gave_up_ || arrived_.count(question.key) != 0) return;
  std::optional<FunctionRecord> record = opener_.open(question.name, question.key, sealed);
  if (!record) {
    // Each costs as much as a signature, and who sends many has not much else.
    if (++counts_.rejected == kMostRejected) gave_up_ = true;
    return;
  }
  arrived_bytes_ += record->size();
  if (arrived_bytes_ > kMostArrived) return lose("its courier says too much");
  arrived_[question.key] = std::move(*record);
  ++counts_.hits;
}

bool SharedCache::is_open(const FunctionKey& key) const {
  auto number = number_of_.find(key);
  if (number == number_of_.end() || arrived_.count(key) != 0) return false;
  return any_of(ArrayRef(asked_).slice(number->second, questions()),
                [](const Question& question) { return !question.is_answered; });
}

bool SharedCache::wait_until(function_ref<bool()> done, Clock::duration time) {
  for (Clock::time_point begin = Clock::now();;) {
    send_waiting();
    receive();
    if (done()) return true;
    if (lost_ || time <= Clock::duration::zero()) return false;
    pollfd event{courier_, static_cast<short>(POLLIN | (out_.empty() ? 0 : POLLOUT)), 0};
    timespec left{std::chrono::duration_cast<std::chrono::seconds>(time).count(),
                  std::chrono::duration_cast<std::chrono::nanoseconds>(time % 1s).count()};
    ppoll(&event, 1, &left, nullptr);
    Clock::duration gone = Clock::now() - begin;
    begin += gone;
    waited_ += gone;
    time -= gone;
  }
}

void SharedCache::expect(ArrayRef<FunctionKey> keys, uint64_t bytes) {
  if (asked_.size() / questions() + keys.size() > kMostKeys) gave_up_ = true;
  if (gave_up_) return;
  size_t before = asked_.size(), wanted = 0;
  for (const FunctionKey& key : keys) {
    if (!number_of_.try_emplace(key, asked_.size()).second) continue;
    ++wanted;
    asked_.push_back({key, shared_name(options_.name_space, key)});
    if (!options_.name_space.empty()) asked_.push_back({key, shared_name("", key)});
  }
  for (ArrayRef<Question> left = ArrayRef(asked_).drop_front(before); !left.empty();) {
    ArrayRef<Question> some = left.take_front(kMostCourierAsked);
    left = left.drop_front(some.size());
    append_number(out_, kCourierAsk);
    append_number(out_, some.size());
    for (const Question& question : some) append(out_, question.name);
  }
  counts_.asked += wanted;
  if (wanted != 0) unit_bytes_ = std::min(kMostUnits, unit_bytes_ + bytes / keys.size() * wanted);
  send_waiting();
  receive();
}

std::vector<FunctionRecord> SharedCache::get(ArrayRef<FunctionKey> keys) {
  std::vector<FunctionRecord> records(keys.size());
  if (gave_up_) return records;
  expect(keys, kUsualUnit * keys.size());
  auto is_answered = [&] { return none_of(keys, [this](const FunctionKey& key) { return is_open(key); }); };
  if (!wait_until(is_answered, allowance() - waited_)) gave_up_ = true;
  for (size_t i = 0; i < keys.size(); ++i) {
    auto found = arrived_.find(keys[i]);
    if (found == arrived_.end()) continue;
    records[i] = found->second;
    // A tenth of Go's functions is the same as another one, which is asked for soon.
    if (arrived_bytes_ <= kMostRemembered) continue;
    arrived_bytes_ -= found->second.size();
    arrived_.erase(found);
  }
  return records;
}

void SharedCache::put(ArrayRef<FunctionRecord> records) {
  if (!options_.signer) return;
  receive();
  for (const FunctionRecord& record : records) {
    if (!unit_of_record(record) || record.size() > kMostRecord) continue;
    if (!is_writable() || out_.size() - sent_of_out_ > kMostWaiting || given_bytes_ + record.size() > kMostGiven) {
      ++counts_.left_out;
      continue;
    }
    given_bytes_ += record.size();
    unsealed_.push_back(record);
    if (unsealed_.size() == kSealedTogether) seal_waiting();
  }
}

void SharedCache::seal_waiting() {
  for (const SealedRecord& sealed : seal(unsealed_, options_.name_space, *options_.signer)) {
    if (sealed.bytes.size() > kMostCourierValue) continue;
    append_number(out_, kCourierKeep);
    append(out_, sealed.name);
    append_number(out_, sealed.bytes.size());
    append(out_, sealed.bytes);
    ++given_;
  }
  unsealed_.clear();
  send_waiting();
}

void SharedCache::give_all() {
  if (!unsealed_.empty() && is_writable()) seal_waiting();
}

void SharedCache::finish() {
  give_all();
  counts_.left_out += unsealed_.size();
  if (is_writable() && given_ > settled_) {
    Clock::duration time = options_.allowance;
    // Who was too slow to answer has had its time; what it was given is on its way all the same.
    if (time.count() == 0 && !gave_up_) time = (Clock::now() - started_) / kPartAtEnd;
    wait_until([this] { return settled_ == given_; }, time);
  }
  counts_.left_out += given_ - counts_.sent;
}

SharedCounts SharedCache::counts() const { return counts_; }

std::string SharedCache::trouble() const {
  if (lost_) return why_ + "; going on without";
  if (counts_.rejected != 0)
    return std::to_string(counts_.rejected) + " of what it holds was not signed by a trusted key, and is not used";
  // Of one that has had little time nothing is known.
  if (gave_up_ && answered_ == 0 && waited_ > 20ms) return "it did not answer in time; going on without";
  if (counts_.left_out != 0) return std::to_string(counts_.left_out) + " functions could not be kept there";
  return "";
}

}  // namespace aotc
