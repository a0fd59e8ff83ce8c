// kv_stream.h - requests of a program about its app's key-value store (aotc/kv.h), one after the other.
#pragma once

#include <string>

#include "kv_store.h"
#include "stream.h"

class KvStream final : public Stream {
 public:
  KvStream(Program& program, uint32_t number, KvStore& store, const App& app)
      : Stream(program, number), store_(store), app_(app) {}
  void start() { program_->opened(number_, {}); }

  void data(std::string_view bytes) override;
  void end() override {}
  void resume() override;

 private:
  void go_on();
  void ask(const aotc_kv_request& head, std::string_view key, std::string_view value);
  void answer(const KvStore::Answer& answer);

  KvStore& store_;
  const App& app_;
  uint32_t operation_ = 0;  // that is answered next
  bool asked_ = false;      // an answer is to come, or to go
  bool going_on_ = false;   // an answer that comes at once is not to begin the next request on top of this one
  std::string in_, out_;
};
