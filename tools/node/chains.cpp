// chains.cpp - "NAME=HANDLER,...,LAST", and an app's canary, as if each of them had been said to be an app; see
// settings.h.
#include "canary.h"
#include "registry/release_document.h"
#include "settings.h"

// An image of a registry whose tag is that of release documents.
static bool follows_release(const std::string& artifact) {
  return artifact.find("://") != artifact.npos && artifact.ends_with(std::string(":") + aotc::kReleaseTag);
}

std::vector<Setting> with_members(const std::vector<Setting>& settings) {
  std::vector<Setting> out;
  for (const Setting& s : settings) {
    size_t at = 0;
    unsigned number = 0;
    if (s.option == "canary") {
      if (s.value.find(',') != std::string::npos) throw SettingError(s, "a canary is one artifact, without handlers");
      out.push_back({"app", s.app + kCanarySuffix, "", s.value, s.where});
      continue;
    }
    for (size_t comma; s.option == "app" && (comma = s.value.find(',', at)) != std::string::npos; at = comma + 1) {
      Setting& handler = out.emplace_back(s);
      handler.app += "." + std::to_string(++number);
      handler.value = s.value.substr(at, comma - at);
    }
    out.emplace_back(s).value.erase(0, at);
    if (s.option == "app" && number == 0 && s.app.find('.') == s.app.npos && follows_release(s.value))
      out.push_back({"app", s.app + kCanarySuffix, "", s.value, s.where});
  }
  return out;
}
