/** Convolutions of images whose channels are last, and both of their gradients. */
#include "../kernels.h"
#include "windows.h"

namespace keras {
namespace {

/** What the attributes of all three operators say. */
struct Settings {
  Windows windows;
  int64_t groups = 1;
  Activation activation = Activation::none;

  Error read(const Attributes& attributes) {
    groups = attributes.integer("groups", 1);
    const int64_t code = attributes.integer("activation", 0);
    if (groups < 1) return "expected `groups` to be at least 1. Received: " + std::to_string(groups);
    if (code != 0 && code != 1) {
      return "expected `activation` to be 0 (none) or 1 (relu). Received: " + std::to_string(code);
    }
    activation = static_cast<Activation>(code);
    return windows.read(attributes);
  }

  /** The geometry of a convolution of images (batch, height, width, channels) with w. */
  Convolution convolution(int64_t batch, const int64_t* size, const Shape& w) const {
    Convolution c{};
    c.batch = batch;
    c.height = size[0];
    c.width = size[1];
    c.channels = w[2] * groups;
    c.outHeight = windows.count(0, size[0], w[0]);
    c.outWidth = windows.count(1, size[1], w[1]);
    c.filters = w[3];
    c.kernelHeight = w[0];
    c.kernelWidth = w[1];
    c.strideHeight = windows.strides[0];
    c.strideWidth = windows.strides[1];
    c.top = windows.low[0];
    c.left = windows.low[1];
    c.dilationHeight = windows.dilations[0];
    c.dilationWidth = windows.dilations[1];
    c.groups = groups;
    return c;
  }
};

Shape imageOf(const Convolution& c) { return {c.batch, c.height, c.width, c.channels}; }
Shape resultOf(const Convolution& c) { return {c.batch, c.outHeight, c.outWidth, c.filters}; }

/** Attributes, and the geometry that follows from them and the shapes of the two operands. */
struct Forward : Settings {
  static constexpr const char* kOperands[] = {"x", "w"};
  Error solve(const Shape& x, const Shape& w, Convolution& c) const {
    c = convolution(x[0], &x[1], w);
    if (c.filters % groups != 0) return "the number of filters is not a multiple of `groups`";
    return mismatch("x", x, imageOf(c));
  }
  static Shape output(const Convolution& c) { return resultOf(c); }
};

struct InputGrad : Settings {
  static constexpr const char* kOperands[] = {"dy", "w"};
  int64_t inputSizes[2];
  Error read(const Attributes& attributes) {
    const Error error = Settings::read(attributes);
    return error.empty() ? readPair(attributes, "input_sizes", 0, inputSizes) : error;
  }
  Error solve(const Shape& dy, const Shape& w, Convolution& c) const {
    c = convolution(dy[0], inputSizes, w);
    if (c.filters % groups != 0) return "the number of filters is not a multiple of `groups`";
    return mismatch("dy", dy, resultOf(c));
  }
  static Shape output(const Convolution& c) { return imageOf(c); }
};

struct WeightGrad : Settings {
  static constexpr const char* kOperands[] = {"x", "dy"};
  int64_t kernelSizes[2];
  Error read(const Attributes& attributes) {
    const Error error = Settings::read(attributes);
    return error.empty() ? readPair(attributes, "kernel_sizes", 1, kernelSizes) : error;
  }
  Error solve(const Shape& x, const Shape& dy, Convolution& c) const {
    if (x[3] % groups != 0 || dy[3] % groups != 0) return "channels or filters are not a multiple of `groups`";
    c = convolution(x[0], &x[1], {kernelSizes[0], kernelSizes[1], x[3] / groups, dy[3]});
    return mismatch("dy", dy, resultOf(c));
  }
  static Shape output(const Convolution& c) {
    return {c.kernelHeight, c.kernelWidth, c.channels / c.groups, c.filters};
  }
};

template <class Kind>
Error solve(const Kind& kind, const Shape& a, const Shape& b, Convolution& c) {
  Error error = needsFourAxes(Kind::kOperands[0], a);
  if (error.empty()) error = needsFourAxes(Kind::kOperands[1], b);
  return error.empty() ? kind.solve(a, b, c) : error;
}

template <class Kind>
Error infer(Inference& inference) {
  Kind kind;
  Convolution c;
  Error error = kind.read(inference.attributes());
  if (!error.empty() || !inference.knows(0) || !inference.knows(1)) return error;
  error = solve(kind, inference.inputShape(0), inference.inputShape(1), c);
  if (error.empty()) inference.output(0, ElementType::float32, Kind::output(c));
  return error;
}

/** The bias of a run that may have one: one number for each channel of the result. */
Error readBias(const Run& run, int64_t channels, const float*& bias) {
  bias = run.inputCount() > 2 ? run.input<float>(2) : nullptr;
  return bias == nullptr ? "" : mismatch("bias", run.shape(2), {channels});
}

void compute(const Forward& kind, const Run& run, const Convolution& c, const float* bias, float* y) {
  kernels().conv(c, run.input<float>(0), run.input<float>(1), bias, kind.activation, y, run.threads());
}

void compute(const InputGrad& kind, const Run& run, const Convolution& c, const float* bias, float* dx) {
  kernels().convInputGrad(c, run.input<float>(0), run.input<float>(1), bias, kind.activation, dx, run.threads());
}

void compute(const WeightGrad&, const Run& run, const Convolution& c, const float*, float* dw) {
  kernels().convWeightGrad(c, run.input<float>(0), run.input<float>(1), dw, run.threads());
}

template <class Kind>
class ConvNode : public Node {
 public:
  static Error create(const Attributes& attributes, std::unique_ptr<Node>& node) {
    auto made = std::make_unique<ConvNode>();
    const Error error = made->kind_.read(attributes);
    if (error.empty()) node = std::move(made);
    return error;
  }

  Error run(Run& run) const override {
    Convolution c;
    Error error = solve(kind_, run.shape(0), run.shape(1), c);
    if (!error.empty()) return error;
    const Shape shape = Kind::output(c);
    const float* bias = nullptr;
    error = readBias(run, shape.back(), bias);
    if (!error.empty()) return error;
    float* result = run.output<float>(0, shape);
    if (result == nullptr) return "the result's memory is not of shape " + describe(shape);
    compute(kind_, run, c, bias, result);
    return "";
  }

 private:
  Kind kind_;
};

template <class Kind>
Definition define(const char* name, std::vector<Slot> inputs) {
  return {name, std::move(inputs), {Slot{}}, ConvNode<Kind>::create, infer<Kind>};
}

const Slot kTensor{};
const Slot kBias{ElementType::float32, Presence::optional};

const Registration conv(define<Forward>("Conv", {kTensor, kTensor, kBias}));
const Registration convInputGrad(define<InputGrad>("ConvInputGrad", {kTensor, kTensor, kBias}));
const Registration convWeightGrad(define<WeightGrad>("ConvWeightGrad", {kTensor, kTensor}));

}  // namespace
}  // namespace keras
