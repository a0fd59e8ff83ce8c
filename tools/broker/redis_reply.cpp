// redis_reply.cpp - see redis_reply.h.
#include "redis_reply.h"

#include <hiredis/hiredis.h>

#include <new>

namespace {

constexpr size_t kMostBytes = 512 << 10, kMostParts = 1100;

// hiredis makes a reply by these calls; null is the end of it.
RedisReply* place_of(const redisReadTask* task) {
  if (task->parent == nullptr) return new (std::nothrow) RedisReply;
  auto* list = static_cast<RedisReply*>(task->parent->obj);
  return &list->parts[static_cast<size_t>(task->idx)];
}

void* make_text(const redisReadTask* task, char* bytes, size_t size) {
  RedisReply* reply = place_of(task);
  if (reply == nullptr) return nullptr;
  reply->kind = task->type == REDIS_REPLY_ERROR ? RedisReply::Kind::Error : RedisReply::Kind::Text;
  reply->text.assign(bytes, size);
  return reply;
}

// Of hiredis 0.14 an int, later a size_t.
template <typename Count>
void* make_list(const redisReadTask* task, Count count) {
  if (task->parent != nullptr || static_cast<size_t>(count) > kMostParts) return nullptr;
  RedisReply* reply = place_of(task);
  if (reply == nullptr) return nullptr;
  reply->kind = RedisReply::Kind::List;
  reply->parts.resize(static_cast<size_t>(count));
  return reply;
}

void* make_number(const redisReadTask* task, long long number) {
  RedisReply* reply = place_of(task);
  if (reply == nullptr) return nullptr;
  reply->kind = RedisReply::Kind::Number;
  reply->number = number;
  return reply;
}

void* make_nothing(const redisReadTask* task) { return place_of(task); }

void free_reply(void* reply) { delete static_cast<RedisReply*>(reply); }

redisReplyObjectFunctions functions() {
  redisReplyObjectFunctions made{};
  made.createString = make_text;
  made.createArray = make_list;
  made.createInteger = make_number;
  made.createNil = make_nothing;
  made.freeObject = free_reply;
  return made;
}

redisReplyObjectFunctions kFunctions = functions();

}  // namespace

RedisReplies::RedisReplies() : reader_(redisReaderCreateWithFunctions(&kFunctions)) {
  if (reader_ == nullptr) throw std::bad_alloc();
}

RedisReplies::~RedisReplies() { redisReaderFree(reader_); }

bool RedisReplies::feed(std::string_view bytes) {
  unread_ += bytes.size();
  return redisReaderFeed(reader_, bytes.data(), bytes.size()) == REDIS_OK;
}

bool RedisReplies::next(std::unique_ptr<RedisReply>& reply) {
  void* read = nullptr;
  reply.reset();
  if (redisReaderGetReply(reader_, &read) != REDIS_OK) return false;
  reply.reset(static_cast<RedisReply*>(read));
  if (reply) unread_ = reader_->len - reader_->pos;
  return unread_ <= kMostBytes;
}
