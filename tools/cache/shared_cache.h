// shared_cache.h - what others have compiled, as the keeper of a machine's own cache sees it: asked of a courier
// (courier_channel.h), opened and sealed here, where neither the remote nor the compiler can reach the keys.
//
// Nothing waits for a remote longer than it may save. A compilation has an allowance of time, which grows with what it
// asks for, by 3 % of what compiling that costs, and with what it is given; the time that it spends waiting is
// taken from it. When it is used up, or the courier says what it should not, nothing is asked any more. expect() says
// early what get() will ask for, so that the answers are on their way meanwhile.
//
// Writing is left to the courier, which gets what it can take at once; beyond a bound it is left out.
#pragma once

#include <chrono>
#include <string>

#include "cache/sealed_record.h"
#include "function_cache.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace aotc {

struct SharedCounts {
  uint64_t asked = 0, hits = 0;
  uint64_t rejected = 0;  // came, but were not sealed by a trusted key, for that key
  uint64_t sent = 0;      // that the remote has taken
  uint64_t left_out = 0;  // that it was not given, or has not taken in time
};

struct SharedOptions {
  TrustedKeys trusted;
  std::optional<Signer> signer;            // without: nothing is written
  std::string name_space;                  // into which is written; read is what is for all, too
  std::chrono::microseconds allowance{0};  // 0: by what it may save
};

class SharedCache : public FunctionCache {
 public:
  SharedCache(int courier, SharedOptions options);  // a socket, not owned
  void expect(llvm::ArrayRef<FunctionKey> keys, uint64_t bytes) override;
  std::vector<FunctionRecord> get(llvm::ArrayRef<FunctionKey> keys) override;
  void put(llvm::ArrayRef<FunctionRecord> records) override;
  // Nothing more will come: gives it on, then waits for it to be written, within the allowance.
  void give_all();
  void finish();

  SharedCounts counts() const;
  // What a user should hear, one sentence; empty if there is nothing.
  std::string trouble() const;

 private:
  using Clock = std::chrono::steady_clock;

  Clock::duration allowance() const;
  bool is_writable() const { return !lost_ && (answered_ != 0 || !gave_up_); }
  // How many are asked about one function.
  size_t questions() const { return options_.name_space.empty() ? 1 : 2; }
  bool is_open(const FunctionKey& key) const;
  // Whether `done` became true in that time, before the courier was lost.
  bool wait_until(llvm::function_ref<bool()> done, Clock::duration time);
  void send_waiting();
  void receive();
  bool take_message(size_t& at);
  void take_answer(uint32_t number, llvm::ArrayRef<uint8_t> sealed);
  void seal_waiting();
  void lose(const std::string& why);

  const int courier_;
  SharedOptions options_;
  Opener opener_;
  const Clock::time_point started_ = Clock::now();
  const unsigned cores_;
  Clock::duration waited_{0};

  std::vector<uint8_t> out_, in_;
  size_t sent_of_out_ = 0;
  struct Question {
    FunctionKey key;
    SharedName name;
    bool is_answered = false;
  };
  std::vector<Question> asked_;
  std::map<FunctionKey, size_t> number_of_;  // where in asked_ those about it begin
  std::map<FunctionKey, FunctionRecord> arrived_;
  uint64_t arrived_bytes_ = 0, answered_ = 0;
  uint64_t unit_bytes_ = 0;  // of all that was asked for, about
  std::vector<FunctionRecord> unsealed_;
  uint64_t given_bytes_ = 0;
  uint64_t given_ = 0, settled_ = 0;  // values, to the courier and by it

  SharedCounts counts_;
  bool lost_ = false, gave_up_ = false;  // the courier; asking
  std::string why_;
};

}  // namespace aotc
