/** Convolutions of each channel on its own: vectors run along the channels. */
#pragma once
#include "convDirect.h"

namespace keras::KERAS_ISA {

static inline bool isDepthwise(const Convolution& shape) {
  return shape.groups > 1 && shape.channels == shape.groups && shape.filters == shape.groups;
}

/** A direct convolution whose grid has all channels as `channels`; its weights are [taps, channels], as they come. */
void depthwiseConv(const DirectConv& conv, const Threads& threads);

/** `grid` as of one group: one channel of many. */
void depthwiseWeightGrad(ConvGrid grid, const float* x, const float* dy, float* dw, const Threads& threads);

}  // namespace keras::KERAS_ISA
