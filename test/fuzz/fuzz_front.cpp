// fuzz_front.cpp - HTTP through a node's front: what clients send to programs, and programs to clients. What comes out
// has to be one whole message for the next who reads it, however it came in, so that nobody can smuggle in a second
// one.
//
// An input is two bytes, then a message. Bits of the first say what reads it: 1 a response, and then 2 to HEAD, 4 to
// HTTP/1.0, 8 on a connection that stays open; 0 a request, and then 2 from a trusted proxy. The second says where the
// message is cut in two.
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http.h"

namespace {

void check(bool good) {
  if (!good) std::abort();
}

// Feeds both parts as they would come from a socket; how much was used.
template <class Reader>
size_t feed(Reader& reader, std::string_view bytes, size_t cut) {
  size_t used = reader.feed(bytes.substr(0, cut));
  return used + reader.feed(bytes.substr(used));
}

size_t count(std::string_view text, std::string_view what) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; at += what.size()) ++n;
  return n;
}

// One host, one framing, and lines that all end alike.
void check_head(const RequestReader& request) {
  std::string head = request.output.substr(0, request.output.find("\r\n\r\n") + 2);
  check(head.rfind(request.method + " " + request.target + " HTTP/1.1\r\nHost: " + request.host + "\r\n", 0) == 0);
  check(count(head, "\r") == count(head, "\r\n") && count(head, "\n") == count(head, "\r\n"));
  check(count(head, "\n ") == 0 && count(head, "\n\t") == 0);
  for (char& c : head) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  check(count(head, "\nhost:") == 1 && count(head, "\ncontent-length:") + count(head, "\ntransfer-encoding:") <= 1);
  check(count(head, "\nx-forwarded-for:") + count(head, "\nforwarded:") >= 1 && count(head, "\nx-forwarded-for:") <= 1);
  const size_t tunnels = request.asks_for_tunnel;
  check(count(head, "\nconnection:") == tunnels && count(head, "\nupgrade: websocket\r\n") == tunnels);
  check(count(head, "\nexpect:") <= 1);
}

void read_request(std::string_view bytes, size_t cut, bool trusted, const HttpLimits& limits) {
  const Hop from(ClientAddress{}, trusted);
  RequestReader whole(limits, &from), parts(limits, &from), body({}, nullptr, RequestReader::Form::Body);
  size_t used = whole.feed(bytes), used_in_parts = feed(parts, bytes, cut);
  bool good = whole.done() && whole.error() == 0;
  check(good == (parts.done() && parts.error() == 0));
  if (!good) return;  // what is wrong with it may show at once, or only when more has come
  check(used == used_in_parts);
  check_head(whole);
  RequestReader again(limits), again_body({}, nullptr, RequestReader::Form::Body);
  check(again.feed(whole.output) == whole.output.size() && again.done() && again.error() == 0);
  check(again.output == whole.output && again.method == whole.method && again.target == whole.target);
  body.feed(bytes);
  again_body.feed(parts.output);
  check(body.output == again_body.output && body.host == again_body.host);
}

void read_response(std::string_view bytes, size_t cut, const ResponseReader::Client& client) {
  ResponseReader whole(client), parts(client);
  whole.feed(bytes);
  whole.end();
  feed(parts, bytes, cut);
  parts.end();
  bool good = whole.done() && !whole.bad();
  check(good == (parts.done() && !parts.bad()));
  if (!good) return;
  ResponseReader again(client);
  check(again.feed(whole.output) == whole.output.size());
  if (whole.closes || whole.tunnels()) again.end();
  check(again.done() && !again.bad() && again.status == whole.status && again.output == whole.output);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  size_t cut = bytes.size() * data[1] / 256;
  if (data[0] & 1)
    read_response(bytes, cut, {(data[0] & 2) != 0, (data[0] & 4) != 0, (data[0] & 8) != 0, false, (data[0] & 16) != 0});
  else
    read_request(bytes, cut, (data[0] & 2) != 0, {.tunnels = (data[0] & 4) != 0});
  return 0;
}
