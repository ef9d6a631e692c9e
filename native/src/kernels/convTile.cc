#include "convTile.h"

#include <utility>

namespace keras::KERAS_ISA {
namespace {

/** y[r][filters] = Σ x[r][offset + k] · weights[k][filters] for R pixels. */
template <int R, int V>
void convTile(const TileSetting& setting, const float* const* x, float* const* y) {
  Vec sums[R][V];
  const Lanes last(setting.lastLanes);
  if (setting.accumulate) {
    each<R>([&](auto r) {
      each<V - 1>([&](auto v) { sums[r][v] = load(y[r] + v * kLanes); });
      sums[r][V - 1] = last.load(y[r] + (V - 1) * kLanes);
    });
  } else {
    each<V>([&](auto v) {
      const Vec start = setting.bias ? load(setting.bias + v * kLanes) : Vec{};
      each<R>([&](auto r) { sums[r][v] = start; });
    });
  }
  const float* from[R];
  each<R>([&](auto r) { from[r] = x[r]; });
  for (int64_t run = 0; run < setting.runs; run++) {
    const int64_t begin = setting.run[run].offset;
    const int64_t end = begin + setting.length;
    const float* w = setting.weights + setting.run[run].weight * (V * kLanes);
    for (int64_t k = begin; k < end; k++) {
      Vec row[V];
      each<V>([&](auto v) { row[v] = load(w + v * kLanes); });
      each<R>([&](auto r) {
        const float value = from[r][k];
        each<V>([&](auto v) { sums[r][v] += row[v] * value; });
      });
      w += V * kLanes;
    }
  }
  if (setting.relu) {
    each<R>([&](auto r) { each<V>([&](auto v) { sums[r][v] = reluOf(sums[r][v]); }); });
  }
  each<R>([&](auto r) {
    each<V - 1>([&](auto v) { store(y[r] + v * kLanes, sums[r][v]); });
    last.store(y[r] + (V - 1) * kLanes, sums[r][V - 1]);
  });
}

template <int V, int... R>
ConvTile pickTile(int pixels, std::integer_sequence<int, R...>) {
  static constexpr ConvTile tiles[] = {convTile<R + 1, V>...};
  return tiles[pixels - 1];
}

}  // namespace

ConvTile convTileOf(int pixels, int vectors) {
  if constexpr (kTileVectors == 4) {
    if (vectors == 4) return pickTile<4>(pixels, std::make_integer_sequence<int, tilePixels(4)>{});
    if (vectors == 3) return pickTile<3>(pixels, std::make_integer_sequence<int, tilePixels(3)>{});
  }
  if (vectors == 2) return pickTile<2>(pixels, std::make_integer_sequence<int, tilePixels(2)>{});
  return pickTile<1>(pixels, std::make_integer_sequence<int, tilePixels(1)>{});
}

}  // namespace keras::KERAS_ISA
