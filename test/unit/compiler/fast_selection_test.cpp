// fast_selection: what stands for symbols and for the base's segment becomes them again, and the fast selector takes
// what it is meant to take.
#include "native/fast_selection.h"

#include <gtest/gtest.h>

#include "llvm/ADT/StringExtras.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/DiagnosticHandler.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/Support/SourceMgr.h"
#include "native/codegen.h"
#include "native/disassemble.h"
#include "native/target.h"

namespace aotc {
namespace {

using namespace llvm;

// What the fast selector leaves to the other, as LLVM remarks it: the arguments and the end of each function at least.
struct Missed : DiagnosticHandler {
  explicit Missed(std::vector<std::string>& what) : what(what) {}
  bool isMissedOptRemarkEnabled(StringRef pass) const override { return pass == "sdagisel"; }
  bool isAnyRemarkEnabled() const override { return true; }
  bool handleDiagnostics(const DiagnosticInfo& info) override {
    auto* remark = dyn_cast<DiagnosticInfoOptimizationBase>(&info);
    if (remark && remark->getPassName() == "sdagisel") what.push_back(remark->getMsg());
    return true;
  }
  std::vector<std::string>& what;
};

struct Selected {
  Fragment fragment;
  std::string code;
  std::vector<std::string> missed;
};

// The body of a function of an i32, in two blocks at least.
Selected select(const std::string& body) {
  Selected result;
  CodeGenerator generator(Architecture::X86_64, "x86-64-v3", Effort::Quick);
  LLVMContext& context = generator.begin(1);
  context.setDiscardValueNames(false);  // which the text has
  context.setDiagnosticHandler(std::make_unique<Missed>(result.missed));
  SMDiagnostic error;
  std::string text =
      "@c0 = external hidden global [0 x i8], align 1, !absolute_symbol !0\n"
      "@c1 = external hidden global [0 x i8], align 1, !absolute_symbol !0\n"
      "!0 = !{i64 4096, i64 2147483647}\n"
      "declare preserve_nonecc i32 @f1(i32)\n"
      "define hidden preserve_nonecc i32 @f0(i32 %at) noimplicitfloat nounwind {\n" +
      body + "}\n";
  std::vector<Lowered> batch(1);
  batch[0].ir = parseAssemblyString(text, error, context);
  EXPECT_TRUE(batch[0].ir) << error.getMessage().str();
  batch[0].ir->setTargetTriple(target_triple(Architecture::X86_64));
  batch[0].ir->setDataLayout(target_data_layout(Architecture::X86_64));
  batch[0].bodies.push_back({0, 1});
  result.fragment = cantFail(std::move(generator.generate(batch)[0]));
  result.code = disassemble(result.fragment.text, Architecture::X86_64);
  return result;
}

// number, addend
std::vector<std::pair<uint32_t, int64_t>> constants(const Fragment& fragment) {
  std::vector<std::pair<uint32_t, int64_t>> all;
  for (const Relocation& relocation : fragment.relocations)
    if (fragment.symbol_of(relocation).kind == SymbolKind::Constant)
      all.emplace_back(fragment.symbol_of(relocation).index, relocation.addend);
  return all;
}

using Constants = std::vector<std::pair<uint32_t, int64_t>>;

TEST(FastSelection, SymbolsAreStored) {
  Selected selected = select(R"(
  %wide = zext i32 %at to i64
  %place = inttoptr i64 %wide to ptr addrspace(256)
  br label %more
more:
  store i64 ptrtoint (ptr @c1 to i64), ptr addrspace(256) %place, align 1
  %next = getelementptr i8, ptr addrspace(256) %place, i64 8
  store i64 ptrtoint (ptr @c0 to i64), ptr addrspace(256) %next, align 1
  store i64 1, ptr addrspace(256) %place, align 1
  ret i32 %at
)");
  EXPECT_EQ(constants(selected.fragment), (Constants{{1, 0}, {0, 0}}));
  EXPECT_EQ(StringRef(selected.code).count("movq\t$"), 3u) << selected.code;
  EXPECT_EQ(StringRef(selected.code).count("%gs:"), 3u) << selected.code;
  EXPECT_EQ(selected.missed.size(), 2u) << join(selected.missed, "\n");
}

TEST(FastSelection, SymbolsAreAddresses) {
  Selected selected = select(R"(
  br label %more
more:
  %a = load i32, ptr addrspace(256) getelementptr (i8, ptr addrspace(256) null, i64 ptrtoint (ptr @c0 to i64)), align 1
  %b = load i32, ptr addrspace(256) getelementptr (i8, ptr addrspace(256) getelementptr (i8, ptr addrspace(256) null, i64 ptrtoint (ptr @c1 to i64)), i64 12), align 1
  %sum = add i32 %a, %b
  store i32 %sum, ptr addrspace(256) getelementptr (i8, ptr addrspace(256) null, i64 ptrtoint (ptr @c1 to i64)), align 1
  br label %end
end:
  ret i32 %sum
)");
  Constants all = constants(selected.fragment);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, (Constants{{0, 0}, {1, 0}, {1, 12}}));
  EXPECT_EQ(StringRef(selected.code).count("%gs:"), 3u) << selected.code;
  EXPECT_EQ(selected.missed.size(), 2u) << join(selected.missed, "\n");
}

// The other selector gets them as well, and loads the part it needs: here because of a shift by a symbol.
TEST(FastSelection, OfAnAddressAPartIsLoaded) {
  Selected selected = select(R"(
  br label %more
more:
  %all = load i64, ptr addrspace(256) getelementptr (i8, ptr addrspace(256) null, i64 ptrtoint (ptr @c0 to i64)), align 1
  %upper = lshr i64 %all, 32
  %part = trunc i64 %upper to i32
  %odd = add i32 %part, ptrtoint (ptr @c1 to i32)
  br label %end
end:
  ret i32 %odd
)");
  Constants all = constants(selected.fragment);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, (Constants{{0, 4}, {1, 0}})) << selected.code;
}

TEST(FastSelection, TheContextIsAtAConstant) {
  Selected selected = select(R"(
  %g = load i64, ptr addrspace(256) inttoptr (i64 -176 to ptr addrspace(256)), align 8
  %enough = icmp ult i64 %g, 7
  br i1 %enough, label %one, label %other
one:
  store i64 %g, ptr addrspace(256) inttoptr (i64 16 to ptr addrspace(256)), align 8
  br label %other
other:
  ret i32 %at
)");
  EXPECT_TRUE(StringRef(selected.code).contains("%gs:-176")) << selected.code;
  EXPECT_TRUE(StringRef(selected.code).contains("%gs:16")) << selected.code;
}

// Pointers that meet.
TEST(FastSelection, APointerMayBeAChoice) {
  Selected selected = select(R"(
  %wide = zext i32 %at to i64
  %place = inttoptr i64 %wide to ptr addrspace(256)
  %next = getelementptr i8, ptr addrspace(256) %place, i64 %wide
  %is = icmp ult i32 %at, 7
  br i1 %is, label %one, label %other
one:
  %back = call preserve_nonecc i32 @f1(i32 %at)
  br label %other
other:
  %chosen = phi ptr addrspace(256) [ %place, %one ], [ %next, %0 ]
  %value = load i32, ptr addrspace(256) %chosen, align 1
  ret i32 %value
)");
  EXPECT_EQ(StringRef(selected.code).count("%gs:"), 1u) << selected.code;
}

// What is not the selector's kind of pointer stays as it was, and right.
TEST(FastSelection, OtherConstantsAreLeftAlone) {
  Selected selected = select(R"(
  br label %more
more:
  %first = load i32, ptr addrspace(256) inttoptr (i64 add (i64 ptrtoint (ptr @c0 to i64), i64 4) to ptr addrspace(256)), align 1
  %far = load i32, ptr addrspace(256) inttoptr (i64 4294967295 to ptr addrspace(256)), align 1
  %sum = add i32 %first, %far
  ret i32 %sum
)");
  EXPECT_EQ(StringRef(selected.code).count("%gs:"), 2u) << selected.code;
  EXPECT_EQ(constants(selected.fragment), (Constants{{0, 4}}));
}

}  // namespace
}  // namespace aotc
