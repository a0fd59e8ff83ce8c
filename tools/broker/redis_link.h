// redis_link.h - a connection to a Redis server, one at a time: found by the broker's resolver, made by libcurl, with
// TLS or without (Debian's hiredis has none), logged in. Commands go out as they are written, replies come in their
// order. Nothing here waits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker.h"
#include "http_pool.h"
#include "redis_reply.h"
#include "support/remote_place.h"

class RedisLink final : public Source, public Transfer, public Timed {
 public:
  class Owner {
   public:
    // It can be written to.
    virtual void on_open() = 0;
    // To what was written first of what is not answered. False if it is nothing that Redis would say: that breaks it.
    virtual bool on_reply(const RedisReply& reply) = 0;
    // It is closed, and open() makes it again. Never on top of a call of the owner's.
    virtual void on_broken(const std::string& why) = 0;

   protected:
    ~Owner() = default;
  };

  RedisLink(Broker& broker, aotc::RemotePlace place, std::string password, Owner& owner);
  ~RedisLink();
  // After so long without being open it is broken.
  void open(uint64_t nanoseconds);
  void write(const std::vector<std::string_view>& words);
  // Breaks it, soon.
  void fail(const std::string& why);

 private:
  void on_events(uint32_t events) override;
  void on_done(CURLcode code) override;
  bool stays() const override { return true; }
  void on_time() override;
  void connect(const std::vector<aotc::AddressBytes>& addresses);
  void close();
  void send();
  void receive();
  void take(const RedisReply& reply);
  void watch();

  Broker& broker_;
  const aotc::RemotePlace place_;
  const std::string password_;
  Owner& owner_;
  HttpPool pool_;
  Easy easy_;
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> resolved_;
  char failure_[CURL_ERROR_SIZE] = {};
  std::unique_ptr<RedisReplies> replies_;
  std::string out_, broken_;
  size_t sent_ = 0, logins_ = 0;  // bytes of out_; replies that are the link's own
  uint64_t attempt_ = 0;          // what is found for an earlier one is not wanted
  int fd_ = -1;
  bool added_ = false, open_ = false;
  uint32_t watched_ = 0;
};
