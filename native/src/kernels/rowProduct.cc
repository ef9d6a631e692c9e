/**
 * A product that is bound by how fast its matrix can be read: it lies in the order of reading, and as many sums are open as hide
 * how long each addition takes.
 */
#include "rowProduct.h"

#include <algorithm>

#include "math.h"

namespace keras::KERAS_ISA {

namespace {

/** Units, and vectors of each, that are summed at the same time. */
constexpr int kMostUnits = 4;
constexpr int kMostVecs = kRegisters >= 32 ? 4 : 2;

/** The same columns of some units. */
struct Strip {
  int64_t first;  // column of the first unit
  int units, vecs;
};

/** All columns [from, to) in strips; `position` is where the numbers of each begin. */
template <class Body>
void eachStrip(const UnitMatrix& matrix, int64_t from, int64_t to, const Body& body) {
  int64_t position = 0;
  for (int64_t start = 0; start < matrix.columns; start += kMostUnits * matrix.unit) {
    const int units = static_cast<int>(std::min<int64_t>(kMostUnits, (matrix.columns - start) / matrix.unit));
    for (int64_t first = from; first < to;) {
      const int vecs = static_cast<int>(std::min<int64_t>(kMostVecs, (to - first) / kLanes));
      body(Strip{start + first, units, vecs}, position);
      position += matrix.inner * units * vecs * kLanes;
      first += vecs * kLanes;
    }
  }
}

template <int units, int vecs>
void sumStrip(const UnitMatrix& matrix, const float* left, const float* packed, const float* initial, float* out) {
  Vec sums[units][vecs];
#pragma GCC unroll 4
  for (int u = 0; u < units; u++) {
#pragma GCC unroll 4
    for (int v = 0; v < vecs; v++) sums[u][v] = initial == nullptr ? Vec{} : load(initial + u * matrix.unit + v * kLanes);
  }
  for (int64_t k = 0; k < matrix.inner; k++, packed += units * vecs * kLanes) {
    const Vec x = splat(left[k]);
#pragma GCC unroll 4
    for (int u = 0; u < units; u++) {
#pragma GCC unroll 4
      for (int v = 0; v < vecs; v++) sums[u][v] += x * load(packed + (u * vecs + v) * kLanes);
    }
  }
#pragma GCC unroll 4
  for (int u = 0; u < units; u++) {
#pragma GCC unroll 4
    for (int v = 0; v < vecs; v++) store(out + u * matrix.unit + v * kLanes, sums[u][v]);
  }
}

using SumStrip = void (*)(const UnitMatrix&, const float*, const float*, const float*, float*);
template <int units>
SumStrip ofVecs(int vecs) {
  constexpr SumStrip all[] = {sumStrip<units, 1>, sumStrip<units, 2>, sumStrip<units, 3>, sumStrip<units, 4>};
  return all[vecs - 1];
}
SumStrip sumOf(const Strip& strip) {
  constexpr SumStrip (*all[])(int) = {ofVecs<1>, ofVecs<2>, ofVecs<3>, ofVecs<4>};
  return all[strip.units - 1](strip.vecs);
}

}  // namespace

void packColumns(const UnitMatrix& matrix, const float* from, int64_t first, int64_t last, float* packed) {
  eachStrip(matrix, first, last, [&](const Strip& strip, int64_t position) {
    float* to = packed + position;
    for (int64_t k = 0; k < matrix.inner; k++) {
      for (int u = 0; u < strip.units; u++) {
        const float* row = from + k * matrix.columns + strip.first + u * matrix.unit;
        for (int v = 0; v < strip.vecs; v++, to += kLanes) store(to, load(row + v * kLanes));
      }
    }
  });
}

void multiplyRow(const UnitMatrix& matrix, const float* left, const float* packed, int64_t from, int64_t to, const float* initial, float* out) {
  eachStrip(matrix, from, to, [&](const Strip& strip, int64_t position) {
    sumOf(strip)(matrix, left, packed + position, initial ? initial + strip.first : nullptr, out + strip.first);
  });
}

}  // namespace keras::KERAS_ISA
