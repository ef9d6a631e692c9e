/** Sums, or means, over all leading axes of an array. */
#include "../kernels.h"
#include "operator.h"

namespace keras {
namespace {

struct Settings {
  /** Shape of the result; as many numbers as the last axes of x, with ones where axes are kept. */
  Shape shape;
  int64_t columns = 1;
  float factor = 1;

  Error read(const Attributes& attributes) {
    shape = attributes.integers("shape");
    factor = attributes.number("factor", 1);
    for (const int64_t size : shape) {
      if (size < 1) return "expected `shape` to be sizes of at least 1. Received: " + describe(shape);
      columns *= size;
    }
    return "";
  }
};

int64_t sizeOf(const Shape& shape) {
  int64_t size = 1;
  for (const int64_t axis : shape) size *= axis;
  return size;
}

Error infer(Inference& inference) {
  Settings settings;
  const Error error = settings.read(inference.attributes());
  if (error.empty()) inference.output(0, ElementType::float32, settings.shape);
  return error;
}

class ColumnSumNode : public Node {
 public:
  static Error create(const Attributes& attributes, std::unique_ptr<Node>& node) {
    auto made = std::make_unique<ColumnSumNode>();
    const Error error = made->settings_.read(attributes);
    if (error.empty()) node = std::move(made);
    return error;
  }

  Error run(Run& run) const override {
    const Shape x = run.shape(0);
    const int64_t size = sizeOf(x), columns = settings_.columns;
    if (size % columns != 0) {
      return "x has shape " + describe(x) + "; expected a multiple of " + std::to_string(columns) + " elements, as `shape` " +
             describe(settings_.shape) + " has";
    }
    float* y = run.output<float>(0, settings_.shape);
    if (y == nullptr) return "the result's memory is not of shape " + describe(settings_.shape);
    kernels().columnSum(size / columns, columns, settings_.factor, run.input<float>(0), y, run.threads());
    return "";
  }

 private:
  Settings settings_;
};

const Registration columnSum({"ColumnSum", {Slot{}}, {Slot{}}, ColumnSumNode::create, infer});

}  // namespace
}  // namespace keras
