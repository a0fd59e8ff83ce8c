// front_shared.cpp - see front_shared.h.
#include "front_shared.h"

#include <cctype>
#include <string_view>

// Whether `path` starts with `prefix` as a whole part of it.
static bool path_matches(std::string_view path, std::string_view prefix) {
  if (path.substr(0, prefix.size()) != prefix) return false;
  return prefix.empty() || prefix.back() == '/' || path.size() == prefix.size() || path[prefix.size()] == '/' ||
         path[prefix.size()] == '?';
}

const App* FrontShared::find_app(const std::string& host, const std::string& target) const {
  std::string name = host.substr(0, host.find(':'));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  auto by_name = [&](std::string_view wanted) -> const App* {
    for (const App& app : options.apps)
      if (app.name == wanted) return &app;
    return nullptr;
  };
  if (options.routes.empty()) {
    if (options.apps.size() == 1) return &options.apps[0];
    if (const App* app = by_name(name)) return app;
    if (const App* app = by_name(std::string_view(name).substr(0, name.find('.')))) return app;
    std::string_view path(target);
    if (path.empty() || path[0] != '/') return nullptr;
    path.remove_prefix(1);
    return by_name(path.substr(0, path.find_first_of("/?")));
  }
  const Route* best = nullptr;
  for (const Route& route : options.routes) {
    if (!route.host.empty() && route.host != name) continue;
    if (!path_matches(target, route.path)) continue;
    bool better = best == nullptr || route.host.empty() < best->host.empty() ||
                  (route.host.empty() == best->host.empty() && route.path.size() > best->path.size());
    if (better) best = &route;
  }
  return best == nullptr ? nullptr : by_name(best->app);
}
