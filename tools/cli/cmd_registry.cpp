// cmd_registry.cpp - `aotc pull`, `push`, `ls`, `rm` and `pin`: compiled modules in an aotc-server or another OCI
// registry.
#include <cstdlib>
#include <ctime>
#include <memory>

#include <fmt/format.h>

#include "command.h"
#include "confined.h"
#include "files.h"
#include "output.h"
#include "registry/cosign.h"
#include "registry/find_statement.h"
#include "registry/media_types.h"
#include "registry/registry_client.h"
#include "registry/revocations.h"
#include "registry/signing.h"
#include "registry_image.h"
#include "remote_compile.h"
#include "support/error.h"

namespace {

constexpr uint64_t kMaxArtifact = uint64_t{2} << 30;
constexpr uint64_t kMaxKeyFile = 64 << 10;
constexpr const char* kWasmType = "application/wasm";

using aotc::failure;

llvm::Expected<std::vector<uint8_t>> fetch(aotc::RegistryClient& client, const aotc::Descriptor& blob) {
  if (blob.size > kMaxArtifact) return failure(fmt::format("{}: {} bytes are too many", blob.digest, blob.size));
  std::vector<uint8_t> bytes;
  std::string error;
  auto keep = [&](const char* data, size_t size) { return bytes.insert(bytes.end(), data, data + size), true; };
  if (!client.blob(blob, keep, error)) return failure(error);
  return bytes;
}

struct Trust {
  aotc::TrustedKeys keys;
  std::string repository;  // that things are signed for
  aotc::Statement statement = {};
};

// A statement by one of the keys, for this index under the repository's name, that has not expired.
llvm::Expected<Trust> check_signature(Image& image, const std::string& index, const std::vector<std::string>& trust,
                                      const std::string& repository) {
  Trust found{{}, repository};
  std::string error;
  for (const std::string& path : trust) {
    llvm::Expected<std::vector<uint8_t>> pem = read_file(path, kMaxKeyFile);
    if (!pem) return pem.takeError();
    if (!found.keys.add(std::string(pem->begin(), pem->end()), error)) return failure(path + ": " + error);
  }
  aotc::Expectation expected{repository, index, static_cast<uint64_t>(std::time(nullptr)), 0};
  std::optional<aotc::FoundStatement> statement = aotc::find_statement(image.client, found.keys, expected, error);
  if (!statement) return failure(image.reference.text() + ": " + error);
  found.statement = statement->statement;
  return found;
}

// What the registry has of lists by the keys must have nothing against it.
llvm::Error check_revocations(Image& image, const Trust& trust, const aotc::Manifest& manifest) {
  std::string error, config;
  std::optional<aotc::FoundRevocations> found = aotc::find_revocations(image.client, "", error);
  if (!found) return failure(image.reference.text() + ": " + error);
  if (found->texts.empty()) return llvm::Error::success();
  if (manifest.config) {
    std::optional<std::string> bytes = image.client.small_blob(*manifest.config, error);
    if (!bytes) return failure(error);
    config = std::move(*bytes);
  }
  for (const std::string& text : found->texts) {
    auto list = aotc::verify_revocations(trust.keys, text, trust.repository, error);
    if (!list) return failure(image.reference.text() + ": revocations: " + error);
    std::string reason = aotc::reason_against(
        *list, {trust.statement.index, trust.statement.sequence, aotc::compiler_in_config(config)});
    if (!reason.empty()) return failure(image.reference.text() + ": revoked: " + reason);
  }
  return llvm::Error::success();
}

struct PullArguments {
  std::string image, output, target = "host", repository;
  std::vector<std::string> trust;
  Realms realms;
};

llvm::Expected<aotc::Descriptor> choose(const aotc::Manifest& index, const std::string& target) {
  std::string architecture = "wasm";
  if (target != "wasm") {
    llvm::Expected<aotc::Architecture> parsed = aotc::parse_architecture(target);
    if (!parsed) return llvm::make_error<UsageError>("--target: " + llvm::toString(parsed.takeError()));
    architecture = *parsed == aotc::Architecture::AArch64 ? "arm64" : "amd64";
  }
  for (const aotc::Descriptor& entry : index.manifests)
    if (entry.architecture == architecture) return entry;
  return failure("the image has nothing for " + target);
}

const aotc::Descriptor* layer_of(const aotc::Manifest& manifest, llvm::StringRef media_type) {
  for (const aotc::Descriptor& layer : manifest.layers)
    if (layer.media_type == media_type) return &layer;
  return nullptr;
}

llvm::Error pull(const PullArguments& arguments) {
  llvm::Expected<Image> image = open_image(arguments.image, arguments.realms);
  if (!image) return image.takeError();
  if (llvm::Error error = needs_repository(*image)) return error;
  bool wasm = arguments.target == "wasm";
  std::string output = arguments.output;
  if (output.empty()) output = base_name(image->reference.repository) + (wasm ? ".wasm" : ".aotc");
  llvm::Expected<Output> out = Output::open(output);
  if (!out) return out.takeError();
  if (llvm::Error error = confine_client(arguments.trust, {out->folder()})) return error;
  std::string error, reference = image->reference.reference.empty() ? "latest" : image->reference.reference;
  std::optional<aotc::Manifest> index = image->client.manifest(reference, error);
  if (!index) return failure(error);
  const std::string& repository = arguments.repository.empty() ? image->reference.repository : arguments.repository;
  std::optional<Trust> trust;
  if (!arguments.trust.empty()) {
    llvm::Expected<Trust> checked = check_signature(*image, index->digest, arguments.trust, repository);
    if (!checked) return checked.takeError();
    trust = std::move(*checked);
  }
  llvm::Expected<aotc::Descriptor> entry = choose(*index, arguments.target);
  if (!entry) return entry.takeError();
  std::optional<aotc::Manifest> manifest = image->client.manifest(entry->digest, error);
  if (!manifest) return failure(error);
  if (trust)
    if (llvm::Error revoked = check_revocations(*image, *trust, *manifest)) return revoked;
  const aotc::Descriptor* layer = layer_of(*manifest, wasm ? kWasmType : aotc::kArtifactType);
  if (!layer) return failure(arguments.image + ": not an image that aotc made");
  llvm::Expected<std::vector<uint8_t>> bytes = fetch(image->client, *layer);
  if (!bytes) return bytes.takeError();
  if (const aotc::Descriptor* part = layer_of(*manifest, aotc::kSnapshotType); part && !wasm) {
    llvm::Expected<std::vector<uint8_t>> snapshot = fetch(image->client, *part);
    if (!snapshot) return snapshot.takeError();
    if (llvm::Error bad = aotc::attach_snapshot(*bytes, *snapshot)) return bad;
  }
  if (llvm::Error failed = out->write(*bytes)) return failed;
  print(stream_beside(output), "{}: {}, {}\n", output, format_size(bytes->size()), index->digest);
  return llvm::Error::success();
}

llvm::Error copy_manifest(Image& from, Image& to, const aotc::Manifest& manifest, const std::string& reference);

// Everything that a manifest names, which comes first, so that the target never has a part without the rest.
llvm::Error copy_parts(Image& from, Image& to, const aotc::Manifest& manifest) {
  std::string error;
  for (const aotc::Descriptor& entry : manifest.manifests) {
    std::optional<aotc::Manifest> part = from.client.manifest(entry.digest, error);
    if (!part) return failure(error);
    if (!part->manifests.empty()) return failure(entry.digest + ": an index in an index");
    if (llvm::Error failed = copy_manifest(from, to, *part, entry.digest)) return failed;
  }
  std::vector<aotc::Descriptor> blobs = manifest.layers;
  if (manifest.config) blobs.push_back(*manifest.config);
  for (const aotc::Descriptor& blob : blobs) {
    llvm::Expected<std::vector<uint8_t>> bytes = fetch(from.client, blob);
    if (!bytes) return bytes.takeError();
    if (!to.client.put_blob(blob, std::string(bytes->begin(), bytes->end()), error)) return failure(error);
  }
  return llvm::Error::success();
}

llvm::Error copy_manifest(Image& from, Image& to, const aotc::Manifest& manifest, const std::string& reference) {
  std::string error;
  if (llvm::Error failed = copy_parts(from, to, manifest)) return failed;
  if (!to.client.put_manifest(manifest, reference, error)) return failure(error);
  return llvm::Error::success();
}

// What cosign looks for by tags, not among the referrers.
llvm::Error copy_cosign_tags(Image& from, Image& to, const std::string& index) {
  for (const char* suffix : {"sig", "att", "sbom"}) {
    std::string error, tag = aotc::cosign_tag(index, suffix);
    std::optional<aotc::Manifest> manifest = from.client.find_manifest(tag, error);
    if (!error.empty()) return failure(error);
    if (!manifest) continue;
    if (llvm::Error failed = copy_parts(from, to, *manifest)) return failed;
    if (!to.client.put_signatures(*manifest, tag, error)) return failure(error);
  }
  return llvm::Error::success();
}

// Under their own tag, before the image: who sees it can see whether it is revoked.
llvm::Error copy_revocations(Image& from, Image& to) {
  std::string error;
  std::optional<aotc::Manifest> lists = from.client.find_manifest(aotc::kRevocationsTag, error);
  if (!lists) return error.empty() ? llvm::Error::success() : failure(error);
  return copy_manifest(from, to, *lists, aotc::kRevocationsTag);
}

llvm::Error push(const std::string& source, const std::string& target, const Realms& realms) {
  llvm::Expected<Image> from = open_image(source, realms);
  if (!from) return from.takeError();
  llvm::Expected<Image> to = open_image(target, realms, false);
  if (!to) return to.takeError();
  for (Image* image : {&*from, &*to}) {
    if (llvm::Error error = needs_repository(*image)) return error;
    if (image->reference.reference.empty()) image->reference.reference = "latest";
  }
  if (llvm::Error error = confine_client({}, {})) return error;
  std::string error;
  std::optional<aotc::Manifest> index = from->client.manifest(from->reference.reference, error);
  if (!index) return failure(error);
  auto referrers = from->client.referrers(index->digest, error);
  if (!referrers) return failure(error);
  // Statements first: who sees the new image can see that it is signed.
  if (llvm::Error failed = copy_manifest(*from, *to, *index, index->digest)) return failed;
  for (const aotc::Descriptor& entry : *referrers) {
    std::optional<aotc::Manifest> manifest = from->client.manifest(entry.digest, error);
    if (!manifest) return failure(error);
    if (llvm::Error failed = copy_manifest(*from, *to, *manifest, entry.digest)) return failed;
    if (!manifest->subject) continue;  // what a server of ours has compiled the image from
    if (!to->client.put_referrer(*manifest, entry.artifact_type, error)) return failure(error);
  }
  if (llvm::Error failed = copy_cosign_tags(*from, *to, index->digest)) return failed;
  if (llvm::Error failed = copy_revocations(*from, *to)) return failed;
  if (!to->client.put_manifest(*index, to->reference.reference, error)) return failure(error);
  print("{}: {}\n", to->reference.text(), index->digest);
  return llvm::Error::success();
}

llvm::Error list(const std::string& text, const Realms& realms) {
  llvm::Expected<Image> image = open_image(text, realms);
  if (!image) return image.takeError();
  if (llvm::Error error = confine_client({}, {})) return error;
  std::string error;
  if (image->reference.repository.empty()) {
    auto names = image->client.repositories(error);
    if (!names) return failure(error);
    for (const std::string& name : *names) print("{}\n", name);
    return llvm::Error::success();
  }
  auto tags = image->client.tags(error);
  if (!tags) return failure(error);
  for (const std::string& tag : *tags) {
    std::optional<aotc::Manifest> manifest = image->client.manifest(tag, error);
    if (!manifest) return failure(error);
    print("{}  {}\n", tag, manifest->digest);
  }
  return llvm::Error::success();
}

// One more name for an image, in its repository.
llvm::Error tag(const std::string& text, const std::string& name, const Realms& realms) {
  llvm::Expected<Image> image = open_image(text, realms);
  if (!image) return image.takeError();
  if (llvm::Error error = needs_repository(*image)) return error;
  if (name.find_first_of(":/@") != std::string::npos) return llvm::make_error<UsageError>("not a tag: " + name);
  if (llvm::Error error = confine_client({}, {})) return error;
  std::string error, reference = image->reference.reference.empty() ? "latest" : image->reference.reference;
  std::optional<aotc::Manifest> manifest = image->client.manifest(reference, error);
  if (!manifest || !image->client.put_manifest(*manifest, name, error)) return failure(error);
  image->reference.reference = name;
  print("{}: {}\n", image->reference.text(), manifest->digest);
  return llvm::Error::success();
}

// A tag, and the image when that was its last one.
llvm::Error remove(const std::string& text, const Realms& realms) {
  llvm::Expected<Image> image = open_image(text, realms);
  if (!image) return image.takeError();
  if (llvm::Error error = needs_repository(*image)) return error;
  std::string error, reference = image->reference.reference;
  if (reference.empty()) return llvm::make_error<UsageError>(text + ": a tag or a digest is needed");
  if (llvm::Error confined = confine_client({}, {})) return confined;
  std::optional<aotc::Manifest> manifest = image->client.manifest(reference, error);
  if (!manifest) return failure(error);
  if (!image->client.remove(reference, error)) return failure(error);
  if (reference == manifest->digest) return llvm::Error::success();
  for (const std::string& tag : image->client.tags(error).value_or(std::vector<std::string>())) {
    std::optional<aotc::Manifest> other = image->client.manifest(tag, error);
    if (!other) return failure(error);
    if (other->digest == manifest->digest) return llvm::Error::success();
  }
  if (!image->client.remove(manifest->digest, error)) return failure(error);
  return llvm::Error::success();
}

// A tag of an aotc-server's, so that its image is not evicted.
llvm::Error pin(const std::string& text, bool pinned) {
  llvm::Expected<Image> image = open_image(text, {});
  if (!image) return image.takeError();
  if (llvm::Error error = needs_repository(*image)) return error;
  if (llvm::Error error = confine_client({}, {})) return error;
  const aotc::ImageReference& reference = image->reference;
  std::string error, tag = reference.reference.empty() ? "latest" : reference.reference;
  std::string query = "?name=" + reference.repository + "&tag=" + aotc::percent_encoded(tag);
  std::optional<aotc::HttpUrl> url = aotc::parse_url(reference.base + "/v1/pins" + query, error);
  if (!url) return failure(error);
  aotc::HttpRequest request{pinned ? "PUT" : "DELETE", *url, {}, ""};
  std::string token = server_token();
  if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
  aotc::HttpResponse response;
  if (!aotc::send_request(request, {}, response, error)) return failure(error);
  if (response.status != 204) return failure(reference.text() + ": " + aotc::refusal(response));
  return llvm::Error::success();
}

}  // namespace

// The client reads the variable.
void add_ca_file(CLI::App& command) {
  command
      .add_option_function<std::string>(
          "--ca-file", [](const std::string& path) { setenv("SSL_CERT_FILE", path.c_str(), 1); },
          "trust servers whose certificate leads to one in this file, PEM (default: SSL_CERT_FILE, or the system's)")
      ->check(CLI::ExistingFile);
}

void add_registry(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<PullArguments>();
  CLI::App* command = app.add_subcommand("pull", "Fetch an artifact from a server or registry");
  command->add_option("image", arguments->image, "[oci://]HOST[:PORT]/REPOSITORY[:TAG|@DIGEST]")->required();
  command->add_option("-o,--output", arguments->output, "output file (default: the repository's last part, .aotc)");
  command->add_option("--target", arguments->target, "x86_64, aarch64, host, or wasm for the module itself")
      ->capture_default_str();
  command->add_option("--trust", arguments->trust, "refuse what is not signed by this key; each of several is enough")
      ->allow_extra_args(false);
  command->add_option("--signed-for", arguments->repository,
                      "repository it was signed for, if it was copied to another");
  add_realms(*command, arguments->realms);
  add_ca_file(*command);
  command->footer(
      "AOTC_TOKEN holds the server's token; without it, what `docker login` left is used.\n\nExample:\n"
      "  aotc pull 127.0.0.1:8080/acme/app:v1 --trust fleet.pub");
  command->callback([=, &action] { action = [=] { return pull(*arguments); }; });

  auto from = std::make_shared<std::string>(), to = std::make_shared<std::string>();
  auto realms = std::make_shared<Realms>();
  command = app.add_subcommand(
      "push", "Copy an image, its signature and the revocations of its repository from a server to a registry");
  command->add_option("image", *from, "where it is")->required();
  command->add_option("registry", *to, "what it becomes there")->required();
  add_realms(*command, *realms);
  add_ca_file(*command);
  command->footer("Example:\n  aotc push 127.0.0.1:8080/acme/app:v1 registry.example/acme/app:v1");
  command->callback([=, &action] { action = [=] { return push(*from, *to, *realms); }; });

  command = app.add_subcommand("ls", "List repositories, or the tags of one");
  command->add_option("where", *from, "HOST[:PORT] or HOST[:PORT]/REPOSITORY")->required();
  add_realms(*command, *realms);
  add_ca_file(*command);
  command->footer("Examples:\n  aotc ls 127.0.0.1:8080\n  aotc ls 127.0.0.1:8080/acme/app");
  command->callback([=, &action] { action = [=] { return list(*from, *realms); }; });

  command = app.add_subcommand("tag", "Give an image one more tag");
  command->add_option("image", *from, "HOST[:PORT]/REPOSITORY[:TAG|@DIGEST]")->required();
  command->add_option("tag", *to, "the other tag, which then names this image alone")->required();
  add_realms(*command, *realms);
  add_ca_file(*command);
  command->footer("Example:\n  aotc tag 127.0.0.1:8080/acme/app:v2 latest");
  command->callback([=, &action] { action = [=] { return tag(*from, *to, *realms); }; });

  command = app.add_subcommand("rm", "Remove a tag, and the image with its last tag");
  command->add_option("image", *from, "HOST[:PORT]/REPOSITORY:TAG or @DIGEST")->required();
  add_realms(*command, *realms);
  add_ca_file(*command);
  command->footer("Example:\n  aotc rm 127.0.0.1:8080/acme/app:v1");
  command->callback([=, &action] { action = [=] { return remove(*from, *realms); }; });

  auto unpinned = std::make_shared<bool>(false);
  command = app.add_subcommand("pin", "Keep a server from evicting what a tag names");
  command->add_option("image", *from, "HOST[:PORT]/REPOSITORY[:TAG]")->required();
  command->add_flag("--off", *unpinned, "take the pin away");
  add_ca_file(*command);
  command->footer("Example:\n  aotc pin 127.0.0.1:8080/acme/app:v1");
  command->callback([=, &action] { action = [=] { return pin(*from, !*unpinned); }; });
}
