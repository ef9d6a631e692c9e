/** Products of matrices of any size. See kernels.h. */
#pragma once
#include "../kernels.h"

namespace keras::KERAS_ISA {

void matmul(const MatrixProduct& product, const float* a, const float* b, const float* bias, Activation activation, float* y,
            const Threads& threads);

}  // namespace keras::KERAS_ISA
