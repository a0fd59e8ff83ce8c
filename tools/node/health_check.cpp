// health_check.cpp - see health_check.h.
#include "health_check.h"

#include <utility>

#include "front_loop.h"

HealthCheck::HealthCheck(FrontLoop& loop, uint32_t process, const App& app, Result result)
    : loop_(loop),
      process_(process),
      path_(app.health),
      overdue_at_(Loop::now() + app.limits.start_timeout),
      result_(std::move(result)),
      exchange_(loop, nobody_, *this) {
  TenantLinks* tenant = loop.tenant_with(process);
  if (tenant == nullptr) {
    report("its process ended");
    return;
  }
  exchange_.expect();
  exchange_.request->feed("GET " + path_ + " HTTP/1.1\r\nHost: " + app.host() + "\r\nUser-Agent: aotc-node\r\n\r\n");
  exchange_.be_asked_of(*tenant, uncounted_);
  if (const auto refusal = exchange_.dispatch({}, ResponseReader::Form::Message))
    on_failed(refusal->status, refusal->text);
}

HealthCheck::~HealthCheck() {
  if (exchange_.is_served()) exchange_.cancel();
}

void HealthCheck::report(const std::string& why) {
  if (std::exchange(reported_, true)) return;
  loop_.post([result = result_, process = process_, why] { result(process, why); });
}

void HealthCheck::on_output() {
  exchange_.response->output.clear();
  exchange_.report_taken(0);
}

void HealthCheck::on_answered() {
  const int status = exchange_.response->status;
  report(status >= 200 && status < 400 ? "" : path_ + " is answered with " + std::to_string(status));
}

void HealthCheck::on_failed(int status, std::string_view text) {
  if (status == 0) text = "the answer broke off\n";
  report(path_ + ": " + std::string(text.substr(0, text.find('\n'))));
}

void HealthCheck::check_time(uint64_t now) {
  if (exchange_.is_served()) exchange_.check_patience(now);
  if (now > overdue_at_) report(path_ + " is not answered in time");
}
