// cache_rules.cpp - see cache_rules.h.
#include "cache_rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>

#include "cache_control.h"
#include "field_lines.h"

namespace {

constexpr size_t kMostVary = 8;  // names
constexpr size_t kMostCodings = 16;
constexpr size_t kMostVaried = 4 << 10;  // bytes of a value

bool is_any(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view one) { return is_name(name, one); });
}

// What an element of Forwarded says of where the request goes.
void add_where(std::string& key, std::string_view forwarded) {
  each_part(forwarded, ",", [&](std::string_view element) {
    each_part(element, ";", [&](std::string_view pair) {
      pair = trimmed_value(pair);
      const std::string_view name = pair.substr(0, pair.find('='));
      if (!is_any(name, {"for", "by"})) key.append(pair).append(";");
      return true;
    });
    key += ',';
    return true;
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool is_refused(std::string_view parameters) {
  const size_t equals = parameters.find('=');
  if (equals == parameters.npos || !is_name(trimmed_value(parameters.substr(0, equals)), "q")) return false;
  const std::string_view weight = trimmed_value(parameters.substr(equals + 1));
  return weight.starts_with('0') && weight.find_first_not_of("0.") == weight.npos;
}

// Which codings are accepted, in one order: whoever accepts the same ones is well served by the same response.
std::string codings(std::string_view accepted) {
  std::array<std::string_view, kMostCodings> list;
  size_t count = 0;
  bool all = true;
  std::string refused;
  each_part(accepted, ",", [&](std::string_view one) {
    const size_t end = std::min(one.find(';'), one.size());
    const std::string_view name = trimmed_value(one.substr(0, end));
    if (name.empty()) return true;
    if (end < one.size() && is_refused(one.substr(end + 1))) {
      refused.append("!").append(lower(name)).append(",");
      return true;
    }
    all = count < list.size();
    if (all) list[count++] = name;
    return all;
  });
  if (!all) return lower(accepted);
  const auto less = [](std::string_view x, std::string_view y) {
    const int order = strncasecmp(x.data(), y.data(), std::min(x.size(), y.size()));
    return order != 0 ? order < 0 : x.size() < y.size();
  };
  std::sort(list.begin(), list.begin() + count, less);
  std::string out = std::move(refused);
  for (size_t i = 0; i < count; ++i)
    if (i == 0 || !is_name(list[i], list[i - 1])) out.append(lower(list[i])).append(",");
  return out;
}

// Those that say what there is, or where, and errors that do not go away. Others may be one client's own doing.
bool may_be_kept(int status) {
  for (const int one : {200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410})
    if (status == one) return true;
  return false;
}

struct Said {
  CacheControl control;
  bool sets_cookie = false, varies_by_all = false, has_expires = false;
  std::optional<time_t> date, expires;
  uint64_t age = 0;
  std::vector<std::string> vary;
};

Said read(std::string_view lines) {
  Said said;
  each_line(lines, [&](std::string_view name, std::string_view value) {
    if (is_name(name, "Cache-Control")) {
      said.control.add(value);
    } else if (is_name(name, "Set-Cookie")) {
      said.sets_cookie = true;
    } else if (is_name(name, "Date")) {
      said.date = http_date(value);
    } else if (is_name(name, "Expires")) {
      // Of two the earlier one, and one that is no date is over.
      const time_t expires = http_date(value).value_or(0);
      said.expires = said.has_expires ? std::min(*said.expires, expires) : expires;
      said.has_expires = true;
    } else if (is_name(name, "Age")) {
      said.age = std::max(said.age, delta_seconds(value));
    } else if (is_name(name, "Vary")) {
      each_part(value, ",", [&](std::string_view one) {
        one = trimmed_value(one);
        said.varies_by_all |= one == "*";
        const std::string varied = lower(one);
        if (!one.empty() && std::find(said.vary.begin(), said.vary.end(), varied) == said.vary.end())
          said.vary.push_back(varied);
        return said.vary.size() <= kMostVary;
      });
    }
  });
  return said;
}

}  // namespace

CacheRequest cache_request_of(std::string_view method, std::string_view host, std::string_view target,
                              std::string_view head, bool has_body) {
  CacheRequest request;
  request.is_head = method == "HEAD";
  request.unsafe = method != "GET" && !request.is_head && method != "OPTIONS" && method != "TRACE";
  request.passes =
      (method != "GET" && !request.is_head) || has_body || head.size() > kMostCacheHead || target.substr(0, 1) != "/";
  std::string& key = request.key;
  key.append(host).append("\n").append(target);
  CacheControl control;
  each_field(head, [&](std::string_view name, std::string_view value) {
    if (is_name(name.substr(0, 12), "X-Forwarded-") && !is_name(name, "X-Forwarded-For")) {
      key.append("\n").append(lower(name)).append(":").append(value);
    } else if (is_name(name, "Forwarded")) {
      add_where(key.append("\n"), value);
    } else if (is_any(name,
                      {"X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override", "X-Original-URL",
                       "X-Rewrite-URL", "X-Host", "X-Original-Host", "If-Match", "If-Unmodified-Since", "Upgrade"})) {
      request.passes = true;
    } else if (is_name(name, "Range")) {
      request.ranged = true;
    } else if (is_any(name, {"Authorization", "Proxy-Authorization"})) {
      request.authorized = true;
    } else if (is_name(name, "Cookie")) {
      request.has_cookies = true;
    } else if (is_name(name, "Cache-Control")) {
      control.add(value);
    }
  });
  request.no_store = control.no_store;
  request.only_if_cached = control.only_if_cached;
  return request;
}

std::string varied_value(std::string_view head, std::string_view name) {
  std::string value;
  bool any = false;
  each_field(head, [&](std::string_view field, std::string_view one) {
    if (!is_name(field, name)) return;
    if (std::exchange(any, true)) value += ", ";
    value += one;
  });
  if (is_name(name, "Accept-Encoding")) return any ? "=" + codings(value) : "";
  return any ? "=" + value : "";  // an empty one is not none
}

bool matches(const Vary& vary, std::string_view request_head) {
  return std::all_of(vary.begin(), vary.end(),
                     [&](const auto& one) { return varied_value(request_head, one.first) == one.second; });
}

Freshness freshness_of(const CacheRequest& request, std::string_view request_head, int status, std::string_view lines,
                       time_t now) {
  const Said said = read(lines);
  const CacheControl& control = said.control;
  Freshness f;
  const bool is_everybodys = control.is_public || control.s_maxage;
  f.for_authorized = is_everybodys || control.must_revalidate;
  f.for_cookies = is_everybodys;
  if (control.no_store || control.no_cache || control.is_private || request.no_store || !may_be_kept(status) ||
      said.varies_by_all || said.vary.size() > kMostVary || (said.sets_cookie && !control.is_public) ||
      (request.authorized && !f.for_authorized) || (request.has_cookies && !f.for_cookies))
    return f;
  int64_t lifetime = 0;
  if (control.s_maxage)
    lifetime = static_cast<int64_t>(*control.s_maxage);
  else if (control.max_age)
    lifetime = static_cast<int64_t>(*control.max_age);
  else if (said.expires)
    lifetime = *said.expires - said.date.value_or(now);
  f.age = std::max(said.age, static_cast<uint64_t>(std::max<time_t>(now - said.date.value_or(now), 0)));
  f.fresh = lifetime - static_cast<int64_t>(f.age);
  if (!control.must_revalidate) {
    f.while_revalidate = static_cast<int64_t>(control.stale_while_revalidate.value_or(0));
    f.if_error = static_cast<int64_t>(control.stale_if_error.value_or(0));
  }
  f.kept = f.fresh + std::max(f.while_revalidate, f.if_error) > 0;
  for (const std::string& name : said.vary) {
    f.vary.emplace_back(name, varied_value(request_head, name));
    f.kept &= f.vary.back().second.size() <= kMostVaried;
  }
  return f;
}
