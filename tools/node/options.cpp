// options.cpp - see options.h: the rows of option_table.h applied to what was said, then what they say together.
#include "options.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <thread>

#include "option_table.h"

namespace {

constexpr uint64_t kUsualLoops = 8;  // at most: each has a channel to every worker

class Composer {
 public:
  explicit Composer(const std::vector<Setting>& settings) : settings_(settings) {}

  Options whole() {
    static const unsigned processors = std::thread::hardware_concurrency();  // a front that is locked cannot ask
    options_.workers = std::max(1u, processors);
    for (const Setting& s : settings_) take_of_node(s);
    for (const Setting& s : settings_)
      if (s.option == "app") add_app(s);
    for (App& app : served_.apps) take_of_app(app);
    for (const Setting& s : settings_) check_app_of(s);
    complete();
    options_.served = std::make_shared<const Served>(std::move(served_));
    return options_;
  }

 private:
  static void take_quantity(const OptionRow& row, uint64_t* place, const Setting& s) {
    char expected[AOTC_QUANTITY_TEXT];
    if (!aotc_read_quantity(s.value.c_str(), row.kind, row.least, row.most, place, expected))
      throw SettingError(s, expected);
  }

  static void take(const OptionRow& row, App& app, const Setting& s) {
    if (row.in_app != nullptr)
      take_quantity(row, row.in_app(app), s);
    else
      row.take_app(app, s);
  }

  void take_of_node(const Setting& s) {
    const OptionRow& row = *find_option(s.option);
    if (row.in_node != nullptr)
      take_quantity(row, row.in_node(options_), s);
    else if (row.of == OptionRow::Of::Node)
      row.take_node(options_, served_, s);
    else if (App unused; s.app.empty())
      take(row, unused, s);  // is right, even if each app says something else
  }

  void add_app(const Setting& s) {
    App app;
    app.name = app.site = s.app;
    const std::string whole = app.name.substr(0, app.name.find('.'));  // what is behind it is checked with its chain
    for (char c : whole)
      if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_')
        throw SettingError(s.where + ": not a name: " + app.name);
    if (served_.by_name(app.name) != nullptr) throw SettingError("two apps have the same name: " + app.name);
    if (app.name == whole + kCanarySuffix) {
      app.canary_of = whole;
      app.site.clear();
    }
    app.place = static_cast<uint32_t>(s.key.empty() ? served_.apps.size() : std::strtoul(s.key.c_str(), nullptr, 10));
    served_.apps.push_back(std::move(app));
  }

  // What is said of it, or of the app whose canary it is, or else of all.
  void take_of_app(App& app) {
    for (const OptionRow& row : option_table()) {
      if (row.of == OptionRow::Of::Node) continue;
      std::vector<const Setting*> own, of_stable, of_all;
      for (const Setting& s : settings_) {
        if (s.option != row.name) continue;
        if (s.app.empty()) of_all.push_back(&s);
        if (s.app == app.name) own.push_back(&s);
        if (s.app == app.canary_of && !app.canary_of.empty() && !row.is_own()) of_stable.push_back(&s);
      }
      if (own.empty()) own = of_stable;
      if (row.times == OptionRow::Times::Once && own.size() > 1)
        throw SettingError(own[1]->where + ": given twice for app: " + app.name);
      for (const Setting* s : own.empty() ? of_all : own) {
        take(row, app, *s);
        if (!row.routes) app.said += s->option + '\0' + s->key + '\0' + s->value + '\0';
      }
    }
  }

  void check_app_of(const Setting& s) const {
    if (s.app.empty()) return;
    const App* app = served_.by_name(s.app);
    if (app == nullptr) throw SettingError(s.where + ": no app is called: " + s.app);
    if (s.option == "signed-for" && !app->pulled)
      throw SettingError(s.where + ": no app from a registry is called: " + s.app);
  }

  void complete() {
    if (options_.loops == 0) options_.loops = std::min(options_.workers, kUsualLoops);
    if (options_.listen.empty() && options_.listen_tls.empty()) throw SettingError("missing option: --listen");
    if (!options_.listen_tls.empty() && served_.certificates.empty())
      throw SettingError("--listen-tls needs: --certificate");
    if (served_.apps.empty() && !by_file()) throw SettingError("missing option: --app");
    make_chains();
    for (const App& app : served_.apps)
      if (!app.canary_of.empty()) make_canary(app);
    uint64_t kept = 0;
    for (const App& app : served_.apps) kept += app.response_cache;
    if (kept > options_.front_memory / 2)
      throw SettingError("--response-cache: all together are more than half of --front-memory: " +
                         std::to_string(kept));
    for (App& app : served_.apps) {
      if (app.limits.tenant_memory != 0 && app.limits.tenant_memory < app.limits.max_memory + kOwnMemory)
        throw SettingError("--tenant-memory: must be at least --max-memory and 32M: " +
                           std::to_string(app.limits.tenant_memory));
      if (app.pulled) complete_pull(app);
    }
  }

  // Of which it may be that apps are to come.
  bool by_file() const {
    return std::none_of(settings_.begin(), settings_.end(), [](const Setting& s) { return s.where.starts_with("--"); });
  }

  App* find(const std::string& name) {
    auto found =
        std::find_if(served_.apps.begin(), served_.apps.end(), [&](const App& app) { return app.name == name; });
    return found == served_.apps.end() ? nullptr : &*found;
  }

  // What is said of a chain's app that its first handler does.
  static void take_over(App& first, const App& app) {
    first.routes = app.routes;
    first.compress = app.compress;
    first.said += "compress" + std::to_string(first.compress.on) + '\0' + std::to_string(first.compress.least) + '\0';
    for (const std::string& type : first.compress.types) first.said += type + '\0';
  }

  // The handlers NAME.1, NAME.2, ... stand before NAME, which may be a server instead of a program of ours.
  void make_chains() {
    for (App& app : served_.apps) {
      const size_t dot = app.name.find('.');
      if (dot == std::string::npos || !app.canary_of.empty()) continue;
      const std::string name = app.name.substr(0, dot);
      const uint64_t number = std::strtoul(app.name.c_str() + dot + 1, nullptr, 10);
      App* last = find(name);
      if (number == 0 || app.name != handler(name, number) || last == nullptr)
        throw SettingError("not a name, or no app behind the handler: " + app.name);
      if (number > 1 && find(handler(name, number - 1)) == nullptr)
        throw SettingError("there is no handler: " + handler(name, number - 1));
      app.next_is_app = true;
      app.next = find(handler(name, number + 1)) != nullptr ? handler(name, number + 1) : name;
      app.site = number == 1 ? name : "";
      if (number == 1) last->site = "";
      if (app.next == name && is_origin(last->artifact)) {
        app.next = last->artifact;
        app.next_is_app = false;
        app.outbound.rules.push_back(app.next);
      }
      app.said += "next" + app.next + '\0';
    }
    for (const App& app : served_.apps)
      if (App* first = find(handler(app.name, 1)); first != nullptr) take_over(*first, app);
    for (App& app : served_.apps)
      if (app.site.empty() && app.canary_of.empty()) {
        app.routes.clear();
        app.compress.on = false;  // a handler reads what it answers
      }
    std::erase_if(served_.apps,
                  [](const App& app) { return app.site.empty() && app.canary_of.empty() && is_origin(app.artifact); });
    for (const App& app : served_.apps)
      if (is_origin(app.artifact)) throw SettingError("--app: not an image: " + app.artifact);
  }
  // Requests find the app that it is the canary of, which leads some of them to it.
  void make_canary(const App& canary) {
    App* stable = find(canary.canary_of);
    if (stable == nullptr) throw SettingError("no app whose canary it is: " + canary.name);
    if (stable->site.empty()) throw SettingError("an app behind handlers has no canary: " + canary.name);
    stable->canary_place = canary.place;
    stable->canary.seed = stable->name + '\0' + canary.artifact;
  }

  static std::string handler(const std::string& name, uint64_t number) { return name + "." + std::to_string(number); }

  // Apps have folders of their own in the cache.
  void complete_pull(App& app) const {
    if (app.pull.trust.keys.empty() && !app.unsigned_too)
      throw SettingError("needs --trust, or --insecure-unsigned to run whatever the registry sends: " + app.artifact);
    std::string folder = app.pull.trust.repository + ":" + app.pull.reference;
    std::replace(folder.begin(), folder.end(), '/', '+');
    if (app.pull.follows() && app.pull.trust.keys.empty())
      throw SettingError("follows signed releases, which needs --trust: " + app.artifact);
    app.pull.canary = app.pull.follows() && !app.canary_of.empty();
    if (app.pull.canary) folder += kCanarySuffix;
    app.pull.folder = options_.cache + "/" + folder;
    for (const App& other : served_.apps)
      if (&other != &app && other.pull.folder == app.pull.folder)
        throw SettingError("two apps have the same image: " + app.artifact);
  }

  const std::vector<Setting>& settings_;
  Options options_;
  Served served_;
};

}  // namespace

Options options_of(const std::vector<Setting>& settings) { return Composer(settings).whole(); }

bool has_outbound(const Options& options, const App& app) { return !options.kv.empty() || !app.outbound.rules.empty(); }

std::vector<ListenAddress> listen_addresses(const Options& o) {
  using Kind = ListenAddress::Kind;
  std::vector<ListenAddress> addresses;
  if (!o.listen.empty()) addresses.push_back({o.listen, Kind::Apps, o.loops});
  if (!o.listen_tls.empty()) addresses.push_back({o.listen_tls, Kind::Tls, o.loops});
  if (!o.admin.empty()) addresses.push_back({o.admin, Kind::Admin, 1});
  return addresses;
}
