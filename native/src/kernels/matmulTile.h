/** The innermost part of products of matrices: a tile of sums that stays in registers. */
#pragma once
#include <algorithm>

#include "gemm.h"
#include "math.h"

namespace keras::KERAS_ISA {

/** What happens to a sum of products when it is complete. */
struct Finish {
  float alpha = 1;
  const float* bias = nullptr;  // of the tile's columns
  bool relu = false;
  bool isNone() const { return alpha == 1 && bias == nullptr && !relu; }
};

struct ProductTile {
  int64_t terms;
  const float* left;
  int64_t leftStride;  // from row to row, where the left side is as it came
  const float* ahead;  // the left side of the tile that is next to read it for the first time, or null
  Ahead* later;        // what will be needed after this block, or null
  const float* right;
  int64_t rightStride;  // from term to term
  bool onto;            // adds to what out holds
  float* out;
  int64_t outStride;
  int64_t lastCount;  // columns of the last vector
  Finish finish;
};

/** Lines to ask for ahead of later blocks, each `kLine` terms. */
constexpr int kLinesLater = 4;

/** `packed`: the left side lies term by term, kTileRows numbers each. */
template <int rows, int vecs, bool packed>
void productTile(const ProductTile& tile) {
  Vec sums[rows][vecs];
  const bool whole = tile.lastCount == kLanes;
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 3
    for (int v = 0; v < vecs; v++) {
      const float* from = tile.out + r * tile.outStride + v * kLanes;
      sums[r][v] = !tile.onto ? Vec{} : whole || v + 1 < vecs ? load(from) : loadPart(from, tile.lastCount);
      __builtin_prefetch(from, 1, 3);
    }
  }
  const float* right = tile.right;
  const float* left = tile.left;
  const int64_t stride = tile.leftStride;
  for (int64_t first = 0; first < tile.terms; first += kLine) {
    if (!packed && tile.ahead != nullptr) {
#pragma GCC unroll 8
      for (int r = 0; r < rows; r++) __builtin_prefetch(tile.ahead + r * stride + first, 0, 3);
    }
    if (packed && tile.later != nullptr) tile.later->some(kLinesLater);
    const int64_t last = std::min(tile.terms, first + kLine);
    for (int64_t k = first; k < last; k++) {
      Vec row[vecs];
#pragma GCC unroll 3
      for (int v = 0; v < vecs; v++) row[v] = load(right + v * kLanes);
#pragma GCC unroll 8
      for (int r = 0; r < rows; r++) {
        const Vec x = splat(packed ? left[k * kTileRows + r] : left[r * stride + k]);
#pragma GCC unroll 3
        for (int v = 0; v < vecs; v++) sums[r][v] += x * row[v];
      }
      right += tile.rightStride;
    }
  }
  if (!tile.finish.isNone()) {
    Vec bias[vecs]{};
    if (tile.finish.bias != nullptr) {
#pragma GCC unroll 3
      for (int v = 0; v < vecs; v++) {
        const float* from = tile.finish.bias + v * kLanes;
        bias[v] = whole || v + 1 < vecs ? load(from) : loadPart(from, tile.lastCount);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 3
      for (int v = 0; v < vecs; v++) {
        sums[r][v] = sums[r][v] * tile.finish.alpha + bias[v];
        // NaN stays: it is not less than zero.
        if (tile.finish.relu) sums[r][v] = sums[r][v] < 0.0f ? Vec{} : sums[r][v];
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 3
    for (int v = 0; v < vecs; v++) {
      float* to = tile.out + r * tile.outStride + v * kLanes;
      if (whole || v + 1 < vecs) {
        store(to, sums[r][v]);
      } else {
        storePart(to, sums[r][v], tile.lastCount);
      }
    }
  }
}

/** The tile of up to kTileRows rows and kPanelVecs vectors. */
template <bool packed>
void computeTile(int64_t rows, int64_t vecs, const ProductTile& tile) {
  using Compute = void (*)(const ProductTile&);
  constexpr Compute tiles[kPanelVecs][8] = {
      {productTile<1, 1, packed>, productTile<2, 1, packed>, productTile<3, 1, packed>, productTile<4, 1, packed>,
       productTile<5, 1, packed>, productTile<6, 1, packed>, productTile<7, 1, packed>, productTile<8, 1, packed>},
      {productTile<1, 2, packed>, productTile<2, 2, packed>, productTile<3, 2, packed>, productTile<4, 2, packed>,
       productTile<5, 2, packed>, productTile<6, 2, packed>, productTile<7, 2, packed>, productTile<8, 2, packed>},
      {productTile<1, 3, packed>, productTile<2, 3, packed>, productTile<3, 3, packed>, productTile<4, 3, packed>,
       productTile<5, 3, packed>, productTile<6, 3, packed>, productTile<7, 3, packed>, productTile<8, 3, packed>},
  };
  tiles[vecs - 1][rows - 1](tile);
}

}  // namespace keras::KERAS_ISA
