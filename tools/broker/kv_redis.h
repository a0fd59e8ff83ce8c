// kv_redis.h - the key-value stores of all apps in one Redis server, which nodes share. Each request is one call of the
// script in kv_script.h, so what a program says never is a word of Redis's, nor the name of one of its keys.
//
// Requests wait in a queue of their app. Those under way have bounds, an app's among them, and apps take turns: who
// asks for much waits for himself. A request that has waited for 2 s fails, and so do those that are under way when
// Redis says nothing for 2 s; that connection is given up. Without one all fail at once, until there is one again.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "broker.h"
#include "kv_store.h"
#include "redis_link.h"

class KvRedis final : public KvStore, public RedisLink::Owner, public Timed {
 public:
  // Each app may take `most` bytes.
  KvRedis(Broker& broker, const aotc::RemotePlace& place, uint64_t most);
  ~KvRedis() override;
  KvRedis(const KvRedis&) = delete;
  KvRedis& operator=(const KvRedis&) = delete;

  // Before the process is confined. The file has the password in its first line; without a name there is none but the
  // place's. Returns what is wrong, or nothing: then it can be used.
  std::string open(const std::string& password_file);
  void start() override;
  void get(const App& app, std::string_view key, Then then) override;
  void list(const App& app, std::string_view prefix, std::string_view after, uint64_t most, Then then) override;
  void put(const App& app, std::string key, std::string value, uint64_t version, uint64_t milliseconds,
           Then then) override;
  void remove(const App& app, std::string key, uint64_t version, Then then) override;
  void add(const App& app, std::string key, int64_t number, Then then) override;

 private:
  struct Request {
    std::string app;
    std::vector<std::string> words;  // the operation, and what it says
    Then then;
    uint64_t since = 0;  // it waits, or is under way
    size_t size = 0;
    bool again = false;
  };
  struct Queue {
    std::deque<Request> waiting;
    size_t bytes = 0;  // of those
    unsigned running = 0;
  };
  using Queues = std::map<std::string, Queue>;

  void on_open() override;
  bool on_reply(const RedisReply& reply) override;
  void on_broken(const std::string& why) override;
  void on_time() override;

  void push(const App& app, std::vector<std::string> words, Then then);
  void send_some();
  Queues::iterator next_queue();
  void send(Request request);
  void load_script();
  bool take_script(const RedisReply& reply);
  bool settle(Request request, const RedisReply& reply);
  void fail_waiting(uint64_t until);
  void tick_soon();
  void say(const std::string& why, const char* level = "error");

  Broker& broker_;
  const aotc::RemotePlace place_;
  const uint64_t most_;
  std::unique_ptr<RedisLink> link_;  // null: it cannot be used
  enum class State { Down, Opening, Loading, Ready } state_ = State::Down;
  bool lost_ = false;  // it could not be used the last time, and that was said
  bool slow_ = false, ticks_ = false;
  uint64_t backoff_ = 0, open_at_ = 0, ready_at_ = 0, silent_until_ = 0;
  std::string said_;    // the kind of error that was said last
  std::string script_;  // its name
  Queues queues_;
  std::string last_;          // whose turn it was
  std::deque<Request> sent_;  // in the order of their answers; one without words asks for the script
  size_t sent_bytes_ = 0;
};
