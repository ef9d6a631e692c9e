/** What convolutions and pools share: how windows lie over the height and width of an image. */
#pragma once
#include "operator.h"

namespace keras {

/** Attributes for the two spatial axes, height and width. */
struct Windows {
  int64_t strides[2] = {1, 1};
  int64_t low[2] = {0, 0};
  int64_t high[2] = {0, 0};
  int64_t dilations[2] = {1, 1};

  Error read(const Attributes& attributes);

  /** Number of windows of `size` over an axis of `length`; 0 where none fits. */
  int64_t count(int axis, int64_t length, int64_t size) const {
    const int64_t room = length + low[axis] + high[axis] - dilations[axis] * (size - 1) - 1;
    return room < 0 ? 0 : room / strides[axis] + 1;
  }
};

/** Reads a pair of numbers, each at least `least`. */
Error readPair(const Attributes& attributes, const char* name, int64_t least, int64_t (&pair)[2]);

/** What is wrong where an operand does not have the rank or sizes that belong to the others. */
Error mismatch(const char* operand, const Shape& received, const Shape& expected);

/** Nothing, where an operand has four axes. */
Error needsFourAxes(const char* operand, const Shape& received);

}  // namespace keras
