// settings.cpp - see settings.h. The command line.
#include "settings.h"

#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "option_table.h"
#include "support/closest.h"

namespace {

// "APP=VALUE", "VALUE=APP", or "APP:KEY=VALUE".
void take_app_apart(const OptionRow& row, Setting& s) {
  const std::string text = s.value;
  const bool last = row.form == OptionRow::Form::AppLast, keyed = row.times == OptionRow::Times::ByName;
  const size_t colon = keyed ? text.find(':') : 0;
  const size_t equals = colon == text.npos ? text.npos : last ? text.rfind('=') : text.find('=', colon);
  bool good = equals != text.npos;
  if (good && keyed) {
    s.app = text.substr(0, colon);
    s.key = text.substr(colon + 1, equals - colon - 1);
    s.value = text.substr(equals + 1);
    good = !s.key.empty() && !s.value.empty();
  } else if (good) {
    s.app = last ? text.substr(equals + 1) : text.substr(0, equals);
    s.value = last ? text.substr(0, equals) : text.substr(equals + 1);
    good = !s.value.empty() || (row.times == OptionRow::Times::Many && !last);  // else its reader says more
  }
  if (good && !s.app.empty()) return;
  throw SettingError(s.where + ": expected " + row.argument + ": " + text);
}

Setting setting_of(const std::string& name, const OptionRow& row, const std::string& value) {
  Setting setting{row.name, "", "", value, name};
  if (row.of == OptionRow::Of::OneApp) take_app_apart(row, setting);
  return setting;
}

std::string unknown(const std::string& name) {
  std::vector<std::string> known = {std::string("--") + kFileOption, std::string("--") + kCheckOption};
  for (const OptionRow& row : option_table()) known.push_back(std::string("--") + row.name);
  return "unknown option: " + name + aotc::did_you_mean(name, known);
}

}  // namespace

Told told_by(const std::vector<std::string>& words) {
  Told told;
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string name = words[i].substr(0, equals), option = name.starts_with("--") ? name.substr(2) : "";
    const OptionRow* row = find_option(option);
    if (row == nullptr && option != kFileOption && option != kCheckOption) throw SettingError(unknown(name));
    if (row != nullptr ? row->argument == nullptr : option == kCheckOption) {
      if (equals != std::string::npos) throw SettingError(name + ": takes no value");
      if (row == nullptr)
        told.check_only = true;
      else
        told.settings.push_back({row->name, "", "", "true", name});
      continue;
    }
    if (equals == std::string::npos && i + 1 == words.size()) throw SettingError("needs a value: " + name);
    const std::string value = equals != std::string::npos ? words[i].substr(equals + 1) : words[++i];
    if (row == nullptr)
      told.file = value;
    else
      told.settings.push_back(setting_of(name, *row, value));
  }
  if (told.file.empty()) {
    told.settings = with_members(told.settings);
    return told;
  }
  if (!told.settings.empty())
    throw SettingError("--file: holds all options, so there can be no " + told.settings[0].where);
  told.settings = settings_of_file(told.file);
  return told;
}

std::string packed(const std::vector<Setting>& settings) {
  std::string text;
  for (const Setting& s : settings)
    for (const std::string* part : {&s.option, &s.app, &s.key, &s.value, &s.where}) text.append(*part).push_back('\0');
  return text;
}

std::vector<Setting> unpacked(int fd) {
  std::string whole;
  char piece[16 << 10];
  ssize_t n;
  while ((n = ::read(fd, piece, sizeof piece)) > 0) whole.append(piece, static_cast<size_t>(n));
  if (n < 0) throw std::runtime_error(std::string("cannot read the settings: ") + std::strerror(errno));
  std::string_view text = whole;
  std::vector<Setting> settings;
  auto next = [&] {
    const std::string part(text.substr(0, text.find('\0')));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    return part;
  };
  while (!text.empty()) {
    Setting& s = settings.emplace_back();
    for (std::string* part : {&s.option, &s.app, &s.key, &s.value, &s.where}) *part = next();
  }
  return settings;
}
