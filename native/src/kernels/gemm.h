/** Products of a few rows with a matrix that is used again and again. */
#pragma once
#include "../simd.h"

namespace keras::KERAS_ISA {

/** A tile of sums fills the registers, but for a row of the matrix and a number of the left side. */
constexpr int kPanelVecs = 3;
constexpr int kTileRows = kRegisters >= 32 ? 8 : 4;
constexpr int64_t kPanel = kPanelVecs * kLanes;

static inline int64_t vecsOf(int64_t columns) { return (columns + kLanes - 1) / kLanes; }

/**
 * A matrix in panels: as many columns as a tile of sums is wide, all rows of those one behind the other, so that a product
 * reads it from beginning to end.
 */
int64_t panelCount(int64_t columns);
/** Floats of a matrix in panels. */
int64_t panelsSize(int64_t rows, int64_t columns);
/** Brings one panel of a (rows x columns) matrix into order; `transposed`: `from` is (columns x rows). */
void packPanel(const float* from, int64_t rows, int64_t columns, bool transposed, int64_t panel, float* panels);

/** Rows of numbers: the distance from one to the next, 0 if all are the same. */
struct Rows {
  const float* data;
  int64_t stride;
};

/** Memory that will be needed soon, asked for bit by bit while there is work to do. */
class Ahead {
 public:
  static constexpr int kMost = 16;
  void clear() { count_ = next_ = 0; }
  void add(const void* from, int64_t bytes, bool toWrite) {
    if (count_ < kMost) pieces_[count_++] = {static_cast<const char*>(from), static_cast<const char*>(from) + bytes, toWrite};
  }
  /** Asks for some lines of a cache. */
  void some(int lines) {
    while (next_ < count_ && lines > 0) {
      Piece& piece = pieces_[next_];
      for (; lines > 0 && piece.at < piece.end; lines--, piece.at += 64) {
        if (piece.toWrite) {
          __builtin_prefetch(piece.at, 1, 2);
        } else {
          __builtin_prefetch(piece.at, 0, 2);
        }
      }
      if (piece.at >= piece.end) next_++;
    }
  }

 private:
  struct Piece {
    const char *at, *end;
    bool toWrite;
  };
  Piece pieces_[kMost];
  int count_ = 0, next_ = 0;
};

/** out = initial + left · matrix, for `rows` rows; without `initial.data` from zero. `inner`: columns of left. */
void multiply(int64_t rows, int64_t inner, int64_t columns, Rows left, const float* panels, Rows initial, float* out, int64_t outStride, Ahead& ahead);

}  // namespace keras::KERAS_ISA
