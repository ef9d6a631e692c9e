#include "convWinograd.h"

#include "convOuter.h"

namespace keras::KERAS_ISA {
namespace {

/** Numbers of a transformed tile. */
constexpr int kPlanes = 16;
/** Floats of transformed tiles that a task works on, to stay in a second-level cache together with weights. */
constexpr int64_t kMostTransformed = 96 * 1024;
constexpr int64_t kMostTiles = 96;
/** Products of vectors that take as long as the transform of a vector of a tile: measured on several shapes. */
constexpr int64_t kTransformCost = 130;
/** Floats that partial sums may take together. */
constexpr int64_t kMostPartials = 1024 * 1024;

/** The tiles of 2 × 2 output pixels of all images, and the blocks of them that tasks take. */
class TileGrid {
 public:
  TileGrid(const ConvGrid& grid, int64_t filters)
      : tileRows((grid.outHeight + 1) / 2), tileColumns((grid.outWidth + 1) / 2),
        tiles(grid.batch * tileRows * tileColumns), channels(padded(grid.channels)), filters(padded(filters)) {
    const int64_t fitting = kMostTransformed / (kPlanes * (channels + this->filters));
    // A multiple of 12 leaves no tile of pixels (convTile.h) unfilled.
    together = std::max<int64_t>(12, std::min(fitting, kMostTiles) / 12 * 12);
    blocks = (tiles + together - 1) / together;
    // Planes would otherwise start a multiple of 4096 bytes apart and push each other out of the cache.
    xPlane = together * channels + 16;
    yPlane = together * this->filters + 16;
  }

  int64_t tilesOf(int64_t block) const { return std::min(together, tiles - block * together); }

  int64_t tileRows, tileColumns, tiles;
  /** Rounded up to full vectors. */
  int64_t channels, filters;
  int64_t together, blocks;
  int64_t xPlane, yPlane;

 private:
  static int64_t padded(int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }
};

/** The pixels of a tile of `size` × `size` that are on an image: its rows and columns [first, end). */
struct TilePixels {
  int64_t offset;
  int firstRow, endRow, firstColumn, endColumn;

  TilePixels(int64_t image, int64_t row, int64_t column, int size, int64_t height, int64_t width)
      : offset((image * height + row) * width + column), firstRow(clip(-row, size)), endRow(clip(height - row, size)),
        firstColumn(clip(-column, size)), endColumn(clip(width - column, size)) {}

  bool has(int i, int j) const { return i >= firstRow && i < endRow && j >= firstColumn && j < endColumn; }
  bool whole(int size) const { return firstRow == 0 && firstColumn == 0 && endRow == size && endColumn == size; }

 private:
  static int clip(int64_t value, int size) { return static_cast<int>(std::max<int64_t>(0, std::min<int64_t>(value, size))); }
};

/** Calls body(index in the block, image, tile row, tile column). */
template <class Body>
void eachTile(const TileGrid& tiles, int64_t block, const Body& body) {
  const int64_t count = tiles.tilesOf(block);
  int64_t column = block * tiles.together % tiles.tileColumns;
  int64_t row = block * tiles.together / tiles.tileColumns % tiles.tileRows;
  int64_t image = block * tiles.together / tiles.tileColumns / tiles.tileRows;
  for (int64_t i = 0; i < count; i++) {
    body(i, image, row, column);
    if (++column < tiles.tileColumns) continue;
    column = 0;
    if (++row < tiles.tileRows) continue;
    row = 0;
    image++;
  }
}

/** Calls body(first, lanes) for the vectors of `count` numbers. */
template <class Body>
inline void eachVector(int64_t count, const Body& body) {
  int64_t c = 0;
  for (; c + kLanes <= count; c += kLanes) body(c, WholeVector{});
  if (c < count) body(c, Lanes(count - c));
}

/** d becomes Bᵀ d, for four columns. */
inline void transformInput(Vec* d, int step) {
  const Vec d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
  d[0] = d0 - d2;
  d[step] = d1 + d2;
  d[2 * step] = d2 - d1;
  d[3 * step] = d1 - d3;
}

/** Bᵀ d B of every tile of a block: [planes, tiles, channels]. */
void transformX(const ConvGrid& grid, const TileGrid& tiles, int64_t block, const float* x, float* to) {
  const int64_t rowStep = grid.width * grid.pixelStep;
  eachTile(tiles, block, [&](int64_t index, int64_t image, int64_t row, int64_t column) {
    const TilePixels pixels(image, row * 2 - grid.top, column * 2 - grid.left, 4, grid.height, grid.width);
    const float* from = x + pixels.offset * grid.pixelStep;
    const bool whole = pixels.whole(4);
    eachVector(grid.channels, [&](int64_t c, const auto& lanes) {
      Vec d[16];
      if (whole) {
        each<16>([&](auto i) { d[i] = lanes.load(from + i / 4 * rowStep + i % 4 * grid.pixelStep + c); });
      } else {
        each<16>([&](auto i) {
          d[i] = pixels.has(i / 4, i % 4) ? lanes.load(from + i / 4 * rowStep + i % 4 * grid.pixelStep + c) : Vec{};
        });
      }
      each<4>([&](auto j) { transformInput(d + j, 4); });
      each<4>([&](auto i) { transformInput(d + 4 * i, 1); });
      float* at = to + index * tiles.channels + c;
      each<16>([&](auto i) { store(at + i * tiles.xPlane, d[i]); });
    });
  });
}

/** A dy Aᵀ of every tile of a block: [planes, tiles, filters]. */
void transformDy(const ConvGrid& grid, const TileGrid& tiles, int64_t block, int64_t filters, const float* dy, float* to) {
  eachTile(tiles, block, [&](int64_t index, int64_t image, int64_t row, int64_t column) {
    const TilePixels pixels(image, row * 2, column * 2, 2, grid.outHeight, grid.outWidth);
    const float* from = dy + pixels.offset * filters;
    eachVector(filters, [&](int64_t f, const auto& lanes) {
      Vec d[4][4];
      each<2>([&](auto i) {
        each<2>([&](auto j) {
          d[i][j] = pixels.has(i, j) ? lanes.load(from + (i * grid.outWidth + j) * filters + f) : Vec{};
        });
      });
      each<2>([&](auto j) {
        const Vec d0 = d[0][j], d1 = d[1][j];
        d[1][j] = d0 + d1;
        d[2][j] = d0 - d1;
        d[3][j] = -d1;
      });
      float* at = to + index * tiles.filters + f;
      each<4>([&](auto i) {
        const Vec d0 = d[i][0], d1 = d[i][1];
        store(at + (4 * i) * tiles.yPlane, d0);
        store(at + (4 * i + 1) * tiles.yPlane, d0 + d1);
        store(at + (4 * i + 2) * tiles.yPlane, d0 - d1);
        store(at + (4 * i + 3) * tiles.yPlane, -d1);
      });
    });
  });
}

/** y = activation(Aᵀ m A + bias) of every tile of a block. */
void transformBack(const DirectConv& conv, const TileGrid& tiles, int64_t block, const float* products) {
  const ConvGrid& grid = conv.grid;
  const bool relu = conv.activation == Activation::relu;
  eachTile(tiles, block, [&](int64_t index, int64_t image, int64_t row, int64_t column) {
    const TilePixels pixels(image, row * 2, column * 2, 2, grid.outHeight, grid.outWidth);
    float* to = conv.y + image * conv.yImageStep + row * 2 * conv.yRowStep + column * 2 * conv.yPixelStep;
    eachVector(conv.filters, [&](int64_t f, const auto& lanes) {
      const float* from = products + index * tiles.filters + f;
      Vec sums[2][4];
      each<4>([&](auto j) {
        const Vec m0 = load(from + j * tiles.yPlane), m1 = load(from + (4 + j) * tiles.yPlane),
                  m2 = load(from + (8 + j) * tiles.yPlane), m3 = load(from + (12 + j) * tiles.yPlane);
        sums[0][j] = m0 + m1 + m2;
        sums[1][j] = m1 - m2 - m3;
      });
      const Vec start = conv.bias ? load(conv.bias + f) : Vec{};
      each<2>([&](auto i) {
        Vec y[2] = {sums[i][0] + sums[i][1] + sums[i][2] + start, sums[i][1] - sums[i][2] - sums[i][3] + start};
        each<2>([&](auto j) {
          if (pixels.has(i, j)) {
            lanes.store(to + i * conv.yRowStep + j * conv.yPixelStep + f, relu ? reluOf(y[j]) : y[j]);
          }
        });
      });
    });
  });
}

/** g becomes G g, of three vectors `step` apart to four. */
inline void transformTaps(const Vec* g, int step, Vec* to, int toStep) {
  const Vec ends = g[0] + g[2 * step], middle = g[step];
  to[0] = g[0];
  to[toStep] = (ends + middle) * 0.5f;
  to[2 * toStep] = (ends - middle) * 0.5f;
  to[3 * toStep] = g[2 * step];
}

/** G g Gᵀ: panels of [planes, channels, width], of panels of [9, channels, width]. */
void transformWeights(const Panels& panels, int64_t channels, const float* weights, float* to, const Threads& threads) {
  for (int64_t panel = 0; panel < panels.count; panel++) {
    const int64_t width = panels.vectorsOf(panel) * kLanes, tap = channels * width;
    const float* from = weights + panels.offset(panel, 9 * channels);
    float* target = to + panels.offset(panel, kPlanes * channels);
    const int64_t rows = std::max<int64_t>(1, 4096 / width);
    threads.each(static_cast<size_t>((channels + rows - 1) / rows), [&](size_t index) {
      const int64_t end = std::min<int64_t>(channels, (static_cast<int64_t>(index) + 1) * rows) * width;
      for (int64_t at = static_cast<int64_t>(index) * rows * width; at < end; at += kLanes) {
        Vec g[9], half[12], all[16];
        each<9>([&](auto i) { g[i] = load(from + i * tap + at); });
        each<3>([&](auto j) { transformTaps(g + j, 3, half + j, 3); });
        each<4>([&](auto i) { transformTaps(half + 3 * i, 1, all + 4 * i, 1); });
        each<16>([&](auto i) { store(target + i * tap + at, all[i]); });
      }
    });
  }
}

/** dw = Gᵀ s G, summed over sets of sums [planes, panels of [channels, width]]. */
void totalWeights(const Panels& panels, int64_t channels, const float* sums, int64_t sets, int64_t setFloats, float* dw,
                  const Threads& threads) {
  const int64_t plane = panels.floats(channels);
  threads.each(static_cast<size_t>(channels), [&](size_t index) {
    const int64_t c = static_cast<int64_t>(index);
    for (int64_t panel = 0; panel < panels.count; panel++) {
      const int64_t width = panels.vectorsOf(panel) * kLanes, filters = panels.filtersOf(panel);
      const float* from = sums + panels.offset(panel, channels) + c * width;
      float* to = dw + c * panels.filters + panels.firstVector(panel) * kLanes;
      eachVector(filters, [&](int64_t f, const auto& lanes) {
        Vec s[16], half[3][4];
        each<16>([&](auto i) { s[i] = load(from + i * plane + f); });
        for (int64_t set = 1; set < sets; set++) {
          each<16>([&](auto i) { s[i] += load(from + set * setFloats + i * plane + f); });
        }
        each<4>([&](auto j) {
          const Vec plus = (s[4 + j] + s[8 + j]) * 0.5f;
          half[0][j] = s[j] + plus;
          half[1][j] = (s[4 + j] - s[8 + j]) * 0.5f;
          half[2][j] = plus + s[12 + j];
        });
        each<3>([&](auto i) {
          const Vec plus = (half[i][1] + half[i][2]) * 0.5f;
          float* row = to + 3 * i * channels * panels.filters + f;
          const int64_t tap = channels * panels.filters;
          lanes.store(row, half[i][0] + plus);
          lanes.store(row + tap, (half[i][1] - half[i][2]) * 0.5f);
          lanes.store(row + 2 * tap, plus + half[i][3]);
        });
      });
    }
  });
}

/** Taps of 3 that lie on x, over all output positions of a dimension: what a direct convolution multiplies. */
int64_t tapsOf(int64_t out, int64_t size, int64_t before) {
  int64_t taps = 0;
  for (int64_t i = 0; i < out; i++) {
    taps += std::max<int64_t>(0, std::min(i - before + 3, size) - std::max<int64_t>(i - before, 0));
  }
  return taps;
}

}  // namespace

bool usesWinograd(const ConvGrid& grid, int64_t filters) {
  if (grid.kernelHeight != 3 || grid.kernelWidth != 3 || grid.strideHeight != 1 || grid.strideWidth != 1) return false;
  if (grid.dilationHeight != 1 || grid.dilationWidth != 1 || grid.pixelStep != grid.channels) return false;
  // With few pixels, transforms of the weights count as well.
  if (grid.channels < kLanes || filters < kLanes || grid.batch * grid.outHeight * grid.outWidth < 1024) return false;
  const int64_t channelVectors = (grid.channels + kLanes - 1) / kLanes, vectors = (filters + kLanes - 1) / kLanes;
  const int64_t tiles = (grid.outHeight + 1) / 2 * ((grid.outWidth + 1) / 2);
  const int64_t transformed =
      tiles * (kPlanes * grid.channels * vectors + kTransformCost * (channelVectors + vectors));
  const int64_t direct = tapsOf(grid.outHeight, grid.height, grid.top) * tapsOf(grid.outWidth, grid.width, grid.left) *
                         grid.channels * vectors;
  return transformed * 21 < direct * 20;
}

void winogradConv(const DirectConv& conv, const Threads& threads) {
  const ConvGrid& grid = conv.grid;
  const Panels panels(conv.filters);
  const TileGrid tiles(grid, conv.filters);
  const Scratch weights(ScratchUse::transformed, panels.floats(kPlanes * grid.channels));
  transformWeights(panels, grid.channels, conv.weights, weights.data(), threads);
  threads.each(static_cast<size_t>(tiles.blocks), [&](size_t index) {
    const int64_t block = static_cast<int64_t>(index), count = tiles.tilesOf(block);
    const Scratch scratch(ScratchUse::image, kPlanes * (tiles.xPlane + tiles.yPlane));
    float* transformed = scratch.data();
    float* products = transformed + kPlanes * tiles.xPlane;
    transformX(grid, tiles, block, conv.x, transformed);
    const Run run = {0, 0};
    TileSetting setting;
    setting.run = &run;
    setting.runs = 1;
    setting.length = grid.channels;
    setting.accumulate = false;
    setting.bias = nullptr;
    setting.relu = false;
    setting.lastLanes = kLanes;
    const float* x[kMostTilePixels];
    float* y[kMostTilePixels];
    for (int plane = 0; plane < kPlanes; plane++) {
      for (int64_t panel = 0; panel < panels.count; panel++) {
        const int vectors = panels.vectorsOf(panel);
        setting.weights = weights.data() + panels.offset(panel, kPlanes * grid.channels) +
                          plane * grid.channels * vectors * kLanes;
        const int most = tilePixels(vectors);
        for (int64_t first = 0; first < count; first += most) {
          const int rows = static_cast<int>(std::min<int64_t>(most, count - first));
          for (int i = 0; i < rows; i++) {
            x[i] = transformed + plane * tiles.xPlane + (first + i) * tiles.channels;
            y[i] = products + plane * tiles.yPlane + (first + i) * tiles.filters + panels.firstVector(panel) * kLanes;
          }
          convTileOf(rows, vectors)(setting, x, y);
        }
      }
    }
    transformBack(conv, tiles, block, products);
  });
}

void winogradWeightGrad(const ConvGrid& grid, int64_t filters, const float* x, const float* dy, float* dw,
                        const Threads& threads) {
  const Panels panels(filters);
  const TileGrid tiles(grid, filters);
  const int64_t plane = panels.floats(grid.channels), setFloats = kPlanes * plane;
  const int64_t sets = std::max<int64_t>(1, std::min(std::min<int64_t>(8, tiles.blocks), kMostPartials / setFloats));
  const Scratch sums(ScratchUse::partials, sets * setFloats);
  threads.each(static_cast<size_t>(sets), [&](size_t index) {
    const int64_t set = static_cast<int64_t>(index);
    const Scratch scratch(ScratchUse::image, kPlanes * (tiles.xPlane + tiles.yPlane));
    float* transformedX = scratch.data();
    float* transformedDy = transformedX + kPlanes * tiles.xPlane;
    const int64_t first = set * tiles.blocks / sets, end = (set + 1) * tiles.blocks / sets;
    for (int64_t block = first; block < end; block++) {
      transformX(grid, tiles, block, x, transformedX);
      transformDy(grid, tiles, block, filters, dy, transformedDy);
      OuterSetting setting;
      setting.images = setting.rows = 1;
      setting.columns = tiles.tilesOf(block);
      setting.lastLanes = kLanes;
      setting.offsets = nullptr;
      setting.accumulate = block > first;
      for (int p = 0; p < kPlanes; p++) {
        for (int64_t panel = 0; panel < panels.count; panel++) {
          const int vectors = panels.vectorsOf(panel);
          setting.vectors = {transformedDy + p * tiles.yPlane + panels.firstVector(panel) * kLanes, 0, 0, tiles.filters};
          const int64_t cuts = (grid.channels + outerNumbers(vectors) - 1) / outerNumbers(vectors);
          for (int64_t cut = 0; cut < cuts; cut++) {
            const int64_t from = cut * grid.channels / cuts, numbers = (cut + 1) * grid.channels / cuts - from;
            setting.numbers = {transformedX + p * tiles.xPlane + from, 0, 0, tiles.channels};
            setting.sums = sums.data() + set * setFloats + p * plane + panels.offset(panel, grid.channels) +
                           from * vectors * kLanes;
            outerTileOf(static_cast<int>(numbers), vectors, false, false)(setting);
          }
        }
      }
    }
  });
  totalWeights(panels, grid.channels, sums.data(), sets, setFloats, dw, threads);
}

}  // namespace keras::KERAS_ISA
