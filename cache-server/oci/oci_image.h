// oci_image.h - a compiled module as OCI clients see it.
//
//   index      application/vnd.oci.image.index.v1+json, artifactType kModuleType: one manifest per platform
//   manifest   application/vnd.oci.image.manifest.v1+json: the config and its layers
//   config     kConfigType: what was compiled from what, and the fields of an image's config, for clients that expect
//   one layers     kArtifactType: the ELF file that a node maps. For a program that was frozen, or should have been,
//              kFreezeReportType, and kSnapshotType; both are the same for every platform
//
// One more manifest, of the platform wasip1/wasm, holds the module itself as its layer, in the form of the CNCF's "Wasm
// OCI Artifact".
//
// The documents are made from digests only, so equal results have equal digests.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "jobs/compile_request.h"
#include "jobs/freeze_step.h"
#include "registry/media_types.h"
#include "store/blob_info.h"
#include "tenants/accounts.h"

namespace aotc::server {

constexpr const char* kModuleType = "application/vnd.aotc.module.v1";
constexpr const char* kConfigType = "application/vnd.aotc.config.v1+json";
constexpr const char* kWasmConfigType = "application/vnd.wasm.config.v0+json";
constexpr const char* kWasmType = "application/wasm";
constexpr const char* kSpinWasmType = "application/vnd.wasm.content.layer.v1+wasm";
constexpr const char* kEmptyType = "application/vnd.oci.empty.v1+json";
constexpr const char* kBlobType = "application/octet-stream";  // of what was pushed and is no manifest

constexpr uint64_t kMaxManifest = 4 << 20;  // bytes

// Docker's, too.
bool is_manifest_type(llvm::StringRef media_type);
bool is_index_type(llvm::StringRef media_type);

struct CompiledTarget {
  CompileTarget target;
  BlobInfo artifact;
};

// A blob of the image and the media type it is served as.
struct ImagePart {
  std::string digest;
  std::string media_type;
};

// What is said about an index and signed: the only layer of an image of its own.
struct SignedImage {
  const char* artifact_type;
  const char* media_type;  // of the layer
  std::string bytes;
  std::map<std::string, std::string> annotations = {};
};

// The manifest of one, which refers to an index of the same repository. Of ours both types are kStatementType, and the
// layer is a statement as registry/signing.h describes it.
struct Referrer {
  std::string statement;         // digest of the layer
  std::string descriptor;        // JSON, of the manifest
  std::vector<ImagePart> parts;  // the manifest last
};

struct Image {
  std::string index;                 // digest
  std::vector<ImagePart> parts;      // the index too
  std::vector<BlobInfo> blobs = {};  // with leases, so that nothing is dropped before it is published
  std::string compiler = {};         // that made it
};

// `frozen` is null when nobody tried; else the options from Snapshot on are those it was frozen with.
llvm::Expected<Image> store_image(Store& store, Accounts::Reservation& space, const BlobInfo& module, Tier tier,
                                  const std::vector<CompiledTarget>& targets, const FrozenProgram* frozen,
                                  const OptionSet& options);

llvm::Expected<Referrer> store_signature(Store& store, Accounts::Reservation& space, const BlobInfo& index,
                                         const SignedImage& image);

// The manifest of a repository's revocations: kRevocationsType as its artifactType and that of its layers, the signed
// lists.
std::string revocations_manifest(const std::vector<std::string>& texts);
llvm::Expected<Image> store_revocations(Store& store, Accounts::Reservation& space,
                                        const std::vector<std::string>& texts);

}  // namespace aotc::server
