// wasm_bytes.h - writes small wasm modules byte by byte, valid or not.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace wasm {

using Bytes = std::vector<uint8_t>;

inline Bytes leb(uint64_t value) {
  Bytes out;
  do {
    uint8_t low = value & 0x7f;
    value >>= 7;
    out.push_back(value ? low | 0x80 : low);
  } while (value);
  return out;
}

inline Bytes join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

// A length, then the content.
inline Bytes sized(const Bytes& content) { return join({leb(content.size()), content}); }

inline Bytes name(const std::string& text) { return sized(Bytes(text.begin(), text.end())); }

inline Bytes section(uint8_t id, const Bytes& content) { return join({{id}, sized(content)}); }

// A count, then the items.
inline Bytes list(std::initializer_list<Bytes> items) { return join({leb(items.size()), join(items)}); }

inline Bytes module(std::initializer_list<Bytes> sections) {
  return join({{0, 'a', 's', 'm', 1, 0, 0, 0}, join(sections)});
}

constexpr uint8_t kI32 = 0x7f, kI64 = 0x7e, kF32 = 0x7d, kF64 = 0x7c;

inline Bytes func_type(std::initializer_list<uint8_t> params, std::initializer_list<uint8_t> results) {
  return join({{0x60}, sized(params), sized(results)});
}

inline Bytes types(std::initializer_list<Bytes> t) { return section(1, list(t)); }
inline Bytes functions(std::initializer_list<uint8_t> type_indices) { return section(3, sized(type_indices)); }
inline Bytes memory(uint8_t pages) { return section(5, list({{0, pages}})); }
inline Bytes code(std::initializer_list<Bytes> bodies) { return section(10, list(bodies)); }
// A body without locals of its own; `instructions` must end with end (0x0b).
inline Bytes body(const Bytes& instructions) { return sized(join({{0}, instructions})); }

inline Bytes function_names(std::initializer_list<Bytes> entries) {
  return section(0, join({name("name"), {1}, sized(list(entries))}));
}

// One function of type ()->() with these instructions.
inline Bytes one_function(const Bytes& instructions) {
  return module({types({func_type({}, {})}), functions({0}), code({body(instructions)})});
}

// Go's memeqbody, word for word: type (i64 i64 i64)->i64.
inline Bytes memeqbody() {
  return {0x20, 0,    0x20, 1,    0x51, 0x04, 0x40, 0x42, 1,    0x0f, 0x0b,                 // if p == q return 1
          0x03, 0x40, 0x20, 2,    0x50, 0x04, 0x40, 0x42, 1,    0x0f, 0x0b,                 // loop, if n == 0 return 1
          0x20, 0,    0xa7, 0x31, 0,    0,    0x20, 1,    0xa7, 0x31, 0,    0,    0x52,     // load both, compare
          0x04, 0x40, 0x42, 0,    0x0f, 0x0b,                                               // return 0
          0x20, 0,    0x42, 1,    0x7c, 0x21, 0,    0x20, 1,    0x42, 1,    0x7c, 0x21, 1,  // ++p, ++q
          0x20, 2,    0x42, 1,    0x7d, 0x21, 2,    0x0c, 0,    0x0b, 0x00, 0x00, 0x0b};    // --n, again
}

}  // namespace wasm
