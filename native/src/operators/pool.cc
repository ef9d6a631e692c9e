/** Maxima and sums of windows of images whose channels are last, and their gradients. */
#include "../kernels.h"
#include "windows.h"

namespace keras {
namespace {

/** What the attributes of all four operators say. */
struct Settings {
  Windows windows;
  int64_t window[2];
  float factor = 1;

  Error read(const Attributes& attributes) {
    factor = attributes.number("factor", 1);
    const Error error = readPair(attributes, "window", 1, window);
    return error.empty() ? windows.read(attributes) : error;
  }

  /** Windows over images (batch, height, width, channels). */
  Pooling pooling(int64_t batch, const int64_t* size, int64_t channels) const {
    Pooling p{};
    p.batch = batch;
    p.height = size[0];
    p.width = size[1];
    p.channels = channels;
    p.outHeight = windows.count(0, size[0], window[0]);
    p.outWidth = windows.count(1, size[1], window[1]);
    p.windowHeight = window[0];
    p.windowWidth = window[1];
    p.strideHeight = windows.strides[0];
    p.strideWidth = windows.strides[1];
    p.top = windows.low[0];
    p.left = windows.low[1];
    return p;
  }
};

Shape imageOf(const Pooling& p) { return {p.batch, p.height, p.width, p.channels}; }
Shape resultOf(const Pooling& p) { return {p.batch, p.outHeight, p.outWidth, p.channels}; }

/** Windows over x, whose shape says all. */
struct OverImage : Settings {
  Error solve(const std::vector<Shape>& inputs, Pooling& p) const {
    const Error error = needsFourAxes("x", inputs[0]);
    if (error.empty()) p = pooling(inputs[0][0], &inputs[0][1], inputs[0][3]);
    return error;
  }
};

struct MaxPool : OverImage {
  static constexpr size_t kInputs = 1;
  static Shape output(const Pooling& p) { return resultOf(p); }
  void compute(const Run& run, const Pooling& p, float* y) const {
    kernels().maxPool(p, run.input<float>(0), y, run.threads());
  }
};

struct MaxPoolGrad : OverImage {
  static constexpr size_t kInputs = 2;
  Error solve(const std::vector<Shape>& inputs, Pooling& p) const {
    const Error error = OverImage::solve(inputs, p);
    return error.empty() ? mismatch("dy", inputs[1], resultOf(p)) : error;
  }
  static Shape output(const Pooling& p) { return imageOf(p); }
  void compute(const Run& run, const Pooling& p, float* dx) const {
    kernels().maxPoolGrad(p, run.input<float>(0), run.input<float>(1), dx, run.threads());
  }
};

struct SumPool : OverImage {
  static constexpr size_t kInputs = 1;
  static Shape output(const Pooling& p) { return resultOf(p); }
  void compute(const Run& run, const Pooling& p, float* y) const {
    kernels().sumPool(p, factor, run.input<float>(0), y, run.threads());
  }
};

struct SumPoolGrad : Settings {
  static constexpr size_t kInputs = 1;
  int64_t inputSizes[2];
  Error read(const Attributes& attributes) {
    const Error error = Settings::read(attributes);
    return error.empty() ? readPair(attributes, "input_sizes", 0, inputSizes) : error;
  }
  Error solve(const std::vector<Shape>& inputs, Pooling& p) const {
    const Shape& dy = inputs[0];
    const Error error = needsFourAxes("dy", dy);
    if (!error.empty()) return error;
    p = pooling(dy[0], inputSizes, dy[3]);
    return mismatch("dy", dy, resultOf(p));
  }
  static Shape output(const Pooling& p) { return imageOf(p); }
  void compute(const Run& run, const Pooling& p, float* dx) const {
    kernels().sumPoolGrad(p, factor, run.input<float>(0), dx, run.threads());
  }
};

template <class Kind>
Error infer(Inference& inference) {
  Kind kind;
  Pooling p;
  std::vector<Shape> shapes;
  Error error = kind.read(inference.attributes());
  for (size_t i = 0; i < Kind::kInputs && error.empty(); i++) {
    if (!inference.knows(i)) return error;
    shapes.push_back(inference.inputShape(i));
  }
  if (error.empty()) error = kind.solve(shapes, p);
  if (error.empty()) inference.output(0, ElementType::float32, Kind::output(p));
  return error;
}

template <class Kind>
class PoolNode : public Node {
 public:
  static Error create(const Attributes& attributes, std::unique_ptr<Node>& node) {
    auto made = std::make_unique<PoolNode>();
    const Error error = made->kind_.read(attributes);
    if (error.empty()) node = std::move(made);
    return error;
  }

  Error run(Run& run) const override {
    Pooling p;
    std::vector<Shape> shapes;
    for (size_t i = 0; i < Kind::kInputs; i++) shapes.push_back(run.shape(i));
    const Error error = kind_.solve(shapes, p);
    if (!error.empty()) return error;
    const Shape shape = Kind::output(p);
    float* result = run.output<float>(0, shape);
    if (result == nullptr) return "the result's memory is not of shape " + describe(shape);
    kind_.compute(run, p, result);
    return "";
  }

 private:
  Kind kind_;
};

template <class Kind>
Definition define(const char* name) {
  return {name, std::vector<Slot>(Kind::kInputs), {Slot{}}, PoolNode<Kind>::create, infer<Kind>};
}

const Registration maxPool(define<MaxPool>("MaxPool"));
const Registration maxPoolGrad(define<MaxPoolGrad>("MaxPoolGrad"));
const Registration sumPool(define<SumPool>("SumPool"));
const Registration sumPoolGrad(define<SumPoolGrad>("SumPoolGrad"));

}  // namespace
}  // namespace keras
