// routes_oci.cpp - manifests, blobs and tags. Errors have the form that the distribution specification asks for.
#include "routes_oci.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "jobs/compile_request.h"
#include "metrics.h"
#include "oci_image.h"
#include "registry/revocations.h"
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
  else if (last_text.getAsInteger(10, last) || last < first)
    return std::nullopt;
  if (first >= size) return Range{false, 0, 0};
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
  if (manifest && type != kIndexType && type != kManifestType) return unknown();
  llvm::Expected<std::optional<BlobInfo>> blob = service.store.find_blob({(*link)->tenant, digest});
  if (!blob) return internal_problem(blob.takeError());
  if (!*blob) return unknown();
  if (type == kIndexType) service.catalog.touch(name, digest);
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
  if (page->empty() && last.empty() && *count > 0) return oci_error(404, "NAME_UNKNOWN", "there is no such repository");
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

Response get_referrers(Service& service, const Request& request, const std::string& name, const std::string& digest) {
  llvm::Expected<std::vector<std::string>> descriptors = service.catalog.referrers(name, digest);
  if (!descriptors) return internal_problem(descriptors.takeError());
  std::optional<std::string> type = request.parameter("artifactType");
  nlohmann::ordered_json manifests = nlohmann::ordered_json::array();
  for (const std::string& text : *descriptors) {
    auto descriptor = nlohmann::ordered_json::parse(text);
    if (!type || descriptor.value("artifactType", "") == *type) manifests.push_back(std::move(descriptor));
  }
  nlohmann::ordered_json index = {{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", manifests}};
  Response response;
  response.headers.emplace_back("Content-Type", kIndexType);
  if (type) response.headers.emplace_back("OCI-Filters-Applied", "artifactType");
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

}  // namespace

Response route_oci(Service& service, const Request& request) {
  llvm::StringRef path(request.path);
  bool get = request.method == "GET" || request.method == "HEAD";
  if (get && (path == "/v2" || path == "/v2/")) return json_response(200, "{}\n");
  if (get && path == "/v2/_catalog") return get_catalog(service, request);
  path.consume_front("/v2/");  // not there in "/v2"
  auto [parent, leaf] = path.rsplit('/');
  auto [name, kind] = parent.rsplit('/');
  if (!get && !(request.method == "DELETE" && kind == "manifests")) {
    Response refused = oci_error(405, "UNSUPPORTED", "modules come by POST /v1/compile; manifests can be deleted");
    refused.headers.emplace_back("Allow", kind == "manifests" ? "GET, HEAD, DELETE" : "GET, HEAD");
    return refused;
  }
  if (kind != "manifests" && kind != "blobs" && kind != "referrers" && !(kind == "tags" && leaf == "list"))
    return oci_error(404, "UNSUPPORTED", "there is nothing at this path");
  if (!is_repository_name(name)) return oci_error(400, "NAME_INVALID", "not a repository name");
  if (!service.tenants.owns(request.caller, name.str())) {
    ++service.counters.denied;
    return oci_error(403, "DENIED", "the token is not for this repository");
  }
  if (kind == "manifests") {
    if (!get) return delete_manifest(service, name.str(), leaf.str());
    return get_manifest(service, request, name.str(), leaf.str());
  }
  if (kind == "tags") return get_tags(service, request, name.str());
  if (!is_digest(leaf)) return oci_error(400, "DIGEST_INVALID", "not a digest");
  if (kind == "referrers") return get_referrers(service, request, name.str(), leaf.str());
  return get_linked(service, request, name.str(), leaf.str(), false);
}

}  // namespace aotc::server
