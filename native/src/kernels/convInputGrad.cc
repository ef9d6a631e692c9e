#include "conv.h"
#include "convDepthwise.h"

namespace keras::KERAS_ISA {
namespace {

int64_t commonDivisor(int64_t a, int64_t b) { return b == 0 ? a : commonDivisor(b, a % b); }

/**
 * The positions of x, of one dimension, whose remainder by the stride is the same: they read dy as a convolution of stride 1
 * with every `tapStep`-th tap, turned around.
 */
struct Phase {
  int64_t firstTap, tapStep, taps;
  int64_t dilation, before, out;

  Phase(int64_t remainder, int64_t size, int64_t kernel, int64_t stride, int64_t dilation_, int64_t before_) {
    const int64_t divisor = commonDivisor(stride, dilation_);
    tapStep = stride / divisor;
    dilation = dilation_ / divisor;
    out = size > remainder ? (size - remainder + stride - 1) / stride : 0;
    firstTap = 0;
    // Position p and tap i meet where p + before − i · dilation is a multiple of the stride.
    while (firstTap < tapStep && (remainder + before_ - firstTap * dilation_) % stride != 0) firstTap++;
    taps = firstTap < tapStep && firstTap < kernel ? (kernel - firstTap + tapStep - 1) / tapStep : 0;
    before = (taps - 1) * dilation - (remainder + before_ - firstTap * dilation_) / stride;
  }

  /** The tap of w that is at `index` of the phase's kernel. */
  int64_t tap(int64_t index) const { return firstTap + (taps - 1 - index) * tapStep; }
};

/**
 * Packs w for dx: filters are w's channels, channels its filters, and taps run backwards. `w` starts at the group's first
 * filter.
 */
void packTurned(const Convolution& shape, const Phase& rows, const Phase& columns, const Panels& panels, const float* w,
                float* to, const Threads& threads) {
  const int64_t filters = shape.filters / shape.groups, channels = panels.filters;
  const int64_t taps = rows.taps * columns.taps;
  threads.each(static_cast<size_t>(taps), [&](size_t index) {
    const int64_t at = static_cast<int64_t>(index);
    const int64_t tap = rows.tap(at / columns.taps) * shape.kernelWidth + columns.tap(at % columns.taps);
    const float* from = w + tap * channels * shape.filters;
    for (int64_t panel = 0; panel < panels.count; panel++) {
      const int64_t width = panels.vectorsOf(panel) * kLanes, count = panels.filtersOf(panel);
      const int64_t first = panels.firstVector(panel) * kLanes;
      float* target = to + panels.offset(panel, taps * filters) + at * filters * width;
      // A line of the cache holds 16 filters: read them together, they are rows of the target.
      for (int64_t f = 0; f < filters; f += 16) {
        const int64_t end = std::min<int64_t>(f + 16, filters);
        for (int64_t c = 0; c < count; c++) {
          const float* source = from + (first + c) * shape.filters;
          for (int64_t k = f; k < end; k++) target[k * width + c] = source[k];
        }
        if (count == width) continue;
        for (int64_t k = f; k < end; k++) std::memset(target + k * width + count, 0, sizeof(float) * (width - count));
      }
    }
  });
}

/** As packTurned, for scalar products: a row of [taps, filters] for each channel. */
void packTurnedRows(const Convolution& shape, const Phase& rows, const Phase& columns, int64_t channels, const float* w,
                    float* to) {
  const int64_t filters = shape.filters / shape.groups;
  for (int64_t c = 0; c < channels; c++) {
    for (int64_t i = 0; i < rows.taps; i++) {
      for (int64_t j = 0; j < columns.taps; j++, to += filters) {
        const int64_t tap = rows.tap(i) * shape.kernelWidth + columns.tap(j);
        std::memcpy(to, w + (tap * channels + c) * shape.filters, sizeof(float) * filters);
      }
    }
  }
}

/** As packTurned, for channels on their own: [taps, channels]. */
void packTurnedDepthwise(const Convolution& shape, const Phase& rows, const Phase& columns, const float* w, float* to) {
  for (int64_t i = 0; i < rows.taps; i++) {
    for (int64_t j = 0; j < columns.taps; j++, to += shape.filters) {
      const int64_t tap = rows.tap(i) * shape.kernelWidth + columns.tap(j);
      std::memcpy(to, w + tap * shape.filters, sizeof(float) * shape.filters);
    }
  }
}

/** Where no tap reaches, dx is what the bias makes of 0. */
void fillPhase(const DirectConv& direct) {
  for (int64_t n = 0; n < direct.grid.batch; n++) {
    for (int64_t i = 0; i < direct.grid.outHeight; i++) {
      for (int64_t j = 0; j < direct.grid.outWidth; j++) {
        float* at = direct.y + n * direct.yImageStep + i * direct.yRowStep + j * direct.yPixelStep;
        for (int64_t c = 0; c < direct.filters; c++) {
          const float value = direct.bias ? direct.bias[c] : 0;
          at[c] = direct.activation == Activation::relu && value < 0 ? 0 : value;
        }
      }
    }
  }
}

}  // namespace

void convInputGrad(const Convolution& shape, const float* dy, const float* w, const float* bias, Activation activation,
                   float* dx, const Threads& threads) {
  // Channels on their own are one group here, whose convolution knows.
  const bool depthwise = isDepthwise(shape);
  const int64_t groups = depthwise ? 1 : shape.groups;
  const int64_t channels = shape.channels / groups, filters = shape.filters / groups;
  const Panels panels(channels);
  const Scratch weights(ScratchUse::weights, panels.floats(shape.kernelHeight * shape.kernelWidth * (depthwise ? 1 : filters)));
  const Scratch biasScratch(ScratchUse::bias, channels + kLanes);
  DirectConv direct;
  direct.filters = channels;
  direct.weights = weights.data();
  direct.activation = activation;
  const int64_t rowStep = shape.width * shape.channels;
  direct.yImageStep = shape.height * rowStep;
  direct.yRowStep = shape.strideHeight * rowStep;
  direct.yPixelStep = shape.strideWidth * shape.channels;
  direct.grid.batch = shape.batch;
  direct.grid.height = shape.outHeight;
  direct.grid.width = shape.outWidth;
  direct.grid.channels = filters;
  direct.grid.pixelStep = shape.filters;
  direct.grid.strideHeight = direct.grid.strideWidth = 1;
  for (int64_t group = 0; group < groups; group++) {
    const float* groupWeights = w + group * filters;
    direct.x = dy + group * filters;
    direct.bias = paddedBias(bias ? bias + group * channels : nullptr, channels, biasScratch);
    for (int64_t i = 0; i < shape.strideHeight; i++) {
      const Phase rows(i, shape.height, shape.kernelHeight, shape.strideHeight, shape.dilationHeight, shape.top);
      for (int64_t j = 0; j < shape.strideWidth; j++) {
        const Phase columns(j, shape.width, shape.kernelWidth, shape.strideWidth, shape.dilationWidth, shape.left);
        direct.y = dx + i * rowStep + j * shape.channels + group * channels;
        ConvGrid& grid = direct.grid;
        grid.outHeight = rows.out;
        grid.outWidth = columns.out;
        grid.kernelHeight = rows.taps;
        grid.kernelWidth = columns.taps;
        grid.dilationHeight = rows.dilation;
        grid.dilationWidth = columns.dilation;
        grid.top = rows.before;
        grid.left = columns.before;
        if (rows.taps == 0 || columns.taps == 0) {
          fillPhase(direct);
          continue;
        }
        if (depthwise) {
          packTurnedDepthwise(shape, rows, columns, w, weights.data());
          depthwiseConv(direct, threads);
          continue;
        }
        if (usesDots(grid, channels)) {
          packTurnedRows(shape, rows, columns, channels, groupWeights, weights.data());
        } else {
          packTurned(shape, rows, columns, panels, groupWeights, weights.data(), threads);
        }
        directConv(direct, threads);
      }
    }
  }
}

}  // namespace keras::KERAS_ISA
