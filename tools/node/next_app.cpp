// next_app.cpp - see next_app.h.
#include "next_app.h"

#include <algorithm>
#include <utility>

static constexpr size_t kReportPassed = 32 << 10;

NextApp::NextApp(LoopContext& front, const std::string& app, const aotc_peer& asker, uint32_t version, Link& link,
                 uint32_t request)
    : front_(front),
      app_(app),
      version_(version),
      asker_(asker),
      link_(link),
      id_(request),
      exchange_(front, asker_, to_) {
  exchange_.expect();
}

bool NextApp::on_onward(std::string_view bytes) {
  unpassed_ += bytes.size();
  if (unpassed_ > kWindow) return false;
  RequestReader& request = *exchange_.request;
  if (state_ != State::Over) {
    rest_.append(bytes);
    rest_.erase(0, request.feed(rest_));
    // The program has made of the request what is none, or too large a one.
    if (request.error() != 0 || (request.done() && !rest_.empty()))
      refuse(request.error() != 0 ? request.error() : 400, kRefusedRequest);
    // The handler has not left it before there was enough of it.
    if (state_ == State::Request && request.head_done()) begin();
    if (state_ == State::Served && exchange_.is_served()) exchange_.pass_body();
  }
  report_passed();
  return true;
}

void NextApp::begin() {
  const RequestReader& request = *exchange_.request;
  const App* app = front_.served->by_name(app_);
  if (app == nullptr) return refuse(503, kNotReady);
  exchange_.be_part_of(app->place, app_, asker_.request, version_);
  const auto refusal = exchange_.dispatch({.head_request = request.method == "HEAD"}, ResponseReader::Form::Message);
  if (refusal) return refuse(refusal->status, refusal->text);
  state_ = State::Served;
  if (exchange_.is_answered()) return to_.on_answered();
  take_output();
  send_answer();
}

void NextApp::refuse(int status, std::string_view text) {
  if (state_ == State::Over) return;
  if (exchange_.is_served()) exchange_.cancel();
  fail(exchange_.response && exchange_.response->started() ? 0 : status, text);
}

// What has gone on, or never will. A head is taken as a whole, however long it may be.
void NextApp::report_passed() {
  const bool in_body = state_ != State::Over && exchange_.request->head_done();
  const size_t waiting = in_body ? std::min(unpassed_, rest_.size() + exchange_.request->output.size()) : 0;
  if (unpassed_ < waiting + kReportPassed) return;
  link_.send(Frame::Passed, id_, static_cast<uint32_t>(unpassed_ - waiting));
  unpassed_ = waiting;
  link_.flush();
}

void NextApp::take_output() {
  answer_ += exchange_.response->output;
  exchange_.response->output.clear();
}

void NextApp::send_answer() {
  if (waits_for_room_) return;
  if (!link_.has_room()) {
    waits_for_room_ = true;
    return link_.wait_for_room(id_);
  }
  const size_t size = std::min(answer_.size(), kWindow - under_way_);
  if (size > 0) link_.send(Frame::Answer, id_, 0, std::string_view(answer_).substr(0, size));
  answer_.erase(0, size);
  under_way_ += size;
  if (ends_ && answer_.empty()) {
    link_.send(Frame::AnswerEnd, id_, static_cast<uint32_t>(end_status_), end_text_);
    ends_ = false;
  }
  link_.flush();
  exchange_.report_taken(answer_.size() + under_way_);
}

void NextApp::on_room() {
  waits_for_room_ = false;
  send_answer();
}

void NextApp::Asker::on_output() {
  next.take_output();
  next.send_answer();
}

void NextApp::Asker::on_answered() {
  next.state_ = State::Over;
  next.take_output();
  next.send_answer();
  next.report_passed();
}

void NextApp::fail(int status, std::string_view text) {
  state_ = State::Over;
  if (exchange_.response) take_output();
  ends_ = true;
  end_status_ = status;
  end_text_ = text;
  if (status != 0) exchange_.count(status);
  send_answer();
  report_passed();
}

bool NextApp::on_answer_taken(uint32_t bytes) {
  if (bytes > under_way_) return false;
  under_way_ -= bytes;
  send_answer();
  return true;
}

void NextApp::cancel() {
  if (exchange_.is_served()) {
    exchange_.count(0);
    exchange_.cancel();
  }
  state_ = State::Over;
}
