// settings.h - what an operator says, piece by piece: an option of option_table.h, with its value. Command line and
// file come to the same list, of which options.h makes what the node goes by; the supervisor passes it on to the front.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

struct Setting {
  std::string option;  // its name, without dashes
  std::string app;     // that it is said of; empty: the node, or all apps
  std::string key;     // of an option that has values by name; of "app" its place, once it has one
  std::string value;
  std::string where;  // it was said, for errors: "--deadline", "node.yaml:12: apps.site.deadline"
};

class SettingError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  SettingError(const Setting& setting, const std::string& what)
      : SettingError(setting.where + ": " + what + ": " + setting.value) {}
};

// What a command line says, behind "serve".
struct Told {
  std::string file;         // whose settings these are; empty: there is none
  bool check_only = false;  // --check-config
  std::vector<Setting> settings;
};
// All of these throw SettingError.
Told told_by(const std::vector<std::string>& words);
std::vector<Setting> settings_of_file(const std::string& file);
std::vector<Setting> settings_of_text(const std::string& file, const std::string& text);

// With an app for each member of a chain, "HANDLER,...,LAST" of NAME: NAME.1, ... and NAME; and for its canary,
// NAME.canary.
std::vector<Setting> with_members(const std::vector<Setting>& settings);

// For another process, and back.
std::string packed(const std::vector<Setting>& settings);
std::vector<Setting> unpacked(int fd);  // all that is in it; throws std::runtime_error
