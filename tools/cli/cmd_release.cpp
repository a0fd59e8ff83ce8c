// cmd_release.cpp - `aotc release`, `promote` and `rollback`: the signed document that says which of a repository's
// images the nodes run that follow it, and for whom (registry/release_document.h).
//
// Each reads the document that is there, checks that one of its signatures is by the same key, and writes the next. The
// key never leaves this machine: a registry only keeps what it cannot change.
#include <algorithm>
#include <ctime>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "command.h"
#include "confined.h"
#include "files.h"
#include "output.h"
#include "registry/release_document.h"
#include "registry/signing.h"
#include "registry_image.h"
#include "support/error.h"

namespace {

using aotc::failure;
using Document = aotc::ReleaseDocument;

constexpr uint64_t kMaxKeyFile = 64 << 10;
constexpr uint64_t kLongestDelay = 30 * 86400;

struct Arguments {
  std::string repository, signed_for, stable, canary;
  uint64_t weight = 0, delay = 0;
  std::vector<std::string> headers, cookies, keys, trust;
  Realms realms;
  bool json = false;
};

llvm::Expected<std::string> read_key(const std::string& path) {
  llvm::Expected<std::vector<uint8_t>> bytes = read_file(path, kMaxKeyFile);
  if (!bytes) return bytes.takeError();
  return std::string(bytes->begin(), bytes->end());
}

// A repository whose document is read, and the keys for that.
class Release {
 public:
  static llvm::Expected<Release> open(const Arguments& arguments) {
    llvm::Expected<Image> image = open_image(arguments.repository, arguments.realms);
    if (!image) return image.takeError();
    if (llvm::Error error = needs_repository(*image)) return error;
    if (!image->reference.reference.empty())
      return llvm::make_error<UsageError>(image->reference.text() + ": a repository is needed, without a tag");
    Release release(std::move(*image), arguments.signed_for);
    std::string error;
    for (const std::string& path : arguments.keys) {
      llvm::Expected<std::string> pem = read_key(path);
      if (!pem) return pem.takeError();
      std::optional<aotc::Signer> signer = aotc::Signer::read(*pem, error);
      if (!signer) return failure(path + ": " + error);
      release.trusted_.add(*signer);
      release.signers_.push_back(std::move(*signer));
    }
    for (const std::string& path : arguments.trust) {
      llvm::Expected<std::string> pem = read_key(path);
      if (!pem) return pem.takeError();
      if (!release.trusted_.add(*pem, error)) return failure(path + ": " + error);
    }
    if (llvm::Error confined = confine_client({}, {})) return confined;
    return release;
  }

  // The document that is there; one that says nothing when there is none.
  llvm::Expected<Document> read() {
    std::string error;
    std::optional<std::string> text = aotc::find_release(image_.client, error);
    if (!text) return failure(image_.reference.text() + ": " + error);
    Document none;
    none.repository = repository_;
    if (text->empty()) return none;
    auto document = aotc::verify_release(trusted_, *text, repository_, error);
    if (!document) return failure(image_.reference.text() + ": " + error);
    return *document;
  }

  // Of a tag or digest the digest, which must be there.
  llvm::Expected<std::string> index_of(const std::string& reference) {
    std::string error;
    std::optional<aotc::Manifest> index = image_.client.manifest(reference, error);
    if (!index) return failure(error);
    return index->digest;
  }

  // Higher than any before, even if the registry has hidden some.
  llvm::Error write(Document& document, uint64_t delay) {
    document.issued = static_cast<uint64_t>(std::time(nullptr));
    document.sequence = std::max(document.sequence + 1, document.issued);
    document.from = delay == 0 ? 0 : document.issued + delay;  // at once, whatever a node's clock says
    std::string error;
    std::optional<std::string> text = aotc::sign_release(document, signers_, error);
    if (!text || !aotc::put_release(image_.client, *text, error))
      return failure(image_.reference.text() + ": " + error);
    return llvm::Error::success();
  }

 private:
  Release(Image image, const std::string& signed_for)
      : image_(std::move(image)), repository_(signed_for.empty() ? image_.reference.repository : signed_for) {}

  Image image_;
  std::string repository_;
  aotc::TrustedKeys trusted_;
  std::vector<aotc::Signer> signers_;
};

void show(const Document& document, bool json) {
  if (json) {
    nlohmann::ordered_json shown = {{"repository", document.repository},
                                    {"sequence", document.sequence},
                                    {"issued", document.issued},
                                    {"from", document.from},
                                    {"stable", document.stable},
                                    {"canary", document.canary},
                                    {"weight", static_cast<double>(document.weight) / 1000}};
    shown["headers"] = document.headers;
    shown["cookies"] = document.cookies;
    shown["previous"] = document.previous;
    return print("{}\n", shown.dump(2));
  }
  print("{}: release {}, from {}\n  stable    {}\n", document.repository, document.sequence, document.from,
        document.stable);
  if (!document.canary.empty())
    print("  canary    {}, {} %\n", document.canary, static_cast<double>(document.weight) / 1000);
  for (const auto& [name, value] : document.headers) print("            with field {}: {}\n", name, value);
  for (const auto& [name, value] : document.cookies) print("            with cookie {}={}\n", name, value);
  if (!document.previous.empty()) print("  previous  {}\n", document.previous);
}

llvm::Error take_matches(const char* option, const std::vector<std::string>& texts,
                         std::map<std::string, std::string>& matches) {
  for (const std::string& text : texts) {
    const size_t equals = std::min(text.find('='), text.size());
    const std::string name = text.substr(0, equals), value = text.substr(std::min(equals + 1, text.size()));
    if (!aotc::is_match_name(name) || !aotc::is_match_value(value))
      return llvm::make_error<UsageError>(fmt::format("{}: expected NAME=VALUE: {}", option, text));
    matches[name] = value;
  }
  return llvm::Error::success();
}

void make_stable(Document& document, std::string index) {
  if (index != document.stable) document.previous = std::exchange(document.stable, std::move(index));
  document.canary.clear();
  document.weight = 0;
  document.headers.clear();
  document.cookies.clear();
}

llvm::Error release(const Arguments& arguments) {
  const bool shows = arguments.stable.empty() && arguments.canary.empty();
  const bool rules = arguments.weight != 0 || !arguments.headers.empty() || !arguments.cookies.empty();
  if (rules && arguments.canary.empty())
    return llvm::make_error<UsageError>("--weight, --header and --cookie are for: --canary");
  if (!shows && arguments.keys.empty()) return llvm::make_error<UsageError>("missing option: --sign-key");
  if (shows && arguments.keys.empty() && arguments.trust.empty())
    return llvm::make_error<UsageError>("missing option: --trust");
  std::map<std::string, std::string> headers, cookies;
  if (llvm::Error wrong = take_matches("--header", arguments.headers, headers)) return wrong;
  if (llvm::Error wrong = take_matches("--cookie", arguments.cookies, cookies)) return wrong;
  llvm::Expected<Release> release = Release::open(arguments);
  if (!release) return release.takeError();
  llvm::Expected<Document> document = release->read();
  if (!document) return document.takeError();
  if (shows) {
    if (document->stable.empty()) return failure(arguments.repository + ": has no release");
    show(*document, arguments.json);
    return llvm::Error::success();
  }
  if (!arguments.stable.empty()) {
    llvm::Expected<std::string> index = release->index_of(arguments.stable);
    if (!index) return index.takeError();
    make_stable(*document, *index);
  }
  if (document->stable.empty()) return failure(arguments.repository + ": has no release yet, which needs --stable");
  if (!arguments.canary.empty()) {
    llvm::Expected<std::string> index = release->index_of(arguments.canary);
    if (!index) return index.takeError();
    document->canary = *index;
    document->weight = arguments.weight;
    document->headers = std::move(headers);
    document->cookies = std::move(cookies);
  }
  if (llvm::Error failed = release->write(*document, arguments.delay)) return failed;
  show(*document, arguments.json);
  return llvm::Error::success();
}

llvm::Error change(const Arguments& arguments, bool forward) {
  llvm::Expected<Release> release = Release::open(arguments);
  if (!release) return release.takeError();
  llvm::Expected<Document> document = release->read();
  if (!document) return document.takeError();
  if (forward) {
    if (document->canary.empty()) return failure(arguments.repository + ": has no canary to promote");
    make_stable(*document, document->canary);
  } else if (!document->canary.empty()) {
    make_stable(*document, document->stable);
  } else {
    if (document->previous.empty()) return failure(arguments.repository + ": has no release to go back to");
    make_stable(*document, document->previous);
  }
  if (llvm::Error failed = release->write(*document, arguments.delay)) return failed;
  show(*document, arguments.json);
  return llvm::Error::success();
}

std::shared_ptr<Arguments> add_common(CLI::App& command) {
  auto arguments = std::make_shared<Arguments>();
  command.add_option("repository", arguments->repository, "[oci://]HOST[:PORT]/REPOSITORY")->required();
  command.add_option("--sign-key", arguments->keys, "private key, as `aotc keygen` makes it; with several all sign")
      ->allow_extra_args(false);
  command.add_option("--signed-for", arguments->signed_for, "repository that nodes expect it for, if this is a copy");
  aotc::add_quantity(command, "--in", arguments->delay,
                     "when it takes effect: nodes fetch the images before, and change together then",
                     {AOTC_SECONDS, 0, kLongestDelay});
  command.add_flag("--json", arguments->json, "say what is released as JSON");
  add_realms(command, arguments->realms);
  add_ca_file(command);
  return arguments;
}

}  // namespace

void add_release(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("release", "Say which image of a repository nodes run, and which for some");
  auto arguments = add_common(*command);
  command->add_option("--stable", arguments->stable, "TAG or DIGEST for all");
  command->add_option("--canary", arguments->canary, "TAG or DIGEST for those that the next options name");
  aotc::add_quantity(*command, "--weight", arguments->weight, "percentage of those who ask",
                     {AOTC_PERCENT, 0, aotc::kWholeWeight});
  command->add_option("--header", arguments->headers, "NAME=VALUE: requests with this field, too; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--cookie", arguments->cookies, "NAME=VALUE: likewise with this cookie; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--trust", arguments->trust, "public key by which what is released is signed")
      ->allow_extra_args(false);
  command->footer(
      "Nodes follow it whose app is oci://HOST/REPOSITORY:aotc-release. Without --stable and --canary it says what is "
      "released.\n\nExamples:\n"
      "  aotc release registry.example/acme/app --stable v1 --sign-key fleet.key\n"
      "  aotc release registry.example/acme/app --canary v2 --weight 5 --header x-env=canary --sign-key fleet.key\n"
      "  aotc release registry.example/acme/app --trust fleet.pub --json");
  command->callback([=, &action] { action = [=] { return release(*arguments); }; });

  for (const bool forward : {true, false}) {
    command = forward
                  ? app.add_subcommand("promote", "Have nodes run a repository's canary for all")
                  : app.add_subcommand("rollback", "Have nodes run no canary, or the image before if there is none");
    arguments = add_common(*command);
    command->get_option("--sign-key")->required();
    command->footer(std::string("Example:\n  aotc ") + (forward ? "promote" : "rollback") +
                    " registry.example/acme/app --sign-key fleet.key");
    command->callback([=, &action] { action = [=] { return change(*arguments, forward); }; });
  }
}
