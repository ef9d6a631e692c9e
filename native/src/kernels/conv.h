/** Convolutions and their gradients, channels last. See kernels.h. */
#pragma once
#include "../kernels.h"
#include "convBlocks.h"

namespace keras::KERAS_ISA {

void conv(const Convolution& shape, const float* x, const float* w, const float* bias, Activation activation, float* y,
          const Threads& threads);
void convInputGrad(const Convolution& shape, const float* dy, const float* w, const float* bias, Activation activation,
                   float* dx, const Threads& threads);
void convWeightGrad(const Convolution& shape, const float* x, const float* dy, float* dw, const Threads& threads);

/** Which pixels of x the convolution reads, of one group. */
static inline ConvGrid gridOf(const Convolution& shape) {
  ConvGrid grid;
  grid.batch = shape.batch;
  grid.height = shape.height;
  grid.width = shape.width;
  grid.channels = shape.channels / shape.groups;
  grid.pixelStep = shape.channels;
  grid.outHeight = shape.outHeight;
  grid.outWidth = shape.outWidth;
  grid.kernelHeight = shape.kernelHeight;
  grid.kernelWidth = shape.kernelWidth;
  grid.strideHeight = shape.strideHeight;
  grid.strideWidth = shape.strideWidth;
  grid.top = shape.top;
  grid.left = shape.left;
  grid.dilationHeight = shape.dilationHeight;
  grid.dilationWidth = shape.dilationWidth;
  return grid;
}

}  // namespace keras::KERAS_ISA
