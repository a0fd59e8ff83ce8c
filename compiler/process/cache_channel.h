// cache_channel.h - a function cache on the other side of a socket: the compiler's process, which is locked and may
// have been taken over by the module that it reads, asks somebody who has one.
//
//   expect ::= "exp":u32 count:u32 { key } bytes:u32    tells what will be asked for, and is not answered
//   get    ::= "get":u32 count:u32 { key }              is answered by count times { size:u32 record }, size 0: none
//   put    ::= "put":u32 count:u32 { size:u32 record }  is not answered
//
// Numbers are little-endian, 1 <= count <= kMostAsked, size <= kMostRecord. Neither side trusts the other: who asks
// goes on without a cache when an answer is none, who is asked stops when a question is none. Both want SIGPIPE
// ignored.
#pragma once

#include "function_cache.h"
#include "llvm/Support/Error.h"

namespace aotc {

constexpr uint32_t kMostAsked = 4096;

class ChannelCache : public FunctionCache {
 public:
  explicit ChannelCache(int socket) : socket_(socket) {}  // not owned
  void expect(llvm::ArrayRef<FunctionKey> keys, uint64_t bytes) override;
  std::vector<FunctionRecord> get(llvm::ArrayRef<FunctionKey> keys) override;
  void put(llvm::ArrayRef<FunctionRecord> records) override;

 private:
  bool ask(uint32_t question, llvm::ArrayRef<FunctionKey> keys, std::optional<uint32_t> bytes = std::nullopt);
  bool get_some(llvm::ArrayRef<FunctionKey> keys, llvm::MutableArrayRef<FunctionRecord> records);

  int socket_;
  bool lost_ = false;
};

// Until the other side has closed it, which it may at any time. An Error: what was asked is no question.
llvm::Error serve_cache(int socket, FunctionCache& cache);

}  // namespace aotc
