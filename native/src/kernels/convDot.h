/** Convolutions with very few filters: scalar products of whole vectors along the channels. */
#pragma once
#include "convTile.h"

namespace keras::KERAS_ISA {

constexpr int kMostDotFilters = 4;

/** Pixels in a tile: as many sums as a vector has lanes, so that one vector takes their totals. */
constexpr int dotPixels(int filters) { return kLanes / filters; }
constexpr int kMostDotPixels = kLanes;

struct DotSetting {
  /** [filters, weightStep]. */
  const float* weights;
  int64_t weightStep;
  const Run* run;
  int64_t runs;
  int64_t length;
  const float* bias;
  bool relu;
};

/** The lanes of a and then b that `index` names, one for each lane of the result. */
template <int... Index>
__attribute__((always_inline)) static inline Vec pick(Vec a, Vec b) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, Index...);
#else
  return __builtin_shuffle(a, b, IntVec{Index...});
#endif
}

/**
 * Lane `lane` of the meeting of two vectors that hold `count` sums each, every one spread over kLanes / count lanes: half as
 * many lanes for twice as many sums, and where its first part comes from.
 */
constexpr int meetingLane(int count, int lane) {
  const int spread = kLanes / count, sum = lane / (spread / 2);
  return (sum < count ? sum * spread : kLanes + (sum - count) * spread) + lane % (spread / 2);
}

template <int Count, int... Lane>
__attribute__((always_inline)) static inline Vec meet(Vec a, Vec b, std::integer_sequence<int, Lane...>) {
  return pick<meetingLane(Count, Lane)...>(a, b) + pick<(meetingLane(Count, Lane) + kLanes / Count / 2)...>(a, b);
}

/** The totals of kLanes vectors, in order, where neighbouring ones already met until each holds `Count`. */
template <int Count>
__attribute__((always_inline)) static inline Vec totalsOf(Vec* sums) {
  if constexpr (Count < kLanes) {
    each<kLanes / Count / 2>([&](auto i) {
      sums[i] = meet<Count>(sums[2 * i], sums[2 * i + 1], std::make_integer_sequence<int, kLanes>{});
    });
    return totalsOf<Count * 2>(sums);
  } else {
    return sums[0];
  }
}

/** y[r][f] = Σ x[r][offset + k] · weights[f][weight + k] for dotPixels(F) pixels and F filters. */
template <int F>
static void convDotTile(const DotSetting& setting, const float* const* x, float* const* y) {
  constexpr int R = dotPixels(F);
  Vec sums[kLanes] = {};
  const int64_t whole = setting.length / kLanes * kLanes;
  const Lanes rest(setting.length - whole);
  const int64_t step = setting.weightStep;
  const auto add = [&](const float* w, int64_t offset, const auto& lanes) {
    Vec row[F];
    each<F>([&](auto f) { row[f] = lanes.load(w + f * step); });
    each<R>([&](auto r) {
      const Vec values = lanes.load(x[r] + offset);
      each<F>([&](auto f) { sums[r * F + f] += values * row[f]; });
    });
  };
  for (int64_t run = 0; run < setting.runs; run++) {
    const int64_t offset = setting.run[run].offset;
    const float* weights = setting.weights + setting.run[run].weight;
    for (int64_t k = 0; k < whole; k += kLanes) add(weights + k, offset + k, WholeVector{});
    if (whole < setting.length) add(weights + whole, offset + whole, rest);
  }
  float totals[kLanes];
  store(totals, totalsOf<1>(sums));
  for (int r = 0; r < R; r++) {
    for (int f = 0; f < F; f++) {
      const float sum = totals[r * F + f] + (setting.bias ? setting.bias[f] : 0);
      y[r][f] = setting.relu && sum < 0 ? 0 : sum;
    }
  }
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
