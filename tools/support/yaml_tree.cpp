// yaml_tree.cpp - see yaml_tree.h. The only user of libyaml, of whose events the tree is made.
#include "support/yaml_tree.h"

#include <yaml.h>
#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace aotc {

namespace {

constexpr unsigned kDeepest = 16;

class Parser {
 public:
  Parser(const std::string& file, const std::string& text) : file_(file), text_(text) {
    if (yaml_parser_initialize(&parser_) == 0) throw std::bad_alloc();
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Parser() {
    yaml_event_delete(&event_);
    yaml_parser_delete(&parser_);
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  YamlNode whole() {
    YamlNode root;
    next();  // the stream
    if (next() == YAML_STREAM_END_EVENT) return root;
    next();
    take(root, 0);
    next();  // the end of the document
    if (next() != YAML_STREAM_END_EVENT) fail(line(), "a second document");
    return root;
  }

 private:
  [[noreturn]] void fail(size_t line, const std::string& what) {
    throw std::runtime_error(file_ + ":" + std::to_string(line) + ": " + what);
  }

  unsigned line() const { return static_cast<unsigned>(event_.start_mark.line + 1); }

  yaml_event_type_t next() {
    yaml_event_delete(&event_);
    if (yaml_parser_parse(&parser_, &event_) != 0) return event_.type;
    if (parser_.error != YAML_READER_ERROR)
      fail(parser_.problem_mark.line + 1, std::string("not YAML: ") + parser_.problem);
    const auto end = text_.begin() + static_cast<ptrdiff_t>(std::min(parser_.problem_offset, text_.size()));
    fail(static_cast<size_t>(std::count(text_.begin(), end, '\n')) + 1, std::string("not UTF-8: ") + parser_.problem);
  }

  // What the present event begins.
  void take(YamlNode& node, unsigned depth) {
    node.line = line();
    if (depth > kDeepest) fail(node.line, "nested too deeply");
    switch (event_.type) {
      case YAML_SCALAR_EVENT:
        plain(event_.data.scalar.anchor, event_.data.scalar.tag);
        node.kind = YamlNode::Kind::Scalar;
        node.text.assign(reinterpret_cast<const char*>(event_.data.scalar.value), event_.data.scalar.length);
        if (node.text.find('\0') != std::string::npos) fail(node.line, "a character of value 0");
        if (event_.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (node.text.empty() || node.text == "~"))
          node.kind = YamlNode::Kind::Nothing;
        return;
      case YAML_SEQUENCE_START_EVENT:
        plain(event_.data.sequence_start.anchor, event_.data.sequence_start.tag);
        node.kind = YamlNode::Kind::List;
        while (next() != YAML_SEQUENCE_END_EVENT) take(node.items.emplace_back(), depth + 1);
        return;
      case YAML_MAPPING_START_EVENT:
        plain(event_.data.mapping_start.anchor, event_.data.mapping_start.tag);
        node.kind = YamlNode::Kind::Map;
        while (next() != YAML_MAPPING_END_EVENT) take_entry(node, depth);
        return;
      default:
        fail(node.line, "an alias");
    }
  }

  void take_entry(YamlNode& map, unsigned depth) {
    YamlNode key, value;
    take(key, depth + 1);
    if (key.kind != YamlNode::Kind::Scalar) fail(key.line, "a key that is no text");
    if (std::find(map.keys.begin(), map.keys.end(), key.text) != map.keys.end())
      fail(key.line, key.text + ": stands here twice");
    next();
    take(value, depth + 1);
    value.line = key.line;
    map.keys.push_back(key.text);
    map.items.push_back(std::move(value));
  }

  void plain(const unsigned char* anchor, const unsigned char* tag) {
    if (anchor != nullptr) fail(line(), "an anchor");
    if (tag != nullptr) fail(line(), "a tag");
  }

  const std::string& file_;
  const std::string& text_;
  yaml_parser_t parser_{};
  yaml_event_t event_{};
};

}  // namespace

bool parse_yaml(const std::string& file, const std::string& text, YamlNode& root, std::string& error) {
  try {
    root = Parser(file, text).whole();
    return true;
  } catch (const std::runtime_error& wrong) {
    error = wrong.what();
    return false;
  }
}

}  // namespace aotc
