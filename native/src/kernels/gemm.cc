#include "gemm.h"

#include <algorithm>

#include "math.h"

namespace keras::KERAS_ISA {

namespace {

inline Vec interleaveLow(Vec a, Vec b) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif defined(__AVX2__)
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
  return __builtin_shufflevector(a, b, 0, 4, 1, 5);
#endif
}
inline Vec interleaveHigh(Vec a, Vec b) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif defined(__AVX2__)
  return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  return __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}

/** Rows become columns: as many perfect shuffles of the rows as it takes to count them in bits. */
inline void transpose(Vec (&rows)[kLanes]) {
  for (int round = 1; round < kLanes; round *= 2) {
    Vec shuffled[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes / 2; i++) {
      shuffled[2 * i] = interleaveLow(rows[i], rows[i + kLanes / 2]);
      shuffled[2 * i + 1] = interleaveHigh(rows[i], rows[i + kLanes / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; i++) rows[i] = shuffled[i];
  }
}

struct TileArguments {
  int64_t inner;
  const float* left;
  int64_t leftStride;
  const float* panel;
  const float* initial;
  int64_t initialStride;
  float* out;
  int64_t outStride;
  int64_t lastCount;  // columns of the last vector
};

/** Terms of the sums between two requests for memory ahead, and lines of those: one in about 25 cycles. */
constexpr int64_t kTermsAhead = 32;
constexpr int kLinesAhead = 32;

template <int rows, int vecs>
void tile(const TileArguments& arguments, Ahead& ahead) {
  Vec sums[rows][vecs];
  const bool whole = arguments.lastCount == kLanes;
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 3
    for (int v = 0; v < vecs; v++) {
      const float* from = arguments.initial + r * arguments.initialStride + v * kLanes;
      sums[r][v] = arguments.initial == nullptr ? Vec{} : whole || v + 1 < vecs ? load(from) : loadPart(from, arguments.lastCount);
    }
  }
  const float* panel = arguments.panel;
  const float* left = arguments.left;
  const int64_t stride = arguments.leftStride;
  for (int64_t first = 0; first < arguments.inner; first += kTermsAhead) {
    ahead.some(kLinesAhead * rows * vecs / 24 + 1);
    const int64_t last = std::min(arguments.inner, first + kTermsAhead);
    for (int64_t k = first; k < last; k++) {
      Vec row[vecs];
#pragma GCC unroll 3
      for (int v = 0; v < vecs; v++) row[v] = load(panel + v * kLanes);
#pragma GCC unroll 8
      for (int r = 0; r < rows; r++) {
        const Vec x = splat(left[r * stride + k]);
#pragma GCC unroll 3
        for (int v = 0; v < vecs; v++) sums[r][v] += x * row[v];
      }
      panel += vecs * kLanes;
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 3
    for (int v = 0; v < vecs; v++) {
      float* to = arguments.out + r * arguments.outStride + v * kLanes;
      if (whole || v + 1 < vecs) {
        store(to, sums[r][v]);
      } else {
        storePart(to, sums[r][v], arguments.lastCount);
      }
    }
  }
}

using Tile = void (*)(const TileArguments&, Ahead&);
template <int vecs>
Tile tileOf(int64_t rows) {
  constexpr Tile tiles[] = {tile<1, vecs>, tile<2, vecs>, tile<3, vecs>, tile<4, vecs>,
                            tile<5, vecs>, tile<6, vecs>, tile<7, vecs>, tile<8, vecs>};
  return tiles[rows - 1];
}

}  // namespace

int64_t panelCount(int64_t columns) { return (columns + kPanel - 1) / kPanel; }

int64_t panelsSize(int64_t rows, int64_t columns) { return rows * vecsOf(columns) * kLanes; }

void packPanel(const float* from, int64_t rows, int64_t columns, bool transposed, int64_t panel, float* panels) {
  const int64_t first = panel * kPanel, count = std::min(kPanel, columns - first);
  const int64_t width = vecsOf(count) * kLanes;
  float* to = panels + first * rows;
  if (!transposed) {
    for (int64_t k = 0; k < rows; k++) {
      const float* row = from + k * columns + first;
      for (int64_t at = 0; at < width; at += kLanes) {
        store(to + k * width + at, count - at >= kLanes ? load(row + at) : loadPart(row + at, count - at));
      }
    }
    return;
  }
  for (int64_t at = 0; at < width; at += kLanes) {
    for (int64_t k = 0; k < rows; k += kLanes) {
      const int64_t some = std::min<int64_t>(kLanes, rows - k);
      Vec square[kLanes];
      for (int i = 0; i < kLanes; i++) {
        const float* row = from + (first + at + i) * rows + k;
        square[i] = at + i >= count ? Vec{} : some == kLanes ? load(row) : loadPart(row, some);
      }
      transpose(square);
      for (int64_t i = 0; i < some; i++) store(to + (k + i) * width + at, square[i]);
    }
  }
}

void multiply(int64_t rows, int64_t inner, int64_t columns, Rows left, const float* panels, Rows initial, float* out, int64_t outStride, Ahead& ahead) {
  for (int64_t first = 0; first < columns; first += kPanel) {
    const int64_t count = std::min(kPanel, columns - first), vecs = vecsOf(count);
    TileArguments arguments{inner, left.data, left.stride, panels + first * inner, initial.data ? initial.data + first : nullptr,
                            initial.stride, out + first, outStride, count - (vecs - 1) * kLanes};
    for (int64_t row = 0; row < rows; row += kTileRows) {
      const int64_t some = std::min<int64_t>(kTileRows, rows - row);
      arguments.left = left.data + row * left.stride;
      if (initial.data) arguments.initial = initial.data + row * initial.stride + first;
      arguments.out = out + row * outStride + first;
      const Tile tile = vecs == 1 ? tileOf<1>(some) : vecs == 2 ? tileOf<2>(some) : tileOf<3>(some);
      tile(arguments, ahead);
    }
  }
}

}  // namespace keras::KERAS_ISA
