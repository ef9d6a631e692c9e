#include "pool.h"

#include <algorithm>
#include <limits>

#include "convVector.h"

namespace keras::KERAS_ISA {
namespace {

/** Reads and writes of a task. */
constexpr int64_t kTaskCost = 100000;

/** The part of a window, in one dimension, that lies on the image: positions first … first + count - 1. */
struct Span {
  int64_t first, count;

  Span(int64_t out, int64_t stride, int64_t window, int64_t before, int64_t size) {
    const int64_t begin = out * stride - before;
    first = std::max<int64_t>(begin, 0);
    count = std::max<int64_t>(0, std::min(begin + window, size) - first);
  }
};

/** A window's first pixel, and how many rows and columns of the image it has. */
struct Window {
  int64_t pixel;
  int64_t rows, columns;
};

Window windowAt(const Pooling& pool, int64_t image, int64_t row, int64_t column) {
  const Span rows(row, pool.strideHeight, pool.windowHeight, pool.top, pool.height);
  const Span columns(column, pool.strideWidth, pool.windowWidth, pool.left, pool.width);
  return {(image * pool.height + rows.first) * pool.width + columns.first, rows.count, columns.count};
}

/** Calls body(pixel of y, window) for every window, some rows of y a task: where tasks write y only. */
template <class Body>
void eachWindow(const Pooling& pool, const Threads& threads, const Body& body) {
  const int64_t rowCost = std::max<int64_t>(1, pool.outWidth * pool.channels * pool.windowHeight * pool.windowWidth);
  const int64_t rows = pool.batch * pool.outHeight, together = std::max<int64_t>(1, kTaskCost / rowCost);
  threads.each(static_cast<size_t>((rows + together - 1) / together), [&](size_t index) {
    const int64_t first = static_cast<int64_t>(index) * together, end = std::min(rows, first + together);
    for (int64_t row = first; row < end; row++) {
      for (int64_t column = 0; column < pool.outWidth; column++) {
        body(row * pool.outWidth + column, windowAt(pool, row / pool.outHeight, row % pool.outHeight, column));
      }
    }
  });
}

/**
 * Calls body(image, first channel, end): where tasks write dx, whose pixels several windows may share. Few images are cut
 * along the channels.
 */
template <class Body>
void eachImage(const Pooling& pool, const Threads& threads, const Body& body) {
  const int64_t imageCost =
      std::max<int64_t>(1, pool.channels * std::max(pool.height * pool.width,
                                                    pool.outHeight * pool.outWidth * pool.windowHeight * pool.windowWidth));
  int64_t channels = pool.channels;
  if (pool.batch < 8 && imageCost > kTaskCost) {
    const int64_t parts = (8 + pool.batch - 1) / pool.batch;
    const int64_t vectors = (pool.channels + kLanes - 1) / kLanes;
    channels = (vectors + parts - 1) / parts * kLanes;
  }
  const int64_t parts = channels == 0 ? 0 : (pool.channels + channels - 1) / channels;
  const int64_t together = parts > 1 ? 1 : std::max<int64_t>(1, kTaskCost / imageCost);
  const int64_t groups = (pool.batch + together - 1) / together;
  threads.each(static_cast<size_t>(groups * parts), [&](size_t index) {
    const int64_t group = static_cast<int64_t>(index) / parts, part = static_cast<int64_t>(index) % parts;
    const int64_t end = std::min(pool.batch, (group + 1) * together);
    for (int64_t image = group * together; image < end; image++) {
      body(image, part * channels, std::min(pool.channels, (part + 1) * channels));
    }
  });
}

/** Calls body(first channel, lanes, whether all lanes are there): the two kinds are compiled apart. */
template <class Body>
inline void eachVector(int64_t first, int64_t end, const Body& body) {
  int64_t c = first;
  for (; c + kLanes <= end; c += kLanes) body(c, WholeVector{});
  if (c < end) body(c, Lanes(end - c));
}

inline Vec select(IntVec mask, Vec yes, Vec no) { return mask ? yes : no; }

/** Where x is a new maximum: greater, or the first NaN. */
inline IntVec isGreater(Vec x, Vec most) { return ~(x <= most) & (most == most); }

void zeroImage(const Pooling& pool, int64_t image, int64_t first, int64_t end, float* dx) {
  float* at = dx + image * pool.height * pool.width * pool.channels;
  for (int64_t pixel = 0; pixel < pool.height * pool.width; pixel++, at += pool.channels) {
    std::memset(at + first, 0, sizeof(float) * (end - first));
  }
}

}  // namespace

void maxPool(const Pooling& pool, const float* x, float* y, const Threads& threads) {
  const int64_t channels = pool.channels, rowStep = pool.width * channels;
  eachWindow(pool, threads, [&](int64_t pixel, const Window& window) {
    const float* from = x + window.pixel * channels;
    eachVector(0, channels, [&](int64_t c, const auto& lanes) {
      Vec most = splat(-std::numeric_limits<float>::infinity());
      for (int64_t i = 0; i < window.rows; i++) {
        for (int64_t j = 0; j < window.columns; j++) {
          const Vec value = lanes.load(from + i * rowStep + j * channels + c);
          // Which NaN it is matters to no one.
          most = select((value > most) | (value != value), value, most);
        }
      }
      lanes.store(y + pixel * channels + c, most);
    });
  });
}

void maxPoolGrad(const Pooling& pool, const float* x, const float* dy, float* dx, const Threads& threads) {
  const int64_t channels = pool.channels, rowStep = pool.width * channels;
  const bool apart = pool.strideHeight >= pool.windowHeight && pool.strideWidth >= pool.windowWidth;
  eachImage(pool, threads, [&](int64_t image, int64_t first, int64_t end) {
    zeroImage(pool, image, first, end, dx);
    for (int64_t row = 0; row < pool.outHeight; row++) {
      for (int64_t column = 0; column < pool.outWidth; column++) {
        const Window window = windowAt(pool, image, row, column);
        if (window.rows * window.columns == 0) continue;
        const float* gradients = dy + ((image * pool.outHeight + row) * pool.outWidth + column) * channels;
        eachVector(first, end, [&](int64_t c, const auto& lanes) {
          const float* from = x + window.pixel * channels + c;
          Vec most = lanes.load(from);
          IntVec winner{}, position{};
          for (int64_t i = 0; i < window.rows; i++) {
            for (int64_t j = 0; j < window.columns; j++, position += 1) {
              const Vec value = lanes.load(from + i * rowStep + j * channels);
              const IntVec greater = isGreater(value, most);
              most = select(greater, value, most);
              winner = greater ? position : winner;
            }
          }
          const Vec gradient = lanes.load(gradients + c);
          float* to = dx + window.pixel * channels + c;
          position = IntVec{};
          for (int64_t i = 0; i < window.rows; i++) {
            for (int64_t j = 0; j < window.columns; j++, position += 1) {
              float* at = to + i * rowStep + j * channels;
              const Vec share = select(winner == position, gradient, Vec{});
              lanes.store(at, apart ? share : lanes.load(at) + share);
            }
          }
        });
      }
    }
  });
}

void sumPool(const Pooling& pool, float factor, const float* x, float* y, const Threads& threads) {
  const int64_t channels = pool.channels, rowStep = pool.width * channels;
  eachWindow(pool, threads, [&](int64_t pixel, const Window& window) {
    const float* from = x + window.pixel * channels;
    eachVector(0, channels, [&](int64_t c, const auto& lanes) {
      Vec sum{};
      for (int64_t i = 0; i < window.rows; i++) {
        for (int64_t j = 0; j < window.columns; j++) sum += lanes.load(from + i * rowStep + j * channels + c);
      }
      lanes.store(y + pixel * channels + c, sum * factor);
    });
  });
}

void sumPoolGrad(const Pooling& pool, float factor, const float* dy, float* dx, const Threads& threads) {
  const int64_t channels = pool.channels, rowStep = pool.width * channels;
  eachImage(pool, threads, [&](int64_t image, int64_t first, int64_t end) {
    zeroImage(pool, image, first, end, dx);
    for (int64_t row = 0; row < pool.outHeight; row++) {
      for (int64_t column = 0; column < pool.outWidth; column++) {
        const Window window = windowAt(pool, image, row, column);
        const float* gradients = dy + ((image * pool.outHeight + row) * pool.outWidth + column) * channels;
        eachVector(first, end, [&](int64_t c, const auto& lanes) {
          const Vec gradient = lanes.load(gradients + c) * factor;
          float* to = dx + window.pixel * channels + c;
          for (int64_t i = 0; i < window.rows; i++) {
            for (int64_t j = 0; j < window.columns; j++) {
              float* at = to + i * rowStep + j * channels;
              lanes.store(at, lanes.load(at) + gradient);
            }
          }
        });
      }
    }
  });
}

}  // namespace keras::KERAS_ISA
