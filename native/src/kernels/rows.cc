/**
 * Rows of tables by number.
 *
 * What is added is cut by the rows of the table, so that no two tasks write to the same one: each looks through all numbers for
 * those of its own, which costs little beside a row. So rows that are named several times are added in the order of their names.
 */
#include "rows.h"

#include <algorithm>

#include "math.h"

namespace keras::KERAS_ISA {

namespace {

/** Numbers that a task moves, some microseconds. */
constexpr int64_t kTask = 1 << 15;
/** Tasks of one table at most: each reads all numbers of rows. */
constexpr int64_t kTasks = 16;

inline void copyRow(const float* from, float* to, int64_t width) {
  int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) store(to + i, load(from + i));
  for (; i < width; i++) to[i] = from[i];
}

inline void addRow(const float* from, float* to, int64_t width) {
  int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) store(to + i, load(to + i) + load(from + i));
  for (; i < width; i++) to[i] += from[i];
}

/** y = factor · x, also of the same memory. */
void scale(const float* x, float factor, float* y, int64_t size) {
  const Vec factors = splat(factor);
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) store(y + i, load(x + i) * factors);
  for (; i < size; i++) y[i] = x[i] * factor;
}

}  // namespace

void gatherRows(const Rows& rows, const float* table, float* y, const Threads& threads) {
  const int64_t width = rows.width;
  const int64_t block = std::max<int64_t>(1, kTask / std::max<int64_t>(1, width));
  threads.each(static_cast<size_t>((rows.count + block - 1) / block), [&](size_t task) {
    const int64_t from = static_cast<int64_t>(task) * block, to = std::min(rows.count, from + block);
    for (int64_t i = from; i < to; i++) {
      const int64_t id = rows.ids[i];
      copyRow(table + (id < 0 ? id + rows.height : id) * width, y + i * width, width);
    }
  });
}

void addRows(const Rows& rows, float factor, const float* base, const float* updates, float* y, const Threads& threads) {
  const int64_t width = rows.width, height = rows.height;
  const int64_t moved = (base == y && factor == 1 ? 0 : height * width) + rows.count * width;
  const int64_t tasks = std::clamp<int64_t>(moved / kTask, 1, std::max<int64_t>(1, std::min(kTasks, height)));
  threads.each(static_cast<size_t>(tasks), [&](size_t task) {
    const int64_t from = height * static_cast<int64_t>(task) / tasks, to = height * static_cast<int64_t>(task + 1) / tasks;
    float* mine = y + from * width;
    const int64_t size = (to - from) * width;
    if (base == nullptr) std::fill(mine, mine + size, 0.0f);
    else if (factor != 1) scale(base + from * width, factor, mine, size);
    else if (base != y) std::copy(base + from * width, base + from * width + size, mine);
    for (int64_t i = 0; i < rows.count; i++) {
      int64_t id = rows.ids[i];
      if (id < 0) id += height;
      if (id >= from && id < to) addRow(updates + i * width, y + id * width, width);
    }
  });
}

}  // namespace keras::KERAS_ISA
