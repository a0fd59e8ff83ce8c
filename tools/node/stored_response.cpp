// stored_response.cpp - see stored_response.h.
#include "stored_response.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "cache_control.h"
#include "field_lines.h"
#include "http.h"

namespace {

constexpr size_t kMostLines = 64 << 10;  // so that there is room for those that are added

// Fields of the request by which it depends what it is answered.
struct Conditions {
  bool has_none_match = false;
  std::string none_match;
  std::string_view modified_since, range, if_range;
};

Conditions conditions_of(std::string_view head) {
  Conditions c;
  each_field(head, [&](std::string_view name, std::string_view value) {
    if (is_name(name, "If-None-Match")) {
      c.none_match.append(c.has_none_match ? "," : "").append(value);
      c.has_none_match = true;
    } else if (is_name(name, "If-Modified-Since")) {
      c.modified_since = value;
    } else if (is_name(name, "Range")) {
      c.range = c.range.empty() ? value : "several";
    } else if (is_name(name, "If-Range")) {
      c.if_range = value;
    }
  });
  return c;
}

std::string_view opaque(std::string_view tag) { return tag.substr(tag.starts_with("W/") ? 2 : 0); }

// By weak comparison. A comma may be part of a tag.
bool lists(std::string_view list, std::string_view tag) {
  if (list == "*") return true;
  while (!list.empty()) {
    const size_t start = list.find_first_not_of(" \t,");
    if (start == list.npos) return false;
    list.remove_prefix(start);
    const std::string_view one = opaque(list);
    const size_t end = one.starts_with('"') ? one.find('"', 1) : one.npos;
    if (end == one.npos) return false;  // no tag
    if (!tag.empty() && one.substr(0, end + 1) == opaque(tag)) return true;
    list = one.substr(end + 1);
  }
  return false;
}

bool is_not_modified(const StoredResponse& stored, const Conditions& c) {
  if (stored.status != 200) return false;
  if (c.has_none_match) return lists(c.none_match, stored.field("ETag"));
  const auto since = http_date(c.modified_since), modified = http_date(stored.field("Last-Modified"));
  return since && modified && *modified <= *since;
}

struct Range {
  size_t begin, end;
};

// Nothing if it is not one range of bytes: whoever does not understand it leaves it alone. One that is empty has
// nothing of the body.
std::optional<Range> range_of(std::string_view value, size_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!is_name(value.substr(0, kUnit.size()), kUnit)) return std::nullopt;
  value = trimmed_value(value.substr(kUnit.size()));
  const size_t dash = value.find('-');
  if (dash == value.npos) return std::nullopt;
  auto number = [](std::string_view text) -> std::optional<size_t> {
    size_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (text.empty() || end != text.data() + text.size() || error != std::errc()) return std::nullopt;
    return n;
  };
  const std::string_view first = value.substr(0, dash), last = value.substr(dash + 1);
  const auto from = number(first), to = number(last);
  if (first.empty()) {
    if (!to) return std::nullopt;
    return Range{size - std::min(*to, size), size};
  }
  if (!from || (!last.empty() && (!to || *to < *from))) return std::nullopt;
  if (*from >= size) return Range{size, size};
  return Range{*from, last.empty() ? size : std::min(*to, size - 1) + 1};
}

// What is sent in pieces has to be the same each time.
bool may_be_split(const StoredResponse& stored, const Conditions& c) {
  const std::string_view tag = stored.field("ETag"), modified = stored.field("Last-Modified");
  if (stored.status != 200 || tag.starts_with("W/")) return false;
  if (c.if_range.empty()) return true;
  return c.if_range.starts_with('"') ? c.if_range == tag : !modified.empty() && c.if_range == modified;
}

template <typename Keep>
std::string filtered(std::string_view lines, Keep keep) {
  std::string out;
  each_part(lines, "\r\n", [&](std::string_view line) {
    if (keep(line.substr(0, line.find(':')))) out.append(line).append("\r\n");
    return true;
  });
  return out;
}

// Of a response that was freshened, by whose fields the others are replaced.
bool stays_with_body(std::string_view name) {
  for (const char* one : {"Content-Encoding", "Content-Length", "Content-Range", "Content-Type", "ETag", "Vary"})
    if (is_name(name, one)) return true;
  return false;
}

}  // namespace

StoredResponse::Use StoredResponse::use(uint64_t now) const {
  const int64_t left = ttl(now);
  if (left > 0) return Use::Fresh;
  if (left + freshness.while_revalidate > 0) return Use::WhileRevalidating;
  return left + freshness.if_error > 0 ? Use::IfError : Use::None;
}

bool StoredResponse::may_answer(const CacheRequest& request) const {
  return (!request.authorized || freshness.for_authorized) && (!request.has_cookies || freshness.for_cookies);
}

std::string_view StoredResponse::field(std::string_view name) const {
  std::string_view found;
  each_line(lines, [&](std::string_view one, std::string_view value) {
    if (found.empty() && is_name(one, name)) found = value;
  });
  return found;
}

size_t StoredResponse::held() const {
  size_t sum = sizeof *this + lines.capacity() + (body != nullptr ? body->capacity() + sizeof *body : 0);
  for (const auto& [name, value] : freshness.vary) sum += sizeof freshness.vary[0] + name.capacity() + value.capacity();
  return sum;
}

std::shared_ptr<StoredResponse> stored_response(const CacheRequest& request, std::string_view request_head, int status,
                                                std::string_view lines, uint64_t now, time_t wall) {
  if (lines.size() > kMostLines) return nullptr;
  auto stored = std::make_shared<StoredResponse>();
  stored->freshness = freshness_of(request, request_head, status, lines, wall);
  if (!stored->freshness.kept) return nullptr;
  stored->status = status;
  stored->lines = filtered(lines, [](std::string_view name) { return !is_name(name, "Age"); });
  if (stored->field("Date").empty()) stored->lines.append("Date: ").append(http_date_text(wall)).append("\r\n");
  stored->lines.shrink_to_fit();
  stored->since = now;
  return stored;
}

std::shared_ptr<const StoredResponse> freshened(const StoredResponse& stored, const CacheRequest& request,
                                                std::string_view request_head, std::string_view lines, uint64_t now,
                                                time_t wall) {
  StoredResponse said;
  said.lines = lines;
  const Conditions c = conditions_of(request_head);
  const std::string_view tag = stored.field("ETag"), its_tag = said.field("ETag");
  const bool same = !its_tag.empty()   ? its_tag == tag
                    : !tag.empty()     ? c.has_none_match && c.none_match == tag
                    : c.has_none_match ? false
                                       : !c.modified_since.empty() && c.modified_since == stored.field("Last-Modified");
  if (stored.status != 200 || !same) return nullptr;
  std::string merged =
      filtered(stored.lines, [&](std::string_view name) { return stays_with_body(name) || said.field(name).empty(); });
  merged += filtered(lines, [](std::string_view name) { return !stays_with_body(name); });
  auto result = stored_response(request, request_head, stored.status, merged, now, wall);
  if (result == nullptr) return nullptr;
  result->body = stored.body;
  result->freshness.vary = stored.freshness.vary;
  return result;
}

StoredAnswer answer_from(const StoredResponse& stored, std::string_view request_head, std::string_view cache_status,
                         uint64_t now) {
  Conditions c = conditions_of(request_head);
  if (!request_head.starts_with("GET ")) c.range = {};
  const size_t size = stored.body->size();
  StoredAnswer answer{.head = {}, .begin = 0, .end = size};
  std::string framing = "Content-Length: ";
  int status = stored.status;
  const bool not_modified = is_not_modified(stored, c);
  if (not_modified) {
    status = 304;
    answer.end = 0;
    framing.clear();
  } else if (const auto range = range_of(c.range, size); range && may_be_split(stored, c)) {
    const bool none = range->begin == range->end;
    status = none ? 416 : 206;
    answer.begin = none ? 0 : range->begin;
    answer.end = none ? 0 : range->end;
    framing += std::to_string(answer.end - answer.begin) + "\r\nContent-Range: bytes ";
    if (none)
      framing += "*/";
    else
      framing += std::to_string(range->begin) + "-" + std::to_string(range->end - 1) + "/";
    framing += std::to_string(size) + "\r\n";
  } else if (status == 204) {
    framing.clear();
  } else {
    framing += std::to_string(size) + "\r\n";
  }
  answer.head = status_line(status);
  if (not_modified)
    answer.head += filtered(stored.lines, [](std::string_view name) {
      for (const char* one : {"Cache-Control", "Content-Location", "Date", "ETag", "Expires", "Vary", "Last-Modified"})
        if (is_name(name, one)) return true;
      return false;
    });
  else
    answer.head += stored.lines;
  answer.head.append("Age: ").append(std::to_string(stored.age(now))).append("\r\n");
  answer.head.append("Cache-Status: ").append(cache_status).append("\r\n").append(framing).append("\r\n");
  return answer;
}
