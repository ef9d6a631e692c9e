/** Maxima and sums over windows of an image, and their gradients. See kernels.h. */
#pragma once
#include "../kernels.h"

namespace keras::KERAS_ISA {

void maxPool(const Pooling& pool, const float* x, float* y, const Threads& threads);
void maxPoolGrad(const Pooling& pool, const float* x, const float* dy, float* dx, const Threads& threads);
void sumPool(const Pooling& pool, float factor, const float* x, float* y, const Threads& threads);
void sumPoolGrad(const Pooling& pool, float factor, const float* dy, float* dx, const Threads& threads);

}  // namespace keras::KERAS_ISA
