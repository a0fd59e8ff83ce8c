// compile_function.cpp - see compile_function.h.
#include "compile_function.h"

#include "lower/check_ir.h"
#include "verify/check_fragment.h"

namespace aotc {

using namespace llvm;

namespace {

Expected<Fragment> attempt(const Body& body, const Facts& facts, CodeGenerator& generator) {
  Expected<Lowered> lowered = lower_body(body, facts, generator);
  if (!lowered) return lowered.takeError();
  generator.optimize(*lowered->ir);
  Expected<Fragment> fragment = generator.generate(*lowered);
  if (!fragment) return fragment.takeError();
  if (Error error = check_fragment(*fragment, facts.architecture)) return error;
  return fragment;
}

}  // namespace

CodeGenerator& CodeGenerators::get(const Facts& facts, Effort effort) {
  std::unique_ptr<CodeGenerator>& generator = generators_[static_cast<size_t>(effort)];
  if (!generator) generator = std::make_unique<CodeGenerator>(facts.architecture, facts.cpu, effort);
  return *generator;
}

Effort planned_effort(const Body& body, const Facts& facts) {
  return body.thunk ? Effort::Quick : facts.functions[body.function].effort;
}

Expected<Lowered> lower_body(const Body& body, const Facts& facts, CodeGenerator& generator) {
  LLVMContext& context = generator.context();
  Expected<Lowered> lowered =
      body.thunk ? lower_thunk(facts, *body.thunk, context) : lower_function(facts, body.function, context);
  if (!lowered) return lowered;
  if (Error error = check_ir(*lowered->ir)) return error;
  return lowered;
}

Expected<Compiled> compile_function(const Body& body, const Facts& facts, CodeGenerators& generators) {
  SmallVector<Effort, 4> efforts{planned_effort(body, facts)};
  if (efforts[0] == Effort::Best) efforts.append({Effort::Plain, Effort::Quick});
  efforts.push_back(Effort::Masked);
  for (Effort effort : efforts) {
    Expected<Fragment> fragment = attempt(body, facts, generators.get(facts, effort));
    if (fragment) return Compiled{std::move(*fragment), effort};
    // Refused for good only if the plainest code is as well.
    if (effort == Effort::Masked) return fragment.takeError();
    consumeError(fragment.takeError());
  }
  llvm_unreachable("effort");
}

}  // namespace aotc
