/**
 * Whether columns of a sample go through a turn without knowing of each other: then two threads may take a half of them each, and meet
 * once a turn. It is so for recurrent cells with one product in front, whose left side is the last turn's state; of LSTM's gates a
 * half has the same columns of each.
 */
#include "scan.h"

namespace keras {

namespace {

using Where = ScanProgram::Where;

/** Whole vectors of any instruction set, two of the widest: one for each half. */
constexpr int64_t kLeastUnit = 32;
constexpr int64_t kStep = 16;

class Columns {
 public:
  explicit Columns(const ScanProgram& program) : program_(program), unit_(program.carries > 0 ? program.outputs[0].columns : 0) {}

  int64_t find() const {
    if (program_.rows != 1 || unit_ < kLeastUnit || unit_ % kStep != 0) return 0;
    for (int i = 0; i < program_.carries; i++) {
      if (program_.outputs[static_cast<size_t>(i)].columns != unit_) return 0;
    }
    for (const ScanProgram::Segment& segment : program_.segments) {
      if (segment.product >= 0) {
        if (!isProductOfColumns(program_.products[static_cast<size_t>(segment.product)])) return 0;
        continue;
      }
      for (int i = segment.firstStep; i < segment.lastStep; i++) {
        if (!isStepOfColumns(program_.steps[static_cast<size_t>(i)])) return 0;
      }
    }
    return unit_;
  }

 private:
  /** Whether a value is there when a turn begins. */
  bool isGiven(const ScanProgram::Value& value) const {
    switch (program_.storages[static_cast<size_t>(value.storage)].where) {
      case Where::constant:
      case Where::captured:
      case Where::sequence:
      case Where::carry:
      case Where::converted:
      case Where::shared: return true;
      default: return false;
    }
  }
  /** Whether each column of it comes from the same one of a unit. */
  bool isInOrder(const ScanProgram::Value& value) const { return value.offset % unit_ == 0 && value.columns % unit_ == 0; }

  bool isProductOfColumns(const ScanProgram::Product& product) const {
    const ScanProgram::Matrix& matrix = program_.matrices[static_cast<size_t>(product.matrix)];
    if (matrix.transposed || !isGiven(product.left) || !isInOrder(product.result)) return false;
    return !product.hasInitial || isGiven(product.initial) || isInOrder(product.initial);
  }

  bool isStepOfColumns(const ScanProgram::Step& step) const {
    if (step.flat || !isInOrder(step.result)) return false;
    for (int k = 0; k < info(step.operation).operands; k++) {
      if (!isGiven(step.operands[k]) && !isInOrder(step.operands[k])) return false;
    }
    return true;
  }

  const ScanProgram& program_;
  const int64_t unit_;
};

}  // namespace

int64_t unitOf(const ScanProgram& program) { return Columns(program).find(); }

}  // namespace keras
