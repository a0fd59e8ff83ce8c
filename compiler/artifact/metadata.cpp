// metadata.cpp - see metadata.h. The arrays' order in the file is that of Builder::run.
#include "metadata.h"

#include <cstring>

#include "aotc/abi.h"
#include "llvm/Support/MathExtras.h"

namespace aotc {

using namespace llvm;

namespace {

class Builder {
 public:
  Builder(const Layout& layout, StringTable& strings, aotc_header& header)
      : layout_(layout), c_(layout.c), module_(layout.c.module), strings_(strings), header_(header) {}

  Expected<Metadata> run() {
    header_.metadata.offset = alignTo(AOTC_HEADER_OFFSET + sizeof(aotc_header), kSectionAlign);
    add_types();
    add_imports();
    if (Error e = add_exports()) return e;
    if (Error e = add_globals()) return e;
    if (Error e = add_tables()) return e;
    std::vector<aotc_elem_segment> segments = add_elements();
    if (Error e = add_functions()) return e;
    add_data_segments();
    append_array(header_.elem_segments, segments);
    add_image_runs();
    header_.metadata.size = out_.bytes.size();
    return std::move(out_);
  }

 private:
  void add_types();
  void add_imports();
  Error add_exports();
  Error add_globals();
  Error add_tables();
  std::vector<aotc_elem_segment> add_elements();
  Error add_functions();
  void add_data_segments();
  void add_image_runs();

  // Appends an array, eight-byte aligned.
  template <typename T>
  void append_array(aotc_span& span, const std::vector<T>& array);

  const Layout& layout_;
  const Compilation& c_;
  const Module& module_;
  StringTable& strings_;
  aotc_header& header_;
  Metadata out_;
};

template <typename T>
void Builder::append_array(aotc_span& span, const std::vector<T>& array) {
  out_.bytes.resize(alignTo(out_.bytes.size(), 8));
  span.offset = header_.metadata.offset + out_.bytes.size();
  span.count = static_cast<uint32_t>(array.size());
  const auto* bytes = reinterpret_cast<const uint8_t*>(array.data());
  out_.bytes.insert(out_.bytes.end(), bytes, bytes + array.size() * sizeof(T));
}

void Builder::add_types() {
  std::vector<aotc_type> types;
  std::vector<uint8_t> type_bytes;
  for (const FuncType& type : module_.types) {
    types.push_back({static_cast<uint32_t>(type_bytes.size()), static_cast<uint16_t>(type.params.size()),
                     static_cast<uint16_t>(type.results.size())});
    for (ValueType v : type.params) type_bytes.push_back(static_cast<uint8_t>(v));
    for (ValueType v : type.results) type_bytes.push_back(static_cast<uint8_t>(v));
  }
  append_array(header_.types, types);
  append_array(header_.type_bytes, type_bytes);
}

void Builder::add_imports() {
  std::vector<aotc_import> imports;
  for (const Import& i : module_.imports)
    imports.push_back({strings_.add(i.module), strings_.add(i.field), i.type, AOTC_NONE});
  for (size_t i = 0; i < c_.go.import_wrappers.size(); ++i) imports[i].wrapper = c_.go.import_wrappers[i];
  append_array(header_.imports, imports);
}

Error Builder::add_exports() {
  std::vector<aotc_export> exports;
  for (const Export& e : module_.exports) {
    aotc_export out{strings_.add(e.name), e.kind, e.index, AOTC_NONE, AOTC_NONE};
    if (e.kind == AOTC_EXPORT_FUNCTION) {
      out.type = module_.type_index(e.index);
      out.thunk = e.index < module_.import_count() ? AOTC_NONE : layout_.entry_code(e.index);
      if (e.index >= module_.import_count() && out.thunk == AOTC_NONE)
        return layout_.error("export " + e.name + " has no entry thunk");
    }
    exports.push_back(out);
  }
  append_array(header_.exports, exports);
  return Error::success();
}

Error Builder::add_globals() {
  std::vector<aotc_global> globals;
  for (size_t i = 0; i < c_.global_slots.size(); ++i) {
    if (c_.global_slots[i] < 0) continue;
    auto slot = static_cast<size_t>(c_.global_slots[i]);
    if (slot >= AOTC_MAX_GLOBALS) return layout_.error("too many globals");
    if (slot >= globals.size()) globals.resize(slot + 1);
    const Global& global = module_.globals[i];
    globals[slot] = {{global.init[0], global.init[1]}, static_cast<uint32_t>(global.type), static_cast<uint32_t>(i)};
  }
  append_array(header_.globals, globals);
  return Error::success();
}

Error Builder::add_tables() {
  std::vector<aotc_table_init> tables;
  for (size_t i = 0; i < c_.tables.descriptor.size(); ++i) {
    if (c_.tables.descriptor[i] < 0) continue;
    auto index = static_cast<size_t>(c_.tables.descriptor[i]);
    if (index >= AOTC_MAX_TABLES) return layout_.error("too many tables");
    if (index >= tables.size()) tables.resize(index + 1);
    tables[index] = {static_cast<uint32_t>(i), module_.tables[i].min, module_.tables[i].max};
  }
  append_array(header_.tables, tables);
  return Error::success();
}

// Active segments of static tables are in the code already; declared ones have no entries at run time.
std::vector<aotc_elem_segment> Builder::add_elements() {
  std::vector<aotc_elem_segment> elem_segments;
  std::vector<uint32_t> elements;
  for (const ElemSegment& segment : module_.elems) {
    aotc_elem_segment out{static_cast<uint32_t>(elements.size()), 0, 0, 0, 0};
    int32_t descriptor = segment.mode == SegmentMode::Active ? c_.tables.descriptor[segment.table] : -1;
    if (segment.mode == SegmentMode::Passive || descriptor >= 0) {
      out.count = static_cast<uint32_t>(segment.entries.size());
      elements.insert(elements.end(), segment.entries.begin(), segment.entries.end());
    }
    if (descriptor >= 0) {
      out.active = 1;
      out.table = static_cast<uint32_t>(descriptor);
      out.address = segment.address;
    }
    elem_segments.push_back(out);
  }
  append_array(header_.elements, elements);
  return elem_segments;
}

Error Builder::add_functions() {
  std::vector<aotc_function> functions;
  std::vector<aotc_trap_site> trap_sites;
  for (size_t i = 0; i < layout_.units.size(); ++i) {
    const Unit& unit = layout_.units[i];
    auto code = static_cast<uint32_t>(unit.text);
    auto size = static_cast<uint32_t>(unit.fragment->text.size());
    if (i < c_.fragments.size()) {
      size_t function = module_.import_count() + i;
      bool has_name = function < module_.names.size() && !module_.names[function].empty();
      if (has_name) header_.flags |= AOTC_FLAG_NAMES;
      functions.push_back(
          {code, size, unit.fragment->frame_size, has_name ? strings_.add(module_.names[function]) : AOTC_NONE});
    }
    uint32_t previous = 0;
    for (const TrapSite& site : unit.fragment->trap_sites) {
      const FunctionBody* body = layout_.body_of(*unit.fragment, site.symbol);
      if (!body || site.offset < previous || site.offset >= size || site.instruction >= body->code.size())
        return layout_.error(layout_.unit_name(i) + ": malformed fragment");
      previous = site.offset;
      trap_sites.push_back({code + site.offset, body->code[site.instruction].offset});
    }
  }
  append_array(header_.functions, functions);
  append_array(header_.trap_sites, trap_sites);
  return Error::success();
}

// Go modules have tens of thousands of data segments, all in the image; records that nothing can refer to are left out.
void Builder::add_data_segments() {
  out_.image = build_memory_image(module_);
  size_t count = module_.datas.size();
  while (count > 0 && out_.image.is_in_image[count - 1]) --count;
  if (count < module_.datas.size())
    for (const auto& function : module_.functions)
      for (const Instr& instr : function.body.code)
        if (instr.op == Op::MemoryInit || instr.op == Op::DataDrop) count = std::max<size_t>(count, instr.low() + 1);

  std::vector<aotc_data_segment> segments(count);
  append_array(header_.data_segments, segments);
  for (size_t i = 0; i < count; ++i) {
    const DataSegment& segment = module_.datas[i];
    if (out_.image.is_in_image[i]) continue;
    segments[i] = {header_.metadata.offset + out_.bytes.size(), static_cast<uint32_t>(segment.bytes.size()),
                   segment.mode == SegmentMode::Active, segment.address};
    out_.bytes.insert(out_.bytes.end(), segment.bytes.begin(), segment.bytes.end());
  }
  if (count > 0)
    std::memcpy(out_.bytes.data() + (header_.data_segments.offset - header_.metadata.offset), segments.data(),
                count * sizeof segments[0]);
}

void Builder::add_image_runs() {
  for (const ImageRun& run : out_.image.runs)
    out_.image_runs.push_back({run.address, 0, run.bytes.size() / AOTC_IMAGE_PAGE});
  out_.image_runs_position = alignTo(out_.bytes.size(), 8);
  append_array(header_.image_runs, out_.image_runs);
}

}  // namespace

Expected<Metadata> build_metadata(const Layout& layout, StringTable& strings, aotc_header& header) {
  return Builder(layout, strings, header).run();
}

}  // namespace aotc
