// option_text.cpp - what option_table.h says, in the forms in which others read it: --help, the schema of the file.
#include "image_files.h"
#include "option_table.h"
#include "support/log.h"

namespace {

constexpr size_t kWidth = 120, kColumn = 27;

constexpr char kUsage[] =
    "usage: aotc-node serve --listen ADDR --app NAME=ARTIFACT [OPTION]...\n"
    "       aotc-node serve --file FILE            all of it from a file\n"
    "       aotc-node --print-schema               the JSON schema of such files\n"
    "       aotc-node --print-sandbox[=PROCESS]    what its processes may do\n"
    "       aotc-node --version\n"
    "\n"
    "Serves requests of HTTP/1.1 and HTTP/2, each in a fresh instance of the Go program in ARTIFACT, made with\n"
    "`aotc compile`. The program listens on descriptor 3, or waits for stdin: then the request's body is its input, "
    "its\n"
    "output the response's body. With a snapshot an instance starts in microseconds. Each app has a process of its "
    "own,\n"
    "under seccomp.\n"
    "\n";

constexpr char kEnd[] =
    "\n"
    "A FILE is YAML. Each option is a key of its name, without dashes, that may have a list where the option may be "
    "repeated;\n"
    "what is said of an app stands below `apps: NAME:`, with `artifact` for what it is. There, what limits all apps "
    "can "
    "be\n"
    "said of one, too:\n"
    "\n"
    "  listen: :8080\n"
    "  deadline: 50ms\n"
    "  apps:\n"
    "    site: {artifact: site.aotc, route: [example.org, /site/], deadline: 200ms}\n"
    "    shop: {artifact: oci://registry.example/acme/shop:v1, trust: fleet.pub, route: shop.example}\n"
    "\n"
    "SIGTERM: finish the requests that run, then exit. SIGHUP: read FILE and certificates and load artifacts again, "
    "ask\n"
    "registries now; requests go to the new ones as soon as they are ready. A FILE that is wrong, or would change what "
    "cannot\n"
    "change while the node serves, changes nothing, and the log says why.\n"
    "\n"
    "Exit codes: 0 stopped by a signal, with --check-config nothing is wrong; 1 it could not start, or its front ended "
    "before\n"
    "every app was ready; 2 wrong usage, or a FILE or key that is wrong.\n"
    "\n"
    "Examples:\n"
    "  aotc-node serve --listen :8080 --app site=site.aotc\n"
    "  aotc-node serve --listen :8080 --app a=a.aotc --app b=b.aotc --route a.example/=a --route /b/=b --deadline "
    "100ms\n"
    "  aotc-node serve --listen :8080 --app site=auth.aotc,site.aotc\n"
    "  aotc-node serve --listen :8080 --app site=oci://registry.example/acme/site:v1 --trust fleet.pub\n"
    "  aotc-node serve --file /etc/aotc/node.yaml --check-config\n";

std::string shown(const OptionRow& row, uint64_t value) {
  char text[AOTC_QUANTITY_TEXT];
  aotc_show_quantity(row.kind, value, text);
  return text;
}

// With its default and range.
std::string whole_help(const OptionRow& row) {
  std::string text = row.help;
  if (row.times != OptionRow::Times::Once) text += "; may be repeated";
  if (!row.is_quantity()) return text;
  const std::string standard = standard_of(row);
  return text + (standard.empty() ? " (" : " (default " + standard + "; ") + "from " + shown(row, row.least) + " to " +
         shown(row, row.most) + ")";
}

// "  --option VALUE", and beside it the text, in lines of a bounded width.
std::string paragraph(const std::string& option, const std::string& text) {
  std::string out = "  " + option;
  out.append(out.size() < kColumn ? kColumn - out.size() : 1, ' ');
  size_t column = out.size();
  for (const std::string& word : split_words(text)) {
    if (column > kColumn && column + word.size() > kWidth) {
      while (out.back() == ' ') out.pop_back();
      out.append("\n").append(kColumn, ' ');
      column = kColumn;
    }
    out += word + " ";
    column += word.size() + 1;
  }
  while (out.back() == ' ') out.pop_back();
  return out + "\n";
}

// Of a scalar.
std::string schema_of_value(const OptionRow& row) {
  if (row.argument == nullptr) return R"("type": "boolean")";
  if (!row.is_quantity()) return R"("type": "string", "minLength": 1)";
  if (row.kind == AOTC_COUNT)
    return R"("type": "integer", "minimum": )" + std::to_string(row.least) + R"(, "maximum": )" +
           std::to_string(row.most);
  if (row.kind == AOTC_PERCENT)
    return R"("type": ["number", "string"], "minimum": 0, "maximum": )" + std::to_string(row.most / 1000) +
           R"(, "pattern": "^[0-9]+(\\.[0-9]+)?%?$")";
  if (row.kind == AOTC_DURATION) return R"("type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h|d)$")";
  return R"("type": ["string", "integer"], "minimum": )" + std::to_string(row.least) +
         R"(, "pattern": "^[0-9]+(\\.[0-9]+)?([KMGTkmgt](i?[Bb])?)?$")";
}

std::string schema_of(const OptionRow& row) {
  const std::string value = "{" + schema_of_value(row) + "}",
                    described = R"("description": )" + aotc::json_string(whole_help(row), 4000);
  switch (row.times) {
    case OptionRow::Times::Once:
      return "{" + schema_of_value(row) + ", " + described + "}";
    case OptionRow::Times::Many:
      return R"({"oneOf": [)" + value + R"(, {"type": "array", "minItems": 1, "items": )" + value + "}], " + described +
             "}";
    case OptionRow::Times::ByName:
      return R"({"type": "object", "additionalProperties": )" + value + ", " + described + "}";
  }
  return "{}";
}

std::string schema_properties(bool of_app, const std::string& indent) {
  std::string text;
  for (const OptionRow& row : option_table()) {
    if (row.of == (of_app ? OptionRow::Of::Node : OptionRow::Of::OneApp)) continue;
    text += (text.empty() ? "" : ",\n") + indent + aotc::json_string(row.file_key()) + ": " + schema_of(row);
  }
  return text;
}

}  // namespace

std::string help_text() {
  std::string text = kUsage;
  text += paragraph("--file FILE", "all other options, in YAML; see below");
  text += paragraph("--check-config", "say what is wrong with the options, and what they name, and serve nothing");
  std::string group;
  for (const OptionRow& row : option_table()) {
    if (group != row.group) text += "\n" + (group = row.group) + ":\n";
    text += paragraph(std::string("--") + row.name + (row.argument == nullptr ? "" : std::string(" ") + row.argument),
                      whole_help(row));
  }
  return text + kEnd;
}

std::string schema_text() {
  return R"({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "the file of aotc-node serve --file",
  "type": "object",
  "required": ["apps"],
  "anyOf": [{"required": ["listen"]}, {"required": ["listen-tls", "certificate"]}],
  "additionalProperties": false,
  "properties": {
    "apps": {
      "type": "object",
      "propertyNames": {"pattern": "^[A-Za-z0-9_-]+(\\.([1-9][0-9]*|canary))?$"},
      "additionalProperties": {
        "type": "object",
        "required": ["artifact"],
        "additionalProperties": false,
        "properties": {
)" + schema_properties(true, "          ") +
         R"(
        }
      }
    },
)" + schema_properties(false, "    ") +
         "\n  }\n}\n";
}
