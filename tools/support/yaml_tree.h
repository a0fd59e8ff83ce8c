// yaml_tree.h - a file of an operator's in YAML, as a tree in which everything knows its line. Strict: what a key or
// value means is never guessed, so there are no anchors, tags, documents after the first, keys that are no plain text
// or stand there twice.
#pragma once

#include <string>
#include <vector>

namespace aotc {

struct YamlNode {
  enum class Kind { Nothing, Scalar, List, Map } kind = Kind::Nothing;
  unsigned line = 0;
  std::string text;             // of a scalar
  std::vector<YamlNode> items;  // of a list or map; those of a map have the lines of their keys
  std::vector<std::string> keys;
};

// False with "FILE:LINE: what is wrong". An empty file is Nothing.
bool parse_yaml(const std::string& file, const std::string& text, YamlNode& root, std::string& error);

}  // namespace aotc
