#include "conv.h"
#include "convDepthwise.h"
#include "convDirect.h"
#include "convOuter.h"
#include "convWinograd.h"

namespace keras::KERAS_ISA {
namespace {

static_assert(kOuterVectors == kTileVectors, "panels are cut alike");

/** Floats of x or dy that a block may hold. */
constexpr int64_t kMostBlock = 32 * 1024;
/** Where sums fit no cache, to go over them rarely matters more. */
constexpr int64_t kMostBlockOfManySums = 128 * 1024;
constexpr int64_t kManySums = 128 * 1024;
constexpr int64_t kLeastBlockCost = 2000000;
/** Floats that partial sums may take together. */
constexpr int64_t kMostPartials = 1024 * 1024;

/**
 * The sums of one group: a matrix of x's numbers (runs of `length` that a pixel reads) times dy's filters. Its tiles multiply
 * single numbers of one side with vectors of the other, whichever fill vectors better.
 */
class WeightSums {
 public:
  /** `clipped`: runs are single taps, which read only what lies on x. */
  WeightSums(const ConvGrid& grid, int64_t filters, const Runs& runs, bool clipped)
      : grid_(grid), runs_(runs), filters_(filters), filterPanels_(filters), runPanels_(runs.length),
        clipped_(clipped) {
    swapped_ =
        !clipped && runs.count * runPanels_.vectors * filters < runs.count * runs.length * filterPanels_.vectors;
    const Panels& panels = swapped_ ? runPanels_ : filterPanels_;
    const int64_t widest = panels.vectorsOf(panels.count - 1);
    int most = outerNumbers(static_cast<int>(widest));
    // Runs that fill less than half a tile share it.
    gathered_ = !swapped_ && !clipped && runs.count > 1 && runs.length * 2 <= most;
    if (gathered_) most = gatheredNumbers(static_cast<int>(widest));
    numbers_ = swapped_ ? filters : gathered_ ? runs.count * runs.length : runs.length;
    cuts_ = (numbers_ + most - 1) / most;
    lines_ = gathered_ ? 1 : runs.count;
  }

  /** Tiles, each of which can be computed on its own. */
  int64_t tiles() const { return (swapped_ ? runPanels_ : filterPanels_).count * lines_ * cuts_; }

  /** Floats of a set of sums. */
  int64_t floats() const {
    return swapped_ ? runs_.count * runPanels_.floats(filters_) : filterPanels_.floats(runs_.count * runs_.length);
  }

  /** Adds a block's pixels to tiles [first, end). */
  void add(const ConvBlock& block, const BlockInput& input, const int64_t* offsets, const float* dy, int64_t dyPixelStep,
           int64_t first, int64_t end, bool accumulate, float* sums) const {
    const int64_t dyRow = grid_.outWidth * dyPixelStep, dyImage = grid_.outHeight * dyRow;
    const OuterOperand x = {input.first, input.imageStep, grid_.strideHeight * input.rowStep,
                            grid_.strideWidth * input.pixelStep};
    const OuterOperand gradient = {dy + block.firstImage * dyImage + block.firstRow * dyRow, dyImage, dyRow, dyPixelStep};
    OuterSetting setting;
    setting.images = block.images;
    setting.rows = block.rows;
    setting.columns = grid_.outWidth;
    setting.accumulate = accumulate;
    int64_t shifted[16];
    for (int64_t tile = first; tile < end; tile++) {
      const int64_t cut = tile % cuts_, line = tile / cuts_ % lines_, panel = tile / cuts_ / lines_;
      const int64_t begin = cut * numbers_ / cuts_, count = (cut + 1) * numbers_ / cuts_ - begin;
      const Panels& panels = swapped_ ? runPanels_ : filterPanels_;
      const int vectors = panels.vectorsOf(panel);
      const int64_t width = vectors * kLanes, firstLane = panels.firstVector(panel) * kLanes;
      setting.numbers = swapped_ ? gradient : x;
      setting.vectors = swapped_ ? x : gradient;
      setting.vectors.first += firstLane;
      setting.lastLanes = panels.filtersOf(panel) - (vectors - 1) * kLanes;
      setting.offsets = nullptr;
      if (clipped_) clip(line, block, setting);
      if (swapped_) {
        setting.vectors.first += offsets[line];
        setting.numbers.first += begin;
        setting.sums = sums + line * runPanels_.floats(filters_) + panels.offset(panel, filters_) + begin * width;
      } else {
        const int64_t row = line * runs_.length + begin;
        if (gathered_) {
          for (int64_t i = 0; i < count; i++) {
            shifted[i] = offsets[(begin + i) / runs_.length] + (begin + i) % runs_.length;
          }
          setting.offsets = shifted;
        } else {
          setting.numbers.first += offsets[line] + begin;
        }
        setting.sums = sums + panels.offset(panel, runs_.count * runs_.length) + row * width;
      }
      const bool part = setting.lastLanes < kLanes;
      outerTileOf(static_cast<int>(count), vectors, gathered_, part)(setting);
    }
  }

  /** dw's rows [first, end) are the totals of `sets` sets of sums; rows of dw are `step` apart. */
  void total(const float* sums, int64_t sets, int64_t first, int64_t end, float* dw, int64_t step) const {
    const int64_t setFloats = floats(), rows = runs_.count * runs_.length;
    if (swapped_) {
      for (int64_t row = first; row < end; row++) {
        const int64_t line = row / runs_.length, at = row % runs_.length;
        int64_t panel = runPanels_.count - 1;
        while (runPanels_.firstVector(panel) * kLanes > at) panel--;
        const int64_t width = runPanels_.vectorsOf(panel) * kLanes;
        const float* from = sums + line * runPanels_.floats(filters_) + runPanels_.offset(panel, filters_) +
                            (at - runPanels_.firstVector(panel) * kLanes);
        for (int64_t f = 0; f < filters_; f++) {
          float sum = from[f * width];
          for (int64_t set = 1; set < sets; set++) sum += from[set * setFloats + f * width];
          dw[row * step + f] = sum;
        }
      }
      return;
    }
    for (int64_t panel = 0; panel < filterPanels_.count; panel++) {
      const int64_t width = filterPanels_.vectorsOf(panel) * kLanes, count = filterPanels_.filtersOf(panel);
      for (int64_t row = first; row < end; row++) {
        const float* from = sums + filterPanels_.offset(panel, rows) + row * width;
        float* to = dw + row * step + filterPanels_.firstVector(panel) * kLanes;
        for (int64_t lane = 0; lane < width; lane += kLanes) {
          Vec sum = load(from + lane);
          for (int64_t set = 1; set < sets; set++) sum += load(from + set * setFloats + lane);
          Lanes(std::min<int64_t>(kLanes, count - lane)).store(to + lane, sum);
        }
      }
    }
  }

 private:
  /** Leaves the pixels of a block whose tap lies on x. */
  void clip(int64_t tap, const ConvBlock& block, OuterSetting& setting) const {
    const auto firstOf = [](int64_t start, int64_t stride) { return start >= 0 ? 0 : (-start + stride - 1) / stride; };
    const auto endOf = [](int64_t start, int64_t stride, int64_t size) {
      return start >= size ? 0 : (size - 1 - start) / stride + 1;
    };
    const int64_t rowStart = block.firstRow * grid_.strideHeight - grid_.top +
                             tap / grid_.kernelWidth * grid_.dilationHeight;
    const int64_t columnStart = tap % grid_.kernelWidth * grid_.dilationWidth - grid_.left;
    const int64_t row = firstOf(rowStart, grid_.strideHeight), column = firstOf(columnStart, grid_.strideWidth);
    setting.rows = std::min(block.rows, endOf(rowStart, grid_.strideHeight, grid_.height)) - row;
    setting.columns = std::min(grid_.outWidth, endOf(columnStart, grid_.strideWidth, grid_.width)) - column;
    for (OuterOperand* operand : {&setting.numbers, &setting.vectors}) {
      operand->first += row * operand->rowStep + column * operand->pixelStep;
    }
  }

  const ConvGrid& grid_;
  const Runs& runs_;
  int64_t filters_;
  Panels filterPanels_, runPanels_;
  bool clipped_;
  /** Vectors run along x's runs, not along filters. */
  bool swapped_;
  /** A tile's numbers come from several runs. */
  bool gathered_;
  /** Numbers of a line, which is a run or all of them, and into how many tiles these are cut. */
  int64_t numbers_, lines_, cuts_;
};

void groupWeightGrad(const ConvGrid& grid, int64_t filters, const float* x, const float* dy, int64_t dyPixelStep, float* dw,
                     const Threads& threads) {
  // A tap with channels enough for its own tiles leaves out what lies beside x; others have a copy with padding.
  const bool clipped = grid.padded() && grid.channels >= outerNumbers(1) && filters * 2 > kLanes;
  const bool padded = grid.padded() && !clipped;
  const Runs runs(grid, padded ? grid.channels : grid.pixelStep, !clipped);
  const WeightSums sums(grid, filters, runs, clipped);
  const int64_t rows = runs.count * runs.length;
  // Chunks of the batch have sums of their own, unless these are large: then tiles are what is shared out.
  const int64_t wanted =
      std::max<int64_t>(1, std::min<int64_t>(sums.floats() <= 8192 ? 16 : 8, kMostPartials / sums.floats()));
  const int64_t xPixel = grid.strideHeight * grid.strideWidth * grid.channels;
  const bool many = sums.floats() > kManySums;
  const int64_t most = many ? kMostBlockOfManySums : kMostBlock * std::min(xPixel, filters) / filters;
  const ConvBlocks blocks(grid, rows * filters, kLeastBlockCost, many ? INT64_MAX / 2 : kLeastBlockCost,
                          std::max<int64_t>(1, most), wanted);
  const int64_t chunks = std::min(wanted, blocks.count());
  const int64_t parts = std::min(sums.tiles(), (8 + chunks - 1) / chunks);
  const Scratch partials(ScratchUse::partials, chunks * sums.floats());
  threads.each(static_cast<size_t>(chunks * parts), [&](size_t index) {
    const int64_t chunk = static_cast<int64_t>(index) / parts, part = static_cast<int64_t>(index) % parts;
    const int64_t firstTile = part * sums.tiles() / parts, endTile = (part + 1) * sums.tiles() / parts;
    const int64_t firstBlock = chunk * blocks.count() / chunks, endBlock = (chunk + 1) * blocks.count() / chunks;
    const Scratch offsetScratch(ScratchUse::offsets, runs.count * 2);
    int64_t* offsets = reinterpret_cast<int64_t*>(offsetScratch.data());
    for (int64_t i = firstBlock; i < endBlock; i++) {
      const ConvBlock block = blocks.block(i);
      const Scratch scratch(ScratchUse::image, padded ? paddedFloats(grid, block) : 0);
      const BlockInput input = padded ? inputPadded(grid, block, x, scratch.data()) : inputInPlace(grid, block, x);
      for (int64_t run = 0; run < runs.count; run++) offsets[run] = runs.offset(grid, input, run);
      sums.add(block, input, offsets, dy, dyPixelStep, firstTile, endTile, i > firstBlock,
               partials.data() + chunk * sums.floats());
    }
  });
  const int64_t rowsTogether = std::max<int64_t>(1, 16384 / (filters * chunks));
  threads.each(static_cast<size_t>((rows + rowsTogether - 1) / rowsTogether), [&](size_t index) {
    const int64_t first = static_cast<int64_t>(index) * rowsTogether;
    sums.total(partials.data(), chunks, first, std::min(rows, first + rowsTogether), dw, dyPixelStep);
  });
}

}  // namespace

void convWeightGrad(const Convolution& shape, const float* x, const float* dy, float* dw, const Threads& threads) {
  const int64_t filters = shape.filters / shape.groups;
  const ConvGrid grid = gridOf(shape);
  if (grid.batch * grid.outHeight * grid.outWidth == 0) {
    std::memset(dw, 0, sizeof(float) * shape.kernelHeight * shape.kernelWidth * grid.channels * shape.filters);
    return;
  }
  if (isDepthwise(shape)) return depthwiseWeightGrad(grid, x, dy, dw, threads);
  if (shape.groups == 1 && usesWinograd(grid, filters)) return winogradWeightGrad(grid, filters, x, dy, dw, threads);
  for (int64_t group = 0; group < shape.groups; group++) {
    groupWeightGrad(grid, filters, x + group * grid.channels, dy + group * filters, shape.filters, dw + group * filters,
                    threads);
  }
}

}  // namespace keras::KERAS_ISA
