/**
 * The innermost part of a convolution: a tile of R pixels times V vectors of filters that stays in registers while the
 * taps and channels go by.
 */
#pragma once
#include "convPatches.h"
#include "convVector.h"

namespace keras::KERAS_ISA {

/** What the tiles of one panel of filters have in common. */
struct TileSetting {
  /** Rows of V · kLanes weights. */
  const float* weights;
  /** The numbers of x that a pixel of y reads: `runs` rows of `length` numbers, and the weights' rows that go with them. */
  const Run* run;
  int64_t runs;
  int64_t length;
  /** Begin with what y holds, instead of `bias`. */
  bool accumulate;
  /** V · kLanes numbers, or null. */
  const float* bias;
  bool relu;
  /** Filters in the last vector. */
  int64_t lastLanes;
};

using ConvTile = void (*)(const TileSetting&, const float* const* x, float* const* y);

/** Vectors of filters in the widest tile. */
constexpr int kTileVectors = kRegisters == 32 ? 4 : 2;

/** Pixels in a tile of so many vectors: sums, a row of weights and one value fill the registers. */
constexpr int tilePixels(int vectors) {
  if (kRegisters == 32) return vectors == 4 ? 6 : vectors == 3 ? 8 : 12;
  return vectors == 2 ? 6 : 8;
}
constexpr int kMostTilePixels = kRegisters == 32 ? 12 : 8;

/** The tile of 1 to tilePixels(vectors) pixels. */
ConvTile convTileOf(int pixels, int vectors);

}  // namespace keras::KERAS_ISA
