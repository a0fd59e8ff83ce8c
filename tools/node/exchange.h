// exchange.h - a request of a client on its way to a worker, and its response on the way back.
//
// Whoever has the client reads the one and writes the other, in the version of HTTP that the client speaks (client.h,
// http2_streams.h), and says when there is enough for a program to begin with. Of the request no more than kWindow
// bytes are with the worker that its program has not read, of the response no more that the client has not taken; the
// rest waits here. What becomes of the request is counted and logged here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "aotc/wasi.h"
#include "caching.h"
#include "http.h"
#include "tenant_links.h"
#include "tunnel.h"

// What clients are told where no program is to answer.
constexpr std::string_view kRefusedRequest = "the request cannot be understood, or exceeds a limit\n";
constexpr std::string_view kNoApp = "no app is served here\n";
constexpr std::string_view kNotReady = "the app is not ready\n";
constexpr std::string_view kRetryAfter = "Retry-After: 1\r\n";

// As a program is told it.
aotc_peer peer_of(const ClientAddress& address, uint16_t port);

// What a handler's program leaves the request to. It hears the request as HTTP/1.1, and answers by the channel.
class NextHandler {
 public:
  virtual ~NextHandler() = default;
  // False when it makes no sense that the handler sends it.
  virtual bool on_onward(std::string_view bytes) = 0;
  virtual bool on_answer_taken(uint32_t bytes) = 0;
  virtual void on_room() = 0;  // the handler's channel takes more
  virtual void cancel() = 0;
  virtual void check_patience(uint64_t now) = 0;
  virtual size_t held() const = 0;
};

class Exchange final : public Link::Exchange, private Caching::Owner {
 public:
  class Owner {
   public:
    virtual void on_output() = 0;    // the response has more for the client
    virtual void on_room() = 0;      // for more of the request
    virtual void on_answered() = 0;  // the response is complete, the worker has done with it
    // It never will be: what to answer instead, or 0 when it has begun.
    virtual void on_failed(int status, std::string_view text) = 0;

   protected:
    ~Owner() = default;
  };
  Exchange(LoopContext& front, const aotc_peer& peer, Owner& owner) : front_(front), peer_(peer), owner_(owner) {}

  std::unique_ptr<RequestReader> request;  // null: nothing of it has come
  std::optional<ResponseReader> response;  // when a worker has it, or had

  void expect(const Hop* hop = nullptr);  // a request, from there
  bool find_app();                        // of the request, whose head is complete
  // Instead: of this app, as a part of another request, with that one's number and version.
  void be_part_of(uint32_t place, const std::string& app, uint64_t number, uint32_t version);
  // Instead: of this process, be it current or not.
  void be_asked_of(TenantLinks& tenant, AppMetrics& metrics);
  // Whether a program can begin with what there is. Whether the body is sent at all it may have to say itself.
  bool is_enough() const;
  struct Refusal {
    int status;
    std::string_view text;
  };
  // It may be answered when this returns, from the app's cache: then its owner is not told.
  std::optional<Refusal> dispatch(const ResponseReader::Client& client, ResponseReader::Form form);
  bool is_answered() const { return cached_ == Cached::Given; }
  // Instead of being looked for in the cache: makes anew what is kept there.
  void refresh(Caching& of);
  void pass_body();                // of which the head is the beginning
  void half_close();               // nothing more comes from the client, who still takes the response; once
  void report_taken(size_t left);  // by the client, but for so much of what it was sent
  void cancel();                   // its program need not go on with it
  void count(int status);          // what the client was answered; 0: nothing, or not all
  void check_patience(uint64_t now);
  bool is_tunnel() const { return tunnel_ != nullptr; }
  void reset();  // for the next request

  // By a worker or the cache, or it waits for what another has made.
  bool is_served() const { return link_ != nullptr || cached_ == Cached::Awaited || cached_ == Cached::Giving; }
  size_t held() const;  // bytes of memory, about

  // From the worker.
  bool on_response(std::string_view bytes) override;
  bool on_consumed(uint32_t bytes) override;
  void on_end(const RequestEnd& end, std::string_view text) override;
  void on_room() override;
  bool on_onward(std::string_view bytes) override;
  bool on_answer_taken(uint32_t bytes) override;
  bool begun() const override { return begun_; }
  std::string log_fields() const override;

 private:
  enum class Cached { No, Awaited, Giving, Given };  // the response
  void on_cache() override;
  std::optional<Refusal> begin();
  std::optional<Refusal> forward(TenantLinks& tenant);
  void give(bool instead);
  void give_more();
  void tell_given();
  aotc_peer asker() const;
  void take_app(const App& app);
  void end_next();
  void begin_tunnel();
  void check_tunnel(uint64_t now);
  void end_tunnel(TunnelEnd why);
  void say_half_closed();

  LoopContext& front_;
  const aotc_peer& peer_;
  Owner& owner_;
  uint32_t place_ = 0;    // of the app
  uint32_t instead_ = 0;  // of the one that serves, if this is its canary
  bool is_canary_ = false;
  AppMetrics* metrics_ = nullptr;  // its own
  TenantLinks* asked_ = nullptr;   // that is to have the request, whoever takes its app's
  TenantLinks* tenant_ = nullptr;  // that has it
  Link* link_ = nullptr;           // while the request is with a worker
  uint32_t id_ = 0;
  uint64_t number_ = 0;   // of the request, of all that the front has had
  uint32_t version_ = 0;  // of HTTP that its client speaks, of RequestFlags
  uint32_t flags_ = 0;    // others of these, for this app alone
  std::unique_ptr<NextHandler> next_;
  std::unique_ptr<Tunnel> tunnel_;  // when it is one
  bool begun_ = false;              // the worker knows of the request
  bool half_closed_ = false, said_half_closed_ = false;
  bool waits_for_room_ = false;    // in the channel
  uint32_t unread_ = 0;            // body bytes that the program has not read
  size_t untaken_ = 0;             // response bytes that the worker does not know to be taken
  ResponseReader::Client client_;  // that it is dispatched for
  ResponseReader::Form form_ = ResponseReader::Form::Message;
  std::unique_ptr<Caching> caching_;  // null: its app has no cache
  Cached cached_ = Cached::No;
  uint64_t touched_ = 0;  // when something last went to or came from the worker
  uint64_t started_ = 0;
};
