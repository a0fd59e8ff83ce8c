// image_cache.h - one app's images on disk. The puller writes, tenants read; each trusts no more than what it checks.
//
//   folder = "state", "lock", { blob } ;      a blob's name is the hexadecimal part of its digest
//   state  = "aotc-node-state 2\n", "sequence ", number, " ", index, "\n",
//            "revocations ", number, " ", list, "\n", "fleet ", number, " ", list, "\n",
//            "newest ", release, "\n", "good ", release, "\n" ;
//   release = index, " ", statement | "- -" ;   digests; a statement that is "-" stands for an image without
//   list    = digest | "-" ;                    of a list of revocations
//
// `sequence` is the highest that a statement was accepted with, and for which index; older statements are refused, also
// after a restart. So are lists of revocations older than those of the repository and of the fleet that are kept.
// `newest` was pulled whole, `good` ran before it. Files appear by renaming, after they were synced. A state of version
// 1 is read as one without revocations.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "image_files.h"
#include "registry/registry_client.h"

struct Trust {
  std::string repository;         // that statements must be for
  std::vector<std::string> keys;  // files; none: nothing needs to be signed
};

// The same, read: before the process is locked, for then there are no files.
struct TrustRoot {
  std::string repository;
  bool needs_signature = false;
  aotc::TrustedKeys keys;
};

bool read_trust(const Trust& trust, TrustRoot& root, std::string& error);

// The manifest of an index for this machine: of several for its architecture the one for the best processor that it is.
std::optional<aotc::Descriptor> choose_manifest(const aotc::Manifest& index, std::string& error);

// Its artifact, and its snapshot if there is one.
struct ImageLayers {
  aotc::Descriptor artifact;
  std::optional<aotc::Descriptor> snapshot;
};
std::optional<ImageLayers> image_layers(const aotc::Manifest& manifest, std::string& error);

// What leads to a release's files, checked: its statement, if there must be one, and the manifest for this machine.
// Whether the statement holds at this time may be of no interest.
struct Documents {
  aotc::Statement statement;
  aotc::Manifest manifest;
};
std::optional<Documents> read_documents(ImageFiles& files, const TrustRoot& trust, const Release& release,
                                        bool at_any_time, std::string& error);
// What lists of revocations can name of it. Fails when the compiler cannot be told.
std::optional<aotc::SignedRelease> facts_of(ImageFiles& files, const Documents& documents, std::string& error);

// Files of a release whose every byte, from the statement down, was checked, and which no list revokes. They stay those
// of the ImageFiles.
struct OpenImage {
  int artifact = -1, snapshot = -1;
  aotc::Statement statement;
};
std::optional<OpenImage> open_image(ImageFiles& files, const TrustRoot& trust, const Release& release,
                                    const ObeyedLists& lists, std::string& error);

class ImageCache {
 public:
  explicit ImageCache(std::string folder) : folder_(std::move(folder)) {}
  // Makes the folder and opens it; `user`, if not 0, is whom it is to belong to. Before the process is locked.
  bool make(unsigned user, std::string& error);
  // Locks it for this process and reads the state.
  bool open(std::string& error);
  int folder() const { return fd_; }

  struct State {
    uint64_t sequence = 0;
    std::string sequence_index;
    uint64_t own_sequence = 0, fleet_sequence = 0;  // of the lists
    ObeyedLists lists;
    Release newest, good;
  };
  const State& state() const { return state_; }
  bool write_state(const State& state, std::string& error);

  bool has(const aotc::Descriptor& blob) const;
  bool put(const std::string& digest, const std::string& bytes, std::string& error);
  // `fill` is given a sink and says whether what it gave it is the blob.
  using Sink = std::function<bool(const char* data, size_t size)>;
  bool put(const std::string& digest, const std::function<bool(const Sink&)>& fill, std::string& error);
  // Drops what neither the newest nor the good release needs.
  void sweep();

 private:
  bool write(const std::string& name, const std::function<bool(const Sink&)>& fill, std::string& error);
  const std::string folder_;  // for messages: only `make` goes by its name
  int fd_ = -1;               // of it
  int lock_ = -1;             // for as long as the process lives
  State state_;
};
