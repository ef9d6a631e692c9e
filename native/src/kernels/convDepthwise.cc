#include "convDepthwise.h"

namespace keras::KERAS_ISA {
namespace {

constexpr int64_t kLeastCost = 100000;
constexpr int64_t kMostInput = 64 * 1024;
constexpr int64_t kRunFloats = sizeof(Run) / sizeof(float);
/** Neighbouring pixels in a tile. */
constexpr int kPixels = 8;

/** What tiles of a patch have in common; weights and their gradient are [taps, channels]. */
struct Setting {
  const Run* run;
  int64_t runs;
  int64_t channels;
  int64_t xStep, yStep;
  bool relu;
};

/** R neighbouring pixels, one vector of channels. */
template <int R, class Some>
inline void tile(const Setting& setting, const float* x, const float* weights, const float* bias, float* y,
                 const Some& lanes) {
  Vec sums[R];
  const Vec start = bias ? lanes.load(bias) : Vec{};
  each<R>([&](auto r) { sums[r] = start; });
  for (int64_t i = 0; i < setting.runs; i++) {
    const Vec weight = lanes.load(weights + setting.run[i].weight);
    const float* from = x + setting.run[i].offset;
    each<R>([&](auto r) { sums[r] += weight * lanes.load(from + r * setting.xStep); });
  }
  each<R>([&](auto r) { lanes.store(y + r * setting.yStep, setting.relu ? reluOf(sums[r]) : sums[r]); });
}

/** All channels of R neighbouring pixels. */
template <int R>
void convolve(const Setting& setting, const float* x, const float* weights, const float* bias, float* y) {
  int64_t c = 0;
  for (; c + kLanes <= setting.channels; c += kLanes) {
    tile<R>(setting, x + c, weights + c, bias ? bias + c : nullptr, y + c, WholeVector{});
  }
  if (c == setting.channels) return;
  tile<R>(setting, x + c, weights + c, bias ? bias + c : nullptr, y + c, Lanes(setting.channels - c));
}

/** sums[tap] += x[pixel + tap] · dy[pixel] over R neighbouring pixels, one vector of channels. */
template <int R, class Some>
inline void addTile(const Setting& setting, const float* x, const float* dy, float* sums, const Some& lanes) {
  Vec gradients[R];
  each<R>([&](auto r) { gradients[r] = lanes.load(dy + r * setting.yStep); });
  for (int64_t i = 0; i < setting.runs; i++) {
    const float* from = x + setting.run[i].offset;
    float* to = sums + setting.run[i].weight;
    // Two sums take turns: one would wait for itself.
    Vec sum[2] = {lanes.load(to), Vec{}};
    each<R>([&](auto r) { sum[r % 2] += gradients[r] * lanes.load(from + r * setting.xStep); });
    lanes.store(to, sum[0] + sum[1]);
  }
}

template <int R>
void add(const Setting& setting, const float* x, const float* dy, float* sums) {
  int64_t c = 0;
  for (; c + kLanes <= setting.channels; c += kLanes) addTile<R>(setting, x + c, dy + c, sums + c, WholeVector{});
  if (c < setting.channels) addTile<R>(setting, x + c, dy + c, sums + c, Lanes(setting.channels - c));
}

/**
 * Calls several(offset in x, offset in y) for kPixels pixels each and one(…) for those that are left, over the rows of a
 * patch.
 */
template <class Several, class One>
void eachTile(const ConvGrid& grid, const Patch& patch, int64_t yImageStep, int64_t yRowStep, int64_t yPixelStep,
              const Several& several, const One& one) {
  const int64_t xRowStep = grid.strideHeight * grid.width * grid.pixelStep, xStep = grid.strideWidth * grid.pixelStep;
  for (int64_t n = patch.block.firstImage; n < patch.block.firstImage + patch.block.images; n++) {
    int64_t x = patchStart(grid, patch, n);
    int64_t y = n * yImageStep + patch.rows.first * yRowStep + patch.columns.first * yPixelStep;
    for (int64_t i = 0; i < patch.rows.count; i++, x += xRowStep, y += yRowStep) {
      int64_t j = 0;
      for (; j + kPixels <= patch.columns.count; j += kPixels) several(x + j * xStep, y + j * yPixelStep);
      for (; j < patch.columns.count; j++) one(x + j * xStep, y + j * yPixelStep);
    }
  }
}

}  // namespace

void depthwiseConv(const DirectConv& conv, const Threads& threads) {
  const ConvGrid& grid = conv.grid;
  if (grid.batch * grid.outHeight * grid.outWidth == 0) return;
  const int64_t taps = grid.kernelHeight * grid.kernelWidth;
  const ConvBlocks blocks(grid, taps * grid.channels, kLeastCost, kLeastCost, kMostInput);
  threads.each(static_cast<size_t>(blocks.count()), [&](size_t index) {
    const Scratch scratch(ScratchUse::runs, taps * kRunFloats);
    eachPatch(grid, blocks.block(static_cast<int64_t>(index)), [&](const Patch& patch) {
      const PatchRuns runs(grid, false, patch, reinterpret_cast<Run*>(scratch.data()));
      const Setting setting = {runs.run,
                               runs.count,
                               grid.channels,
                               grid.strideWidth * grid.pixelStep,
                               conv.yPixelStep,
                               conv.activation == Activation::relu};
      const auto at = [&](auto pixels) {
        return [&](int64_t x, int64_t y) {
          convolve<decltype(pixels)::value>(setting, conv.x + x, conv.weights, conv.bias, conv.y + y);
        };
      };
      eachTile(grid, patch, conv.yImageStep, conv.yRowStep, conv.yPixelStep,
               at(std::integral_constant<int, kPixels>{}), at(std::integral_constant<int, 1>{}));
    });
  });
}

void depthwiseWeightGrad(ConvGrid grid, const float* x, const float* dy, float* dw, const Threads& threads) {
  const int64_t channels = grid.pixelStep;
  grid.channels = channels;
  const int64_t taps = grid.kernelHeight * grid.kernelWidth, floats = taps * channels;
  const ConvBlocks blocks(grid, floats, kLeastCost, kLeastCost, kMostInput);
  const int64_t chunks = std::min<int64_t>(16, blocks.count());
  const Scratch partials(ScratchUse::partials, chunks * floats);
  threads.each(static_cast<size_t>(chunks), [&](size_t index) {
    const int64_t chunk = static_cast<int64_t>(index);
    float* sums = partials.data() + chunk * floats;
    std::memset(sums, 0, sizeof(float) * floats);
    const Scratch scratch(ScratchUse::runs, taps * kRunFloats);
    for (int64_t b = chunk * blocks.count() / chunks; b < (chunk + 1) * blocks.count() / chunks; b++) {
      eachPatch(grid, blocks.block(b), [&](const Patch& patch) {
        const PatchRuns runs(grid, false, patch, reinterpret_cast<Run*>(scratch.data()));
        const Setting setting = {runs.run, runs.count, channels, grid.strideWidth * channels, channels, false};
        const int64_t rowStep = grid.outWidth * channels;
        eachTile(
            grid, patch, grid.outHeight * rowStep, rowStep, channels,
            [&](int64_t from, int64_t at) { add<kPixels>(setting, x + from, dy + at, sums); },
            [&](int64_t from, int64_t at) { add<1>(setting, x + from, dy + at, sums); });
      });
    }
  });
  for (int64_t i = 0; i < floats; i++) {
    float sum = partials.data()[i];
    for (int64_t chunk = 1; chunk < chunks; chunk++) sum += partials.data()[chunk * floats + i];
    dw[i] = sum;
  }
}

}  // namespace keras::KERAS_ISA
