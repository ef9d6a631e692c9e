/** Products of matrices, one or a batch of them. */
#include "../kernels.h"
#include "operator.h"

namespace keras {
namespace {

struct Settings {
  bool transposeA = false, transposeB = false;
  float alpha = 1;
  Activation activation = Activation::none;

  Error read(const Attributes& attributes) {
    transposeA = attributes.integer("transA", 0) != 0;
    transposeB = attributes.integer("transB", 0) != 0;
    alpha = attributes.number("alpha", 1);
    const int64_t code = attributes.integer("activation", 0);
    if (code != 0 && code != 1) {
      return "expected `activation` to be 0 (none) or 1 (relu). Received: " + std::to_string(code);
    }
    activation = static_cast<Activation>(code);
    return "";
  }

  /** The sizes that follow from the shapes of the operands, and the shape of the result. */
  Error solve(const Shape& a, const Shape& b, MatrixProduct& p, Shape& y) const {
    if (a.size() < 2 || b.size() < 2) {
      return "a has shape " + describe(a) + " and b " + describe(b) + "; expected two axes or more";
    }
    const size_t leading = a.size() - 2;
    p = {1, a[leading], a[leading + 1], b[b.size() - 1], transposeA, transposeB, b.size() == 2, alpha};
    if (transposeA) std::swap(p.rows, p.inner);
    int64_t inner = b[b.size() - 2];
    if (transposeB) std::swap(p.columns, inner);
    for (size_t i = 0; i < leading; i++) p.batch *= a[i];
    if (inner != p.inner) {
      return "a has shape " + describe(a) + " and b " + describe(b) + "; expected both to have as many terms. Received: " +
             std::to_string(p.inner) + " and " + std::to_string(inner);
    }
    if (!p.sharedB && Shape(a.begin(), a.end() - 2) != Shape(b.begin(), b.end() - 2)) {
      return "a has shape " + describe(a) + " and b " + describe(b) + "; expected the same leading axes, or a b of two axes";
    }
    y.assign(a.begin(), a.end() - 2);
    y.insert(y.end(), {p.rows, p.columns});
    return "";
  }
};

Error infer(Inference& inference) {
  Settings settings;
  Error error = settings.read(inference.attributes());
  if (!error.empty() || !inference.knows(0) || !inference.knows(1)) return error;
  MatrixProduct p;
  Shape y;
  error = settings.solve(inference.inputShape(0), inference.inputShape(1), p, y);
  if (error.empty()) inference.output(0, ElementType::float32, y);
  return error;
}

class MatMulNode : public Node {
 public:
  static Error create(const Attributes& attributes, std::unique_ptr<Node>& node) {
    auto made = std::make_unique<MatMulNode>();
    const Error error = made->settings_.read(attributes);
    if (error.empty()) node = std::move(made);
    return error;
  }

  Error run(Run& run) const override {
    MatrixProduct p;
    Shape shape;
    const Error error = settings_.solve(run.shape(0), run.shape(1), p, shape);
    if (!error.empty()) return error;
    const float* bias = run.inputCount() > 2 ? run.input<float>(2) : nullptr;
    if (bias != nullptr && run.shape(2) != Shape{p.columns}) {
      return "bias has shape " + describe(run.shape(2)) + "; expected " + describe({p.columns});
    }
    float* y = run.output<float>(0, shape);
    if (y == nullptr) return "the result's memory is not of shape " + describe(shape);
    kernels().matmul(p, run.input<float>(0), run.input<float>(1), bias, settings_.activation, y, run.threads());
    return "";
  }

 private:
  Settings settings_;
};

const Slot kTensor{};
const Slot kBias{ElementType::float32, Presence::optional};

const Registration matmul({"MatMul", {kTensor, kTensor, kBias}, {Slot{}}, MatMulNode::create, infer});

}  // namespace
}  // namespace keras
