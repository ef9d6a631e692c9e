/** Products of a few rows with a matrix that is used again and again. */
#pragma once
#include "../simd.h"

namespace keras::KERAS_ISA {

/**
 * A matrix in panels: as many columns as a tile of sums is wide, all rows of those one behind the other, so that a product
 * reads it from beginning to end.
 */
int64_t panelCount(int64_t columns);
/** Floats of a matrix in panels. */
int64_t panelsSize(int64_t rows, int64_t columns);
/** Brings one panel of a (rows x columns) matrix into order; `transposed`: `from` is (columns x rows). */
void packPanel(const float* from, int64_t rows, int64_t columns, bool transposed, int64_t panel, float* panels);

/** Rows of numbers: the distance from one to the next, 0 if all are the same. */
struct Rows {
  const float* data;
  int64_t stride;
};

/** out = initial + left · matrix, for `rows` rows; without `initial.data` from zero. `inner`: columns of left. */
void multiply(int64_t rows, int64_t inner, int64_t columns, Rows left, const float* panels, Rows initial, float* out, int64_t outStride);

}  // namespace keras::KERAS_ISA
