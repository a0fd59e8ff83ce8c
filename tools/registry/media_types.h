// media_types.h - what the parts of an image are called, on the server, in the command line and on nodes.
#pragma once

namespace aotc {

constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";
constexpr const char* kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* kArtifactType = "application/vnd.aotc.artifact.v1";  // the ELF file that a node maps
constexpr const char* kSnapshotType = "application/vnd.aotc.snapshot.v1";  // of all targets; goes with each artifact
constexpr const char* kFreezeReportType = "application/vnd.aotc.freeze-report.v1+json";
constexpr const char* kStatementType = "application/vnd.aotc.statement.v1";      // see signing.h
constexpr const char* kReleaseType = "application/vnd.aotc.release.v1";          // see release_document.h
constexpr const char* kRevocationsType = "application/vnd.aotc.revocations.v1";  // see revocations.h

}  // namespace aotc
