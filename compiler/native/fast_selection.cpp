// fast_selection.cpp - see fast_selection.h.
//
// Accesses behind the base keep their kind as an address space below 256, which the selector takes for an ordinary one
// and notes at the machine instruction. There the finishing pass gives them the segment register. Symbols become small
// numbers, of which the address space says what they are: what is stored, or where.
#include "fast_selection.h"

#include "llvm/CodeGen/MachineFunction.h"
#include "llvm/CodeGen/MachineFunctionPass.h"
#include "llvm/CodeGen/MachineRegisterInfo.h"
#include "llvm/CodeGen/TargetInstrInfo.h"
#include "llvm/CodeGen/TargetSubtargetInfo.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Operator.h"
#include "lower/calling_convention.h"

namespace aotc {

using namespace llvm;

namespace {

enum Space : unsigned {
  kPlain = 1,
  kSymbolStored,  // the value is the number of a symbol
  kSymbolPlace,   // the address is kPlaceSize times the number of a place
  kSpaces
};

// A load of a part is as good as a load of all, of 16 bytes at most.
constexpr int64_t kPlaceSize = 64;

bool is_base_pointer(const Value* value) {
  auto* type = dyn_cast<PointerType>(value->getType());
  return type && type->getAddressSpace() == ContextAccess::kBaseSpace;
}

GlobalVariable* symbol_in(Value* value) {
  auto* number = dyn_cast<PtrToIntOperator>(value);
  auto* symbol = number ? dyn_cast<GlobalVariable>(number->getOperand(0)) : nullptr;
  return symbol && symbol->isAbsoluteSymbolRef() ? symbol : nullptr;
}

// The selector is asked for a block's end first. What it does not know there shall be alone.
void part_ends(Function& function) {
  for (BasicBlock& block : make_early_inc_range(function)) {
    Instruction* end = block.getTerminator();
    bool alone = end == &*block.getFirstNonPHIOrDbg();
    if (!alone && (isa<ReturnInst>(end) || isa<SwitchInst>(end))) block.splitBasicBlock(end);
  }
}

// A constant address: a number, or a symbol and a number.
struct ConstantAddress {
  GlobalVariable* symbol = nullptr;
  int64_t offset = 0;
  bool known = false;
};

ConstantAddress constant_address(Value* pointer) {
  ConstantAddress result;
  while (auto* moved = dyn_cast<GEPOperator>(pointer)) {
    if (!moved->getSourceElementType()->isIntegerTy(8) || moved->getNumIndices() != 1) return {};
    Value* index = moved->getOperand(1);
    if (auto* number = dyn_cast<ConstantInt>(index)) {
      result.offset += number->getSExtValue();
    } else if (GlobalVariable* symbol = symbol_in(index); symbol && !result.symbol) {
      result.symbol = symbol;
    } else {
      return {};
    }
    pointer = moved->getPointerOperand();
  }
  auto* constant = dyn_cast<ConstantExpr>(pointer);
  if (constant && constant->getOpcode() == Instruction::IntToPtr) {
    auto* number = dyn_cast<ConstantInt>(constant->getOperand(0));
    if (!number) return {};
    result.offset += number->getSExtValue();
  } else if (!isa<ConstantPointerNull>(pointer)) {
    return {};
  }
  result.known = isInt<31>(result.offset);
  return result;
}

}  // namespace

bool FastSelection::prepare(Function& function) {
  prepared_ = failed_ = false;
  stored_.clear();
  places_.clear();
  // What is straight has nothing to gain.
  if (function.size() == 1) return false;
  SmallVector<Instruction*> accesses, pointers;
  for (Instruction& instruction : instructions(function)) {
    if (isa<LoadInst>(instruction) || isa<StoreInst>(instruction)) {
      if (is_base_pointer(getLoadStorePointerOperand(&instruction))) accesses.push_back(&instruction);
    } else if (is_base_pointer(&instruction)) {
      if (any_of(instruction.operands(), [](Value* of) { return isa<Constant>(of) && is_base_pointer(of); }))
        return false;
      pointers.push_back(&instruction);
    } else if (any_of(instruction.operands(), [](Value* of) { return is_base_pointer(of); })) {
      return false;
    }
  }
  LLVMContext& context = function.getContext();
  auto place = [&](int64_t at, unsigned space) {
    return ConstantExpr::getIntToPtr(ConstantInt::getSigned(Type::getInt64Ty(context), at),
                                     PointerType::get(context, space));
  };
  for (Instruction* pointer : pointers) pointer->mutateType(PointerType::get(context, kPlain));
  for (Instruction* access : accesses) {
    unsigned at = isa<LoadInst>(access) ? LoadInst::getPointerOperandIndex() : StoreInst::getPointerOperandIndex();
    Value* pointer = access->getOperand(at);
    if (isa<Constant>(pointer)) {
      ConstantAddress address = constant_address(pointer);
      if (!address.known) continue;  // the segment register's, as it is
      if (address.symbol) {
        access->setOperand(at, place(static_cast<int64_t>(places_.size()) * kPlaceSize, kSymbolPlace));
        places_.push_back({address.symbol, address.offset});
        continue;
      }
      access->setOperand(at, pointer = place(address.offset, kPlain));
    }
    auto* store = dyn_cast<StoreInst>(access);
    GlobalVariable* symbol = store ? symbol_in(store->getValueOperand()) : nullptr;
    if (!symbol || !store->getValueOperand()->getType()->isIntegerTy(64)) continue;
    access->setOperand(0, ConstantInt::get(store->getValueOperand()->getType(), stored_.size()));
    stored_.push_back(symbol);
    if (isa<Constant>(pointer)) {
      access->setOperand(at, place(constant_address(pointer).offset, kSymbolStored));
    } else {
      // A pointer that is used once more has to be another.
      IRBuilder<> builder(access);
      access->setOperand(at, builder.CreateIntToPtr(builder.CreatePtrToInt(pointer, builder.getInt64Ty()),
                                                    builder.getPtrTy(kSymbolStored)));
    }
  }
  part_ends(function);
  return prepared_ = true;
}

class FinishSelection : public MachineFunctionPass {
 public:
  static char ID;
  explicit FinishSelection(FastSelection& selection) : MachineFunctionPass(ID), selection_(selection) {}

  StringRef getPassName() const override { return "finish fast selection"; }

  bool runOnMachineFunction(MachineFunction& function) override {
    if (!selection_.prepared_) return false;
    if (segment_ == 0) segment_ = register_named("GS", *function.getSubtarget().getRegisterInfo());
    numbers_ = &function.getRegInfo();
    instructions_ = function.getSubtarget().getInstrInfo();
    for (MachineBasicBlock& block : function) {
      for (MachineInstr& instruction : block) {
        unsigned space = 0;
        for (MachineMemOperand* operand : instruction.memoperands())
          if (unsigned of = operand->getAddrSpace(); of != 0 && of < kSpaces) space = of;
        if (space != 0 && !finish(instruction, static_cast<Space>(space))) selection_.failed_ = true;
      }
    }
    for (MachineInstr* instruction : folded_)
      if (numbers_->use_nodbg_empty(instruction->getOperand(0).getReg())) instruction->eraseFromParent();
    folded_.clear();
    return true;
  }

 private:
  // An address in memory is five operands.
  enum Part { kBase, kScale, kIndex, kDisplacement, kSegment };

  static Register register_named(StringRef name, const TargetRegisterInfo& registers) {
    for (unsigned i = 1; i < registers.getNumRegs(); ++i)
      if (registers.getName(i) == name) return i;
    llvm_unreachable("x86-64 has segments");
  }

  bool finish(MachineInstr& instruction, Space space) {
    const MCInstrDesc& form = instruction.getDesc();
    auto of_memory = [](const MCOperandInfo& operand) { return operand.OperandType == MCOI::OPERAND_MEMORY; };
    auto first = find_if(form.operands(), of_memory);
    auto at = static_cast<unsigned>(first - form.operands().begin());
    if (first == form.operands().end() || at + kSegment >= instruction.getNumOperands()) return false;
    auto part = [&](Part which) -> MachineOperand& { return instruction.getOperand(at + which); };
    if (!part(kBase).isReg() || part(kSegment).getReg() != 0) return false;
    part(kSegment).setReg(segment_);
    fold_base(part(kBase), part(kDisplacement));
    if (space == kSymbolPlace) {
      if (part(kBase).getReg() || part(kIndex).getReg() || !part(kDisplacement).isImm()) return false;
      int64_t address = part(kDisplacement).getImm();
      if (address < 0 || static_cast<size_t>(address / kPlaceSize) >= selection_.places_.size()) return false;
      const FastSelection::Place& place = selection_.places_[static_cast<size_t>(address / kPlaceSize)];
      part(kDisplacement).ChangeToGA(place.symbol, place.offset + address % kPlaceSize);
    } else if (space == kSymbolStored) {
      MachineOperand& stored = instruction.getOperand(at + kSegment + 1);
      if (!stored.isImm() || static_cast<uint64_t>(stored.getImm()) >= selection_.stored_.size()) return false;
      stored.ChangeToGA(selection_.stored_[static_cast<size_t>(stored.getImm())], 0);
    }
    return true;
  }

  // A constant address is a register to the selector.
  void fold_base(MachineOperand& base, MachineOperand& displacement) {
    if (!base.getReg().isVirtual() || !displacement.isImm()) return;
    MachineInstr* set = numbers_->getUniqueVRegDef(base.getReg());
    if (!set) return;
    int64_t number = 0;
    if (set->isMoveImmediate() && set->getOperand(1).isImm()) {
      number = set->getOperand(1).getImm();
    } else if (!instructions_->getConstValDefinedInReg(*set, base.getReg(), number)) {
      return;
    }
    if (!isInt<32>(number + displacement.getImm())) return;
    displacement.setImm(number + displacement.getImm());
    base.setReg(0);
    if (!is_contained(folded_, set)) folded_.push_back(set);
  }

  FastSelection& selection_;
  Register segment_;
  MachineRegisterInfo* numbers_ = nullptr;
  const TargetInstrInfo* instructions_ = nullptr;
  SmallVector<MachineInstr*> folded_;
};

char FinishSelection::ID = 0;

MachineFunctionPass* FastSelection::create_finish() { return new FinishSelection(*this); }

}  // namespace aotc
