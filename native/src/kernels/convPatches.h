/** Output pixels that read the same taps, so that borders need no padding. */
#pragma once
#include "convBlocks.h"

namespace keras::KERAS_ISA {

/** Consecutive numbers of x, `offset` after a pixel's first, meet consecutive rows of weights from `weight` on. */
struct Run {
  int64_t offset, weight;
};

/** Neighbouring output positions, of one dimension, that read the same taps, and these. */
struct Stretch {
  int64_t first, count;
  int64_t firstTap, taps;

  /** The longest from `out` on, before `end`. */
  static Stretch from(int64_t out, int64_t end, int64_t size, int64_t kernel, int64_t stride, int64_t dilation,
                      int64_t before) {
    const auto begin = [&](int64_t o) { return o * stride - before; };
    const auto firstOf = [&](int64_t o) {
      return begin(o) >= 0 ? 0 : std::min(kernel, (-begin(o) + dilation - 1) / dilation);
    };
    const auto endOf = [&](int64_t o) {
      return begin(o) >= size ? 0 : std::min(kernel, (size - 1 - begin(o)) / dilation + 1);
    };
    Stretch stretch{out, 1, firstOf(out), 0};
    const int64_t endTap = endOf(out);
    stretch.taps = std::max<int64_t>(0, endTap - stretch.firstTap);
    while (out + stretch.count < end && firstOf(out + stretch.count) == stretch.firstTap &&
           endOf(out + stretch.count) == endTap) {
      stretch.count++;
    }
    return stretch;
  }
};

/** Rows and columns of each image of a block. */
struct Patch {
  ConvBlock block;
  Stretch rows, columns;

  int64_t pixels() const { return block.images * rows.count * columns.count; }
};

/** Calls body(patch) for the patches of a block. */
template <class Body>
static inline void eachPatch(const ConvGrid& grid, const ConvBlock& block, const Body& body) {
  const int64_t endRow = block.firstRow + block.rows;
  Patch patch{block, {}, {}};
  for (int64_t row = block.firstRow; row < endRow; row += patch.rows.count) {
    patch.rows = Stretch::from(row, endRow, grid.height, grid.kernelHeight, grid.strideHeight, grid.dilationHeight,
                               grid.top);
    for (int64_t column = 0; column < grid.outWidth; column += patch.columns.count) {
      patch.columns = Stretch::from(column, grid.outWidth, grid.width, grid.kernelWidth, grid.strideWidth,
                                    grid.dilationWidth, grid.left);
      body(patch);
    }
  }
}

/** What the pixels of a patch read, tap after tap or, where taps lie side by side, kernel row after kernel row. */
struct PatchRuns {
  Run* run;
  int64_t count, length;

  /** `memory`: a run for each tap. */
  PatchRuns(const ConvGrid& grid, bool wholeRows, const Patch& patch, Run* memory) : run(memory), count(0) {
    length = wholeRows ? patch.columns.taps * grid.channels : grid.channels;
    const int64_t columns = wholeRows ? std::min<int64_t>(1, patch.columns.taps) : patch.columns.taps;
    const int64_t rowStep = grid.width * grid.pixelStep;
    for (int64_t i = patch.rows.firstTap; i < patch.rows.firstTap + patch.rows.taps; i++) {
      for (int64_t j = patch.columns.firstTap; j < patch.columns.firstTap + columns; j++) {
        run[count++] = {i * grid.dilationHeight * rowStep + j * grid.dilationWidth * grid.pixelStep,
                        (i * grid.kernelWidth + j) * grid.channels};
      }
    }
  }
};

/** What the first pixel of a patch reads of an image of x starts here, or would, were there no borders. */
static inline int64_t patchStart(const ConvGrid& grid, const Patch& patch, int64_t image) {
  return ((image * grid.height + patch.rows.first * grid.strideHeight - grid.top) * grid.width +
          patch.columns.first * grid.strideWidth - grid.left) *
         grid.pixelStep;
}

}  // namespace keras::KERAS_ISA
