// config_file.cpp - the file of `aotc-node serve --file`, in YAML:
//
//   file = { OPTION: value }, apps: { NAME: { OPTION: value } } ;
//   value = scalar | [ scalar... ] | { NAME: scalar } ;
//
// OPTION is that of a row of option_table.h; which of the three its value may be says the row. So there is nothing here
// of any single option.
#include <algorithm>

#include "image_files.h"
#include "option_table.h"
#include "settings.h"
#include "support/closest.h"
#include "support/yaml_tree.h"

namespace {

using aotc::YamlNode;
using enum OptionRow::Of;

constexpr char kApps[] = "apps";
constexpr size_t kMaxFile = 1 << 20;

class FileReader {
 public:
  explicit FileReader(const std::string& file) : file_(file) {}

  std::vector<Setting> read(const YamlNode& root) {
    if (root.kind != YamlNode::Kind::Map) fail(std::max(root.line, 1u), "", "expected options and apps");
    for (size_t i = 0; i < root.keys.size(); ++i) {
      if (root.keys[i] == kApps)
        read_apps(root.items[i]);
      else
        read_option(root.keys[i], root.items[i], "");
    }
    return std::move(settings_);
  }

 private:
  [[noreturn]] void fail(unsigned line, const std::string& path, const std::string& what) const {
    throw SettingError(where(line, path) + ": " + what);
  }
  std::string where(unsigned line, const std::string& path) const {
    return file_ + ":" + std::to_string(line) + (path.empty() ? "" : ": " + path);
  }

  void read_apps(const YamlNode& apps) {
    if (apps.kind != YamlNode::Kind::Map) fail(apps.line, kApps, "expected names, with what is said of each app");
    for (size_t i = 0; i < apps.keys.size(); ++i) {
      const std::string path = std::string(kApps) + "." + apps.keys[i];
      const YamlNode& app = apps.items[i];
      if (app.kind != YamlNode::Kind::Map) fail(app.line, path, "expected options, artifact for one");
      const OptionRow& artifact = *find_option("app");
      if (std::find(app.keys.begin(), app.keys.end(), artifact.file_key()) == app.keys.end())
        fail(app.line, path, std::string("needs ") + artifact.file_key());
      for (size_t k = 0; k < app.keys.size(); ++k) read_option(app.keys[k], app.items[k], apps.keys[i]);
    }
  }

  void read_option(const std::string& key, const YamlNode& value, const std::string& app) {
    const std::string path = (app.empty() ? "" : std::string(kApps) + "." + app + ".") + key;
    const OptionRow* row = nullptr;
    std::vector<std::string> known;
    if (app.empty()) known.push_back(kApps);
    for (const OptionRow& one : option_table()) {
      if (key == one.file_key()) row = &one;
      if (app.empty() ? one.of != OneApp : one.of != Node) known.push_back(one.file_key());
    }
    if (row == nullptr) fail(value.line, path, "no such option" + aotc::did_you_mean(key, known));
    if (row->of == OneApp && app.empty()) fail(value.line, path, "is said of an app: it belongs below apps: NAME:");
    if (row->of == Node && !app.empty()) fail(value.line, path, "is not said of an app: it belongs at the left margin");
    Setting setting{row->name, app, "", "", where(value.line, path)};
    read_value(*row, value, setting);
  }

  void read_value(const OptionRow& row, const YamlNode& value, Setting& setting) {
    using enum OptionRow::Times;
    using enum YamlNode::Kind;
    if (value.kind == Scalar && row.times != ByName) return add(row, value, setting);
    if (value.kind == List && row.times == Many && !value.items.empty()) {
      for (const YamlNode& item : value.items) add(row, item, setting);
    } else if (value.kind == Map && row.times == ByName) {
      for (size_t i = 0; i < value.keys.size(); ++i) {
        setting.key = value.keys[i];
        add(row, value.items[i], setting);
      }
    } else {
      throw SettingError(setting.where + ": expected " +
                         (row.times == Once   ? "a value"
                          : row.times == Many ? "a value or a list of them"
                                              : "names with values"));
    }
  }

  void add(const OptionRow& row, const YamlNode& value, Setting& setting) {
    if (value.kind != YamlNode::Kind::Scalar) throw SettingError(setting.where + ": expected a value");
    setting.value = value.text;
    if (row.argument == nullptr && value.text != "true" && value.text != "false")
      throw SettingError(setting, "expected true or false");
    settings_.push_back(setting);
  }

  const std::string& file_;
  std::vector<Setting> settings_;
};

}  // namespace

std::vector<Setting> settings_of_text(const std::string& file, const std::string& text) {
  YamlNode root;
  std::string error;
  if (!aotc::parse_yaml(file, text, root, error)) throw SettingError(error);
  return with_members(FileReader(file).read(root));
}

std::vector<Setting> settings_of_file(const std::string& file) {
  std::string text, error;
  if (!read_file(file, kMaxFile, text, error)) throw SettingError(error);
  return settings_of_text(file, text);
}
