// check_imports.cpp - see check_imports.h. What hosts have is read from the lists that the runtime makes its tables of
// (runtime-stubs/include/aotc), so that the two cannot differ.
#include "check_imports.h"

#include <fmt/format.h>

#include "aotc/fastly_functions.h"
#include "aotc/http_handler_functions.h"
#include "aotc/wasi_functions.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

namespace aotc {

using namespace llvm;

namespace {

struct HostFunction {
  const char *module, *name, *type;
};
constexpr HostFunction kHostFunctions[] = {
#define WASI(name, type) {AOTC_WASI_NAME, #name, type},
    AOTC_WASI_FUNCTIONS(WASI)
#undef WASI
#define OUTBOUND(name, type) {AOTC_OUTBOUND_NAME, #name, type},
        AOTC_OUTBOUND_FUNCTIONS(OUTBOUND)
#undef OUTBOUND
#define EDGE(name, type) {AOTC_EDGE_NAME, #name, type},
            AOTC_EDGE_FUNCTIONS(EDGE)
#undef EDGE
#define HANDLER(name, type) {AOTC_HTTP_HANDLER_NAME, #name, type},
                AOTC_HTTP_HANDLER_FUNCTIONS(HANDLER)
#undef HANDLER
#define FASTLY(module, name, type) {#module, #name, type},
                    AOTC_FASTLY_FUNCTIONS(FASTLY, FASTLY)
#undef FASTLY
};

struct Interface {
  const char *module, *function, *owner;
};
constexpr Interface kInterfaces[] = {
#define INTERFACE(module, function, owner) {module, function, owner},
#include "interfaces.def"
#undef INTERFACE
};

bool fits(StringRef name, StringRef pattern) {
  return pattern.consume_back("*") ? name.starts_with(pattern) : name == pattern;
}

char letter(ValueType type) {
  switch (type) {
    case ValueType::I32:
      return 'i';
    case ValueType::I64:
      return 'I';
    case ValueType::F32:
      return 'f';
    case ValueType::F64:
      return 'F';
    default:
      return '?';
  }
}

// As host.h writes types.
std::string letters(const FuncType& type) {
  std::string text;
  for (ValueType param : type.params) text += letter(param);
  text += ':';
  for (ValueType result : type.results) text += letter(result);
  return text;
}

// "ii:i" -> "(i32, i32) -> (i32)"
std::string spell(StringRef letters) {
  auto [params, results] = letters.split(':');
  auto list = [](StringRef types) {
    std::string text;
    for (char type : types.take_front(16))
      text += std::string(text.empty() ? "" : ", ") + (type == 'i'   ? "i32"
                                                       : type == 'I' ? "i64"
                                                       : type == 'f' ? "f32"
                                                       : type == 'F' ? "f64"
                                                                     : "funcref");
    return types.size() > 16 ? text + ", ..." : text;
  };
  return fmt::format("({}) -> ({})", list(params), list(results));
}

// A name of the module's, for people.
std::string quoted(StringRef name) {
  constexpr size_t kMost = 100;
  std::string text = name.take_front(kMost).str();
  // No half of a character.
  if (name.size() > kMost) {
    while (!text.empty() && (text.back() & 0xc0) == 0x80) text.pop_back();
    if (!text.empty() && (text.back() & 0x80)) text.pop_back();
    text += "...";
  }
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return '"' + text + '"';
}

std::string fault(const Import& import, const FuncType& type) {
  const HostFunction* known =
      find_if(kHostFunctions, [&](auto& row) { return import.module == row.module && import.field == row.name; });
  std::string wanted = letters(type);
  if (known != std::end(kHostFunctions))
    return wanted == known->type
               ? ""
               : fmt::format("is of type {}, but the host's is of type {}", spell(wanted), spell(known->type));
  // Those that are later than the list answer that they are unsupported, too.
  if (import.module.starts_with("fastly_") && StringRef(wanted).ends_with(":i")) return "";
  if (const char* owner = interface_owner(import.module, import.field))
    return fmt::format("belongs to an interface that no host here has: {}", owner);
  return "is of no interface that is known here; hosts have " AOTC_WASI_NAME ", " AOTC_HTTP_HANDLER_NAME
         " and fastly_*";
}

}  // namespace

const char* interface_owner(StringRef module, StringRef field) {
  const Interface* row =
      find_if(kInterfaces, [&](auto& row) { return fits(module, row.module) && fits(field, row.function); });
  return row == std::end(kInterfaces) ? nullptr : row->owner;
}

Error check_imports(const Module& module, const std::string& module_name) {
  for (const Import& import : module.imports)
    if (std::string wrong = fault(import, module.types[import.type]); !wrong.empty())
      return createStringError(inconvertibleErrorCode(), "%s: offset 0x%x: import %s %s %s", module_name.c_str(),
                               import.offset, quoted(import.module).c_str(), quoted(import.field).c_str(),
                               wrong.c_str());
  return Error::success();
}

}  // namespace aotc
