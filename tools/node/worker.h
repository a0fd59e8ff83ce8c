// worker.h - a thread of a tenant that runs requests: takes frames from the front, lets instances run, sends back what
// they wrote.
//
// A request runs until its program waits. Then what it wrote is shipped, and it costs no thread until more of its body
// arrives, the client has taken something, or the time that it waits for has come. It ends when its response is
// complete and it waits again, unless it waits for a time within --grace-after: then its client has its response, and
// it goes on until there is none. The response leaves before the instance is reset.
//
// Each loop of the front has a channel to it, and numbers its requests by itself.
#pragma once

#include <poll.h>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "aotc/fastly.h"
#include "channel.h"
#include "http.h"
#include "idle_poll.h"
#include "memory_gauge.h"
#include "process_words.h"
#include "support/outbound_rule.h"

// What every instance of a tenant gets: a connection that may be this far ahead of the client, and a log that may have
// this much before it is taken.
inline aotc_serve_options serve_options(const TenantOptions& options) {
  return {.tmp_size = options.tmp_size,
          .write_buffer = kWindow,
          .log_buffer = 64 << 10,
          .set_up_log = 2,
          .outbound = nullptr,
          .values = {options.edge_values.size(), options.edge_values.data()},
          .create_host = nullptr,
          .host_options = nullptr,
          .called = false};
}

class Worker {
 public:
  // Its channels are the descriptors from `channel` on. `outbound`: the one to the broker, or -1.
  Worker(int channel, int outbound, const TenantOptions& options, const aotc_image* image, const MemoryGauge& gauge);
  ~Worker();
  // Makes a first instance; returns what failed, or nothing.
  std::string prepare();
  // Until the front closes a channel, or asks by all of them to drain and nothing is left to do.
  void run();

 private:
  void make_backends();
  struct Request;
  using Id = uint32_t;  // the channel's place, above the front's number
  using Requests = std::map<Id, std::unique_ptr<Request>>;

  static bool may_grow(void* worker, uint64_t bytes);
  static void meanwhile(void* worker);
  static void on_outbound(void* worker, void* owner);
  bool flush();
  bool has_sent_all() const;
  bool take_frames(size_t at);
  void begin(size_t at, const FrameHead& head, std::string_view payload);
  bool take_slot(Request& request);
  void take_body(Request& request, std::string_view payload);
  void add_body(Request& request, std::string_view payload);
  void advance(Request& request);
  aotc_status run_program(Request& request);
  void advance_handling(Request& request);
  void move_onward(Request& request);
  bool ship_handling(Request& request);
  void give_slot(Request& request);
  void ship_log(Request& request);
  void ship_output(Request& request);
  size_t ship_bytes(Request& request, std::string_view bytes);
  void pass_rewritten(Request& request);
  size_t pass_bytes(Request& request, std::string_view bytes);
  void resume(Request& request);
  bool ship(Request& request);
  void settle(Request& request, aotc_status status);
  void end_failed(Request& request, aotc_status status);
  bool goes_on(Request& request, aotc_status status);
  void send_end(const Request& request, EndCause cause, uint32_t flags, const std::string& text);
  void end(Request& request, EndCause cause, const std::string& text, bool cut_short = false);
  void cut_short_oldest();
  [[noreturn]] void end_process(const char* why);
  std::string where(const Request& request) const;
  void schedule(Request& request);
  void wake_due(uint64_t now);
  void keep_idle(const aotc_instance* instance);

  std::vector<Channel> channels_;
  std::vector<pollfd> polled_;     // of each channel, then of the one to the broker
  aotc_outbound* const outbound_;  // null: there are no connections to others
  const TenantOptions& options_;
  const aotc_image* image_;
  const bool stdio_;    // its programs know no HTTP
  const bool handler_;  // they are called for requests
  const bool fastly_;   // they are Fastly Compute's
  const MemoryGauge& gauge_;
  std::vector<aotc::OutboundRule> servers_;  // behind the backends that programs of Fastly Compute know
  std::vector<aotc_fastly_backend> backends_;
  aotc_fastly_options fastly_options_{};
  aotc_pool* pool_ = nullptr;
  aotc_error error_;
  Requests requests_;
  std::deque<Id> runnable_;                  // ids, in the order in which something happened to them
  std::deque<Id> going_on_;                  // ids of those whose client has its response, the oldest first
  std::set<std::pair<uint64_t, Id>> times_;  // when something is to be done for a request that waits
  IdlePoll idle_poll_{100'000};
  Request* running_ = nullptr;
  uint64_t ran_ = 0;      // in this pass
  size_t draining_ = 0;   // channels by which the front has asked for that
  bool refused_ = false;  // memory, to the program that runs, since the process has no more
  uint32_t idle_ = 0;
  uint64_t idle_bytes_ = 0;  // that they hold, about
  unsigned unsent_ = 0;
  uint64_t last_reset_ = 0;
  uint32_t last_pages_ = 0;
};
