// cmd_sign.cpp - `aotc keygen` and `aotc verify`: the keys that a server signs images with, and whether a statement is
// good and not revoked.
#include <unistd.h>
#include <ctime>
#include <memory>

#include <fmt/format.h>

#include "command.h"
#include "confined.h"
#include "files.h"
#include "llvm/ADT/StringExtras.h"
#include "output.h"
#include "registry/p256.h"
#include "registry/revocations.h"
#include "registry/signing.h"
#include "support/error.h"

namespace {

constexpr uint64_t kMaxFile = 64 << 10;
constexpr uint64_t kMaxNumber = 999'999'999'999'999'999;  // a statement has no larger ones

using aotc::failure;

llvm::Expected<std::string> read_text(const std::string& path) {
  llvm::Expected<std::vector<uint8_t>> bytes = read_file(path, kMaxFile);
  if (!bytes) return bytes.takeError();
  return std::string(bytes->begin(), bytes->end());
}

// A key that exists is never replaced: what it signed could not be renewed any more.
llvm::Error keygen(const std::string& name, bool cosign) {
  std::string secret, open, error, id;
  bool made = cosign ? aotc::P256Key::generate(secret, open, error) : aotc::Signer::generate(secret, open, error);
  if (!made) return failure(error);
  if (cosign) {
    std::shared_ptr<aotc::P256Key> key = aotc::P256Key::read_private(secret, error);
    if (!key) return failure(error);
    id = key->id();
  } else {
    std::optional<aotc::Signer> signer = aotc::Signer::read(secret, error);
    if (!signer) return failure(error);
    id = signer->id();
  }
  // The public one first, so that no failure leaves a secret behind.
  if (llvm::Error failed = create_file(name + ".pub", llvm::arrayRefFromStringRef(open), 0644)) return failed;
  if (llvm::Error failed = create_file(name + ".key", llvm::arrayRefFromStringRef(secret), 0600)) {
    unlink((name + ".pub").c_str());
    return failed;
  }
  print("{0}.key: for the server's {1}\n{0}.pub: for the nodes' --trust, key {2}\n", name,
        cosign ? "--cosign-key" : "--sign-key", id);
  return llvm::Error::success();
}

struct VerifyArguments {
  std::string statement, compiler;
  std::vector<std::string> trust, revocations;
  aotc::Expectation expected;
};

std::string text_of(const std::vector<uint8_t>& bytes) { return std::string(bytes.begin(), bytes.end()); }

// An Error when one of the lists has something against the release, or is not to be trusted itself.
llvm::Error check_revocations(const VerifyArguments& arguments, const aotc::TrustedKeys& keys,
                              llvm::ArrayRef<std::vector<uint8_t>> lists, uint64_t sequence) {
  for (size_t i = 0; i < lists.size(); ++i) {
    std::string error;
    auto list = aotc::verify_revocations(keys, text_of(lists[i]), arguments.expected.repository, error);
    if (!list) return failure(arguments.revocations[i] + ": " + error);
    std::string reason = aotc::reason_against(*list, {arguments.expected.index, sequence, arguments.compiler});
    if (!reason.empty()) return failure(arguments.statement + ": revoked: " + reason);
  }
  return llvm::Error::success();
}

llvm::Error verify(VerifyArguments& arguments) {
  aotc::TrustedKeys keys;
  std::string error;
  for (const std::string& path : arguments.trust) {
    llvm::Expected<std::string> pem = read_text(path);
    if (!pem) return pem.takeError();
    if (!keys.add(*pem, error)) return failure(path + ": " + error);
  }
  std::vector<std::string> paths = {arguments.statement};
  paths.insert(paths.end(), arguments.revocations.begin(), arguments.revocations.end());
  llvm::Expected<std::vector<std::vector<uint8_t>>> files = read_files_confined(paths, kMaxFile);
  if (!files) return files.takeError();
  if (arguments.expected.now == 0) arguments.expected.now = static_cast<uint64_t>(std::time(nullptr));
  std::optional<aotc::Statement> statement = keys.verify(text_of(files->front()), arguments.expected, error);
  if (!statement) return failure(arguments.statement + ": " + error);
  if (llvm::Error revoked =
          check_revocations(arguments, keys, llvm::ArrayRef(*files).drop_front(), statement->sequence))
    return revoked;
  print("{}: good for {} until {}, sequence {}\n", arguments.statement, statement->repository, statement->expires,
        statement->sequence);
  return llvm::Error::success();
}

}  // namespace

void add_sign(CLI::App& app, Action& action) {
  auto name = std::make_shared<std::string>();
  CLI::App* key = app.add_subcommand("keygen", "Make a key that a server signs images with");
  key->add_option("name", *name, "writes NAME.key, which is secret, and NAME.pub")->required();
  auto cosign = std::make_shared<bool>(false);
  key->add_flag("--cosign", *cosign, "a key on P-256, for signatures that cosign checks");
  key->footer("Example:\n  aotc keygen fleet && aotc-server --data DIR --sign-key fleet.key");
  key->callback([=, &action] { action = [=] { return keygen(*name, *cosign); }; });

  auto arguments = std::make_shared<VerifyArguments>();
  CLI::App* check = app.add_subcommand("verify", "Check the signed statement of an image");
  check
      ->add_option("statement", arguments->statement,
                   "the file: the layer of an image of type application/vnd.aotc.statement.v1")
      ->required();
  check->add_option("--trust", arguments->trust, "public key; each of several is enough")
      ->required()
      ->allow_extra_args(false);
  check->add_option("--repository", arguments->expected.repository, "the repository it must be for: tenant/app")
      ->required();
  check->add_option("--index", arguments->expected.index, "the digest of the image index it must be for")->required();
  aotc::add_quantity(*check, "--sequence", arguments->expected.least_sequence, "the lowest sequence it may have",
                     {AOTC_COUNT, 0, kMaxNumber});
  aotc::add_quantity(*check, "--time", arguments->expected.now, "as of this time, in seconds since 1970, not now",
                     {AOTC_COUNT, 1, kMaxNumber});
  check
      ->add_option("--revocations", arguments->revocations,
                   "list of revocations that it must not be in; may be repeated")
      ->allow_extra_args(false);
  check->add_option("--compiler", arguments->compiler, "version that made the image, for lists that name compilers");
  check->footer("Example:\n  aotc verify statement --trust fleet.pub --repository acme/app --index sha256:...");
  check->callback([=, &action] { action = [=] { return verify(*arguments); }; });
}
