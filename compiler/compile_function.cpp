// compile_function.cpp - see compile_function.h.
#include "compile_function.h"

#include "lower/check_ir.h"
#include "verify/check_fragment.h"

namespace aotc {

using namespace llvm;

namespace {

std::vector<Expected<Fragment>> attempt(ArrayRef<Body> bodies, const Facts& facts, CodeGenerator& generator) {
  LLVMContext& context = generator.begin(bodies.size());
  std::vector<Lowered> batch;
  std::vector<std::string> refused(bodies.size());
  for (size_t i = 0; i < bodies.size(); ++i) {
    Expected<Lowered> lowered = lower_body(bodies[i], facts, context);
    if (!lowered) {
      refused[i] = toString(lowered.takeError());
      continue;
    }
    generator.optimize(*lowered->ir);
    batch.push_back(std::move(*lowered));
  }
  std::vector<Expected<Fragment>> generated = generator.generate(batch), fragments;
  auto next = generated.begin();
  for (const std::string& message : refused) {
    if (!message.empty()) {
      fragments.push_back(createStringError(inconvertibleErrorCode(), message));
      continue;
    }
    Expected<Fragment>& fragment = *next++;
    Error error = fragment ? check_fragment(*fragment, facts.architecture) : fragment.takeError();
    if (error) {
      fragments.push_back(std::move(error));
    } else {
      fragments.push_back(std::move(*fragment));
    }
  }
  return fragments;
}

// What is tried one after the other.
SmallVector<Effort, 4> efforts(const Body& body, const Facts& facts) {
  SmallVector<Effort, 4> all{planned_effort(body, facts)};
  if (all[0] == Effort::Best) all.append({Effort::Plain, Effort::Quick});
  all.push_back(Effort::Masked);
  return all;
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

size_t CodeGenerators::runs() const {
  size_t sum = 0;
  for (const auto& generator : generators_) sum += generator ? generator->runs() : 0;
  return sum;
}

Expected<Lowered> lower_body(const Body& body, const Facts& facts, LLVMContext& context) {
  Expected<Lowered> lowered =
      body.thunk ? lower_thunk(facts, *body.thunk, context) : lower_function(facts, body.function, context);
  if (!lowered) return lowered;
  if (Error error = check_ir(*lowered->ir)) return error;
  return lowered;
}

std::vector<Expected<Compiled>> compile_batch(ArrayRef<Body> bodies, const Facts& facts, CodeGenerators& generators) {
  Effort planned = planned_effort(bodies[0], facts);
  std::vector<Expected<Compiled>> compiled;
  for (Expected<Fragment>& first : attempt(bodies, facts, generators.get(facts, planned))) {
    const Body& body = bodies[compiled.size()];
    assert(planned_effort(body, facts) == planned);
    Expected<Fragment> fragment = std::move(first);
    // Refused for good only if the plainest code is as well.
    SmallVector<Effort, 4> left = efforts(body, facts);
    while (!fragment && left.size() > 1) {
      consumeError(fragment.takeError());
      left.erase(left.begin());
      fragment = std::move(attempt(body, facts, generators.get(facts, left[0])).front());
    }
    if (fragment) {
      compiled.push_back(Compiled{std::move(*fragment), left[0]});
    } else {
      compiled.push_back(fragment.takeError());
    }
  }
  return compiled;
}

Expected<Compiled> compile_function(const Body& body, const Facts& facts, CodeGenerators& generators) {
  return std::move(compile_batch(body, facts, generators).front());
}

}  // namespace aotc
