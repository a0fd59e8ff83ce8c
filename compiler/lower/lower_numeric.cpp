// lower_numeric.cpp - constants, arithmetic, comparisons, conversions, drop and select.
//
// Where LLVM's instruction has undefined behaviour and wasm's has not, the difference is written out: shift counts are
// masked, division checks its operands, float-to-integer conversion checks its range or saturates.
#include "function_lowering.h"
#include "llvm/IR/Intrinsics.h"
#include "native/target.h"

namespace aotc {

using namespace llvm;

// Arithmetic makes a signalling NaN a quiet one. LLVM does not count that: x * 1, x / -1, x - 0 and the like are x or
// its negation to it, and demote(promote(x)) is x. A fence, of which no instruction is left, hides the numbers for
// which it knows better, wherever they may get to, and what is demoted.
Value* FunctionLowering::float_constant(const APFloat& value) {
  Constant* constant = ConstantFP::get(context_, value);
  bool neutral = value.isZero() || value.isExactlyValue(1) || value.isExactlyValue(-1);
  if (!neutral) return constant;
  return builder_.CreateArithmeticFence(constant, constant->getType());
}

// The address of nothing, as a number. Its type has no size, so that LLVM does not take two of them for different; that
// it is absolute keeps it an immediate.
Constant* FunctionLowering::symbol(uint32_t number, Type* type) {
  std::string name = constant_symbol(number);
  GlobalVariable* global = module_.getNamedGlobal(name);
  if (!global) {
    global = new GlobalVariable(module_, ArrayType::get(builder_.getInt8Ty(), 0), false, GlobalValue::ExternalLinkage,
                                nullptr, name);
    global->setVisibility(GlobalValue::HiddenVisibility);
    global->setDSOLocal(true);
    global->setUnnamedAddr(GlobalValue::UnnamedAddr::Global);
    global->setAlignment(Align(1));
    auto bound = [&](uint64_t value) { return ConstantAsMetadata::get(builder_.getInt64(value)); };
    global->setMetadata(LLVMContext::MD_absolute_symbol,
                        MDNode::get(context_, {bound(kLeastConstant), bound(kMostConstant)}));
  }
  return ConstantExpr::getPtrToInt(global, type);
}

bool FunctionLowering::numeric(const Instr& instr) {
  Type* i32 = builder_.getInt32Ty();
  Type* i64 = builder_.getInt64Ty();
  Type* f32 = builder_.getFloatTy();
  Type* f64 = builder_.getDoubleTy();
  auto convert = [&](Instruction::CastOps op, Type* type) { push(builder_.CreateCast(op, pop(), type)); };
  switch (instr.op) {
    case Op::I32Const:
      push(builder_.getInt32(instr.low()));
      return true;
    case Op::I64Const:
      push(builder_.getInt64(instr.imm));
      return true;
    case Op::I32Symbol:
      push(symbol(instr.low(), i32));
      return true;
    case Op::I64Symbol:
      push(symbol(instr.low(), i64));
      return true;
    case Op::F32Const:
      push(float_constant(APFloat(APFloat::IEEEsingle(), APInt(32, instr.low()))));
      return true;
    case Op::F64Const:
      push(float_constant(APFloat(APFloat::IEEEdouble(), APInt(64, instr.imm))));
      return true;
    case Op::Drop:
      pop();
      return true;
    case Op::Select:
    case Op::SelectT: {
      Value* condition = truth(pop());
      Value* otherwise = pop();
      Value* then = pop();
      push(builder_.CreateSelect(condition, then, otherwise));
      return true;
    }

    case Op::I32Eqz:
    case Op::I64Eqz: {
      Value* value = pop();
      Value* narrow = value;
      while (auto* extended = dyn_cast<ZExtInst>(narrow)) narrow = extended->getOperand(0);
      auto* compared = dyn_cast<CmpInst>(narrow);
      Value* is_zero =
          compared
              ? builder_.CreateCmp(compared->getInversePredicate(), compared->getOperand(0), compared->getOperand(1))
          : narrow->getType()->isIntegerTy(1) ? builder_.CreateNot(narrow)
                                              : builder_.CreateICmpEQ(value, ConstantInt::get(value->getType(), 0));
      push(builder_.CreateZExt(is_zero, i32));
      return true;
    }
    case Op::I32Eq:
    case Op::I64Eq:
      compare(CmpInst::ICMP_EQ);
      return true;
    case Op::I32Ne:
    case Op::I64Ne:
      compare(CmpInst::ICMP_NE);
      return true;
    case Op::I32LtS:
    case Op::I64LtS:
      compare(CmpInst::ICMP_SLT);
      return true;
    case Op::I32LtU:
    case Op::I64LtU:
      compare(CmpInst::ICMP_ULT);
      return true;
    case Op::I32GtS:
    case Op::I64GtS:
      compare(CmpInst::ICMP_SGT);
      return true;
    case Op::I32GtU:
    case Op::I64GtU:
      compare(CmpInst::ICMP_UGT);
      return true;
    case Op::I32LeS:
    case Op::I64LeS:
      compare(CmpInst::ICMP_SLE);
      return true;
    case Op::I32LeU:
    case Op::I64LeU:
      compare(CmpInst::ICMP_ULE);
      return true;
    case Op::I32GeS:
    case Op::I64GeS:
      compare(CmpInst::ICMP_SGE);
      return true;
    case Op::I32GeU:
    case Op::I64GeU:
      compare(CmpInst::ICMP_UGE);
      return true;
    case Op::F32Eq:
    case Op::F64Eq:
      compare(CmpInst::FCMP_OEQ);
      return true;
    case Op::F32Ne:
    case Op::F64Ne:
      compare(CmpInst::FCMP_UNE);
      return true;
    case Op::F32Lt:
    case Op::F64Lt:
      compare(CmpInst::FCMP_OLT);
      return true;
    case Op::F32Gt:
    case Op::F64Gt:
      compare(CmpInst::FCMP_OGT);
      return true;
    case Op::F32Le:
    case Op::F64Le:
      compare(CmpInst::FCMP_OLE);
      return true;
    case Op::F32Ge:
    case Op::F64Ge:
      compare(CmpInst::FCMP_OGE);
      return true;

    case Op::I32Clz:
    case Op::I64Clz:
      bit_count(Intrinsic::ctlz);
      return true;
    case Op::I32Ctz:
    case Op::I64Ctz:
      bit_count(Intrinsic::cttz);
      return true;
    case Op::I32Popcnt:
    case Op::I64Popcnt:
      unary(Intrinsic::ctpop);
      return true;
    case Op::I32Add:
    case Op::I64Add:
      binary(Instruction::Add);
      return true;
    case Op::I32Sub:
    case Op::I64Sub:
      binary(Instruction::Sub);
      return true;
    case Op::I32Mul:
    case Op::I64Mul:
      binary(Instruction::Mul);
      return true;
    case Op::I32DivS:
    case Op::I64DivS:
      divide(Instruction::SDiv);
      return true;
    case Op::I32DivU:
    case Op::I64DivU:
      divide(Instruction::UDiv);
      return true;
    case Op::I32RemS:
    case Op::I64RemS:
      divide(Instruction::SRem);
      return true;
    case Op::I32RemU:
    case Op::I64RemU:
      divide(Instruction::URem);
      return true;
    case Op::I32And:
    case Op::I64And:
      binary(Instruction::And);
      return true;
    case Op::I32Or:
    case Op::I64Or:
      binary(Instruction::Or);
      return true;
    case Op::I32Xor:
    case Op::I64Xor:
      binary(Instruction::Xor);
      return true;
    case Op::I32Shl:
    case Op::I64Shl:
      shift(Instruction::Shl);
      return true;
    case Op::I32ShrS:
    case Op::I64ShrS:
      shift(Instruction::AShr);
      return true;
    case Op::I32ShrU:
    case Op::I64ShrU:
      shift(Instruction::LShr);
      return true;
    case Op::I32Rotl:
    case Op::I64Rotl:
      rotate(Intrinsic::fshl);
      return true;
    case Op::I32Rotr:
    case Op::I64Rotr:
      rotate(Intrinsic::fshr);
      return true;

    case Op::F32Abs:
    case Op::F64Abs:
      unary(Intrinsic::fabs);
      return true;
    case Op::F32Neg:
    case Op::F64Neg:
      push(builder_.CreateFNeg(pop()));
      return true;
    case Op::F32Ceil:
    case Op::F64Ceil:
      round(Intrinsic::ceil);
      return true;
    case Op::F32Floor:
    case Op::F64Floor:
      round(Intrinsic::floor);
      return true;
    case Op::F32Trunc:
    case Op::F64Trunc:
      round(Intrinsic::trunc);
      return true;
    case Op::F32Nearest:
    case Op::F64Nearest:
      round(Intrinsic::roundeven);
      return true;
    case Op::F32Sqrt:
    case Op::F64Sqrt:
      unary(Intrinsic::sqrt);
      return true;
    case Op::F32Add:
    case Op::F64Add:
      binary(Instruction::FAdd);
      return true;
    case Op::F32Sub:
    case Op::F64Sub:
      binary(Instruction::FSub);
      return true;
    case Op::F32Mul:
    case Op::F64Mul:
      binary(Instruction::FMul);
      return true;
    case Op::F32Div:
    case Op::F64Div:
      binary(Instruction::FDiv);
      return true;
    case Op::F32Min:
    case Op::F64Min:
      minimum_or_maximum(Intrinsic::minimum);
      return true;
    case Op::F32Max:
    case Op::F64Max:
      minimum_or_maximum(Intrinsic::maximum);
      return true;
    case Op::F32Copysign:
    case Op::F64Copysign:
      binary(Intrinsic::copysign);
      return true;

    case Op::I32WrapI64:
      wrap();
      return true;
    case Op::I64ExtendI32S:
      convert(Instruction::SExt, i64);
      return true;
    case Op::I64ExtendI32U:
      convert(Instruction::ZExt, i64);
      return true;
    case Op::I32TruncF32S:
    case Op::I32TruncF64S:
      truncate_float(i32, true);
      return true;
    case Op::I32TruncF32U:
    case Op::I32TruncF64U:
      truncate_float(i32, false);
      return true;
    case Op::I64TruncF32S:
    case Op::I64TruncF64S:
      truncate_float(i64, true);
      return true;
    case Op::I64TruncF32U:
    case Op::I64TruncF64U:
      truncate_float(i64, false);
      return true;
    case Op::I32TruncSatF32S:
    case Op::I32TruncSatF64S:
      truncate_saturating(i32, true);
      return true;
    case Op::I32TruncSatF32U:
    case Op::I32TruncSatF64U:
      truncate_saturating(i32, false);
      return true;
    case Op::I64TruncSatF32S:
    case Op::I64TruncSatF64S:
      truncate_saturating(i64, true);
      return true;
    case Op::I64TruncSatF32U:
    case Op::I64TruncSatF64U:
      truncate_saturating(i64, false);
      return true;
    case Op::F32ConvertI32S:
    case Op::F32ConvertI64S:
      convert(Instruction::SIToFP, f32);
      return true;
    case Op::F32ConvertI32U:
    case Op::F32ConvertI64U:
      convert(Instruction::UIToFP, f32);
      return true;
    case Op::F64ConvertI32S:
    case Op::F64ConvertI64S:
      convert(Instruction::SIToFP, f64);
      return true;
    case Op::F64ConvertI32U:
    case Op::F64ConvertI64U:
      convert(Instruction::UIToFP, f64);
      return true;
    case Op::F32DemoteF64:
      push(builder_.CreateArithmeticFence(pop(), f64));
      convert(Instruction::FPTrunc, f32);
      return true;
    case Op::F64PromoteF32:
      convert(Instruction::FPExt, f64);
      return true;
    case Op::I32ReinterpretF32:
      convert(Instruction::BitCast, i32);
      return true;
    case Op::I64ReinterpretF64:
      convert(Instruction::BitCast, i64);
      return true;
    case Op::F32ReinterpretI32:
      convert(Instruction::BitCast, f32);
      return true;
    case Op::F64ReinterpretI64:
      convert(Instruction::BitCast, f64);
      return true;
    case Op::I32Extend8S:
    case Op::I64Extend8S:
      sign_extend_from(builder_.getInt8Ty());
      return true;
    case Op::I32Extend16S:
    case Op::I64Extend16S:
      sign_extend_from(builder_.getInt16Ty());
      return true;
    case Op::I64Extend32S:
      sign_extend_from(i32);
      return true;
    default:
      return false;
  }
}

void FunctionLowering::unary(Intrinsic::ID intrinsic) { push(builder_.CreateUnaryIntrinsic(intrinsic, pop())); }

void FunctionLowering::binary(Intrinsic::ID intrinsic) {
  Value* right = pop();
  Value* left = pop();
  push(builder_.CreateBinaryIntrinsic(intrinsic, left, right));
}

// wasm wants a quiet NaN from a signalling one, which LLVM's intrinsics may pass on as it is; an addition makes it
// quiet.
void FunctionLowering::minimum_or_maximum(Intrinsic::ID intrinsic) {
  Value* right = pop();
  Value* left = pop();
  push(builder_.CreateSelect(builder_.CreateFCmpUNO(left, right), builder_.CreateFAdd(left, right),
                             builder_.CreateBinaryIntrinsic(intrinsic, left, right)));
}

// Without an instruction for it: from 2^p on, p the bits behind the leading one, floats are integral, so adding 2^p to
// a smaller magnitude rounds it, to even on a tie, and taking 2^p away again is exact. Every other way to round is that
// or one more or less. The sign is the operand's, also of a zero.
void FunctionLowering::round(Intrinsic::ID intrinsic) {
  if (rounds_floats(unit_.architecture, unit_.cpu)) {
    unary(intrinsic);
    return;
  }
  Value* value = pop();
  Type* type = value->getType();
  auto constant = [&](double number) { return ConstantFP::get(type, number); };
  Constant* power = constant(type->isFloatTy() ? 0x1p23 : 0x1p52);
  Value* magnitude = builder_.CreateUnaryIntrinsic(Intrinsic::fabs, value);
  auto with_sign = [&](Value* of) { return builder_.CreateBinaryIntrinsic(Intrinsic::copysign, of, value); };
  Value* nearest = builder_.CreateFSub(builder_.CreateFAdd(magnitude, power), power);
  Value* rounded = nullptr;
  switch (intrinsic) {
    case Intrinsic::ceil: {
      Value* near = with_sign(nearest);
      rounded =
          builder_.CreateSelect(builder_.CreateFCmpOLT(near, value), builder_.CreateFAdd(near, constant(1)), near);
      break;
    }
    case Intrinsic::floor: {
      Value* near = with_sign(nearest);
      rounded =
          builder_.CreateSelect(builder_.CreateFCmpOGT(near, value), builder_.CreateFSub(near, constant(1)), near);
      break;
    }
    case Intrinsic::trunc:
      rounded = builder_.CreateSelect(builder_.CreateFCmpOGT(nearest, magnitude),
                                      builder_.CreateFSub(nearest, constant(1)), nearest);
      break;
    default:
      rounded = nearest;
  }
  // An addition makes a NaN quiet; an infinity stays one.
  Value* integral =
      builder_.CreateSelect(builder_.CreateFCmpUNO(value, value), builder_.CreateFAdd(value, value), value);
  push(builder_.CreateSelect(builder_.CreateFCmpOLT(magnitude, power), with_sign(rounded), integral));
}

void FunctionLowering::binary(Instruction::BinaryOps op) {
  Value* right = pop();
  Value* left = pop();
  push(builder_.CreateBinOp(op, left, right));
}

void FunctionLowering::compare(CmpInst::Predicate predicate) {
  Value* right = pop();
  Value* left = pop();
  push(builder_.CreateZExt(builder_.CreateCmp(predicate, left, right), builder_.getInt32Ty()));
}

void FunctionLowering::shift(Instruction::BinaryOps op) {
  Value* count = pop();
  Value* value = pop();
  unsigned mask = value->getType()->getIntegerBitWidth() - 1;
  push(builder_.CreateBinOp(op, value, builder_.CreateAnd(count, ConstantInt::get(count->getType(), mask))));
}

void FunctionLowering::rotate(Intrinsic::ID intrinsic) {
  Value* count = pop();
  Value* value = pop();
  push(builder_.CreateIntrinsic(intrinsic, {value->getType()}, {value, value, count}));
}

void FunctionLowering::bit_count(Intrinsic::ID intrinsic) {
  Value* value = pop();
  push(builder_.CreateIntrinsic(intrinsic, {value->getType()}, {value, builder_.getFalse()}));
}

void FunctionLowering::divide(Instruction::BinaryOps op) {
  Value* divisor = pop();
  Value* dividend = pop();
  auto* type = cast<IntegerType>(divisor->getType());
  trap_if(builder_.CreateICmpEQ(divisor, ConstantInt::get(type, 0)), AOTC_TRAP_INTEGER_DIVIDE_BY_ZERO);
  Constant* minus_one = ConstantInt::getAllOnesValue(type);
  if (op == Instruction::SDiv) {
    Value* overflow = builder_.CreateAnd(
        builder_.CreateICmpEQ(dividend, ConstantInt::get(type, APInt::getSignedMinValue(type->getBitWidth()))),
        builder_.CreateICmpEQ(divisor, minus_one));
    trap_if(overflow, AOTC_TRAP_INTEGER_OVERFLOW);
  } else if (op == Instruction::SRem) {
    // x % -1 is 0 for every x; 1 as divisor says the same without overflowing.
    divisor = builder_.CreateSelect(builder_.CreateICmpEQ(divisor, minus_one), ConstantInt::get(type, 1), divisor);
  }
  push(builder_.CreateBinOp(op, dividend, divisor));
}

void FunctionLowering::truncate_float(Type* type, bool is_signed) {
  Value* value = pop();
  unsigned bits = type->getIntegerBitWidth();
  trap_if(builder_.CreateFCmpUNO(value, value), AOTC_TRAP_INVALID_CONVERSION);
  // The conversion rounds towards zero, so the values that fit are those strictly between (minimum - 1) and (maximum +
  // 1). Where the format cannot represent minimum - 1, no value lies between it and minimum, and >= minimum says the
  // same.
  const fltSemantics& semantics = value->getType()->getFltSemantics();
  auto power = [&](unsigned exponent, bool negative) {
    APFloat result(semantics, 1);
    result = scalbn(result, static_cast<int>(exponent), APFloat::rmNearestTiesToEven);
    if (negative) result.changeSign();
    return result;
  };
  bool exact = is_signed && APFloat::semanticsPrecision(semantics) < bits + 1;  // minimum - 1 is not representable
  APFloat low = is_signed ? power(bits - 1, true) : APFloat(semantics, 1);
  if (!is_signed) {
    low.changeSign();
  } else if (!exact) {
    low = low - APFloat(semantics, 1);
  }
  APFloat high = power(is_signed ? bits - 1 : bits, false);
  Value* above = exact ? builder_.CreateFCmpOGE(value, ConstantFP::get(context_, low))
                       : builder_.CreateFCmpOGT(value, ConstantFP::get(context_, low));
  Value* below = builder_.CreateFCmpOLT(value, ConstantFP::get(context_, high));
  trap_if(builder_.CreateNot(builder_.CreateAnd(above, below)), AOTC_TRAP_INTEGER_OVERFLOW);
  push(is_signed ? builder_.CreateFPToSI(value, type) : builder_.CreateFPToUI(value, type));
}

void FunctionLowering::truncate_saturating(Type* type, bool is_signed) {
  Value* value = pop();
  push(builder_.CreateIntrinsic(is_signed ? Intrinsic::fptosi_sat : Intrinsic::fptoui_sat, {type, value->getType()},
                                {value}));
}

void FunctionLowering::wrap() {
  Value* value = pop();
  if (auto* cast = dyn_cast<CastInst>(value);
      cast && (isa<ZExtInst>(cast) || isa<SExtInst>(cast)) && cast->getSrcTy()->isIntegerTy(32)) {
    push(cast->getOperand(0));
  } else {
    push(builder_.CreateTrunc(value, builder_.getInt32Ty()));
  }
}

void FunctionLowering::sign_extend_from(Type* narrow) {
  Value* value = pop();
  push(builder_.CreateSExt(builder_.CreateTrunc(value, narrow), value->getType()));
}

}  // namespace aotc
