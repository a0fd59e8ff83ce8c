// served.cpp - which app a request is for; see options.h.
#include <algorithm>
#include <cctype>
#include <string_view>

#include "options.h"

namespace {

// Whether `path` starts with `prefix` as a whole part of it.
bool path_matches(std::string_view path, std::string_view prefix) {
  if (path.substr(0, prefix.size()) != prefix) return false;
  return prefix.empty() || prefix.back() == '/' || path.size() == prefix.size() || path[prefix.size()] == '/' ||
         path[prefix.size()] == '?';
}

}  // namespace

std::string App::host() const {
  for (const Route& route : routes)
    if (!route.host.empty()) return route.host;
  return store();
}

const App* Served::by_name(std::string_view name) const {
  auto found = std::find_if(apps.begin(), apps.end(), [&](const App& app) { return app.name == name; });
  return found == apps.end() ? nullptr : &*found;
}

const App* Served::by_site(std::string_view site) const {
  auto found =
      std::find_if(apps.begin(), apps.end(), [&](const App& app) { return !site.empty() && app.site == site; });
  return found == apps.end() ? nullptr : &*found;
}

const App* Served::by_place(uint32_t place) const {
  auto found = std::find_if(apps.begin(), apps.end(), [&](const App& app) { return app.place == place; });
  return found == apps.end() ? nullptr : &*found;
}

const App* Served::find(const std::string& host, const std::string& target) const {
  std::string name = host.substr(0, host.find(':'));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (std::all_of(apps.begin(), apps.end(), [](const App& app) { return app.routes.empty(); })) {
    auto is_site = [](const App& app) { return !app.site.empty(); };
    if (std::count_if(apps.begin(), apps.end(), is_site) == 1) return &*std::find_if(apps.begin(), apps.end(), is_site);
    if (const App* app = by_site(name)) return app;
    if (const App* app = by_site(std::string_view(name).substr(0, name.find('.')))) return app;
    std::string_view path(target);
    if (path.empty() || path[0] != '/') return nullptr;
    path.remove_prefix(1);
    return by_site(path.substr(0, path.find_first_of("/?")));
  }
  const App* found = nullptr;
  const Route* best = nullptr;
  for (const App& app : apps)
    for (const Route& route : app.routes) {
      if (!route.host.empty() && route.host != name) continue;
      if (!path_matches(target, route.path)) continue;
      bool better = best == nullptr || route.host.empty() < best->host.empty() ||
                    (route.host.empty() == best->host.empty() && route.path.size() > best->path.size());
      if (!better) continue;
      best = &route;
      found = &app;
    }
  return found;
}
