// function_record.cpp - see function_record.h.
#include "function_record.h"

#include "archive.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

namespace aotc {

using namespace llvm;

namespace {

template <typename Archive>
void transfer(Archive& archive, Fragment& fragment) {
  archive.bytes(fragment.text);
  archive.bytes(fragment.rodata);
  archive.number(fragment.text_align);
  archive.number(fragment.rodata_align);
  archive.number(fragment.frame_size);
  archive.list(fragment.symbols, [&](Symbol& symbol) {
    archive.choice(symbol.kind, kSymbolKinds);
    archive.number(symbol.index);
  });
  archive.list(fragment.relocations, [&](Relocation& relocation) {
    archive.number(relocation.offset);
    archive.choice(relocation.section, 2);
    archive.choice(relocation.kind, kRelocationKinds);
    archive.number(relocation.symbol);
    archive.number(relocation.addend);
  });
  archive.list(fragment.trap_sites, [&](TrapSite& site) {
    archive.number(site.offset);
    archive.number(site.symbol);
    archive.number(site.instruction);
  });
  archive.bytes(fragment.cfi);
}

template <typename Archive>
void transfer(Archive& archive, Compiled& compiled) {
  archive.choice(compiled.effort, kEfforts);
  transfer(archive, compiled.fragment);
}

// What a linker takes for granted of a fragment.
bool is_sound(const Fragment& fragment) {
  auto is_alignment = [](uint32_t align) { return isPowerOf2_32(align) && align <= 64; };
  return is_alignment(fragment.text_align) && is_alignment(fragment.rodata_align) &&
         all_of(fragment.relocations, [&](const Relocation& r) { return r.symbol < fragment.symbols.size(); });
}

}  // namespace

FunctionRecord make_record(ArrayRef<uint8_t> unit, const Compiled& compiled) {
  ArchiveWriter archive;
  transfer(archive, const_cast<Compiled&>(compiled));  // a writer changes nothing
  std::vector<uint8_t> bytes = archive.take();
  FunctionRecord record(4 + unit.size() + bytes.size());
  support::endian::write32le(record.data(), static_cast<uint32_t>(unit.size()));
  copy(bytes, copy(unit, record.begin() + 4));
  return record;
}

std::optional<Compiled> read_record(ArrayRef<uint8_t> record, ArrayRef<uint8_t> unit) {
  std::optional<ArrayRef<uint8_t>> kept = unit_of_record(record);
  if (!kept || *kept != unit) return std::nullopt;
  ArchiveReader archive(record.drop_front(4 + unit.size()));
  Compiled compiled;
  transfer(archive, compiled);
  if (!archive.ok() || !archive.at_end() || !is_sound(compiled.fragment)) return std::nullopt;
  return compiled;
}

}  // namespace aotc
