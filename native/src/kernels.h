/**
 * What the kernels compute: plain functions of pointers, without any engine. Each is compiled for several instruction sets
 * (simd.h); `kernels()` gives the table for the processor at hand.
 *
 * Arrays are dense, row-major, float32. Images are channels last, kernels in Keras's order.
 */
#pragma once
#include <cstdint>

#include "threads.h"

namespace keras {

/** A two-dimensional convolution y = x ∗ w. One dimension is a height of 1. */
struct Convolution {
  int64_t batch;
  int64_t height, width, channels;         // of x: [batch, height, width, channels]
  int64_t outHeight, outWidth, filters;    // of y: [batch, outHeight, outWidth, filters]
  int64_t kernelHeight, kernelWidth;       // of w: [kernelHeight, kernelWidth, channels / groups, filters]
  int64_t strideHeight, strideWidth;
  int64_t top, left;                       // zeros before the first row and column; those behind follow from the sizes
  int64_t dilationHeight, dilationWidth;
  int64_t groups;
};

/** Windows over the height and width of x: [batch, height, width, channels], padded before by `top` and `left`. */
struct Pooling {
  int64_t batch, height, width, channels;
  int64_t outHeight, outWidth;
  int64_t windowHeight, windowWidth;
  int64_t strideHeight, strideWidth;
  int64_t top, left;
};

/** Products of matrices, y = alpha · a · b: each of a `batch` is (rows x inner) · (inner x columns). */
struct MatrixProduct {
  int64_t batch;
  int64_t rows, inner, columns;
  bool transposeA, transposeB;  // a is (inner x rows), b is (columns x inner)
  bool sharedB;                 // the same b for all
  float alpha;
};

/** `count` rows of a table (height x width), by numbers in [-height, height); negative ones count from the end. */
struct Rows {
  int64_t height, width;
  int64_t count;
  const int32_t* ids;
};

enum class Activation : int { none = 0, relu = 1 };

class ElementwiseProgram;  // elementwise.h
class ScanProgram;         // scan.h

/** The kernels, compiled for one instruction set. */
struct Kernels {
  const char* instructionSet;  // "avx512", "avx2", "neon", "sse2"

  /** y = activation(x ∗ w + bias); `bias` is one number a filter, or null. */
  void (*conv)(const Convolution&, const float* x, const float* w, const float* bias, Activation, float* y,
               const Threads&);
  /** dx: the gradient of Σ y·dy in x, plus `bias` (one number a channel, or null), activated: a transposed convolution. */
  void (*convInputGrad)(const Convolution&, const float* dy, const float* w, const float* bias, Activation, float* dx,
                        const Threads&);
  /** dw: the gradient of Σ y·dy in w. */
  void (*convWeightGrad)(const Convolution&, const float* x, const float* dy, float* dw, const Threads&);

  /** Maxima; padding counts as −∞, NaN wins. */
  void (*maxPool)(const Pooling&, const float* x, float* y, const Threads&);
  /** The gradient of maxPool in x: dy goes to the first of equal maxima of a window, in row-major order. */
  void (*maxPoolGrad)(const Pooling&, const float* x, const float* dy, float* dx, const Threads&);
  /** factor · the sum of each window; padding counts as 0. */
  void (*sumPool)(const Pooling&, float factor, const float* x, float* y, const Threads&);
  /** The gradient of sumPool in x. */
  void (*sumPoolGrad)(const Pooling&, float factor, const float* dy, float* dx, const Threads&);

  /** y = activation(alpha · a · b + bias); `bias` is one number a column, or null. */
  void (*matmul)(const MatrixProduct&, const float* a, const float* b, const float* bias, Activation, float* y,
                 const Threads&);
  /** y = factor · the sum of all rows of x: (rows, columns). */
  void (*columnSum)(int64_t rows, int64_t columns, float factor, const float* x, float* y, const Threads&);

  /** y = the rows of a table: (count, width). */
  void (*gatherRows)(const Rows&, const float* table, float* y, const Threads&);
  /**
   * y = factor · base with `updates` (count, width) added to its rows, in the order of their numbers. `base` may be y itself, or null
   * for zeros.
   */
  void (*addRows)(const Rows&, float factor, const float* base, const float* updates, float* y, const Threads&);

  /** Runs a program of elementwise operations; `inputs` and `outputs` in the program's order (elementwise.h). */
  void (*elementwise)(const ElementwiseProgram&, const void* const* inputs, void* const* outputs, const Threads&);
  /** Runs a loop over time (scan.h). */
  void (*scan)(const ScanProgram&, const void* const* inputs, void* const* outputs, const Threads&);
};

/** The table for this processor: the widest instruction set that it has and that this library was built with. */
const Kernels& kernels();

/** Whether there is one. */
bool hasKernels();

}  // namespace keras
