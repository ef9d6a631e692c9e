#include "conv.h"

#include "convDepthwise.h"

namespace keras::KERAS_ISA {
namespace {

/** Writes rows of w, `step` apart, as panels. */
void packWeights(const Panels& panels, int64_t rows, const float* w, int64_t step, float* to) {
  for (int64_t panel = 0; panel < panels.count; panel++) {
    const int64_t filters = panels.filtersOf(panel), width = panels.vectorsOf(panel) * kLanes;
    const float* from = w + panels.firstVector(panel) * kLanes;
    for (int64_t k = 0; k < rows; k++, from += step, to += width) {
      std::memcpy(to, from, sizeof(float) * filters);
      if (filters < width) std::memset(to + filters, 0, sizeof(float) * (width - filters));
    }
  }
}

}  // namespace

void conv(const Convolution& shape, const float* x, const float* w, const float* bias, Activation activation, float* y,
          const Threads& threads) {
  const int64_t filters = shape.filters / shape.groups;
  const Panels panels(filters);
  DirectConv direct;
  direct.grid = gridOf(shape);
  direct.filters = filters;
  direct.activation = activation;
  direct.yPixelStep = shape.filters;
  direct.yRowStep = shape.outWidth * shape.filters;
  direct.yImageStep = shape.outHeight * direct.yRowStep;
  if (isDepthwise(shape)) {
    direct.grid.channels = shape.channels;
    direct.filters = shape.filters;
    direct.x = x;
    direct.weights = w;
    direct.bias = bias;
    direct.y = y;
    return depthwiseConv(direct, threads);
  }
  const int64_t rows = shape.kernelHeight * shape.kernelWidth * direct.grid.channels;
  const bool dots = usesDots(direct.grid, filters);
  const bool inPlace = !dots && shape.groups == 1 && panels.plain();
  const Scratch weights(ScratchUse::weights, inPlace ? 0 : panels.floats(rows));
  const Scratch biasScratch(ScratchUse::bias, filters + kLanes);
  for (int64_t group = 0; group < shape.groups; group++) {
    const int64_t first = group * filters;
    if (inPlace) {
      direct.weights = w;
    } else if (dots) {
      for (int64_t f = 0; f < filters; f++) {
        for (int64_t k = 0; k < rows; k++) weights.data()[f * rows + k] = w[k * shape.filters + first + f];
      }
      direct.weights = weights.data();
    } else {
      packWeights(panels, rows, w + first, shape.filters, weights.data());
      direct.weights = weights.data();
    }
    direct.x = x + group * direct.grid.channels;
    direct.bias = paddedBias(bias ? bias + first : nullptr, filters, biasScratch);
    direct.y = y + first;
    directConv(direct, threads);
  }
}

}  // namespace keras::KERAS_ISA
