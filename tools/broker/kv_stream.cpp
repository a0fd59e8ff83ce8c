// kv_stream.cpp - see kv_stream.h. A request stays in the program's window until it is answered, so a stream holds no
// more than that.
#include "kv_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "broker.h"

static_assert(sizeof(aotc_kv_request) + AOTC_KV_MAX_KEY + AOTC_KV_MAX_VALUE <= AOTC_OUTBOUND_WINDOW);

void KvStream::data(std::string_view bytes) {
  in_.append(bytes);
  go_on();
}

void KvStream::resume() {
  if (is_over() || out_.empty()) return;
  const size_t size = std::min<size_t>(room(), out_.size());
  if (size > 0) program_->send(number_, std::string_view(out_).substr(0, size));
  out_.erase(0, size);
  if (!out_.empty()) return;
  asked_ = false;
  go_on();
}

void KvStream::go_on() {
  if (std::exchange(going_on_, true)) return;
  const std::shared_ptr<Stream> keep = shared_from_this();
  aotc_kv_request head;
  while (!is_over() && !asked_ && in_.size() >= sizeof head) {
    std::memcpy(&head, in_.data(), sizeof head);
    if (head.size > AOTC_KV_MAX_KEY + AOTC_KV_MAX_VALUE || head.key_size > head.size ||
        head.key_size > AOTC_KV_MAX_KEY || head.size - head.key_size > AOTC_KV_MAX_VALUE)
      return program_->fail(number_, EPROTO);
    if (in_.size() - sizeof head < head.size) break;
    const std::string body = in_.substr(sizeof head, head.size);
    in_.erase(0, sizeof head + head.size);
    asked_ = true;
    program_->taken(number_, static_cast<uint32_t>(sizeof head + head.size));
    ask(head, std::string_view(body).substr(0, head.key_size), std::string_view(body).substr(head.key_size));
  }
  going_on_ = false;
}

void KvStream::ask(const aotc_kv_request& head, std::string_view key, std::string_view value) {
  std::weak_ptr<Stream> self = weak_from_this();
  auto then = [self, this](const KvStore::Answer& given) {
    if (auto stream = self.lock(); stream && !stream->is_over()) answer(given);
  };
  const bool named = !key.empty();
  operation_ = head.operation;
  if (head.operation == AOTC_KV_LIST && value.size() <= AOTC_KV_MAX_KEY)
    return store_.list(app_, key, value, std::clamp<uint64_t>(head.milliseconds, 1, AOTC_KV_MAX_LIST), then);
  if (head.operation == AOTC_KV_GET && named) return store_.get(app_, key, then);
  if (head.operation == AOTC_KV_PUT && named)
    return store_.put(app_, std::string(key), std::string(value), head.version, head.milliseconds, then);
  if (head.operation == AOTC_KV_DELETE && named) return store_.remove(app_, std::string(key), head.version, then);
  if (head.operation == AOTC_KV_ADD && named)
    return store_.add(app_, std::string(key), static_cast<int64_t>(head.milliseconds), then);
  answer({.status = AOTC_KV_WRONG});
}

void KvStream::answer(const KvStore::Answer& given) {
  const bool known = operation_ >= AOTC_KV_GET && operation_ <= AOTC_KV_ADD && given.status != AOTC_KV_WRONG;
  ++app_.counts->requests[(known ? operation_ : AOTC_KV_ADD + 1u) - AOTC_KV_GET];
  app_.counts->errors[0] += given.status == AOTC_KV_FAILED;
  app_.counts->errors[1] += given.status == AOTC_KV_FULL;
  const aotc_kv_answer head{static_cast<uint32_t>(given.bytes.size()), given.status, given.version, given.expires};
  out_.assign(reinterpret_cast<const char*>(&head), sizeof head).append(given.bytes);
  resume();
}
