// next_app.h - the next app of a chain, which a handler's program leaves a request to.
//
// What the handler's worker sends is a request as any client's: parsed, written anew, within the same limits, and given
// to an instance of the next app. A worker in wrong hands gains by it what its program may do anyway. The response goes
// back to the worker as it comes, no more of it than kWindow ahead of what that has taken.
#pragma once

#include <string>
#include <string_view>

#include "exchange.h"

class NextApp final : public NextHandler {
 public:
  NextApp(LoopContext& front, const std::string& app, const aotc_peer& asker, uint32_t version, Link& link,
          uint32_t request);

  bool on_onward(std::string_view bytes) override;
  bool on_answer_taken(uint32_t bytes) override;
  void on_room() override;
  void cancel() override;
  void check_patience(uint64_t now) override { exchange_.check_patience(now); }
  size_t held() const override { return rest_.capacity() + answer_.capacity() + exchange_.held(); }

 private:
  enum class State { Request, Served, Over };
  // What the exchange with the next app has to say.
  struct Asker final : Exchange::Owner {
    explicit Asker(NextApp& next) : next(next) {}
    void on_output() override;
    void on_room() override { next.report_passed(); }
    void on_answered() override;
    void on_failed(int status, std::string_view text) override { next.fail(status, text); }
    NextApp& next;
  };
  void fail(int status, std::string_view text);
  void begin();
  void refuse(int status, std::string_view text);
  void take_output();
  void send_answer();
  void report_passed();

  LoopContext& front_;
  const std::string app_;
  const uint32_t version_;
  const aotc_peer asker_;
  Link& link_;         // to the handler's worker,
  const uint32_t id_;  // which knows the request by this
  Asker to_{*this};
  Exchange exchange_;
  State state_ = State::Request;
  std::string rest_;      // of what came, that makes no sense without more
  std::string answer_;    // that waits for the worker
  size_t unpassed_ = 0;   // bytes of the request that the worker does not know to have gone on
  size_t under_way_ = 0;  // bytes of the response that it has not taken
  int end_status_ = 0;    // what is to be said behind the response, if it is not complete
  std::string end_text_;
  bool ends_ = false;
  bool waits_for_room_ = false;  // in the channel
};
