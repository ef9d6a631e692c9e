#include "convDirect.h"

#include "convDot.h"
#include "convWinograd.h"

namespace keras::KERAS_ISA {
namespace {

/** Multiplications below which a task is not worth starting. */
constexpr int64_t kLeastCost = 500000;
/** Of images with borders of their own: several together fill tiles of border pixels. */
constexpr int64_t kGoodBorderCost = 16000000;
/** Floats of x that a block reads: a quarter of a usual second-level cache. */
constexpr int64_t kMostInput = 64 * 1024;
/** Floats of weights that the tiles of a block read again and again. */
constexpr int64_t kMostWeights = 48 * 1024;

/** Walks over a patch's pixels, image by image, in row-major order. */
class PixelWalk {
 public:
  PixelWalk(const DirectConv& conv, const Patch& patch)
      : width_(patch.columns.count), rows_(patch.rows.count), column_(0), row_(0) {
    const ConvGrid& grid = conv.grid;
    const int64_t xRowStep = grid.width * grid.pixelStep, xImageStep = grid.height * xRowStep;
    x_ = conv.x + patchStart(grid, patch, patch.block.firstImage);
    y_ = conv.y + patch.block.firstImage * conv.yImageStep + patch.rows.first * conv.yRowStep +
         patch.columns.first * conv.yPixelStep;
    xColumn_ = grid.strideWidth * grid.pixelStep;
    yColumn_ = conv.yPixelStep;
    xRow_ = grid.strideHeight * xRowStep - width_ * xColumn_;
    yRow_ = conv.yRowStep - width_ * yColumn_;
    xImage_ = xImageStep - rows_ * grid.strideHeight * xRowStep;
    yImage_ = conv.yImageStep - rows_ * conv.yRowStep;
  }

  /** The next `count` pixels: where the first tap of x is, or would be, and y from the given filter on. */
  void take(int count, int64_t filter, const float** x, float** y) {
    for (int i = 0; i < count; i++) {
      x[i] = x_;
      y[i] = y_ + filter;
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

/** Panels from `first` to before `end`. */
void tilesOfPatch(const DirectConv& conv, const Patch& patch, const PatchRuns& runs, int64_t first, int64_t end) {
  const ConvGrid& grid = conv.grid;
  const Panels panels(conv.filters);
  const int64_t rows = grid.kernelHeight * grid.kernelWidth * grid.channels;
  const float* x[kMostTilePixels];
  float* y[kMostTilePixels];
  for (int64_t panel = first; panel < end; panel++) {
    const int vectors = panels.vectorsOf(panel);
    const int64_t firstFilter = panels.firstVector(panel) * kLanes;
    TileSetting setting;
    setting.weights = conv.weights + panels.offset(panel, rows);
    setting.length = runs.length;
    setting.bias = conv.bias ? conv.bias + firstFilter : nullptr;
    setting.lastLanes = panels.filtersOf(panel) - (vectors - 1) * kLanes;
    const int64_t together =
        std::max<int64_t>(1, kMostWeights / std::max<int64_t>(1, runs.length * vectors * kLanes));
    int64_t run = 0;
    do {
      setting.runs = std::min(together, runs.count - run);
      setting.run = runs.run + run;
      setting.accumulate = run > 0;
      run += together;
      setting.relu = conv.activation == Activation::relu && run >= runs.count;
      PixelWalk walk(conv, patch);
      const int64_t most = tilePixels(vectors);
      for (int64_t left = patch.pixels(); left > 0;) {
        const int pixels = static_cast<int>(std::min(left, most));
        walk.take(pixels, firstFilter, x, y);
        convTileOf(pixels, vectors)(setting, x, y);
        left -= pixels;
      }
    } while (run < runs.count);
  }
}

void dotsOfPatch(const DirectConv& conv, const Patch& patch, const PatchRuns& runs) {
  const ConvGrid& grid = conv.grid;
  const DotSetting setting = {conv.weights, grid.kernelHeight * grid.kernelWidth * grid.channels,
                              runs.run,     runs.count,
                              runs.length,  conv.bias,
                              conv.activation == Activation::relu};
  PixelWalk walk(conv, patch);
  const int filters = static_cast<int>(conv.filters), most = dotPixels(filters);
  const float* x[kMostDotPixels];
  float* y[kMostDotPixels];
  for (int64_t left = patch.pixels(); left > 0;) {
    const int pixels = static_cast<int>(std::min<int64_t>(left, most));
    walk.take(pixels, 0, x, y);
    // A tile is always full: pixels that are not there are the last one again.
    for (int i = pixels; i < most; i++) {
      x[i] = x[pixels - 1];
      y[i] = y[pixels - 1];
    }
    convDots(filters, setting, x, y);
    left -= pixels;
  }
}

}  // namespace

bool usesDots(const ConvGrid& grid, int64_t filters) {
  if (filters > kMostDotFilters || filters * 2 > kLanes) return false;
  return Runs(grid, grid.pixelStep).length >= kLanes;
}

void directConv(const DirectConv& conv, const Threads& threads) {
  const ConvGrid& grid = conv.grid;
  if (grid.batch * grid.outHeight * grid.outWidth == 0) return;
  if (usesWinograd(grid, conv.filters)) return winogradConv(conv, threads);
  const Runs runs(grid, grid.pixelStep);
  const bool dots = usesDots(grid, conv.filters);
  const int64_t panels = dots ? 1 : Panels(conv.filters).count;
  // Few images are better cut along the filters than into few rows, each of which would read all weights.
  const int64_t parts = grid.batch < ConvBlocks::kTasks ? panels : 1;
  const ConvBlocks blocks(grid, runs.count * runs.length * (conv.filters / parts), kLeastCost,
                          grid.padded() ? kGoodBorderCost : kLeastCost, kMostInput,
                          std::max<int64_t>(1, ConvBlocks::kTasks / parts));
  threads.each(static_cast<size_t>(blocks.count() * parts), [&](size_t index) {
    const int64_t block = static_cast<int64_t>(index) / parts, part = static_cast<int64_t>(index) % parts;
    const Scratch scratch(ScratchUse::runs, runs.count * static_cast<int64_t>(sizeof(Run) / sizeof(float)));
    eachPatch(grid, blocks.block(block), [&](const Patch& patch) {
      const PatchRuns read(grid, runs.wholeRows, patch, reinterpret_cast<Run*>(scratch.data()));
      if (dots) {
        dotsOfPatch(conv, patch, read);
      } else {
        tilesOfPatch(conv, patch, read, part * panels / parts, (part + 1) * panels / parts);
      }
    });
  });
}

}  // namespace keras::KERAS_ISA
