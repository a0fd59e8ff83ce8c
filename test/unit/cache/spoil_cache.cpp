// spoil_cache.cpp - does to a function cache what a tenant can who has taken his compiler over.
//
//   spoil_cache FOLDER FROM TO     puts each function of name space FROM into TO, with a byte of its code changed
//
// Prints how many.
#include <cstdio>
#include <cstring>

#include "cache/store.h"
#include "function_record.h"

using namespace aotc;

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "spoil_cache FOLDER FROM TO\n"), 2;
  std::string prefix = std::string(1, static_cast<char>(std::strlen(argv[2]))) + argv[2];
  std::vector<FunctionRecord> records;
  Shelf(std::string(argv[1]) + "/functions", 1 << 30)
      .report(true, [&](llvm::StringRef key, llvm::ArrayRef<uint8_t> record) {
        if (!key.starts_with(prefix)) return true;
        std::optional<llvm::ArrayRef<uint8_t>> unit = unit_of_record(record);
        std::optional<Compiled> compiled = unit ? read_record(record, *unit) : std::nullopt;
        if (!compiled || compiled->fragment.text.empty()) return true;
        compiled->fragment.text.back() ^= 1;
        records.push_back(make_record(*unit, *compiled));
        return true;
      });
  StoreOptions options;
  options.folder = argv[1];
  options.name_space = argv[3];
  Store(options).put(records);
  std::printf("%zu\n", records.size());
  return 0;
}
