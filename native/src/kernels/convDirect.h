/** The direct convolution that the forward direction and the gradient in x are both made of. */
#pragma once
#include "../kernels.h"
#include "convTile.h"

namespace keras::KERAS_ISA {

/** Filters as vectors, and those as panels, each as wide as a tile can be. */
struct Panels {
  int64_t filters, vectors, count;

  explicit Panels(int64_t filterCount)
      : filters(filterCount), vectors((filterCount + kLanes - 1) / kLanes),
        count((vectors + kTileVectors - 1) / kTileVectors) {}

  int64_t firstVector(int64_t panel) const { return panel * vectors / count; }
  int vectorsOf(int64_t panel) const { return static_cast<int>(firstVector(panel + 1) - firstVector(panel)); }
  int64_t filtersOf(int64_t panel) const {
    return std::min<int64_t>(vectorsOf(panel) * kLanes, filters - firstVector(panel) * kLanes);
  }
  /** Whether a plain [rows, filters] matrix is already as panels are. */
  bool plain() const { return count == 1 && filters == vectors * kLanes; }
  int64_t floats(int64_t rows) const { return rows * vectors * kLanes; }
  /** Where the panel starts, of panels of `rows` rows. */
  int64_t offset(int64_t panel, int64_t rows) const { return rows * firstVector(panel) * kLanes; }
};

/** y = activation(x ∗ weights + bias), written at any steps. */
struct DirectConv {
  ConvGrid grid;
  const float* x;
  int64_t filters;
  /**
   * Panels of [kernelHeight · kernelWidth · channels, vectors · kLanes], one after the other (see Panels); for few filters
   * that `usesDots`, a row of kernelHeight · kernelWidth · channels numbers a filter.
   */
  const float* weights;
  /** One number a filter and zeros up to a full vector, or null. */
  const float* bias;
  Activation activation;
  float* y;
  int64_t yImageStep, yRowStep, yPixelStep;
};

/** Whether so few filters are better computed as scalar products along the channels. */
bool usesDots(const ConvGrid& grid, int64_t filters);

void directConv(const DirectConv& conv, const Threads& threads);

/** `floats` numbers of `bias` followed by zeros up to a full vector; null stays null. */
static inline const float* paddedBias(const float* bias, int64_t floats, const Scratch& scratch) {
  if (!bias) return nullptr;
  std::memcpy(scratch.data(), bias, sizeof(float) * floats);
  std::memset(scratch.data() + floats, 0, sizeof(float) * kLanes);
  return scratch.data();
}

}  // namespace keras::KERAS_ISA
