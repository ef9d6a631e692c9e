#include "windows.h"

namespace keras {

Error readPair(const Attributes& attributes, const char* name, int64_t least, int64_t (&pair)[2]) {
  const std::vector<int64_t> values = attributes.integers(name);
  if (values.size() != 2 || values[0] < least || values[1] < least) {
    return "expected `" + std::string(name) + "` to be two numbers of at least " + std::to_string(least) +
           ". Received: " + describe(values);
  }
  pair[0] = values[0];
  pair[1] = values[1];
  return "";
}

Error Windows::read(const Attributes& attributes) {
  Error error = readPair(attributes, "strides", 1, strides);
  if (error.empty() && !attributes.integers("dilations").empty()) {
    error = readPair(attributes, "dilations", 1, dilations);
  }
  if (!error.empty()) return error;
  const std::vector<int64_t> pads = attributes.integers("pads");
  if (pads.size() != 4) {
    return "expected `pads` to be four numbers: top, left, bottom, right. Received: " + describe(pads);
  }
  for (int axis = 0; axis < 2; axis++) {
    low[axis] = pads[axis];
    high[axis] = pads[2 + axis];
  }
  return "";
}

Error mismatch(const char* operand, const Shape& received, const Shape& expected) {
  return received == expected ? ""
                              : std::string(operand) + " has shape " + describe(received) + "; expected " +
                                    describe(expected);
}

Error needsFourAxes(const char* operand, const Shape& received) {
  return received.size() == 4 ? "" : std::string(operand) + " has shape " + describe(received) + "; expected four axes";
}

}  // namespace keras
