// registry_image.h - an image in a registry as commands name it, and the client for its repository.
#pragma once

#include <string>
#include <vector>

#include "command.h"
#include "llvm/Support/Error.h"
#include "registry/registry_client.h"

struct Image {
  aotc::ImageReference reference;
  aotc::RegistryClient client;
};

using Realms = std::vector<std::string>;  // REGISTRY=REALM

// AOTC_TOKEN is for the server alone: where images are pushed to, what `docker login` left is used.
llvm::Expected<Image> open_image(const std::string& text, const Realms& named, bool is_server = true);
llvm::Error needs_repository(const Image& image);
void add_realms(CLI::App& command, Realms& realms);
