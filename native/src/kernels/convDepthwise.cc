#include "convDepthwise.h"

namespace keras::KERAS_ISA {
namespace {

constexpr int64_t kLeastCost = 100000;
constexpr int64_t kMostInput = 64 * 1024;
/** Neighbouring pixels in a tile. */
constexpr int kPixels = 8;

struct Setting {
  const float* weights;
  int64_t weightStep;
  const int64_t* offsets;
  int64_t taps;
  const float* bias;
  bool relu;
  int64_t xStep, yStep;
};

template <bool Part>
inline Vec loadSome(const float* p, const Lanes& lanes) {
  return Part ? lanes.load(p) : load(p);
}

/** R neighbouring pixels, one vector of channels. */
template <int R, bool Part>
void depthwiseTile(const Setting& setting, const float* x, float* y, const Lanes& lanes) {
  Vec sums[R];
  const Vec start = setting.bias ? loadSome<Part>(setting.bias, lanes) : Vec{};
  each<R>([&](auto r) { sums[r] = start; });
  const float* w = setting.weights;
  const int64_t step = setting.xStep;
  for (int64_t tap = 0; tap < setting.taps; tap++, w += setting.weightStep) {
    const Vec weight = loadSome<Part>(w, lanes);
    const float* from = x + setting.offsets[tap];
    each<R>([&](auto r) { sums[r] += weight * loadSome<Part>(from + r * step, lanes); });
  }
  each<R>([&](auto r) {
    if (setting.relu) sums[r] = reluOf(sums[r]);
    if (Part) {
      lanes.store(y + r * setting.yStep, sums[r]);
    } else {
      store(y + r * setting.yStep, sums[r]);
    }
  });
}

template <bool Part>
void depthwiseRow(const Setting& setting, const float* x, float* y, int64_t pixels, const Lanes& lanes) {
  for (; pixels >= kPixels; pixels -= kPixels, x += kPixels * setting.xStep, y += kPixels * setting.yStep) {
    depthwiseTile<kPixels, Part>(setting, x, y, lanes);
  }
  if (pixels & 4) {
    depthwiseTile<4, Part>(setting, x, y, lanes);
    x += 4 * setting.xStep;
    y += 4 * setting.yStep;
  }
  if (pixels & 2) {
    depthwiseTile<2, Part>(setting, x, y, lanes);
    x += 2 * setting.xStep;
    y += 2 * setting.yStep;
  }
  if (pixels & 1) depthwiseTile<1, Part>(setting, x, y, lanes);
}

struct SumsSetting {
  const int64_t* offsets;
  int64_t taps;
  int64_t channels;
  int64_t xStep;
};

/** sums[tap] += x[pixel + tap] · dy[pixel] over R neighbouring pixels, one vector of channels. */
template <int R, class Some>
inline void depthwiseSums(const SumsSetting& setting, const float* x, const float* dy, float* sums, const Some& lanes) {
  Vec gradients[R];
  each<R>([&](auto r) { gradients[r] = lanes.load(dy + r * setting.channels); });
  for (int64_t tap = 0; tap < setting.taps; tap++, sums += setting.channels) {
    const float* from = x + setting.offsets[tap];
    Vec sum = lanes.load(sums);
    each<R>([&](auto r) { sum += gradients[r] * lanes.load(from + r * setting.xStep); });
    lanes.store(sums, sum);
  }
}

/** All channels of R neighbouring pixels. */
template <int R>
void depthwiseSums(const SumsSetting& setting, const float* x, const float* dy, float* sums) {
  int64_t c = 0;
  for (; c + kLanes <= setting.channels; c += kLanes) {
    depthwiseSums<R>(setting, x + c, dy + c, sums + c, WholeVector{});
  }
  if (c < setting.channels) depthwiseSums<R>(setting, x + c, dy + c, sums + c, Lanes(setting.channels - c));
}

/** The offsets of taps, in kernel order, from the first a pixel reads. */
void tapOffsets(const ConvGrid& grid, const BlockInput& input, int64_t* offsets) {
  for (int64_t i = 0; i < grid.kernelHeight; i++) {
    for (int64_t j = 0; j < grid.kernelWidth; j++) {
      *offsets++ = i * grid.dilationHeight * input.rowStep + j * grid.dilationWidth * input.pixelStep;
    }
  }
}

}  // namespace

void depthwiseConv(const DirectConv& conv, const Threads& threads) {
  const ConvGrid& grid = conv.grid;
  if (grid.batch * grid.outHeight * grid.outWidth == 0) return;
  const bool padded = grid.padded();
  const int64_t taps = grid.kernelHeight * grid.kernelWidth;
  const ConvBlocks blocks(grid, taps * grid.channels, kLeastCost, kLeastCost, kMostInput);
  threads.each(static_cast<size_t>(blocks.count()), [&](size_t index) {
    const ConvBlock block = blocks.block(static_cast<int64_t>(index));
    const Scratch scratch(ScratchUse::image, padded ? paddedFloats(grid, block) : 0);
    const BlockInput input =
        padded ? inputPadded(grid, block, conv.x, scratch.data()) : inputInPlace(grid, block, conv.x);
    const Scratch offsetScratch(ScratchUse::offsets, taps * 2);
    int64_t* offsets = reinterpret_cast<int64_t*>(offsetScratch.data());
    tapOffsets(grid, input, offsets);
    Setting setting;
    setting.weightStep = grid.channels;
    setting.offsets = offsets;
    setting.taps = taps;
    setting.relu = conv.activation == Activation::relu;
    setting.xStep = grid.strideWidth * input.pixelStep;
    setting.yStep = conv.yPixelStep;
    for (int64_t n = 0; n < block.images; n++) {
      for (int64_t i = 0; i < block.rows; i++) {
        const float* x = input.first + n * input.imageStep + i * grid.strideHeight * input.rowStep;
        float* y = conv.y + (block.firstImage + n) * conv.yImageStep + (block.firstRow + i) * conv.yRowStep;
        for (int64_t c = 0; c < grid.channels; c += kLanes) {
          const Lanes lanes(std::min<int64_t>(kLanes, grid.channels - c));
          setting.weights = conv.weights + c;
          setting.bias = conv.bias ? conv.bias + c : nullptr;
          if (lanes.full()) {
            depthwiseRow<false>(setting, x + c, y + c, grid.outWidth, lanes);
          } else {
            depthwiseRow<true>(setting, x + c, y + c, grid.outWidth, lanes);
          }
        }
      }
    }
  });
}

void depthwiseWeightGrad(ConvGrid grid, const float* x, const float* dy, float* dw, const Threads& threads) {
  const int64_t channels = grid.pixelStep;
  grid.channels = channels;
  const bool padded = grid.padded();
  const int64_t taps = grid.kernelHeight * grid.kernelWidth;
  const ConvBlocks blocks(grid, taps * channels, kLeastCost, kLeastCost, kMostInput);
  const int64_t chunks = std::min<int64_t>(16, blocks.count());
  const Scratch partials(ScratchUse::partials, chunks * taps * channels);
  threads.each(static_cast<size_t>(chunks), [&](size_t index) {
    const int64_t chunk = static_cast<int64_t>(index);
    float* sums = partials.data() + chunk * taps * channels;
    std::memset(sums, 0, sizeof(float) * taps * channels);
    const Scratch offsetScratch(ScratchUse::offsets, taps * 2);
    int64_t* offsets = reinterpret_cast<int64_t*>(offsetScratch.data());
    for (int64_t b = chunk * blocks.count() / chunks; b < (chunk + 1) * blocks.count() / chunks; b++) {
      const ConvBlock block = blocks.block(b);
      const Scratch scratch(ScratchUse::image, padded ? paddedFloats(grid, block) : 0);
      const BlockInput input = padded ? inputPadded(grid, block, x, scratch.data()) : inputInPlace(grid, block, x);
      tapOffsets(grid, input, offsets);
      const float* gradient =
          dy + (block.firstImage * grid.outHeight + block.firstRow) * grid.outWidth * channels;
      const SumsSetting setting = {offsets, taps, channels, grid.strideWidth * input.pixelStep};
      for (int64_t n = 0; n < block.images; n++) {
        for (int64_t i = 0; i < block.rows; i++) {
          const float* from = input.first + n * input.imageStep + i * grid.strideHeight * input.rowStep;
          const float* row = gradient + (n * grid.outHeight + i) * grid.outWidth * channels;
          int64_t column = 0;
          for (; column + kPixels <= grid.outWidth; column += kPixels) {
            depthwiseSums<kPixels>(setting, from + column * setting.xStep, row + column * channels, sums);
          }
          for (; column < grid.outWidth; column++) {
            depthwiseSums<1>(setting, from + column * setting.xStep, row + column * channels, sums);
          }
        }
      }
    }
  });
  for (int64_t i = 0; i < taps * channels; i++) {
    float sum = partials.data()[i];
    for (int64_t chunk = 1; chunk < chunks; chunk++) sum += partials.data()[chunk * taps * channels + i];
    dw[i] = sum;
  }
}

}  // namespace keras::KERAS_ISA
