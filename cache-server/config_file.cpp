// config_file.cpp - see config_file.h.
#include "config_file.h"

#include "llvm/Support/MemoryBuffer.h"
#include "support/closest.h"
#include "support/error.h"
#include "support/yaml_tree.h"

namespace aotc::server {

namespace {

// What is no option of a server, but a question to the program.
bool is_question(const std::string& name) {
  return name == "help" || name == "version" || name == "print-sandbox" || name == "file" || name == "check-config";
}

// "--NAME" of those that may stand in the file.
std::map<std::string, const CLI::Option*> options_of(const CLI::App& app) {
  std::map<std::string, const CLI::Option*> options;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames())
      if (!is_question(name)) options[name] = option;
  return options;
}

}  // namespace

std::string ConfigFile::explain(const std::string& error) const {
  const size_t end = error.find_first_of(": ");
  auto found = places.find(error.substr(0, end));
  return found == places.end() ? error : found->second + error.substr(end);
}

llvm::Expected<ConfigFile> read_config_file(const CLI::App& app, const std::string& path) {
  auto text = llvm::MemoryBuffer::getFile(path);
  if (!text) return failure(path + ": " + text.getError().message());
  YamlNode root;
  std::string error;
  if (!parse_yaml(path, (*text)->getBuffer().str(), root, error)) return failure(error);
  if (root.kind != YamlNode::Kind::Map) return failure(path + ":1: expected options");
  const auto options = options_of(app);
  ConfigFile file;
  for (size_t i = 0; i < root.keys.size(); ++i) {
    const std::string& key = root.keys[i];
    const YamlNode& value = root.items[i];
    const std::string place = path + ":" + std::to_string(value.line) + ": " + key;
    auto found = options.find(key);
    if (found == options.end()) {
      std::vector<std::string> known;
      for (const auto& [name, option] : options) known.push_back(name);
      return failure(place + ": no such option" + did_you_mean(key, known));
    }
    const bool is_switch = found->second->get_items_expected_max() == 0;
    const bool many = found->second->get_expected_max() > 1;
    const bool list = value.kind == YamlNode::Kind::List && many && !value.items.empty();
    const std::string word = "--" + key;
    file.places[word] = place;
    for (const YamlNode& one : list ? value.items : std::vector<YamlNode>{value}) {
      if (one.kind != YamlNode::Kind::Scalar)
        return failure(place + (many ? ": expected a value or a list of them" : ": expected a value"));
      if (is_switch && one.text != "true" && one.text != "false")
        return failure(place + ": expected true or false: " + one.text);
      if (!is_switch)
        file.words.push_back(word + "=" + one.text);
      else if (one.text == "true")
        file.words.push_back(word);
    }
  }
  return file;
}

}  // namespace aotc::server
