/**
 * Sums of outer products over pixels: a tile of A numbers of one image times V vectors of the other that stays in registers
 * while the pixels go by. What gradients in weights are made of.
 */
#pragma once
#include "convVector.h"

namespace keras::KERAS_ISA {

/** One side's number of the first pixel, and how far the next pixel, row and image are. */
struct OuterOperand {
  const float* first;
  int64_t imageStep, rowStep, pixelStep;
};

struct OuterSetting {
  int64_t images, rows, columns;
  /** Of this, A numbers are multiplied … */
  OuterOperand numbers;
  /** … with V vectors of this one. */
  OuterOperand vectors;
  /** Numbers in the last vector. */
  int64_t lastLanes;
  /** Where the A numbers are, after the first; null: side by side. */
  const int64_t* offsets;
  /** Begin with what `sums` holds, instead of 0. */
  bool accumulate;
  /** [A, V · kLanes]. */
  float* sums;
};

using OuterTile = void (*)(const OuterSetting&);

/** Vectors in the widest tile, and numbers that go with so many vectors. */
constexpr int kOuterVectors = kRegisters == 32 ? 4 : 2;
constexpr int outerNumbers(int vectors) {
  if (kRegisters == 32) return vectors == 4 ? 6 : vectors == 3 ? 8 : 12;
  return vectors == 2 ? 6 : 12;
}
/** Fewer where they are gathered: each takes an address. */
constexpr int gatheredNumbers(int vectors) { return outerNumbers(vectors) < 9 ? outerNumbers(vectors) : 9; }

/**
 * The tile of 1 to outerNumbers(vectors) numbers, or of 1 to gatheredNumbers(vectors) that are gathered; `part`: the last
 * vector is not full.
 */
OuterTile outerTileOf(int numbers, int vectors, bool gather, bool part);

}  // namespace keras::KERAS_ISA
