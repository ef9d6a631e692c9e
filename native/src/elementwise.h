/**
 * Programs of elementwise operations: one operation after another, applied to every element.
 *
 * A program is text, `<value> <operation> <operands…>` separated by `;`, parsed once into steps; the kernel (kernels/elementwise.cc)
 * runs the steps over chunks that stay in the first cache.
 */
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace keras {

enum class Operation : uint8_t {
  copy,  // not written in programs: hands an input through
  neg, abs, sign, exp, log, log1p, expm1, sqrt, rsqrt, reciprocal, square, sigmoid, tanh, relu, softplus, erf, floor, ceil, round,
  logicalNot, isnan, isfinite, isinf,
  add, sub, mul, div, pow, max, min, eq, ne, lt, le, gt, ge, logicalAnd, logicalOr, logicalXor,
  where,
  // Not written in programs: loops join operations to them.
  gate,     // sigmoid(a) · tanh(b)
  gateAdd,  // sigmoid(a) · b + c
  count
};
constexpr int kOperations = static_cast<int>(Operation::count);
/** Those before it may be written. */
constexpr int kWrittenOperations = static_cast<int>(Operation::gate);

struct OperationInfo {
  const char* name;
  int operands;
  /** Time for an element, about, in units of an addition. */
  int cost;
};
const OperationInfo& info(Operation);
/** The operation of this name, or Operation::count. */
Operation findOperation(const std::string& name);
/** The names that programs may use, `const` included. */
std::vector<std::string> elementwiseOperationNames();

/** An instruction of a program, as written: operands are values; of a constant there is only the literal. */
struct Instruction {
  int64_t result;
  int64_t columns;  // the number behind `:`, or -1
  std::string name;
  std::vector<int64_t> operands;
  float literal;
};
/** Splits a program's text. Returns an empty string, or what is wrong. */
std::string parseInstructions(const std::string& text, std::vector<Instruction>& instructions);
/** Splits at a character, leaving out what is empty. */
std::vector<std::string> splitText(const std::string& text, char separator);
/** Reads a whole number from all of `text`. */
bool parseInteger(const std::string& text, int64_t& value);

/** What a node says (its attributes and the types of its inputs). */
struct ElementwiseText {
  std::vector<int64_t> shape;
  std::vector<int64_t> reads;
  std::string outputs;
  std::string program;
  std::vector<bool> inputIsBool;
};

class ElementwiseProgram {
 public:
  /** A parsed program, or null and in `error` what is wrong with the text. */
  static std::unique_ptr<ElementwiseProgram> parse(const ElementwiseText&, std::string& error);

  /** How elements of an input belong to elements of the result: element floor(i / inner) mod period to element i. */
  enum class Kind : uint8_t { uniform, full, vector, column };
  struct Input {
    int64_t inner, period;  // `period` is the input's number of elements
    Kind kind;
    bool isBool;
    /** Filled into a buffer, chunk by chunk; else read where it lies (or a single number). */
    bool buffered;
    int value;
  };
  /** Where a value is while the program runs. */
  enum class Place : uint8_t {
    input,    // in the array of input `index`
    uniform,  // one number for all elements, number `index` of those
    buffer,   // in buffer `index`, chunk by chunk
    output,   // in the array of output `index`
  };
  struct Value {
    Place place;
    int index;
  };
  struct Step {
    Operation operation;
    uint8_t uniforms;  // a bit for each operand that is one number
    int result;
    int operands[3];
  };
  struct Output {
    int value;
    bool isBool;
    /** The steps write it where it belongs; else it is copied from its value. */
    bool inPlace;
  };

  int64_t size = 0;
  std::vector<int64_t> shape;
  std::vector<Input> inputs;
  std::vector<Value> values;
  std::vector<float> constants;  // of the uniforms: constants come first, then inputs, then results
  int uniforms = 0;
  std::vector<Step> uniformSteps;  // once a call
  std::vector<Step> steps;         // once a chunk
  std::vector<Output> outputs;
  int buffers = 0;
  /** Elements a task: by cost and size, not by the number of threads. */
  int64_t taskElements = 0;
};

}  // namespace keras
