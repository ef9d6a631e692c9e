/**
 * Sums of columns, pairwise: of eight rows, of blocks of rows, of blocks.
 *
 * Where rows are short, several make one line, as wide as some vectors; its parts are added at the end.
 */
#include "columnSum.h"

#include <algorithm>
#include <numeric>

#include "math.h"
#include "scratch.h"

namespace keras::KERAS_ISA {

namespace {

/** Lines that are added at a time. */
constexpr int kAtOnce = 8;
/** Lines whose sums are added one after the other, in steps of `kAtOnce`. */
constexpr int64_t kBlockLines = 128;
/** Numbers of a strip of lines: its sums stay in the first cache. */
constexpr int64_t kStrip = 2048;
/** Numbers of a line made of short rows, at least. */
constexpr int64_t kLeastLine = 128;
/** Numbers of a task, some microseconds of reading. */
constexpr int64_t kTask = 1 << 16;

/** Rows in a line: as many as fill vectors. */
int64_t rowsOfLine(int64_t rows, int64_t columns) {
  if (columns >= kLeastLine) return 1;
  const int64_t fit = kLanes / std::gcd<int64_t>(columns, kLanes);
  const int64_t wanted = (kLeastLine + fit * columns - 1) / (fit * columns) * fit;
  return std::min(wanted, rows);
}

/** The sum of `count` vectors that begin `stride` apart; of the first `lanes` numbers of each. */
template <int count>
inline Vec sumOf(const float* from, int64_t stride, int64_t lanes) {
  Vec parts[count];
#pragma GCC unroll 8
  for (int i = 0; i < count; i++) {
    parts[i] = lanes == kLanes ? load(from + i * stride) : loadPart(from + i * stride, lanes);
  }
#pragma GCC unroll 4
  for (int half = count / 2; half > 0; half /= 2) {
#pragma GCC unroll 4
    for (int i = 0; i < half; i++) parts[i] += parts[i + half];
  }
  return parts[0];
}

/** sums += Σ of `count` lines of `width` numbers. */
template <int count>
void addLines(const float* x, int64_t stride, int64_t width, float* sums) {
  int64_t at = 0;
  for (; at + kLanes <= width; at += kLanes) store(sums + at, load(sums + at) + sumOf<count>(x + at, stride, kLanes));
  const int64_t rest = width - at;
  if (rest > 0) storePart(sums + at, loadPart(sums + at, rest) + sumOf<count>(x + at, stride, rest), rest);
}

/** sums = Σ of `lines` lines of `width` numbers that begin `stride` apart. */
void sumLines(const float* x, int64_t lines, int64_t stride, int64_t width, float* sums) {
  std::fill(sums, sums + width, 0.0f);
  int64_t line = 0;
  for (; line + kAtOnce <= lines; line += kAtOnce) addLines<kAtOnce>(x + line * stride, stride, width, sums);
  for (; line < lines; line++) addLines<1>(x + line * stride, stride, width, sums);
}

/** The sum of `count` parts of `width` numbers, pairwise, into the first. */
void fold(float* parts, int64_t count, int64_t width) {
  while (count > 1) {
    const int64_t half = count / 2, kept = count - half;
    float* back = parts + kept * width;
    for (int64_t i = 0; i < half * width; i++) parts[i] += back[i];
    count = kept;
  }
}

}  // namespace

void columnSum(int64_t rows, int64_t columns, float factor, const float* x, float* y, const Threads& threads) {
  if (columns == 0) return;
  const int64_t together = std::max<int64_t>(1, rowsOfLine(rows, columns));
  const int64_t line = together * columns, lines = rows / together, rest = rows * columns - lines * line;
  const int64_t blocks = std::max<int64_t>(1, (lines + kBlockLines - 1) / kBlockLines);
  Scratch partials(ScratchUse::partials, blocks * line);
  const int64_t strips = (line + kStrip - 1) / kStrip;
  const int64_t blocksOfTask = std::max<int64_t>(1, kTask / (kBlockLines * std::min(line, kStrip)));
  const int64_t tasksOfStrip = (blocks + blocksOfTask - 1) / blocksOfTask;
  float* const sums = partials.data();
  threads.each(static_cast<size_t>(strips * tasksOfStrip), [&](size_t task) {
    const int64_t strip = static_cast<int64_t>(task) % strips * kStrip, first = static_cast<int64_t>(task) / strips * blocksOfTask;
    const int64_t width = std::min(kStrip, line - strip);
    for (int64_t block = first; block < std::min(blocks, first + blocksOfTask); block++) {
      const int64_t start = block * kBlockLines, count = std::min(kBlockLines, lines - start);
      sumLines(x + start * line + strip, count, line, width, sums + block * line + strip);
    }
  });
  // Rows that make no whole line.
  for (int64_t i = 0; i < rest; i++) sums[i] += x[lines * line + i];
  fold(sums, blocks, line);
  fold(sums, together, columns);
  for (int64_t i = 0; i < columns; i++) y[i] = sums[i] * factor;
}

}  // namespace keras::KERAS_ISA
