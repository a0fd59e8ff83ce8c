// filter.cpp - see filter.h.
#include "filter.h"

#include <cstdio>

void FilterInput::feed(std::string_view bytes, std::string& body) {
  unread_.append(bytes);
  unread_.erase(0, reader_.feed(unread_));
  body.append(reader_.output);
  reader_.output.clear();
}

std::string FilterOutput::frame(std::string_view piece, bool last) {
  std::string out;
  if (!started_) {
    chunked_ = !last;
    out = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n";
    out += chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: " + std::to_string(piece.size()) + "\r\n\r\n";
  }
  started_ = true;
  if (head_request_) return out;
  if (chunked_ && !piece.empty()) {
    char size[24];
    out.append(size, static_cast<size_t>(std::snprintf(size, sizeof size, "%zx\r\n", piece.size())));
  }
  out.append(piece);
  if (chunked_ && !piece.empty()) out += "\r\n";
  if (chunked_ && last) out += "0\r\n\r\n";
  return out;
}
