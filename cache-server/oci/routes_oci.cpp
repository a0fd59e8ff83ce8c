// routes_oci.cpp - manifests, blobs and tags. Errors have the form that the distribution specification asks for.
#include "routes_oci.h"

#include <algorithm>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "jobs/compile_request.h"
#include "llvm/ADT/StringExtras.h"
#include "metrics.h"
#include "oci_image.h"
#include "registry/revocations.h"
#include "routes_push.h"
#include "store/catalog.h"

namespace aotc::server {

namespace {

constexpr unsigned kMaxPage = 1000;
constexpr uint64_t kLeastCompressed = 1024;
constexpr const char* kImmutable = "private, max-age=31536000, immutable";

// "bytes=3-5", "bytes=3-", "bytes=-5" -> offset and length. Nothing when the whole blob is to be sent.
struct Range {
  bool valid = true;
  uint64_t offset, length;
};

std::optional<Range> parse_range(llvm::StringRef text, uint64_t size) {
  if (!text.consume_front("bytes=") || text.contains(',')) return std::nullopt;
  auto [first_text, last_text] = text.split('-');
  uint64_t first = 0, last = 0;
  if (first_text.empty()) {
    if (last_text.getAsInteger(10, last)) return std::nullopt;
    if (last == 0 || size == 0) return Range{false, 0, 0};
    last = std::min(last, size);
    return Range{true, size - last, last};
  }
  if (first_text.getAsInteger(10, first)) return std::nullopt;
  if (last_text.empty())
    last = UINT64_MAX;
  else if (last_text.getAsInteger(10, last))
    return std::nullopt;
  if (first >= size || last < first) return Range{false, 0, 0};
  last = std::min(last, size - 1);
  return Range{true, first, last - first + 1};
}

bool has_etag(llvm::StringRef list, const std::string& etag) {
  llvm::SmallVector<llvm::StringRef, 4> tags;
  list.split(tags, ',');
  return std::any_of(tags.begin(), tags.end(), [&](llvm::StringRef tag) {
    tag = tag.trim();
    tag.consume_front("W/");
    return tag == etag || tag == "*";
  });
}

// What Accept-Encoding names, unless with q=0.
bool accepts_zstd(llvm::StringRef list) {
  llvm::SmallVector<llvm::StringRef, 8> codings;
  list.split(codings, ',');
  return std::any_of(codings.begin(), codings.end(), [](llvm::StringRef coding) {
    auto [name, quality] = coding.split(';');
    double weight = 1;
    quality = quality.trim();
    if (quality.consume_front("q=") && quality.getAsDouble(weight)) weight = 0;
    return name.trim().equals_insensitive("zstd") && weight > 0;
  });
}

// A compressed blob is another representation, with an ETag of its own, and has no ranges; whoever asks for a range
// gets it of the blob as it is. The client's copy is good in either form.
Response send_blob(const Request& request, const BlobInfo& blob, const std::string& media_type, bool ranges) {
  Response response;
  std::string etag = '"' + blob.digest() + '"', zstd_etag = '"' + blob.digest() + "+zstd\"";
  std::string known = request.header("if-none-match");
  bool zstd = ranges && blob.size >= kLeastCompressed && request.header("range").empty() &&
              accepts_zstd(request.header("accept-encoding"));
  if (ranges) response.headers.emplace_back("Vary", "Accept-Encoding");
  if (has_etag(known, etag) || (ranges && has_etag(known, zstd_etag))) {
    response.status = 304;
    zstd = !has_etag(known, etag);
  }
  response.headers.emplace_back("Docker-Content-Digest", blob.digest());
  response.headers.emplace_back("ETag", zstd ? zstd_etag : etag);
  if (response.status == 304) return response;
  response.headers.emplace_back("Content-Type", media_type);
  response.blob = BlobRange{blob, 0, blob.size, zstd};
  if (!ranges) return response;
  if (zstd) {
    response.headers.emplace_back("Content-Encoding", "zstd");
    response.headers.emplace_back("Cache-Control", kImmutable);
    return response;
  }
  response.headers.emplace_back("Accept-Ranges", "bytes");
  response.headers.emplace_back("Cache-Control", kImmutable);
  std::string if_range = request.header("if-range");
  if (!if_range.empty() && if_range != etag) return response;
  std::optional<Range> range = parse_range(request.header("range"), blob.size);
  if (!range) return response;
  if (!range->valid) {
    Response refused = oci_error(416, "BLOB_UPLOAD_INVALID", "the range lies outside of the blob");
    refused.headers.emplace_back("Content-Range", "bytes */" + std::to_string(blob.size));
    return refused;
  }
  response.status = 206;
  response.headers.emplace_back("Content-Range", "bytes " + std::to_string(range->offset) + "-" +
                                                     std::to_string(range->offset + range->length - 1) + "/" +
                                                     std::to_string(blob.size));
  response.blob = BlobRange{blob, range->offset, range->length, false};
  return response;
}

Response get_linked(Service& service, const Request& request, const std::string& name, const std::string& digest,
                    bool manifest) {
  auto unknown = [manifest] {
    return manifest ? oci_error(404, "MANIFEST_UNKNOWN", "the repository has no such manifest")
                    : oci_error(404, "BLOB_UNKNOWN", "the repository has no such blob");
  };
  llvm::Expected<std::optional<Link>> link = find_link(service.store, name, digest);
  if (!link) return internal_problem(link.takeError());
  if (!*link) return unknown();
  const std::string& type = (*link)->media_type;
  if (manifest && !is_manifest_type(type)) return unknown();
  llvm::Expected<std::optional<BlobInfo>> blob = service.store.find_blob({(*link)->tenant, digest});
  if (!blob) return internal_problem(blob.takeError());
  if (!*blob) return unknown();
  if (manifest) service.catalog.touch(name, digest);
  if ((*blob)->damaged)
    return oci_error(500, "BLOB_DAMAGED", digest + " is damaged on the server's disk; what can be made again will be");
  return send_blob(request, **blob, manifest ? type : "application/octet-stream", !manifest);
}

Response get_manifest(Service& service, const Request& request, const std::string& name, const std::string& reference) {
  if (is_digest(reference)) return get_linked(service, request, name, reference, true);
  if (!is_tag(reference)) return oci_error(400, "MANIFEST_INVALID", "neither a tag nor a digest");
  llvm::Expected<std::optional<std::string>> digest = service.store.get(Table::Tags, tag_key(name, reference));
  if (!digest) return internal_problem(digest.takeError());
  if (!*digest) return oci_error(404, "MANIFEST_UNKNOWN", "the repository has no such tag");
  return get_linked(service, request, name, **digest, true);
}

std::optional<unsigned> page_size(const Request& request) {
  unsigned count = kMaxPage;
  std::optional<std::string> n = request.parameter("n");
  if (n && llvm::StringRef(*n).getAsInteger(10, count)) return std::nullopt;
  return std::min(count, kMaxPage);
}

// {"name": ..., key: values}, with a link to what follows when the page is full.
Response list_response(const Request& request, nlohmann::ordered_json document, const char* key,
                       const std::vector<std::string>& values, unsigned count) {
  document[key] = values;
  Response response = json_response(200, document.dump() + "\n");
  if (!values.empty() && values.size() == count)
    response.headers.emplace_back(
        "Link", "<" + request.path + "?n=" + std::to_string(count) + "&last=" + values.back() + ">; rel=\"next\"");
  return response;
}

Response get_tags(Service& service, const Request& request, const std::string& name) {
  std::string prefix = keys_of(name), last = request.parameter("last").value_or("");
  std::optional<unsigned> count = page_size(request);
  if (!count) return oci_error(400, "UNSUPPORTED", "n is not a number");
  auto page = service.store.list(Table::Tags, prefix, last.empty() ? "" : prefix + last, *count);
  if (!page) return internal_problem(page.takeError());
  if (page->empty() && last.empty() && *count > 0) {
    auto links = service.store.list(Table::Links, prefix, "", 1);
    if (!links) return internal_problem(links.takeError());
    if (links->empty()) return oci_error(404, "NAME_UNKNOWN", "there is no such repository");
  }
  std::vector<std::string> tags;
  for (const auto& [key, digest] : *page) tags.push_back(key.substr(prefix.size()));
  return list_response(request, {{"name", name}}, "tags", tags, *count);
}

Response get_catalog(Service& service, const Request& request) {
  std::optional<unsigned> count = page_size(request);
  if (!count) return oci_error(400, "UNSUPPORTED", "n is not a number");
  bool all = service.tenants.open_to_all() || request.caller.may(kOperator);
  std::string prefix = all ? "" : request.caller.tenant + "/";
  std::string last = request.parameter("last").value_or("");
  std::vector<std::string> names;
  while (names.size() < *count) {
    auto page = service.store.list(Table::Tags, prefix, last.empty() ? "" : past_keys_of(last), 1);
    if (!page) return internal_problem(page.takeError());
    if (page->empty()) break;
    last = split_key(page->front().first).first;
    names.push_back(last);
  }
  return list_response(request, nlohmann::ordered_json::object(), "repositories", names, *count);
}

std::string percent_encoded(const std::string& text) {
  std::string encoded;
  for (unsigned char c : text)
    encoded += llvm::isAlnum(c) || llvm::StringRef("-._~/").contains(c) ? std::string(1, c) : fmt::format("%{:02X}", c);
  return encoded;
}

// In pages of bounded size, as anybody can attach what he likes to his images.
Response get_referrers(Service& service, const Request& request, const std::string& name, const std::string& digest) {
  std::optional<std::string> type = request.parameter("artifactType");
  std::string last = request.parameter("last").value_or("");
  if (!last.empty() && !is_digest(last)) return oci_error(400, "DIGEST_INVALID", "last is not a digest");
  auto descriptors = service.catalog.referrers(name, digest, type, last);
  if (!descriptors) return internal_problem(descriptors.takeError());
  nlohmann::ordered_json manifests = nlohmann::ordered_json::array();
  for (const auto& [manifest, text] : *descriptors) manifests.push_back(nlohmann::ordered_json::parse(text));
  nlohmann::ordered_json index = {{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", manifests}};
  Response response;
  response.headers.emplace_back("Content-Type", kIndexType);
  if (type) response.headers.emplace_back("OCI-Filters-Applied", "artifactType");
  if (!descriptors->empty()) {
    const std::string& end = descriptors->rbegin()->first;
    auto more = service.catalog.referrers(name, digest, type, end);
    if (!more) return internal_problem(more.takeError());
    std::string filter = type ? "artifactType=" + percent_encoded(*type) + "&" : "";
    if (!more->empty())
      response.headers.emplace_back("Link", "<" + request.path + "?" + filter + "last=" + end + ">; rel=\"next\"");
  }
  response.body = index.dump();
  return response;
}

Response delete_manifest(Service& service, const std::string& name, const std::string& reference) {
  llvm::Expected<std::optional<std::string>> lists = service.store.get(Table::Tags, tag_key(name, kRevocationsTag));
  if (!lists) return internal_problem(lists.takeError());
  if (*lists && (reference == kRevocationsTag || reference == **lists))
    return oci_error(403, "DENIED", "revocations cannot be deleted");
  llvm::Expected<bool> removed = is_digest(reference) ? service.catalog.remove_manifest(name, reference)
                                                      : service.catalog.remove_tag(name, reference);
  if (!removed) return internal_problem(removed.takeError());
  if (!*removed) return oci_error(404, "MANIFEST_UNKNOWN", "the repository has no such manifest");
  Response response;
  response.status = 202;
  return response;
}

Response delete_blob(Service& service, const std::string& name, const std::string& digest) {
  llvm::Expected<Catalog::Removal> removed = service.catalog.remove_blob(name, digest);
  if (!removed) return internal_problem(removed.takeError());
  if (*removed == Catalog::Removal::Unknown) return oci_error(404, "BLOB_UNKNOWN", "the repository has no such blob");
  if (*removed == Catalog::Removal::Named) return oci_error(409, "DENIED", "a manifest of the repository names it");
  Response response;
  response.status = 202;
  return response;
}

const char* methods_of(OciPath::Kind kind) {
  switch (kind) {
    case OciPath::Kind::Manifests:
      return "GET, HEAD, PUT, DELETE";
    case OciPath::Kind::Blobs:
      return "GET, HEAD, DELETE";
    default:
      return "GET, HEAD";
  }
}

}  // namespace

Response route_oci(Service& service, const Request& request) {
  llvm::StringRef path(request.path);
  bool get = request.method == "GET" || request.method == "HEAD";
  if (get && (path == "/v2" || path == "/v2/")) return json_response(200, "{}\n");
  if (get && path == "/v2/_catalog") return get_catalog(service, request);
  std::optional<OciPath> found = parse_oci_path(path);
  if (!found) return oci_error(404, "UNSUPPORTED", "there is nothing at this path");
  const auto& [name, kind, leaf] = *found;
  bool removable = kind == OciPath::Kind::Manifests || kind == OciPath::Kind::Blobs;
  if (kind != OciPath::Kind::Uploads && !get && !(removable && request.method == "DELETE")) {
    Response refused = oci_error(405, "UNSUPPORTED", "this path does not take " + request.method);
    refused.headers.emplace_back("Allow", methods_of(kind));
    return refused;
  }
  if (std::optional<Response> wrong = check_repository(service, request, name)) return std::move(*wrong);
  if (kind == OciPath::Kind::Uploads) return route_uploads(service, request, *found);
  if (kind == OciPath::Kind::Manifests)
    return get ? get_manifest(service, request, name, leaf) : delete_manifest(service, name, leaf);
  if (kind == OciPath::Kind::Tags) return get_tags(service, request, name);
  if (!is_digest(leaf)) return oci_error(400, "DIGEST_INVALID", "not a digest");
  if (kind == OciPath::Kind::Referrers) return get_referrers(service, request, name, leaf);
  return get ? get_linked(service, request, name, leaf, false) : delete_blob(service, name, leaf);
}

}  // namespace aotc::server
