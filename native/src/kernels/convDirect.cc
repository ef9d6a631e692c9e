#include "convDirect.h"

#include "convDot.h"

namespace keras::KERAS_ISA {
namespace {

/** Multiplications below which a task is not worth starting. */
constexpr int64_t kLeastCost = 500000;
/** Floats of x that a block reads: a quarter of a usual second-level cache. */
constexpr int64_t kMostInput = 64 * 1024;
/** Floats of weights that the tiles of a block read again and again. */
constexpr int64_t kMostWeights = 48 * 1024;

/** Walks over a block's output pixels in row-major order. */
class PixelWalk {
 public:
  PixelWalk(const DirectConv& conv, const ConvBlock& block, const BlockInput& input)
      : width_(conv.grid.outWidth), rows_(block.rows), column_(0), row_(0), x_(input.first),
        y_(conv.y + block.firstImage * conv.yImageStep + block.firstRow * conv.yRowStep),
        xColumn_(conv.grid.strideWidth * input.pixelStep), yColumn_(conv.yPixelStep),
        xRow_(conv.grid.strideHeight * input.rowStep - width_ * xColumn_), yRow_(conv.yRowStep - width_ * yColumn_),
        xImage_(input.imageStep - rows_ * conv.grid.strideHeight * input.rowStep),
        yImage_(conv.yImageStep - rows_ * conv.yRowStep) {}

  /** The next `count` pixels. */
  void take(int count, const float** x, float** y) {
    for (int i = 0; i < count; i++) {
      x[i] = x_;
      y[i] = y_;
      x_ += xColumn_;
      y_ += yColumn_;
      if (++column_ < width_) continue;
      column_ = 0;
      x_ += xRow_;
      y_ += yRow_;
      if (++row_ < rows_) continue;
      row_ = 0;
      x_ += xImage_;
      y_ += yImage_;
    }
  }

 private:
  int64_t width_, rows_;
  int64_t column_, row_;
  const float* x_;
  float* y_;
  int64_t xColumn_, yColumn_;
  int64_t xRow_, yRow_;
  int64_t xImage_, yImage_;
};

/** One panel over all pixels of a block, for the runs from `first` on. */
void panelOfBlock(const DirectConv& conv, const ConvBlock& block, const BlockInput& input, const TileSetting& setting,
                  int vectors, int64_t firstFilter) {
  PixelWalk walk(conv, block, input);
  const int most = tilePixels(vectors);
  const float* x[kMostTilePixels];
  float* y[kMostTilePixels];
  for (int64_t left = block.images * block.rows * conv.grid.outWidth; left > 0;) {
    const int pixels = static_cast<int>(std::min<int64_t>(left, most));
    walk.take(pixels, x, y);
    for (int i = 0; i < pixels; i++) y[i] += firstFilter;
    convTileOf(pixels, vectors)(setting, x, y);
    left -= pixels;
  }
}

void tilesOfBlock(const DirectConv& conv, const ConvBlock& block, const BlockInput& input, const Runs& runs,
                  const int64_t* offsets) {
  const Panels panels(conv.filters);
  const int64_t rows = runs.count * runs.length;
  for (int64_t panel = 0; panel < panels.count; panel++) {
    const int vectors = panels.vectorsOf(panel);
    const int64_t firstFilter = panels.firstVector(panel) * kLanes;
    TileSetting setting;
    setting.weightStep = vectors * kLanes;
    setting.length = runs.length;
    setting.bias = conv.bias ? conv.bias + firstFilter : nullptr;
    setting.lastLanes = panels.filtersOf(panel) - (vectors - 1) * kLanes;
    const float* weights = conv.weights + panels.offset(panel, rows);
    const int64_t together = std::max<int64_t>(1, kMostWeights / (runs.length * setting.weightStep));
    for (int64_t run = 0; run < runs.count; run += together) {
      setting.runs = std::min(together, runs.count - run);
      setting.offsets = offsets + run;
      setting.weights = weights + run * runs.length * setting.weightStep;
      setting.accumulate = run > 0;
      setting.relu = conv.activation == Activation::relu && run + together >= runs.count;
      panelOfBlock(conv, block, input, setting, vectors, firstFilter);
    }
  }
}

void dotsOfBlock(const DirectConv& conv, const ConvBlock& block, const BlockInput& input, const Runs& runs,
                 const int64_t* offsets) {
  PixelWalk walk(conv, block, input);
  const float* x[kDotPixels];
  float* y[kDotPixels];
  for (int64_t left = block.images * block.rows * conv.grid.outWidth; left > 0;) {
    const int pixels = static_cast<int>(std::min<int64_t>(left, kDotPixels));
    walk.take(pixels, x, y);
    // A tile is always full: pixels that are not there are the last one again.
    for (int i = pixels; i < kDotPixels; i++) {
      x[i] = x[pixels - 1];
      y[i] = y[pixels - 1];
    }
    convDots(static_cast<int>(conv.filters), {conv.weights, offsets, runs.count, runs.length, conv.bias,
                                              conv.activation == Activation::relu}, x, y);
    left -= pixels;
  }
}

}  // namespace

bool usesDots(const ConvGrid& grid, int64_t filters) {
  if (filters > kMostDotFilters || filters * 2 > kLanes) return false;
  return Runs(grid, grid.padded() ? grid.channels : grid.pixelStep).length >= kLanes;
}

void directConv(const DirectConv& conv, const Threads& threads) {
  const ConvGrid& grid = conv.grid;
  if (grid.batch * grid.outHeight * grid.outWidth == 0) return;
  const bool padded = grid.padded();
  const Runs runs(grid, padded ? grid.channels : grid.pixelStep);
  const bool dots = usesDots(grid, conv.filters);
  const ConvBlocks blocks(grid, runs.count * runs.length * conv.filters, kLeastCost, kMostInput);
  threads.each(static_cast<size_t>(blocks.count()), [&](size_t index) {
    const ConvBlock block = blocks.block(static_cast<int64_t>(index));
    const Scratch scratch(ScratchUse::image, padded ? paddedFloats(grid, block) : 0);
    const BlockInput input =
        padded ? inputPadded(grid, block, conv.x, scratch.data()) : inputInPlace(grid, block, conv.x);
    const Scratch offsetScratch(ScratchUse::offsets, runs.count * 2);
    int64_t* offsets = reinterpret_cast<int64_t*>(offsetScratch.data());
    for (int64_t run = 0; run < runs.count; run++) offsets[run] = runs.offset(grid, input, run);
    if (dots) {
      dotsOfBlock(conv, block, input, runs, offsets);
    } else {
      tilesOfBlock(conv, block, input, runs, offsets);
    }
  });
}

}  // namespace keras::KERAS_ISA
