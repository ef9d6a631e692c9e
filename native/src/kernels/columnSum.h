/** Sums of the columns of a matrix. See kernels.h. */
#pragma once
#include "../kernels.h"

namespace keras::KERAS_ISA {

void columnSum(int64_t rows, int64_t columns, float factor, const float* x, float* y, const Threads& threads);

}  // namespace keras::KERAS_ISA
