// proxy_header.h - what a proxy says first on a connection: whose it is. PROXY protocol, version 2, as HAProxy, the
// load balancers of clouds and others speak it. Version 1, a line of text, is not read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "address.h"

struct ProxyHeader {
  static constexpr size_t kFirst = 16;            // bytes that tell how many there are
  static constexpr size_t kMost = kFirst + 2048;  // that are read of one, whatever else the proxy says in it

  // How many bytes one has of which these are the first, at least kFirst. None: it is no such header, or too long.
  static std::optional<size_t> size(std::string_view first);
  // One that is whole. None: it makes no sense.
  static std::optional<ProxyHeader> read(std::string_view header);

  // The client's; none: the proxy speaks for itself, or for somebody who has no address in a network.
  std::optional<ClientAddress> address;
  uint16_t port = 0;
};
