// routes_push.cpp - see routes_push.h.
#include "routes_push.h"

#include <fmt/format.h>

#include "jobs/compile_request.h"
#include "jobs/job_queue.h"
#include "metrics.h"
#include "registry/revocations.h"
#include "store/catalog.h"
#include "upload_sessions.h"

namespace aotc::server {

namespace {

// The answer to what a quota, the queue or the rules for manifests do not allow; other errors are the server's own.
Response oci_refused(llvm::Error error) {
  std::optional<Response> response;
  llvm::Error other = llvm::handleErrors(
      std::move(error), [&](const PushError& push) { response = oci_error(400, push.code, push.message); },
      [&](const Refusal& refusal) {
        response = oci_error(refusal.status, refusal.status == 403 ? "DENIED" : "TOOMANYREQUESTS", refusal.message);
      },
      [&](const RevokedError& revoked) { response = oci_error(403, "DENIED", revoked.message); },
      [&](const QuotaError& quota) {
        response = oci_error(403, "DENIED", llvm::toString(llvm::make_error<QuotaError>(quota.limit)));
      });
  if (other) return internal_problem(std::move(other));
  if (response->status == 429 || response->status == 503) response->headers.emplace_back("Retry-After", "5");
  return std::move(*response);
}

Quota quota_of(Service& service, const Request& request) { return service.tenants.quota(request.caller.tenant); }

Response created(const std::string& name, const char* kind, const std::string& digest) {
  Response response;
  response.status = 201;
  response.headers = {{"Location", "/v2/" + name + "/" + kind + "/" + digest}, {"Docker-Content-Digest", digest}};
  return response;
}

// Where a session is, and how much of it is there.
Response session_state(unsigned status, const std::string& name, UploadSessions::Use& use) {
  Response response;
  response.status = status;
  uint64_t size = use.blob().size();
  response.headers = {{"Location", "/v2/" + name + "/blobs/uploads/" + use.id()},
                      {"Range", "0-" + std::to_string(size > 0 ? size - 1 : 0)},
                      {"Docker-Upload-UUID", use.id()}};
  return response;
}

Response too_large() { return oci_error(413, "SIZE_INVALID", "the blob is larger than this server accepts"); }
Response bad_digest() { return oci_error(400, "DIGEST_INVALID", "the digest is not one of SHA-256"); }

// All of the blob has come; `blob` is not used again.
Response store_blob(Service& service, const Request& request, const std::string& name, IncomingBlob& blob,
                    const std::string& digest) {
  if (blob.digest() != digest) return oci_error(400, "DIGEST_INVALID", "what was sent has the digest " + blob.digest());
  llvm::Expected<BlobInfo> stored = blob.finish(service.store);
  if (!stored) return oci_refused(stored.takeError());
  if (llvm::Error error = service.catalog.add_blob(name, *stored, quota_of(service, request)))
    return oci_refused(std::move(error));
  ++service.counters.pushed_blobs;
  service.counters.pushed_bytes += blob.size();
  return created(name, "blobs", digest);
}

// A blob in one request, and no session.
class BlobIntake : public Intake {
 public:
  BlobIntake(Service& service, const Request& request, std::string name, IncomingBlob blob, std::string digest)
      : service_(service),
        request_(request),
        name_(std::move(name)),
        blob_(std::move(blob)),
        digest_(std::move(digest)) {}

  std::optional<Response> append(llvm::StringRef bytes) override {
    if (blob_.size() + bytes.size() > service_.uploads.limits().bytes) return too_large();
    if (llvm::Error error = blob_.append(bytes)) return oci_refused(std::move(error));
    return std::nullopt;
  }
  Response finish() override { return store_blob(service_, request_, name_, blob_, digest_); }

 private:
  Service& service_;
  const Request& request_;
  std::string name_;
  IncomingBlob blob_;
  std::string digest_;
};

// The next bytes of a session, or with a digest the last. What has come stays when the connection fails.
class ChunkIntake : public Intake {
 public:
  // `end` is where the session has to be then, if that is known.
  ChunkIntake(Service& service, const Request& request, std::string name, UploadSessions::Use use,
              std::optional<uint64_t> end, std::string digest)
      : service_(service),
        request_(request),
        name_(std::move(name)),
        use_(std::move(use)),
        end_(end),
        digest_(std::move(digest)) {}

  std::optional<Response> append(llvm::StringRef bytes) override {
    uint64_t size = use_.blob().size() + bytes.size();
    if (size > service_.uploads.limits().bytes) return give_up(too_large());
    if (end_ && size > *end_) return give_up(wrong_size());
    if (llvm::Error error = use_.blob().append(bytes)) return give_up(oci_refused(std::move(error)));
    return std::nullopt;
  }

  Response finish() override {
    if (end_ && use_.blob().size() != *end_) return give_up(wrong_size());
    if (digest_.empty()) return session_state(202, name_, use_);
    return give_up(store_blob(service_, request_, name_, use_.blob(), digest_));
  }

 private:
  static Response wrong_size() {
    return oci_error(400, "SIZE_INVALID", "the body has not the size of its Content-Range");
  }
  Response give_up(Response response) {
    use_.end();
    return response;
  }
  Service& service_;
  const Request& request_;
  std::string name_;
  UploadSessions::Use use_;
  std::optional<uint64_t> end_;
  std::string digest_;
};

using Started = std::variant<std::unique_ptr<Intake>, Response>;

Started start_blob(Service& service, const Request& request, const std::string& name, uint64_t length) {
  std::string digest = request.parameter("digest").value_or("");
  if (!is_digest(digest)) return bad_digest();
  Accounts::Reservation space = service.catalog.reserve(request.caller.tenant, quota_of(service, request));
  llvm::Expected<IncomingBlob> blob = IncomingBlob::start(service.jobs.folder(), std::move(space));
  if (!blob) return internal_problem(blob.takeError());
  if (llvm::Error error = blob->cover(length)) return oci_refused(std::move(error));
  return std::make_unique<BlobIntake>(service, request, name, std::move(*blob), std::move(digest));
}

// An answer when there is no such session, or somebody else writes to it.
std::optional<Response> find_session(Service& service, const Request& request, const OciPath& path,
                                     UploadSessions::Use& use) {
  switch (service.uploads.find(request.caller.tenant, path.name, path.leaf, use)) {
    case UploadSessions::Found::Here:
      return std::nullopt;
    case UploadSessions::Found::Busy:
      return oci_error(409, "BLOB_UPLOAD_INVALID", "another request writes to this upload");
    case UploadSessions::Found::Unknown:
      break;
  }
  return oci_error(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload");
}

// "0-1023" -> first byte and end.
std::optional<std::pair<uint64_t, uint64_t>> parse_content_range(llvm::StringRef text) {
  auto [first_text, last_text] = text.split('-');
  uint64_t first = 0, last = 0;
  if (first_text.getAsInteger(10, first) || last_text.getAsInteger(10, last) || last < first || last == UINT64_MAX)
    return std::nullopt;
  return std::pair{first, last + 1};
}

Started start_chunk(Service& service, const Request& request, const OciPath& path, uint64_t length) {
  std::string digest = request.parameter("digest").value_or("");
  if (request.method == "PUT" && !is_digest(digest)) return bad_digest();
  if (request.method != "PUT") digest.clear();
  UploadSessions::Use use;
  if (std::optional<Response> wrong = find_session(service, request, path, use)) return std::move(*wrong);
  uint64_t size = use.blob().size();
  std::optional<uint64_t> end;
  if (std::string range = request.header("content-range"); !range.empty()) {
    auto bounds = parse_content_range(range);
    if (!bounds) return oci_error(400, "BLOB_UPLOAD_INVALID", "Content-Range is not like 0-1023");
    if (bounds->first != size) {
      Response refused = oci_error(416, "BLOB_UPLOAD_INVALID", "the bytes are not the next ones");
      for (auto& header : session_state(416, path.name, use).headers) refused.headers.push_back(std::move(header));
      return refused;
    }
    end = bounds->second;
    if (length != 0 && length != *end - size)
      return oci_error(400, "SIZE_INVALID", "Content-Range and Content-Length do not agree");
  }
  if (length > service.uploads.limits().bytes - std::min(service.uploads.limits().bytes, size)) return too_large();
  if (llvm::Error error = use.blob().cover(size + length)) return oci_refused(std::move(error));
  return std::make_unique<ChunkIntake>(service, request, path.name, std::move(use), end, std::move(digest));
}

// A blob of the same tenant; what there is elsewhere makes no difference.
std::optional<Response> mount_blob(Service& service, const Request& request, const std::string& name) {
  std::string digest = request.parameter("mount").value_or(""), tenant = request.caller.tenant;
  if (!is_digest(digest)) return std::nullopt;
  if (std::optional<std::string> from = request.parameter("from")) {
    if (!is_repository_name(*from) || !service.tenants.owns(request.caller, *from)) return std::nullopt;
    llvm::Expected<std::optional<Link>> link = find_link(service.store, *from, digest);
    if (!link) return internal_problem(link.takeError());
    if (!*link || (*link)->tenant != tenant) return std::nullopt;
  }
  llvm::Expected<std::optional<BlobInfo>> blob = service.store.find_blob({tenant, digest});
  if (!blob) return internal_problem(blob.takeError());
  if (!*blob || (*blob)->damaged) return std::nullopt;
  if (llvm::Error error = service.catalog.add_blob(name, **blob, quota_of(service, request)))
    return oci_refused(std::move(error));
  ++service.counters.mounted_blobs;
  return created(name, "blobs", digest);
}

Response begin_session(Service& service, const Request& request, const std::string& name) {
  if (!request.body.empty()) return oci_error(400, "BLOB_UPLOAD_INVALID", "a body needs the digest of the blob");
  Accounts::Reservation space = service.catalog.reserve(request.caller.tenant, quota_of(service, request));
  llvm::Expected<IncomingBlob> blob = IncomingBlob::start(service.jobs.folder(), std::move(space));
  if (!blob) return internal_problem(blob.takeError());
  UploadSessions::Use use = service.uploads.begin(name, std::move(*blob));
  if (!use) {
    Response refused = oci_error(429, "TOOMANYREQUESTS", "too many uploads are under way");
    refused.headers.emplace_back("Retry-After", "5");
    return refused;
  }
  return session_state(202, name, use);
}

// What is to be compiled of a manifest, and the place in the queue for it.
struct Arrival {
  CompileRequest request;
  BlobInfo module;
  JobQueue::Place place;
};

llvm::Expected<std::optional<Arrival>> take_arrival(Service& service, const std::string& tenant,
                                                    const std::string& name, const std::string& tag,
                                                    const PushedManifest& manifest) {
  if (tag.empty() || manifest.module.empty()) return std::nullopt;
  std::vector<std::pair<std::string, std::string>> query = manifest.options;
  for (const auto& [option, value] : query)
    if (option == "name" || option == "tag")
      return llvm::make_error<PushError>("MANIFEST_INVALID", "aotc." + option + ": the image has one already");
  query.insert(query.end(), {{"name", name}, {"tag", tag}});
  llvm::Expected<CompileRequest> request = parse_compile_request(query);
  if (!request) return llvm::make_error<PushError>("MANIFEST_INVALID", "aotc." + llvm::toString(request.takeError()));
  llvm::Expected<std::optional<Link>> link = find_link(service.store, name, manifest.module);
  if (!link) return link.takeError();
  if (!*link) return std::nullopt;  // then it will be refused
  llvm::Expected<std::optional<BlobInfo>> module = service.store.find_blob({tenant, manifest.module});
  if (!module) return module.takeError();
  if (!*module) return std::nullopt;
  llvm::Expected<JobQueue::Place> place = service.jobs.take_place(tenant);
  if (!place) return place.takeError();
  if (llvm::Error error = place->resize((*module)->size)) return error;
  return Arrival{std::move(*request), std::move(**module), std::move(*place)};
}

llvm::Expected<Response> put_manifest(Service& service, const Request& request, const OciPath& path,
                                      const std::string& bytes) {
  llvm::Expected<PushedManifest> manifest = read_pushed_manifest(bytes, request.header("content-type"));
  if (!manifest) return manifest.takeError();
  bool by_digest = is_digest(path.leaf);
  if (by_digest && path.leaf != manifest->digest)
    return llvm::make_error<PushError>("DIGEST_INVALID", "what was sent has the digest " + manifest->digest);
  std::string tag = by_digest ? "" : path.leaf;
  const std::string& tenant = request.caller.tenant;
  llvm::Expected<std::optional<Arrival>> arrival = take_arrival(service, tenant, path.name, tag, *manifest);
  if (!arrival) return arrival.takeError();
  Quota quota = quota_of(service, request);
  {
    Accounts::Reservation space = service.catalog.reserve(tenant, quota);
    llvm::Expected<BlobInfo> blob = service.store.put_blob(space, bytes);
    if (!blob) return blob.takeError();
    if (llvm::Error error = service.catalog.add_manifest(path.name, tag, *manifest, *blob, arrival->has_value(), quota))
      return error;
  }
  ++service.counters.pushed_manifests;
  Response response = created(path.name, "manifests", manifest->digest);
  if (!manifest->subject.empty()) response.headers.emplace_back("OCI-Subject", manifest->subject);
  if (*arrival) {
    llvm::Expected<Submission> job = service.jobs.submit((*arrival)->module, (*arrival)->request, &(*arrival)->place,
                                                         kPushed.str() + manifest->digest);
    if (!job) return job.takeError();
    ++service.counters.arrived_modules;
    response.headers.emplace_back("Aotc-Job", "/v1/jobs/" + job->id);
  }
  return response;
}

class ManifestIntake : public Intake {
 public:
  ManifestIntake(Service& service, const Request& request, OciPath path)
      : service_(service), request_(request), path_(std::move(path)) {}

  std::optional<Response> append(llvm::StringRef bytes) override {
    if (bytes_.size() + bytes.size() > kMaxManifest)
      return oci_error(413, "SIZE_INVALID", "a manifest has at most 4 MiB");
    bytes_ += bytes;
    return std::nullopt;
  }

  Response finish() override {
    llvm::Expected<Response> response = put_manifest(service_, request_, path_, bytes_);
    if (response) return std::move(*response);
    Response refused = oci_refused(response.takeError());
    if (llvm::Error error = service_.catalog.drop_garbage(request_.caller.tenant).takeError())
      return internal_problem(std::move(error));
    return refused;
  }

  uint64_t memory() const override { return 2 * kMaxManifest; }

 private:
  Service& service_;
  const Request& request_;
  OciPath path_;
  std::string bytes_;
};

}  // namespace

std::optional<Response> check_repository(Service& service, const Request& request, llvm::StringRef name) {
  if (!is_repository_name(name)) return oci_error(400, "NAME_INVALID", "not a repository name");
  if (service.tenants.owns(request.caller, name.str())) return std::nullopt;
  ++service.counters.denied;
  return oci_error(403, "DENIED", "the token is not for this repository");
}

bool is_push(const Request& request) {
  bool post = request.method == "POST", put = request.method == "PUT";
  if (!post && !put && request.method != "PATCH") return false;
  std::optional<OciPath> path = parse_oci_path(request.path);
  if (!path) return false;
  if (path->kind == OciPath::Kind::Manifests) return put;
  if (path->kind != OciPath::Kind::Uploads) return false;
  return path->leaf.empty() ? post && request.parameter("digest") && !request.parameter("mount") : !post;
}

Started start_push(Service& service, const Request& request, uint64_t length) {
  std::optional<OciPath> path = parse_oci_path(request.path);
  if (std::optional<Response> wrong = check_repository(service, request, path->name)) return std::move(*wrong);
  if (path->kind == OciPath::Kind::Uploads)
    return path->leaf.empty() ? start_blob(service, request, path->name, length)
                              : start_chunk(service, request, *path, length);
  if (!is_digest(path->leaf) && !is_tag(path->leaf))
    return oci_error(400, "DIGEST_INVALID", "neither a tag nor a digest of SHA-256");
  if (path->leaf == kRevocationsTag) return oci_error(403, "DENIED", "the tag is for revocations");
  if (length > kMaxManifest) return oci_error(413, "SIZE_INVALID", "a manifest has at most 4 MiB");
  return std::make_unique<ManifestIntake>(service, request, std::move(*path));
}

Response route_uploads(Service& service, const Request& request, const OciPath& path) {
  bool get = request.method == "GET" || request.method == "HEAD", all = path.leaf.empty();
  if (all && request.method == "POST") {
    if (std::optional<Response> mounted = mount_blob(service, request, path.name)) return std::move(*mounted);
    return begin_session(service, request, path.name);
  }
  if (all || !(get || request.method == "DELETE")) {
    Response refused = oci_error(405, "UNSUPPORTED", "an upload does not take " + request.method);
    refused.headers.emplace_back("Allow", all ? "POST" : "GET, HEAD, PATCH, PUT, DELETE");
    return refused;
  }
  UploadSessions::Use use;
  if (std::optional<Response> wrong = find_session(service, request, path, use)) return std::move(*wrong);
  if (get) return session_state(204, path.name, use);
  use.end();
  Response response;
  response.status = 204;
  return response;
}

}  // namespace aotc::server
