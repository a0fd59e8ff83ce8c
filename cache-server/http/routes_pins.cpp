// routes_pins.cpp - see routes_pins.h.
#include "routes_pins.h"

#include <nlohmann/json.hpp>

#include "jobs/compile_request.h"
#include "metrics.h"
#include "store/catalog.h"

namespace aotc::server {

Response get_pins(Service& service, const Request& request) {
  nlohmann::ordered_json pins = nlohmann::ordered_json::array();
  bool all = service.tenants.open_to_all() || request.caller.may(kOperator);
  std::string prefix = all ? "" : request.caller.tenant + "/";
  llvm::Error error =
      for_each(service.store, Table::Pins, prefix, [&](const std::string& rest, const std::string&) -> llvm::Error {
        auto [name, tag] = split_key(rest);
        pins.push_back({{"name", prefix + name}, {"tag", tag}});
        return llvm::Error::success();
      });
  if (error) return internal_problem(std::move(error));
  return json_response(200, nlohmann::ordered_json({{"pins", pins}}).dump() + "\n");
}

Response set_pin(Service& service, const Request& request, bool pinned) {
  std::string name = request.parameter("name").value_or(""), tag = request.parameter("tag").value_or("latest");
  if (!is_repository_name(name)) return problem(400, "name: not a repository name");
  if (!is_tag(tag)) return problem(400, "tag: not a tag");
  if (!service.tenants.owns(request.caller, name)) {
    ++service.counters.denied;
    return problem(403, "the token is not for this repository");
  }
  llvm::Expected<bool> known = service.catalog.pin(name, tag, pinned);
  if (!known) return internal_problem(known.takeError());
  if (!*known) return problem(404, "there is no such tag");
  Response response;
  response.status = 204;
  return response;
}

}  // namespace aotc::server
