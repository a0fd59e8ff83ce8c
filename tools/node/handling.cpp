// handling.cpp - see handling.h.
#include "handling.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <utility>

namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kLength = "Content-Length: ";

std::string_view view(const aotc_text& text) { return {text.bytes, text.size}; }

bool set(aotc_text& text, std::string_view bytes) {
  text.size = 0;
  return aotc_text_append(&text, bytes.data(), bytes.size());
}

bool is_name(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         std::equal(name.begin(), name.end(), line.begin(),
                    [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
}

// Of a request Host is one of them: it comes first, and once.
bool is_of_framing(std::string_view line, bool of_request) {
  for (std::string_view name : {"content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection",
                                "te", "upgrade", "expect"})
    if (is_name(line, name)) return true;
  return of_request && is_name(line, "host");
}

template <class Function>
void for_lines(std::string_view fields, Function&& function) {
  while (!fields.empty()) {
    const std::string_view line = fields.substr(0, fields.find('\n') + 1);
    function(line);
    fields.remove_prefix(line.size());
  }
}

void write_fields(std::string& out, std::string_view fields, bool of_request) {
  for_lines(fields, [&](std::string_view line) {
    if (!is_of_framing(line, of_request)) out.append(line);
  });
}

// The line with it, or nothing.
std::string_view find_line(std::string_view fields, std::string_view name) {
  std::string_view found;
  for_lines(fields, [&](std::string_view line) {
    if (found.empty() && is_name(line, name)) found = line;
  });
  return found;
}

void write_length(std::string& out, size_t length) {
  out.append(kLength).append(std::to_string(length)).append("\r\n");
}

void write_chunk(std::string& out, std::string_view piece) {
  char size[24];
  if (piece.empty()) return;
  out.append(size, static_cast<size_t>(std::snprintf(size, sizeof size, "%zx\r\n", piece.size())));
  out.append(piece).append("\r\n");
}

void write_last_chunk(std::string& out, std::string_view trailers) {
  out.append("0\r\n");
  write_fields(out, trailers, true);
  out.append("\r\n");
}

// How the body that follows is framed, and it. Without one there is no framing unless `says_length`.
void write_whole(std::string& out, std::string_view body, std::string_view trailers, bool says_length) {
  if (!trailers.empty()) {
    out.append("Transfer-Encoding: chunked\r\n\r\n");
    write_chunk(out, body);
    return write_last_chunk(out, trailers);
  }
  if (!body.empty() || says_length) write_length(out, body.size());
  out.append("\r\n").append(body);
}

bool has_no_body(uint32_t status) { return status == 204 || status == 304; }

}  // namespace

Handling::Handling(const Client& client, size_t most, const MemoryGauge& gauge)
    : client_(client), most_(most), gauge_(gauge) {}

// Of a body. The kernel is asked now and then, for what doubling its buffer may take.
bool Handling::may_keep(size_t before, size_t more) const {
  constexpr size_t kStep = 1 << 20;
  const size_t after = before + more;
  return after <= most_ && (before / kStep == after / kStep || gauge_.has_room(2 * after));
}

bool Handling::take(std::string_view bytes) {
  unread_.append(bytes);
  unread_.erase(0, reader_.feed(unread_));
  const bool wanted = state_ == State::Request || (state_ == State::Next && streams_);
  const bool fits = !wanted || may_keep(body_.size(), reader_.output.size());
  if (wanted && fits) body_.append(reader_.output);
  reader_.output.clear();
  if (state_ == State::Next && streams_) pass_body();
  return fits;
}

bool Handling::wants_call() const {
  if (state_ == State::Request) return reader_.head_done() && (!wants_whole_ || reader_.done());
  return state_ == State::Next && answered_;
}

bool Handling::fill(const aotc_peer& from) {
  aotc_http_exchange& e = *exchange_;
  std::snprintf(e.version, sizeof e.version, "%s", client_.version);
  std::snprintf(e.source, sizeof e.source, "%.*s", static_cast<int>(from.text_size), from.text);
  std::string fields = "Host: " + reader_.host + "\r\n" + reader_.fields;
  if (reader_.length) write_length(fields, *reader_.length);
  e.request.whole = reader_.done();
  return set(e.method, reader_.method) && set(e.uri, reader_.target) && set(e.request.fields, fields) &&
         set(e.request.trailers, reader_.trailers) && (!e.request.whole || set(e.request.body, body_));
}

aotc_status Handling::call(aotc_slot* slot, const aotc_peer& from, aotc_error& error) {
  if (state_ == State::Next) {
    const aotc_status status = aotc_slot_handle_response(slot, context_, failed_, &error);
    if (status != AOTC_OK) return status;
    if (!begun_) answer();
    state_ = State::Over;
    return status;
  }
  aotc_status status = aotc_slot_begin_handler(slot, &error);
  if (status != AOTC_OK) return status;
  exchange_ = aotc_slot_exchange(slot);
  if (!fill(from)) {
    std::snprintf(error.message, sizeof error.message, "out of memory");
    return error.status = AOTC_ERROR_LIMIT;
  }
  bool next = false;
  status = aotc_slot_handle_request(slot, &next, &context_, &error);
  if (status != AOTC_OK) return status;
  if (next)
    go_on();
  else
    answer();
  return status;
}

bool Handling::starts_anew() {
  if (exchange_ == nullptr || !exchange_->wants_whole) return false;
  exchange_ = nullptr;
  wants_whole_ = true;
  if (std::exchange(reader_.expects_continue, false) && !reader_.done()) output.append(kContinue);
  return true;
}

void Handling::go_on() {
  aotc_http_exchange& e = *exchange_;
  state_ = State::Next;
  next_is_head_ = view(e.method) == "HEAD";
  next_.emplace(ResponseReader::Client{.head_request = next_is_head_}, ResponseReader::Form::Parts);
  const std::string_view fields = view(e.request.fields), host = find_line(fields, "host");
  onward.append(view(e.method)).append(" ").append(view(e.uri)).append(" HTTP/1.1\r\n");
  onward.append(host.empty() ? "Host: " + reader_.host + "\r\n" : std::string(host));
  write_fields(onward, fields, true);
  const bool had_body = reader_.length || reader_.chunked;
  streams_ = !e.request.whole && !e.request.written;
  if (!streams_) {
    // Of a body that is not there yet the rest is in vain.
    write_whole(onward, view(e.request.body), view(e.request.trailers), had_body || e.request.written);
    body_ = {};
    return;
  }
  if (std::exchange(reader_.expects_continue, false)) output.append(kContinue);
  if (reader_.length)
    write_length(onward, *reader_.length);
  else
    onward.append("Transfer-Encoding: chunked\r\n");
  onward.append("\r\n");
  pass_body();
}

void Handling::pass_body() {
  if (reader_.length)
    onward.append(body_);
  else
    write_chunk(onward, body_);
  body_.clear();
  if (!reader_.done()) return;
  if (!reader_.length) write_last_chunk(onward, reader_.trailers);
  streams_ = false;
}

bool Handling::take_answer(std::string_view bytes) {
  if (state_ != State::Next || answered_) return true;
  rest_.append(bytes);
  rest_.erase(0, next_->feed(rest_));
  bool fits = true;
  for (const ResponseReader::Head& head : std::exchange(next_->heads, {}))
    if (head.status >= 200) begin_answer(head);
  if (!buffers()) {
    put(next_->output);
  } else {
    aotc_text& body = exchange_->response.body;
    fits = may_keep(body.size, next_->output.size()) &&
           aotc_text_append(&body, next_->output.data(), next_->output.size());
  }
  next_->output.clear();
  if (next_->bad()) end_answer(502, "the next handler's response makes no sense\n");
  if (!next_->done() || answered_) return fits;
  answered_ = true;
  aotc_text& trailers = exchange_->response.trailers;
  fits &= aotc_text_append(&trailers, next_->trailers.data(), next_->trailers.size());
  exchange_->response.whole = true;
  if (begun_) finish(view(trailers));
  return fits;
}

// Fields and body that the program has made before come first.
void Handling::begin_answer(const ResponseReader::Head& head) {
  aotc_text& fields = exchange_->response.fields;
  exchange_->status = static_cast<uint32_t>(head.status);
  if (!aotc_text_append(&fields, head.fields.data(), head.fields.size())) return;
  if (buffers()) return;
  const std::string_view length = find_line(head.fields, "content-length");
  begun_ = true;
  has_body_ = !client_.head_request && !has_no_body(exchange_->status);
  chunked_ = has_body_ && !next_is_head_ && (length.empty() || exchange_->response.written);
  output.append(status_line(head.status));
  write_fields(output, view(fields), false);
  const std::string_view before = view(exchange_->response.body);
  if (has_body_ && next_is_head_)
    write_length(output, before.size());
  else if (chunked_)
    output.append("Transfer-Encoding: chunked\r\n");
  else if (!has_no_body(exchange_->status))
    output.append(length);
  output.append("\r\n");
  put(before);
}

void Handling::put(std::string_view piece) {
  if (!has_body_) return;
  if (chunked_)
    write_chunk(output, piece);
  else
    output.append(piece);
}

void Handling::finish(std::string_view trailers) {
  if (chunked_) write_last_chunk(output, trailers);
}

void Handling::end_answer(int status, std::string_view text) {
  if (state_ != State::Next || answered_) return;
  if (next_) next_->end();
  if (next_ && next_->done() && !next_->bad()) {
    take_answer({});
    return;
  }
  answered_ = failed_ = true;
  broken_ = begun_;
  if (begun_) return;
  constexpr std::string_view kText = "Content-Type: text/plain; charset=utf-8\r\n";
  exchange_->status = static_cast<uint32_t>(status);
  aotc_text_append(&exchange_->response.fields, kText.data(), kText.size());
  set(exchange_->response.body, text);
}

// All that the program has left in its exchange.
void Handling::answer() {
  const aotc_http_exchange& e = *exchange_;
  const aotc_http_message& response = e.response;
  const int status = e.status == 0 ? 200 : static_cast<int>(e.status);
  const bool of_next = state_ == State::Next && !failed_ && !response.written;
  const std::string_view length = find_line(view(response.fields), "content-length");
  state_ = State::Over;
  body_ = {};
  output.append(status_line(status));
  write_fields(output, view(response.fields), false);
  if (has_no_body(static_cast<uint32_t>(status))) {
    output.append("\r\n");
  } else if (client_.head_request) {
    if (of_next && next_is_head_)
      output.append(length);
    else
      write_length(output, response.body.size);
    output.append("\r\n");
  } else {
    write_whole(output, view(response.body), view(response.trailers), true);
  }
}
