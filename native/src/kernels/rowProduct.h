/** One row times a matrix of which some columns are wanted at a time: the same ones of each unit. */
#pragma once
#include "../simd.h"

namespace keras::KERAS_ISA {

/** A matrix (inner x columns) whose columns are of units, `columns / unit`. Units are multiples of 16 columns. */
struct UnitMatrix {
  int64_t inner, columns, unit;
};

/** Brings the columns [from, to) of each unit into the order in which `multiplyRow` reads them: (to - from) · units · inner numbers. */
void packColumns(const UnitMatrix&, const float* matrix, int64_t from, int64_t to, float* packed);

/** out = initial + left · matrix, in the columns [from, to) of each unit, multiples of 16. Without `initial` from zero. */
void multiplyRow(const UnitMatrix&, const float* left, const float* packed, int64_t from, int64_t to, const float* initial, float* out);

}  // namespace keras::KERAS_ISA
