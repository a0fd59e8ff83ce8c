// artifact_view.h - an artifact's contents for display, read without running or mapping it as code.
//
// read() checks everything that the accessors follow, so a hostile file yields an Error that says what is wrong, and
// the accessors cannot fail. It knows both architectures, unlike the runtime's loader, which only accepts its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aotc/artifact_format.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

class ArtifactView {
 public:
  // `bytes` must outlive the view. `name` leads error messages.
  static llvm::Expected<ArtifactView> read(llvm::ArrayRef<uint8_t> bytes, const std::string& name);

  const aotc_header& header() const { return header_; }

  struct Section {
    const char* name;
    aotc_section section;
  };
  std::vector<Section> sections() const;
  // The JSON that came with the snapshot; empty when there is no snapshot. It is the runtime's, but not checked.
  llvm::StringRef snapshot_report() const { return snapshot_report_; }
  // Compares the sections' checksums. The message names each one that differs.
  llvm::Error verify() const;

  const std::vector<aotc_import>& imports() const { return imports_; }
  const std::vector<aotc_export>& exports() const { return exports_; }
  const std::vector<aotc_function>& functions() const { return functions_; }
  // "" for AOTC_NONE. Not escaped.
  std::string string(uint32_t offset) const;
  // "(i32, i64) -> (f64)"
  std::string type(uint32_t index) const;

 private:
  llvm::ArrayRef<uint8_t> bytes_;
  std::string name_;
  aotc_header header_ = {};
  std::vector<aotc_type> types_;
  std::vector<uint8_t> type_bytes_;
  std::vector<aotc_import> imports_;
  std::vector<aotc_export> exports_;
  std::vector<aotc_function> functions_;
  llvm::StringRef snapshot_report_;

  llvm::Error error(const std::string& what) const;
  llvm::Error read_header();
  template <typename T>
  llvm::Error read_span(const char* what, const aotc_span& span, std::vector<T>& array) const;
  llvm::Error check_strings() const;
  llvm::Error check_string(const char* what, size_t index, uint32_t offset) const;
  llvm::Error check_indices() const;
  llvm::Error read_snapshot();
};

// Names of the bits in aotc_header::cpu_features; unknown bits as "bit N".
std::vector<std::string> cpu_feature_names(uint32_t architecture, uint64_t features);

enum class FileKind { Wasm, Artifact };
// By the first bytes. A file that is neither is an Error.
llvm::Expected<FileKind> file_kind(const std::string& path);
// The architecture in the header of the artifact `path`; reads only that.
llvm::Expected<uint32_t> artifact_architecture(const std::string& path);
