#include "operations.h"

#include "math.h"

namespace keras::KERAS_ISA {

namespace {

inline Vec truth(IntVec mask) { return fromBits(mask & 0x3f800000); }

// One struct an operation: `of` takes as many vectors as it has operands.
#define KERAS_UNARY(Name, expression) \
  struct Name {                       \
    static constexpr int operands = 1; \
    static inline Vec of(Vec a, Vec, Vec) { return expression; } \
  };
#define KERAS_BINARY(Name, expression) \
  struct Name {                        \
    static constexpr int operands = 2; \
    static inline Vec of(Vec a, Vec b, Vec) { return expression; } \
  };

KERAS_UNARY(Copy, a)
KERAS_UNARY(Neg, -a)
KERAS_UNARY(Abs, absolute(a))
KERAS_UNARY(Sign, ((a > 0.0f) ? splat(1.0f) : ((a < 0.0f) ? splat(-1.0f) : a)))
KERAS_UNARY(Exp, exponential(a))
KERAS_UNARY(Log, logarithm(a))
KERAS_UNARY(Log1p, logarithmOf1Plus(a))
KERAS_UNARY(Expm1, exponentialMinus1(a))
KERAS_UNARY(Sqrt, squareRoot(a))
KERAS_UNARY(Rsqrt, 1.0f / squareRoot(a))
KERAS_UNARY(Reciprocal, 1.0f / a)
KERAS_UNARY(Square, a * a)
KERAS_UNARY(Sigmoid, logistic(a))
KERAS_UNARY(Tanh, hyperbolicTangent(a))
KERAS_UNARY(Relu, (a <= 0.0f ? Vec{} : a))
KERAS_UNARY(Softplus, softPlus(a))
KERAS_UNARY(Erf, errorFunction(a))
KERAS_UNARY(Floor, roundDown(a))
KERAS_UNARY(Ceil, roundUp(a))
KERAS_UNARY(Round, roundEven(a))
KERAS_UNARY(Not, truth(a == 0.0f))
KERAS_UNARY(IsNan, truth(a != a))
KERAS_UNARY(IsFinite, truth(absolute(a) < kInfinity))
KERAS_UNARY(IsInf, truth(absolute(a) == kInfinity))
KERAS_BINARY(Add, a + b)
KERAS_BINARY(Sub, a - b)
KERAS_BINARY(Mul, a* b)
KERAS_BINARY(Div, a / b)
KERAS_BINARY(Max, maximum(a, b))
KERAS_BINARY(Min, minimum(a, b))
KERAS_BINARY(Eq, truth(a == b))
KERAS_BINARY(Ne, truth(a != b))
KERAS_BINARY(Lt, truth(a < b))
KERAS_BINARY(Le, truth(a <= b))
KERAS_BINARY(Gt, truth(a > b))
KERAS_BINARY(Ge, truth(a >= b))
KERAS_BINARY(And, truth((a != 0.0f) & (b != 0.0f)))
KERAS_BINARY(Or, truth((a != 0.0f) | (b != 0.0f)))
KERAS_BINARY(Gate, logistic(a) * hyperbolicTangent(b))
KERAS_BINARY(Xor, truth((a != 0.0f) ^ (b != 0.0f)))

struct Pow {
  static constexpr int operands = 2;
  static Vec __attribute__((noinline)) of(Vec a, Vec b, Vec) { return power(a, b); }
};
struct Where {
  static constexpr int operands = 3;
  static inline Vec of(Vec a, Vec b, Vec c) { return a != 0.0f ? b : c; }
};
struct GateAdd {
  static constexpr int operands = 3;
  static inline Vec of(Vec a, Vec b, Vec c) { return logistic(a) * b + c; }
};

/** `singles`: a bit for each operand that has one number for the whole row. */
template <class Op, unsigned singles>
void run(const OperationArguments& arguments) {
  int64_t rows = arguments.rows, columns = arguments.columns;
  if (rows > 1 && singles == 0 && arguments.outStride == columns) {
    // Rows that lie one behind the other are one long row.
    bool dense = true;
    for (int i = 0; i < Op::operands; i++) dense = dense && arguments.strides[i] == columns;
    if (dense) {
      columns *= rows;
      rows = 1;
    }
  }
  for (int64_t row = 0; row < rows; row++) {
    float* out = arguments.out + row * arguments.outStride;
    const float* in[3] = {};
    Vec one[3] = {};
    for (int i = 0; i < Op::operands; i++) {
      in[i] = arguments.operands[i] + row * arguments.strides[i];
      if (singles >> i & 1) one[i] = splat(*in[i]);
    }
    const auto operand = [&](int i, int64_t at) -> Vec {
      return i >= Op::operands ? Vec{} : singles >> i & 1 ? one[i] : load(in[i] + at);
    };
    const auto lastOperand = [&](int i, int64_t at, int64_t count) -> Vec {
      return i >= Op::operands ? Vec{} : singles >> i & 1 ? one[i] : loadPart(in[i] + at, count);
    };
    int64_t at = 0;
    for (; at + kLanes <= columns; at += kLanes) {
      store(out + at, Op::of(operand(0, at), operand(1, at), operand(2, at)));
    }
    if (at < columns) {
      const int64_t count = columns - at;
      storePart(out + at, Op::of(lastOperand(0, at, count), lastOperand(1, at, count), lastOperand(2, at, count)), count);
    }
  }
}

/** x to a power that is the same for all of a row: squares are by far the most frequent, and exact. */
void powOfOne(const OperationArguments& arguments) {
  OperationArguments row = arguments;
  row.rows = 1;
  for (int64_t i = 0; i < arguments.rows; i++) {
    row.out = arguments.out + i * arguments.outStride;
    for (int k = 0; k < 2; k++) row.operands[k] = arguments.operands[k] + i * arguments.strides[k];
    if (*row.operands[1] == 2.0f) {
      run<Square, 0>(row);
    } else {
      run<Pow, 2>(row);
    }
  }
}

template <class Op>
OperationKernel choose(unsigned singles) {
  if constexpr (Op::operands == 1) {
    return singles & 1 ? run<Op, 1> : run<Op, 0>;
  } else if constexpr (Op::operands == 2) {
    constexpr OperationKernel kernels[] = {run<Op, 0>, run<Op, 1>, run<Op, 2>, run<Op, 3>};
    return kernels[singles & 3];
  } else {
    constexpr OperationKernel kernels[] = {run<Op, 0>, run<Op, 1>, run<Op, 2>, run<Op, 3>,
                                           run<Op, 4>, run<Op, 5>, run<Op, 6>, run<Op, 7>};
    return kernels[singles & 7];
  }
}

}  // namespace

OperationKernel operationKernel(Operation operation, unsigned singles) {
  switch (operation) {
    case Operation::copy: return choose<Copy>(singles);
    case Operation::neg: return choose<Neg>(singles);
    case Operation::abs: return choose<Abs>(singles);
    case Operation::sign: return choose<Sign>(singles);
    case Operation::exp: return choose<Exp>(singles);
    case Operation::log: return choose<Log>(singles);
    case Operation::log1p: return choose<Log1p>(singles);
    case Operation::expm1: return choose<Expm1>(singles);
    case Operation::sqrt: return choose<Sqrt>(singles);
    case Operation::rsqrt: return choose<Rsqrt>(singles);
    case Operation::reciprocal: return choose<Reciprocal>(singles);
    case Operation::square: return choose<Square>(singles);
    case Operation::sigmoid: return choose<Sigmoid>(singles);
    case Operation::tanh: return choose<Tanh>(singles);
    case Operation::relu: return choose<Relu>(singles);
    case Operation::softplus: return choose<Softplus>(singles);
    case Operation::erf: return choose<Erf>(singles);
    case Operation::floor: return choose<Floor>(singles);
    case Operation::ceil: return choose<Ceil>(singles);
    case Operation::round: return choose<Round>(singles);
    case Operation::logicalNot: return choose<Not>(singles);
    case Operation::isnan: return choose<IsNan>(singles);
    case Operation::isfinite: return choose<IsFinite>(singles);
    case Operation::isinf: return choose<IsInf>(singles);
    case Operation::add: return choose<Add>(singles);
    case Operation::sub: return choose<Sub>(singles);
    case Operation::mul: return choose<Mul>(singles);
    case Operation::div: return choose<Div>(singles);
    case Operation::pow: return singles == 2 ? powOfOne : choose<Pow>(singles);
    case Operation::max: return choose<Max>(singles);
    case Operation::min: return choose<Min>(singles);
    case Operation::eq: return choose<Eq>(singles);
    case Operation::ne: return choose<Ne>(singles);
    case Operation::lt: return choose<Lt>(singles);
    case Operation::le: return choose<Le>(singles);
    case Operation::gt: return choose<Gt>(singles);
    case Operation::ge: return choose<Ge>(singles);
    case Operation::logicalAnd: return choose<And>(singles);
    case Operation::logicalOr: return choose<Or>(singles);
    case Operation::logicalXor: return choose<Xor>(singles);
    case Operation::where: return choose<Where>(singles);
    case Operation::gate: return choose<Gate>(singles);
    case Operation::gateAdd: return choose<GateAdd>(singles);
    case Operation::count: break;
  }
  return nullptr;
}

}  // namespace keras::KERAS_ISA
