/**
 * Products of matrices, in blocks that caches hold: some terms of the sums at a time, a panel of the right side for all rows of
 * a block, tiles of sums in registers (matmulTile.h).
 *
 * Work is cut in one of three ways, by sizes alone: a batch of small products into those; a result of many tiles into blocks of
 * it; and where the sums are much longer than the result is large, as in gradients of weights, the sums into parts that are
 * added in order.
 */
#include "matmul.h"

#include <algorithm>
#include <cstring>

#include "matmulTile.h"
#include "scratch.h"

namespace keras::KERAS_ISA {

namespace {

/** Terms at a time: with them a block of the left side and of the right one stay in the second cache. */
constexpr int64_t kTerms = 256;
/** Products of numbers in a task: some ten microseconds. */
constexpr int64_t kTask = 1 << 20;
/** Rows and columns of a block, at most. */
constexpr int64_t kMostRows = 128;
constexpr int64_t kMostColumns = 10 * kPanel;
/** Blocks from which on there are enough for all threads: they need not be smaller, and read the right side less often. */
constexpr int64_t kEnough = 32;
/** Parts of long sums, at least and at most, and their terms, at least. */
constexpr int64_t kLeastParts = 4;
constexpr int64_t kMostParts = 16;
constexpr int64_t kLeastTerms = 512;
/** Rows from which on it pays to bring the right side into panels where it could be read as it is, and columns. */
constexpr int64_t kPackedRows = 128;
constexpr int64_t kPackedColumns = 512;

int64_t cut(int64_t whole, int64_t part) { return (whole + part - 1) / part; }
int64_t roundUp(int64_t number, int64_t unit) { return cut(number, unit) * unit; }

struct Range {
  int64_t first, last;
  int64_t size() const { return last - first; }
  /** Length of parts of it: as many as it takes at `most` each, all about as long. */
  int64_t step(int64_t most) const { return std::max<int64_t>(1, cut(size(), std::max<int64_t>(1, cut(size(), most)))); }
};

/** The right side of a product: panels (gemm.h), or the matrix as it came. */
struct Right {
  const float* data;
  int64_t terms;   // of panels
  int64_t stride;  // of a matrix as it came, else 0
  int64_t before;  // terms that are not there
};

/** One product of the batch. */
struct Factors {
  const MatrixProduct& product;
  const float* a;
  Right right;
};

/** Brings `terms` rows of a transposed left side into tiles: term by term, kTileRows numbers each. */
void packLeft(const float* from, int64_t stride, int64_t terms, int64_t rows, float* to) {
  for (int64_t k = 0; k < terms; k++, from += stride, to += kTileRows) {
    int64_t row = 0;
    for (; row + kTileRows <= rows; row += kTileRows) std::memcpy(to + row * terms, from + row, kTileRows * sizeof(float));
    for (int64_t i = row; i < rows; i++) to[row * terms + i - row] = from[i];
  }
}

/** Brings the right side into panels. One that is not transposed is read from beginning to end: `terms` of it. */
void packRight(const float* from, int64_t terms, int64_t columns, float* panels) {
  for (int64_t k = 0; k < terms; k++, from += columns) {
    for (int64_t first = 0; first < columns; first += kPanel) {
      const int64_t count = std::min(kPanel, columns - first), width = vecsOf(count) * kLanes;
      float* to = panels + first * terms + k * width;
      for (int64_t at = 0; at < width; at += kLanes) {
        store(to + at, count - at >= kLanes ? load(from + first + at) : loadPart(from + first + at, count - at));
      }
    }
  }
}

/** Some terms of a block of the result; `y` is where the block begins. `onto`: they are added to what is there. */
void multiplyBlock(const Factors& factors, Range rows, Range columns, Range terms, bool onto, Finish finish, float* y,
                   int64_t yStride, Ahead* later = nullptr) {
  const MatrixProduct& p = factors.product;
  const Right& right = factors.right;
  const bool packs = p.transposeA;
  const int64_t step = terms.step(kTerms);
  Scratch scratch(ScratchUse::image, packs ? roundUp(rows.size(), kTileRows) * step : 0);
  int64_t k = terms.first;
  do {
    const int64_t some = std::min(step, terms.last - k);
    const bool isLast = k + some >= terms.last;
    if (packs) packLeft(factors.a + k * p.rows + rows.first, p.rows, some, rows.size(), scratch.data());
    for (int64_t column = columns.first; column < columns.last; column += kPanel) {
      const int64_t count = std::min(kPanel, columns.last - column), vecs = vecsOf(count);
      ProductTile tile{};
      tile.later = later;
      tile.terms = some;
      tile.leftStride = p.inner;
      tile.rightStride = right.stride ? right.stride : vecs * kLanes;
      tile.right = right.stride ? right.data + (k - right.before) * right.stride + column
                                : right.data + column * right.terms + (k - right.before) * vecs * kLanes;
      tile.onto = onto || k > terms.first;
      tile.outStride = yStride;
      tile.lastCount = count - (vecs - 1) * kLanes;
      if (isLast) {
        tile.finish = finish;
        if (finish.bias != nullptr) tile.finish.bias += column;
      }
      for (int64_t row = 0; row < rows.size(); row += kTileRows) {
        const int64_t high = std::min<int64_t>(kTileRows, rows.size() - row);
        tile.out = y + row * yStride + column - columns.first;
        if (packs) {
          tile.left = scratch.data() + row * some;
          computeTile<true>(high, vecs, tile);
        } else {
          tile.left = factors.a + (rows.first + row) * p.inner + k;
          const bool isNew = column == columns.first && row + 2 * kTileRows <= rows.size();
          tile.ahead = isNew ? tile.left + kTileRows * p.inner : nullptr;
          computeTile<false>(high, vecs, tile);
        }
      }
    }
    k += some;
  } while (k < terms.last);
}

/** Whether the right side may be read as it is: its rows are whole vectors, and read too seldom to bring them into order. */
bool readsAsIs(const MatrixProduct& p) {
  return !p.transposeB && p.columns % kLanes == 0 && p.rows <= kPackedRows && p.columns <= kPackedColumns;
}

/** Floats of the right side in panels; 0 where it is read as it is. */
int64_t packedSize(const MatrixProduct& p) { return readsAsIs(p) ? 0 : panelsSize(p.inner, p.columns); }

/** A batch of small products: some of them a task. */
void multiplyMany(const MatrixProduct& p, const float* a, const float* b, Finish finish, float* y, const Threads& threads) {
  const int64_t work = std::max<int64_t>(1, p.rows * p.inner * p.columns);
  const int64_t together = std::max<int64_t>(1, kTask / work), size = packedSize(p);
  threads.each(static_cast<size_t>(cut(p.batch, together)), [&](size_t task) {
    Scratch scratch(ScratchUse::weights, size);
    const int64_t first = static_cast<int64_t>(task) * together;
    for (int64_t i = first; i < std::min(p.batch, first + together); i++) {
      const float* right = b + (p.sharedB ? 0 : i * p.inner * p.columns);
      const bool isSame = p.sharedB && i > first;
      for (int64_t panel = 0; size > 0 && !isSame && panel < panelCount(p.columns); panel++) {
        packPanel(right, p.inner, p.columns, p.transposeB, panel, scratch.data());
      }
      const Factors factors{p, a + i * p.rows * p.inner, {size ? scratch.data() : right, p.inner, size ? 0 : p.columns, 0}};
      multiplyBlock(factors, {0, p.rows}, {0, p.columns}, {0, p.inner}, false, finish, y + i * p.rows * p.columns, p.columns);
    }
  });
}

/** One product, block by block of the result. */
void multiplyBlocks(const MatrixProduct& p, const float* a, const float* b, Finish finish, float* y, const Threads& threads) {
  const int64_t size = packedSize(p), panels = panelCount(p.columns);
  Scratch scratch(ScratchUse::weights, size);
  if (size > 0) {
    const int64_t together = std::max<int64_t>(1, kTask / 16 / std::max<int64_t>(1, p.inner * kPanel));
    threads.each(static_cast<size_t>(cut(panels, together)), [&](size_t task) {
      const int64_t first = static_cast<int64_t>(task) * together;
      for (int64_t panel = first; panel < std::min(panels, first + together); panel++) {
        packPanel(b, p.inner, p.columns, p.transposeB, panel, scratch.data());
      }
    });
  }
  const Factors factors{p, a, {size ? scratch.data() : b, p.inner, size ? 0 : p.columns, 0}};
  const int64_t strips = cut(p.columns, kMostColumns), width = roundUp(cut(p.columns, strips), kPanel);
  const int64_t wanted = std::min(cut(p.rows * std::max<int64_t>(1, p.inner) * width, kTask), cut(kEnough, strips));
  const int64_t blocks = std::clamp(wanted, cut(p.rows, kMostRows), cut(p.rows, 2 * kTileRows));
  const int64_t height = roundUp(cut(p.rows, blocks), kTileRows);
  const int64_t down = cut(p.rows, height), across = cut(p.columns, width);
  threads.each(static_cast<size_t>(down * across), [&](size_t task) {
    const int64_t row = static_cast<int64_t>(task) % down * height, column = static_cast<int64_t>(task) / down * width;
    const Range rows{row, std::min(p.rows, row + height)}, columns{column, std::min(p.columns, column + width)};
    multiplyBlock(factors, rows, columns, {0, p.inner}, false, finish, y + row * p.columns + column, p.columns);
  });
}

void finishRow(const float* sums, int64_t columns, Finish finish, float* y) {
  for (int64_t i = 0; i < columns; i++) {
    const float sum = sums[i] * finish.alpha + (finish.bias ? finish.bias[i] : 0.0f);
    y[i] = finish.relu && sum < 0 ? 0.0f : sum;
  }
}

/** One product in parts of its sums. */
void multiplyParts(const MatrixProduct& p, int64_t parts, const float* a, const float* b, Finish finish, float* y,
                   const Threads& threads) {
  const int64_t size = p.rows * p.columns, length = cut(p.inner, parts);
  parts = cut(p.inner, length);
  Scratch partials(ScratchUse::partials, parts * size);
  threads.each(static_cast<size_t>(parts), [&](size_t part) {
    const Range terms{static_cast<int64_t>(part) * length, std::min(p.inner, static_cast<int64_t>(part + 1) * length)};
    float* to = partials.data() + static_cast<int64_t>(part) * size;
    const int64_t step = terms.step(kTerms);
    for (int64_t k = terms.first; k < terms.last; k += step) {
      const Range some{k, std::min(terms.last, k + step)};
      Scratch scratch(ScratchUse::weights, panelsSize(some.size(), p.columns));
      packRight(b + k * p.columns, some.size(), p.columns, scratch.data());
      const Factors factors{p, a, {scratch.data(), some.size(), 0, k}};
      const int64_t next = std::min(step, terms.last - some.last);
      Ahead later;
      later.add(b + some.last * p.columns, next * p.columns * 4, false);
      if (p.transposeA) later.add(a + some.last * p.rows, next * p.rows * 4, false);
      for (int64_t row = 0; row < p.rows; row += kMostRows) {
        const Range rows{row, std::min(p.rows, row + kMostRows)};
        multiplyBlock(factors, rows, {0, p.columns}, some, k > terms.first, {}, to + row * p.columns, p.columns, &later);
      }
    }
  });
  const int64_t together = std::max<int64_t>(1, kTask / 64 / p.columns);
  threads.each(static_cast<size_t>(cut(p.rows, together)), [&](size_t task) {
    const int64_t first = static_cast<int64_t>(task) * together, last = std::min(p.rows, first + together);
    const int64_t start = first * p.columns, end = last * p.columns;
    float* const sums = partials.data();
    for (int64_t part = 1; part < parts; part++) {
      const float* more = sums + part * size;
      for (int64_t i = start; i < end; i++) sums[i] += more[i];
    }
    for (int64_t row = first; row < last; row++) finishRow(sums + row * p.columns, p.columns, finish, y + row * p.columns);
  });
}

}  // namespace

void matmul(const MatrixProduct& product, const float* a, const float* b, const float* bias, Activation activation, float* y,
            const Threads& threads) {
  MatrixProduct p = product;
  if (p.batch * p.rows * p.columns == 0) return;
  if (p.sharedB && !p.transposeA) {
    p.rows *= p.batch;
    p.batch = 1;
  }
  const Finish finish{p.alpha, bias, activation == Activation::relu};
  const int64_t work = p.rows * p.inner * p.columns;
  if (p.batch > 1 && work <= 4 * kTask) return multiplyMany(p, a, b, finish, y, threads);
  const int64_t tasks = cut(p.rows, kMostRows) * cut(p.columns, kMostColumns);
  const int64_t parts = std::min(kMostParts, p.inner / kLeastTerms);
  // Either the result is small, or the right side is large for the few rows that read it: parts of it stay in a cache.
  const bool isSmall = parts >= tasks && p.rows * p.columns < p.inner * 64;
  const bool isLow = p.rows <= kMostRows && p.rows * parts <= p.inner;
  const bool isLong = !p.transposeB && parts >= kLeastParts && (isSmall || isLow);
  for (int64_t i = 0; i < p.batch; i++) {
    const float* left = a + i * p.rows * p.inner;
    const float* right = b + (p.sharedB ? 0 : i * p.inner * p.columns);
    float* out = y + i * p.rows * p.columns;
    if (isLong) {
      multiplyParts(p, parts, left, right, finish, out, threads);
    } else {
      multiplyBlocks(p, left, right, finish, out, threads);
    }
  }
}

}  // namespace keras::KERAS_ISA
