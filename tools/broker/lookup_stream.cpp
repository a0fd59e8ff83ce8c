// lookup_stream.cpp - see lookup_stream.h.
#include "lookup_stream.h"

#include <cerrno>

// Before it is opened nothing can be sent.
void Finding::data(std::string_view) { program_->fail(number_, EPROTO); }
void Finding::end() { program_->fail(number_, EPROTO); }

void Finding::start() {
  if (auto address = aotc::parse_address(name_)) return take({0, {*address}});
  if (name_ == "localhost") return take({0, {*aotc::parse_address("127.0.0.1"), *aotc::parse_address("::1")}});
  std::weak_ptr<Stream> self = weak_from_this();
  broker_.resolver.look_up(app_.name, name_, [self, this](const Resolver::Found& found) {
    if (auto stream = self.lock(); stream && !stream->is_over()) take(found);
  });
}

void Finding::take(const Resolver::Found& found) {
  const std::shared_ptr<Stream> keep = shared_from_this();
  if (found.error != 0) {
    broker_.say_failed(app_, target_, "cannot find the address of " + name_);
    return program_->fail(number_, found.error);
  }
  const bool is_name = !aotc::parse_address(name_);
  std::vector<aotc::AddressBytes> allowed;
  for (const aotc::AddressBytes& address : found.addresses)
    if (!is_name || app_.policy.may_lead_to(name_, address)) allowed.push_back(address);
  if (allowed.empty()) {
    broker_.say_refused(app_, target_,
                        name_ + " leads to " + shown(found.addresses[0]) + ", which is " +
                            shown_kind(found.addresses[0]) + " (--allow-private)");
    return program_->fail(number_, EACCES);
  }
  on_found(allowed);
}

void LookupStream::on_found(const std::vector<aotc::AddressBytes>& addresses) {
  std::string bytes;
  for (const aotc::AddressBytes& address : addresses) {
    if (bytes.size() == AOTC_OUTBOUND_MAX_ADDRESSES * address.size()) break;
    bytes.append(address.begin(), address.end());
    app_.policy.pin(name_, address, Loop::now());
  }
  program_->opened(number_, {});
  program_->send(number_, bytes);
  program_->end(number_);
}

void ConnectStream::on_found(const std::vector<aotc::AddressBytes>& addresses) {
  leave();
  then_(addresses);
}
