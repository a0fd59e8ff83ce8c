// courier_channel.h - what a keeper and its courier say to each other over a socket. The courier speaks to one remote
// and is believed nothing: what it carries is sealed (sealed_record.h).
//
//   to the courier, first    url token certificates          each size:u32 bytes: see CourierOptions
//   to the courier, then     { ask | keep | count }
//     ask    ::= "ask":u32 count:u32 { key:16 bytes }
//     keep   ::= "kep":u32 key:16 bytes size:u32 bytes
//     count  ::= "cnt":u32 0:u32
//   to the keeper            { answer | kept | counted | failed }
//     answer ::= number:u32 size:u32 bytes              the number-th key since the beginning; size 0: it is not there
//     kept   ::= kKept:u32 8:u32 settled:u32 taken:u32
//                  values of which is known what became of them, and those that lie there
//     counted ::= kCounted:u32 16:u32 values:u64 bytes:u64
//                  what lies there, of ours and of others; kUncounted: it does not say
//     failed ::= kFailed:u32 size:u32 text              the last word: the remote cannot be used
//
// Numbers are little-endian. Each key has one answer, in any order. The courier reads whatever its remote does, until
// it holds too much; it ends when its socket does and everything has been written.
#pragma once

#include <cstddef>
#include <cstdint>

namespace aotc {

constexpr uint32_t kCourierAsk = 0x6b7361, kCourierKeep = 0x70656b, kCourierCount = 0x746e63;
constexpr uint32_t kCourierCounted = 0xfffffffd, kCourierKept = 0xfffffffe, kCourierFailed = 0xffffffff;
constexpr uint64_t kUncounted = ~uint64_t{0};
constexpr size_t kCourierKey = 16;
constexpr uint32_t kMostCourierAsked = 4096;
constexpr size_t kMostCourierValue = 33 << 20, kMostCourierText = 200, kMostCourierOption = 4096;

}  // namespace aotc
