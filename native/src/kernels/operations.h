/** Each elementwise operation over rows of numbers: what programs of operations and loops over time are run with. */
#pragma once
#include "../elementwise.h"
#include "../simd.h"

namespace keras::KERAS_ISA {

struct OperationArguments {
  int64_t rows, columns;
  float* out;
  int64_t outStride;  // from row to row
  /** An operand has a number for each column, or one for the whole row; a stride of 0 is the same row for all. */
  const float* operands[3];
  int64_t strides[3];
};
using OperationKernel = void (*)(const OperationArguments&);

/** The kernel of an operation; bit i of `singles` says that operand i has one number for the whole row. */
OperationKernel operationKernel(Operation, unsigned singles);

}  // namespace keras::KERAS_ISA
