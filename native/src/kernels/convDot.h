/** Convolutions with very few filters: scalar products of whole vectors along the channels. */
#pragma once
#include "convVector.h"

namespace keras::KERAS_ISA {

constexpr int kMostDotFilters = 4;
constexpr int kDotPixels = 4;

struct DotSetting {
  /** [filters, runs · length]. */
  const float* weights;
  const int64_t* offsets;
  int64_t runs;
  int64_t length;
  const float* bias;
  bool relu;
};

/** y[r][f] = Σ x[r][offset + k] · weights[f][k] for kDotPixels pixels and F filters. */
template <int F>
static void convDotTile(const DotSetting& setting, const float* const* x, float* const* y) {
  Vec sums[kDotPixels][F] = {};
  const int64_t whole = setting.length / kLanes * kLanes;
  const Lanes rest(setting.length - whole);
  const int64_t filterStep = setting.runs * setting.length;
  const float* weights = setting.weights;
  const auto add = [&](const float* w, int64_t offset, const auto& lanes) {
    Vec row[F];
    each<F>([&](auto f) { row[f] = lanes.load(w + f * filterStep); });
    each<kDotPixels>([&](auto r) {
      const Vec values = lanes.load(x[r] + offset);
      each<F>([&](auto f) { sums[r][f] += values * row[f]; });
    });
  };
  for (int64_t run = 0; run < setting.runs; run++, weights += setting.length) {
    const int64_t offset = setting.offsets[run];
    for (int64_t k = 0; k < whole; k += kLanes) add(weights + k, offset + k, WholeVector{});
    if (whole < setting.length) add(weights + whole, offset + whole, rest);
  }
  each<kDotPixels>([&](auto r) {
    each<F>([&](auto f) {
      const float sum = sumLanes(sums[r][f]) + (setting.bias ? setting.bias[f] : 0);
      y[r][f] = setting.relu && sum < 0 ? 0 : sum;
    });
  });
}

static inline void convDots(int filters, const DotSetting& setting, const float* const* x, float* const* y) {
  switch (filters) {
    case 1:
      return convDotTile<1>(setting, x, y);
    case 2:
      return convDotTile<2>(setting, x, y);
    case 3:
      return convDotTile<3>(setting, x, y);
    default:
      return convDotTile<4>(setting, x, y);
  }
}

}  // namespace keras::KERAS_ISA
