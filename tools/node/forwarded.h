// forwarded.h - what a request says about whom it comes from: Forwarded (RFC 7239), X-Forwarded-For and -Proto.
//
// Programs believe these fields, so they are ours to write. What a client says of itself in them, or in others that
// frameworks know, or in the operator's --country-header, is dropped; a proxy that the operator trusts is believed, and
// its address is added. The list that it sent is extended; when it sent none, both are begun.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "address.h"

// One connection's other end.
struct Hop {
  // `scheme` by which it speaks to us.
  Hop(const ClientAddress& from, bool is_trusted, std::string_view scheme = "http",
      std::string_view country_field = "");
  std::string scheme;
  std::string address, element;  // of X-Forwarded-For, and of Forwarded
  std::string lines;             // all three, where there were none
  bool trusted;
  std::string country_field;  // in which a proxy says where the client is; empty: in none
};

class Forwarded {
 public:
  explicit Forwarded(const Hop& hop) : hop_(hop) {}
  // False for a field that has nothing to do with it.
  bool take(std::string_view name, std::string_view value);
  void write(std::string& head) const;  // whole lines
  // Who asks: whom a trusted proxy names last, if that is an address, or the other end of the connection.
  std::string client() const;
  // Where that is, if a trusted proxy says so in a word.
  const std::string& country() const { return country_; }

 private:
  const Hop& hop_;
  std::optional<std::string> addresses_, elements_, scheme_;  // as the proxy sent them
  std::string country_;
};
