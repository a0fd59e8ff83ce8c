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
    out += chunked_ ? "Transfer-Encoding: chunked\r\n\r\n"
                    : "Content-Length: " + std::to_string(piece.size()) + "\r\n\r\n";
  }
  started_ = true;
  done_ = last || head_request_;
  if (head_request_) return out;
  if (chunked_ && !piece.empty()) {
    char size[24];
    int length = std::snprintf(size, sizeof size, in_chunk_ ? "\r\n%zx\r\n" : "%zx\r\n", piece.size());
    out.append(size, static_cast<size_t>(length));
    in_chunk_ = true;
  }
  out.append(piece);
  if (chunked_ && last) out += in_chunk_ ? "\r\n0\r\n\r\n" : "0\r\n\r\n";
  return out;
}
