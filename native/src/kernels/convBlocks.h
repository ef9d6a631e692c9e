/**
 * How a convolution is cut: blocks of output rows, each with the part of x that it reads, padded and dense.
 */
#pragma once
#include <algorithm>
#include <cstring>

#include "scratch.h"

namespace keras::KERAS_ISA {

/** Which pixels of x a convolution's output reads: no word about numbers. */
struct ConvGrid {
  int64_t batch;
  int64_t height, width;
  /** Numbers that a pixel gives, and how far apart pixels lie (more with groups). */
  int64_t channels, pixelStep;
  int64_t outHeight, outWidth;
  int64_t kernelHeight, kernelWidth;
  int64_t strideHeight, strideWidth;
  /** Rows and columns before the first; negative: the first are not read. */
  int64_t top, left;
  int64_t dilationHeight, dilationWidth;

  /** Rows of x, padding included, that `rows` output rows span. */
  int64_t rowsRead(int64_t rows) const { return (rows - 1) * strideHeight + (kernelHeight - 1) * dilationHeight + 1; }
  int64_t columnsRead() const { return (outWidth - 1) * strideWidth + (kernelWidth - 1) * dilationWidth + 1; }
  bool padded() const {
    return top > 0 || left > 0 || rowsRead(outHeight) - top > height || columnsRead() - left > width;
  }
};

/** Consecutive whole images, or consecutive output rows of one. */
struct ConvBlock {
  int64_t firstImage, images;
  int64_t firstRow, rows;
};

/** Cuts by sizes alone, so that results do not depend on the number of threads. */
class ConvBlocks {
 public:
  static constexpr int64_t kTasks = 32;

  /**
   * `pixelCost`: multiplications a pixel of y takes; blocks have `leastCost` where they can, and, of whole images,
   * `goodCost`; `mostFloats`: how much of x a block may read; `wanted`: how many blocks there should
   * be, where that many have `leastCost`.
   */
  ConvBlocks(const ConvGrid& grid, int64_t pixelCost, int64_t leastCost, int64_t goodCost, int64_t mostFloats,
             int64_t wanted = kTasks)
      : grid_(grid) {
    const int64_t rowCost = std::max<int64_t>(1, grid.outWidth * pixelCost);
    const int64_t rowFloats = std::max<int64_t>(1, grid.columnsRead() * grid.channels);
    const int64_t imageFloats = grid.rowsRead(grid.outHeight) * rowFloats;
    rows_ = grid.outHeight;
    if (grid.batch < wanted) {
      const int64_t parts = (wanted + grid.batch - 1) / grid.batch;
      rows_ = std::max((grid.outHeight + parts - 1) / parts, (leastCost + rowCost - 1) / rowCost);
    }
    if (imageFloats > mostFloats) {
      // The kernel's own height is read again by the next block: few rows a block would read much twice.
      const int64_t fitting = (mostFloats / rowFloats - grid.rowsRead(1)) / grid.strideHeight + 1;
      rows_ = std::min(rows_, std::max<int64_t>(fitting, 4));
    }
    rows_ = std::min(std::max<int64_t>(rows_, 1), std::max<int64_t>(grid.outHeight, 1));
    rowBlocks_ = (grid.outHeight + rows_ - 1) / rows_;
    if (rowBlocks_ == 1) {
      const int64_t imageCost = rowCost * grid.outHeight;
      images_ = std::min((goodCost + imageCost - 1) / imageCost, std::max<int64_t>(1, mostFloats / imageFloats));
      images_ = std::max<int64_t>(1, std::min(images_, grid.batch / wanted));
    }
  }

  int64_t count() const { return (grid_.batch + images_ - 1) / images_ * rowBlocks_; }

  ConvBlock block(int64_t index) const {
    const int64_t firstImage = index / rowBlocks_ * images_;
    const int64_t firstRow = index % rowBlocks_ * rows_;
    return {firstImage, std::min(images_, grid_.batch - firstImage), firstRow,
            std::min(rows_, grid_.outHeight - firstRow)};
  }

 private:
  const ConvGrid& grid_;
  int64_t rows_ = 1, rowBlocks_ = 1, images_ = 1;
};

/** What a block reads: `first` is where the first tap of its first output pixel is. */
struct BlockInput {
  const float* first;
  /** From an image, a row, a column of the input to the next. */
  int64_t imageStep, rowStep, pixelStep;
};

/** Finds a block's input in x, where nothing is padded. */
static inline BlockInput inputInPlace(const ConvGrid& grid, const ConvBlock& block, const float* x) {
  const int64_t rowStep = grid.width * grid.pixelStep;
  const int64_t imageStep = grid.height * rowStep;
  const int64_t firstRow = block.firstRow * grid.strideHeight - grid.top;
  return {x + block.firstImage * imageStep + firstRow * rowStep - grid.left * grid.pixelStep, imageStep, rowStep,
          grid.pixelStep};
}

static inline int64_t paddedFloats(const ConvGrid& grid, const ConvBlock& block) {
  return block.images * grid.rowsRead(block.rows) * grid.columnsRead() * grid.channels;
}

/** Copies a block's input with its padding to `to`. */
static inline BlockInput inputPadded(const ConvGrid& grid, const ConvBlock& block, const float* x, float* to) {
  const int64_t rows = grid.rowsRead(block.rows), columns = grid.columnsRead(), channels = grid.channels;
  const int64_t rowStep = columns * channels;
  const int64_t before = std::min(std::max<int64_t>(grid.left, 0), columns);
  const int64_t copied = std::max<int64_t>(0, std::min(columns, grid.width + grid.left) - before);
  float* row = to;
  for (int64_t n = 0; n < block.images; n++) {
    const float* image = x + (block.firstImage + n) * grid.height * grid.width * grid.pixelStep;
    for (int64_t i = 0; i < rows; i++, row += rowStep) {
      const int64_t source = block.firstRow * grid.strideHeight - grid.top + i;
      if (source < 0 || source >= grid.height || copied == 0) {
        std::memset(row, 0, sizeof(float) * rowStep);
        continue;
      }
      const float* from = image + (source * grid.width + before - grid.left) * grid.pixelStep;
      float* at = row + before * channels;
      std::memset(row, 0, sizeof(float) * before * channels);
      if (grid.pixelStep == channels) {
        std::memcpy(at, from, sizeof(float) * copied * channels);
        at += copied * channels;
      } else {
        for (int64_t j = 0; j < copied; j++, at += channels, from += grid.pixelStep) {
          for (int64_t c = 0; c < channels; c++) at[c] = from[c];
        }
      }
      std::memset(at, 0, sizeof(float) * (row + rowStep - at));
    }
  }
  return {to, rows * rowStep, rowStep, channels};
}

/**
 * The numbers that an output pixel reads, as runs of consecutive ones: a tap's channels, or a kernel row's where its taps
 * lie side by side.
 */
struct Runs {
  int64_t count, length;
  bool wholeRows;

  /** `together`: whether taps of a kernel row may be one run. */
  Runs(const ConvGrid& grid, int64_t pixelStep, bool together = true)
      : count(grid.kernelHeight), length(grid.kernelWidth * grid.channels),
        wholeRows(grid.kernelWidth == 1 || (together && grid.dilationWidth == 1 && pixelStep == grid.channels)) {
    if (!wholeRows) {
      count *= grid.kernelWidth;
      length = grid.channels;
    }
  }

  int64_t offset(const ConvGrid& grid, const BlockInput& input, int64_t run) const {
    if (wholeRows) return run * grid.dilationHeight * input.rowStep;
    return run / grid.kernelWidth * grid.dilationHeight * input.rowStep +
           run % grid.kernelWidth * grid.dilationWidth * input.pixelStep;
  }
};

}  // namespace keras::KERAS_ISA
