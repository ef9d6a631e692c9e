#include "convOuter.h"

#include <utility>

namespace keras::KERAS_ISA {
namespace {

/** Where a masked load costs what another does, one kernel serves full and part-filled vectors. */
#if defined(__AVX2__)
constexpr bool kMasksAreCheap = true;
#else
constexpr bool kMasksAreCheap = false;
#endif

template <int A, int V, bool Gather, bool Part>
void outerTile(const OuterSetting& setting) {
  Vec sums[A][V];
  const Lanes last(setting.lastLanes);
  each<A>([&](auto a) {
    each<V>([&](auto v) { sums[a][v] = setting.accumulate ? load(setting.sums + (a * V + v) * kLanes) : Vec{}; });
  });
  const float* from[Gather ? A : 1];
  each<Gather ? A : 1>([&](auto a) { from[a] = setting.numbers.first + (Gather ? setting.offsets[a] : 0); });
  const int64_t numberStep = setting.numbers.pixelStep, vectorStep = setting.vectors.pixelStep;
  const int64_t columns = setting.columns;
  for (int64_t image = 0; image < setting.images; image++) {
    for (int64_t row = 0; row < setting.rows; row++) {
      int64_t at = image * setting.numbers.imageStep + row * setting.numbers.rowStep;
      const float* vectors =
          setting.vectors.first + image * setting.vectors.imageStep + row * setting.vectors.rowStep;
      for (int64_t column = 0; column < columns; column++) {
        Vec values[V];
        each<V - 1>([&](auto v) { values[v] = load(vectors + v * kLanes); });
        values[V - 1] = Part ? last.load(vectors + (V - 1) * kLanes) : load(vectors + (V - 1) * kLanes);
        each<A>([&](auto a) {
          const float number = Gather ? from[a][at] : from[0][at + a];
          each<V>([&](auto v) { sums[a][v] += values[v] * number; });
        });
        at += numberStep;
        vectors += vectorStep;
      }
    }
  }
  each<A>([&](auto a) { each<V>([&](auto v) { store(setting.sums + (a * V + v) * kLanes, sums[a][v]); }); });
}

template <int V, bool Gather, bool Part, int... A>
OuterTile pickOuter(int numbers, std::integer_sequence<int, A...>) {
  static constexpr OuterTile tiles[] = {outerTile<A + 1, V, Gather, Part>...};
  return tiles[numbers - 1];
}

template <int V>
OuterTile outerTileOf(int numbers, bool gather, bool part) {
  constexpr std::make_integer_sequence<int, outerNumbers(V)> plain{};
  constexpr std::make_integer_sequence<int, gatheredNumbers(V)> gathered{};
  if constexpr (!kMasksAreCheap) {
    if (!part) {
      return gather ? pickOuter<V, true, false>(numbers, gathered) : pickOuter<V, false, false>(numbers, plain);
    }
  }
  return gather ? pickOuter<V, true, true>(numbers, gathered) : pickOuter<V, false, true>(numbers, plain);
}

}  // namespace

OuterTile outerTileOf(int numbers, int vectors, bool gather, bool part) {
  if constexpr (kOuterVectors == 4) {
    if (vectors == 4) return outerTileOf<4>(numbers, gather, part);
    if (vectors == 3) return outerTileOf<3>(numbers, gather, part);
  }
  if (vectors == 2) return outerTileOf<2>(numbers, gather, part);
  return outerTileOf<1>(numbers, gather, part);
}

}  // namespace keras::KERAS_ISA
