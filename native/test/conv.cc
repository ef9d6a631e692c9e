/** Convolutions and their gradients against plain loops in double, over random shapes; `--bench` measures instead. */
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "../src/kernels.h"
#include "check.h"

using namespace keras;

namespace {

/** Two threads that take the next task. */
void startTwo(void*, void (*task)(void*, size_t), size_t count, void* data) {
  static std::atomic<size_t> next;
  next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < count; i = next++) task(data, i);
  };
  std::thread other(work);
  work();
  other.join();
}

const Threads kOne{}, kTwo{startTwo, nullptr};

std::mt19937 generator(7);
int64_t any(int64_t least, int64_t most) { return std::uniform_int_distribution<int64_t>(least, most)(generator); }

std::vector<float> numbers(int64_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> all(static_cast<size_t>(count));
  for (float& number : all) number = normal(generator);
  return all;
}

int64_t sizeOfX(const Convolution& c) { return c.batch * c.height * c.width * c.channels; }
int64_t sizeOfY(const Convolution& c) { return c.batch * c.outHeight * c.outWidth * c.filters; }
int64_t sizeOfW(const Convolution& c) { return c.kernelHeight * c.kernelWidth * (c.channels / c.groups) * c.filters; }

std::string nameOf(const Convolution& c) {
  char text[256];
  std::snprintf(text, sizeof text,
                "[%d,%d,%d,%d] k %dx%d -> [%d,%d,%d] strides %d,%d before %d,%d dilation %d,%d groups %d",
                int(c.batch), int(c.height), int(c.width), int(c.channels), int(c.kernelHeight), int(c.kernelWidth),
                int(c.outHeight), int(c.outWidth), int(c.filters), int(c.strideHeight), int(c.strideWidth), int(c.top),
                int(c.left), int(c.dilationHeight), int(c.dilationWidth), int(c.groups));
  return text;
}

/** Calls body(index in x, index in w, index in y) for every product of the convolution. */
template <class Body>
void eachProduct(const Convolution& c, const Body& body) {
  const int64_t channels = c.channels / c.groups, filters = c.filters / c.groups;
  for (int64_t n = 0; n < c.batch; n++)
    for (int64_t oy = 0; oy < c.outHeight; oy++)
      for (int64_t ox = 0; ox < c.outWidth; ox++)
        for (int64_t ky = 0; ky < c.kernelHeight; ky++)
          for (int64_t kx = 0; kx < c.kernelWidth; kx++) {
            const int64_t iy = oy * c.strideHeight - c.top + ky * c.dilationHeight;
            const int64_t ix = ox * c.strideWidth - c.left + kx * c.dilationWidth;
            if (iy < 0 || iy >= c.height || ix < 0 || ix >= c.width) continue;
            for (int64_t f = 0; f < c.filters; f++)
              for (int64_t k = 0; k < channels; k++)
                body(((n * c.height + iy) * c.width + ix) * c.channels + f / filters * channels + k,
                     ((ky * c.kernelWidth + kx) * channels + k) * c.filters + f,
                     ((n * c.outHeight + oy) * c.outWidth + ox) * c.filters + f);
          }
}

/** `magnitude`: the sum of the products' absolute values, which bounds what rounding does. */
bool isClose(float y, double expected, double magnitude) {
  if (std::isnan(expected)) return std::isnan(y);
  if (std::isinf(expected)) return y == expected;
  return std::abs(y - expected) <= 3e-6 * magnitude + 1e-30;
}

struct Sums {
  std::vector<double> value, magnitude;
  explicit Sums(int64_t count) : value(static_cast<size_t>(count)), magnitude(static_cast<size_t>(count)) {}
  void add(int64_t at, double term) {
    value[static_cast<size_t>(at)] += term;
    magnitude[static_cast<size_t>(at)] += std::abs(term);
  }
  /** Adds a bias to each row, then activates. */
  void finish(const std::vector<float>& bias, bool relu) {
    for (size_t i = 0; i < value.size(); i++) {
      if (!bias.empty()) add(static_cast<int64_t>(i), bias[i % bias.size()]);
      if (relu && value[i] < 0) value[i] = 0;
    }
  }
};

/** Guards around a result show what is written outside; the odd start makes pointers unaligned. */
class Result {
 public:
  explicit Result(int64_t count) : count_(static_cast<size_t>(count)), all_(count_ + 2 * kGuard, kUntouched) {
    for (size_t i = 0; i < count_; i++) data()[i] = std::numeric_limits<float>::quiet_NaN();
  }
  float* data() { return all_.data() + kGuard; }
  bool guarded() const {
    for (size_t i = 0; i < kGuard; i++) {
      if (all_[i] != kUntouched || all_[all_.size() - 1 - i] != kUntouched) return false;
    }
    return true;
  }
  std::string differs(const Sums& expected) {
    for (size_t i = 0; i < count_; i++) {
      if (isClose(data()[i], expected.value[i], expected.magnitude[i])) continue;
      char text[128];
      std::snprintf(text, sizeof text, "at %zu: %g instead of %g", i, data()[i], expected.value[i]);
      return text;
    }
    return guarded() ? "" : "written outside";
  }
  bool same(Result& other) { return std::memcmp(data(), other.data(), sizeof(float) * count_) == 0; }

 private:
  static constexpr size_t kGuard = 37;
  static constexpr float kUntouched = 12345;
  size_t count_;
  std::vector<float> all_;
};

/** All three kernels, one after the other and on two threads. */
void testShape(const Convolution& c) {
  const Kernels& k = kernels();
  const std::vector<float> x = numbers(sizeOfX(c)), w = numbers(sizeOfW(c)), dy = numbers(sizeOfY(c));
  const bool relu = any(0, 1) == 1;
  const Activation activation = relu ? Activation::relu : Activation::none;
  const std::vector<float> bias = any(0, 1) ? numbers(c.filters) : std::vector<float>();
  const std::vector<float> inputBias = any(0, 2) == 2 ? numbers(c.channels) : std::vector<float>();
  Sums y(sizeOfY(c)), dx(sizeOfX(c)), dw(sizeOfW(c));
  eachProduct(c, [&](int64_t i, int64_t j, int64_t o) {
    y.add(o, double(x[i]) * w[j]);
    dx.add(i, double(dy[o]) * w[j]);
    dw.add(j, double(x[i]) * dy[o]);
  });
  y.finish(bias, relu);
  dx.finish(inputBias, relu);
  const auto compare = [&](const char* what, const Sums& expected, const auto& run) {
    const int64_t count = static_cast<int64_t>(expected.value.size());
    Result first(count), second(count);
    run(first.data(), kBackwards);
    run(second.data(), kTwo);
    const std::string difference = first.differs(expected);
    check(difference.empty(), std::string(what) + " " + nameOf(c) + ": " + difference);
    check(first.same(second), std::string(what) + " " + nameOf(c) + ": depends on threads");
  };
  compare("conv", y, [&](float* to, const Threads& threads) {
    k.conv(c, x.data(), w.data(), bias.empty() ? nullptr : bias.data(), activation, to, threads);
  });
  compare("convInputGrad", dx, [&](float* to, const Threads& threads) {
    k.convInputGrad(c, dy.data(), w.data(), inputBias.empty() ? nullptr : inputBias.data(), activation, to, threads);
  });
  compare("convWeightGrad", dw, [&](float* to, const Threads& threads) {
    k.convWeightGrad(c, x.data(), dy.data(), to, threads);
  });
}

/** One dimension of a shape: x's size follows from what is left over behind the last window. */
struct Dimension {
  int64_t size, out, kernel, stride, before, dilation;
};

Dimension anyDimension(int64_t mostOut, int64_t mostKernel) {
  Dimension d;
  d.kernel = any(1, mostKernel);
  d.stride = any(0, 1) ? 1 : any(2, 3);
  d.dilation = any(0, 2) ? 1 : 2;
  d.out = any(1, mostOut);
  const int64_t spanned = (d.out - 1) * d.stride + (d.kernel - 1) * d.dilation + 1;
  d.before = any(0, 1) ? 0 : any(0, (d.kernel - 1) * d.dilation + any(0, 1));
  const int64_t behind = any(0, 1) ? 0 : any(0, (d.kernel - 1) * d.dilation);
  d.size = std::max<int64_t>(1, spanned - d.before - behind) + (any(0, 2) ? 0 : any(0, d.stride - 1));
  return d;
}

Convolution shapeOf(int64_t batch, Dimension h, Dimension w, int64_t channels, int64_t filters, int64_t groups) {
  return {batch,   h.size,   w.size,   channels, h.out,      w.out,      filters, h.kernel,
          w.kernel, h.stride, w.stride, h.before, w.before, h.dilation, w.dilation, groups};
}

void testRandomShapes() {
  const int64_t few[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 20, 24, 31, 32, 33, 48, 64, 65, 70, 80};
  const auto anyCount = [&] { return few[any(0, 20)]; };
  for (int i = 0; i < 260; i++) {
    const Dimension height = any(0, 4) ? anyDimension(9, 4) : Dimension{1, 1, 1, 1, 0, 1};
    const Dimension width = anyDimension(height.size == 1 ? 30 : 9, height.size == 1 ? 9 : 4);
    int64_t channels = anyCount(), filters = anyCount(), groups = 1;
    if (i % 4 == 1) {
      groups = any(2, 5);
      channels = groups * any(1, 9);
      filters = groups * any(1, 20);
    } else if (i % 4 == 2) {
      groups = channels = std::max<int64_t>(2, channels);
      filters = groups * (any(0, 2) ? 1 : 2);
    }
    testShape(shapeOf(any(1, 5), height, width, channels, filters, groups));
  }
}

/** Larger than the blocks, panels and chunks that kernels cut work into. */
void testLargeShapes() {
  testShape(shapeOf(2, {40, 38, 3, 1, 0, 1}, {37, 37, 3, 1, 1, 1}, 64, 40, 1));
  testShape(shapeOf(1, {60, 60, 3, 1, 1, 1}, {60, 60, 3, 1, 1, 1}, 70, 20, 1));
  testShape(shapeOf(40, {6, 6, 3, 1, 1, 1}, {6, 6, 3, 1, 1, 1}, 16, 32, 1));
  testShape(shapeOf(33, {5, 3, 3, 1, 0, 1}, {5, 3, 3, 1, 0, 1}, 3, 5, 1));
  testShape(shapeOf(2, {7, 7, 3, 1, 1, 1}, {7, 7, 3, 1, 1, 1}, 300, 150, 1));
  testShape(shapeOf(3, {1, 1, 1, 1, 0, 1}, {9, 9, 1, 1, 0, 1}, 1500, 96, 1));
  testShape(shapeOf(1, {50, 22, 7, 2, 0, 1}, {50, 25, 7, 2, 3, 1}, 3, 64, 1));
  testShape(shapeOf(9, {11, 11, 3, 1, 1, 1}, {13, 11, 3, 1, 0, 1}, 36, 40, 1));
  testShape(shapeOf(32, {8, 6, 3, 1, 0, 1}, {6, 6, 3, 1, 1, 1}, 16, 100, 1));
  testShape(shapeOf(20, {12, 12, 3, 1, 1, 1}, {12, 12, 3, 1, 1, 1}, 40, 40, 40));
  testShape(shapeOf(1, {9, 3, 3, 3, 0, 1}, {500, 236, 15, 2, 0, 2}, 8, 8, 1));
}

/** A NaN or an infinity reaches exactly what reads it. */
void testSpecialValues() {
  const Kernels& k = kernels();
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const int64_t channels : {1, 5, 16, 20}) {
    for (const int64_t filters : {1, 3, 16, 33}) {
      for (const int64_t groups : {int64_t{1}, channels == filters ? channels : int64_t{1}}) {
        const Convolution c = shapeOf(2, {6, 6, 3, 1, 1, 1}, {7, 5, 3, 1, 0, 1}, channels, filters, groups);
        std::vector<float> x = numbers(sizeOfX(c)), dy = numbers(sizeOfY(c));
        std::vector<float> w(static_cast<size_t>(sizeOfW(c)), 1.0f);
        x[static_cast<size_t>(any(0, sizeOfX(c) - 1))] = nan;
        x[0] = infinity;
        dy[static_cast<size_t>(any(0, sizeOfY(c) - 1))] = nan;
        dy.back() = -infinity;
        Sums y(sizeOfY(c)), dx(sizeOfX(c)), dw(sizeOfW(c));
        eachProduct(c, [&](int64_t i, int64_t j, int64_t o) {
          y.add(o, double(x[i]) * w[j]);
          dx.add(i, double(dy[o]) * w[j]);
          dw.add(j, double(x[i]) * dy[o]);
        });
        Result gotY(sizeOfY(c)), gotDx(sizeOfX(c)), gotDw(sizeOfW(c));
        y.finish({}, true);
        k.conv(c, x.data(), w.data(), nullptr, Activation::relu, gotY.data(), kOne);
        k.convInputGrad(c, dy.data(), w.data(), nullptr, Activation::none, gotDx.data(), kOne);
        k.convWeightGrad(c, x.data(), dy.data(), gotDw.data(), kOne);
        // Padding multiplies 0 with dy in the gradient of w, and may so make NaN of an infinity: only there.
        check(gotY.differs(y).empty(), "special values, conv " + nameOf(c) + ": " + gotY.differs(y));
        check(gotDx.differs(dx).empty(), "special values, convInputGrad " + nameOf(c) + ": " + gotDx.differs(dx));
        bool right = true;
        for (size_t i = 0; i < dw.value.size(); i++) {
          const bool finite = std::isfinite(dw.value[i]);
          if (finite ? std::isfinite(gotDw.data()[i]) && !isClose(gotDw.data()[i], dw.value[i], dw.magnitude[i])
                     : std::isfinite(gotDw.data()[i]))
            right = false;
        }
        check(right, "special values, convWeightGrad " + nameOf(c));
      }
    }
  }
}

/** In 3 x 3 convolutions that are transformed, a NaN may reach the other pixels of its tile of 2 x 2, but no others. */
void testNanOfTiles() {
  const Convolution c = shapeOf(2, {24, 24, 3, 1, 1, 1}, {24, 24, 3, 1, 1, 1}, 32, 32, 1);
  std::vector<float> x = numbers(sizeOfX(c)), w = numbers(sizeOfW(c)), y(static_cast<size_t>(sizeOfY(c)));
  const int64_t row = 11, column = 6;
  x[static_cast<size_t>((row * c.width + column) * c.channels + 5)] = std::numeric_limits<float>::quiet_NaN();
  kernels().conv(c, x.data(), w.data(), nullptr, Activation::relu, y.data(), kOne);
  bool reaches = true, stays = true;
  for (int64_t i = 0; i < sizeOfY(c); i++) {
    const int64_t pixel = i / c.filters, down = pixel / c.outWidth - row, right = pixel % c.outWidth - column;
    const bool isNan = std::isnan(y[static_cast<size_t>(i)]);
    if (std::abs(down) <= 1 && std::abs(right) <= 1 && !isNan) reaches = false;
    if ((std::abs(down) > 2 || std::abs(right) > 2) && isNan) stays = false;
  }
  check(reaches, "a NaN reaches what reads it");
  check(stays, "a NaN stays near what reads it");
}

void testEmpty() {
  Convolution c = shapeOf(0, {6, 4, 3, 1, 0, 1}, {6, 4, 3, 1, 0, 1}, 5, 7, 1);
  std::vector<float> w = numbers(sizeOfW(c)), dw(w.size(), 3.0f), nothing(1);
  kernels().conv(c, nothing.data(), w.data(), nullptr, Activation::none, nothing.data(), kTwo);
  kernels().convInputGrad(c, nothing.data(), w.data(), nullptr, Activation::none, nothing.data(), kTwo);
  kernels().convWeightGrad(c, nothing.data(), nothing.data(), dw.data(), kTwo);
  check(std::all_of(dw.begin(), dw.end(), [](float d) { return d == 0; }), "an empty batch has a gradient of 0");
}

/** Seconds: on one thread those that it was given, which others on the machine change little. */
double now(bool alone) {
  timespec time;
  clock_gettime(alone ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

/** Seconds of the fastest of some runs. */
template <class Run>
double secondsOf(bool alone, const Run& run) {
  double best = 1e9, total = 0;
  for (int i = 0; i < 3 || (total < 0.25 && i < 200); i++) {
    const double start = now(alone);
    run();
    const double seconds = now(alone) - start;
    best = std::min(best, seconds);
    total += seconds;
  }
  return best;
}

void bench(const char* only) {
  const auto square = [](int64_t batch, int64_t size, int64_t channels, int64_t filters, int64_t kernel, int64_t stride = 1,
                         bool same = false, int64_t groups = 1) {
    const int64_t out = same ? (size + stride - 1) / stride : (size - kernel) / stride + 1;
    const int64_t before = same ? std::max<int64_t>(0, (out - 1) * stride + kernel - size) / 2 : 0;
    const Dimension d{size, out, kernel, stride, before, 1};
    return shapeOf(batch, d, d, channels, filters, groups);
  };
  const struct {
    const char* name;
    Convolution shape;
  } cases[] = {
      {"resnet 32x32x3-32", square(64, 32, 3, 32, 3)},
      {"resnet 30x30x32-64", square(64, 30, 32, 64, 3)},
      {"resnet 9x9x64-64 same", square(64, 9, 64, 64, 3, 1, true)},
      {"resnet 9x9x64-64", square(64, 9, 64, 64, 3)},
      {"auto 28x28x1-16", square(128, 28, 1, 16, 3)},
      {"auto 26x26x16-32", square(128, 26, 16, 32, 3)},
      {"auto 8x8x32-32", square(128, 8, 32, 32, 3)},
      {"auto 6x6x32-16", square(128, 6, 32, 16, 3)},
      {"auto T 6x6x16-1", square(128, 6, 16, 1, 3)},
      {"auto T 8x8x32-16", square(128, 8, 32, 16, 3)},
      {"auto T 26x26x16-32", square(128, 26, 16, 32, 3)},
      {"vgg 56x56x64-64 same", square(8, 56, 64, 64, 3, 1, true)},
      {"resnet50 14x14x256", square(8, 14, 256, 256, 3, 1, true)},
      {"resnet50 7x7x512", square(8, 7, 512, 512, 3, 1, true)},
      {"1x1 56x56x64-256", square(8, 56, 64, 256, 1)},
      {"1x1 14x14x1024-256", square(8, 14, 1024, 256, 1)},
      {"1x1 s2 56x56x256-512", square(8, 56, 256, 512, 1, 2)},
      {"3x3 s2 56x56x128", square(8, 56, 128, 128, 3, 2, true)},
      {"7x7 s2 224x224x3-64", square(4, 224, 3, 64, 7, 2, true)},
      {"depthwise 56x56x128", square(8, 56, 128, 128, 3, 1, true, 128)},
      {"depthwise s2 56x56x128", square(8, 56, 128, 128, 3, 2, true, 128)},
      {"groups 32 28x28x128", square(8, 28, 128, 128, 3, 1, true, 32)},
      {"1d 200x64-64 k5", shapeOf(32, {1, 1, 1, 1, 0, 1}, {200, 200, 5, 1, 2, 1}, 64, 64, 1)},
      {"batch 1 56x56x64", square(1, 56, 64, 64, 3, 1, true)},
  };
  std::printf("%s, GFLOP/s (ms) of conv, input gradient, weight gradient: one thread | two\n", kernels().instructionSet);
  for (const auto& [name, shape] : cases) {
    const Convolution& c = shape;  // closures of C++17 cannot name parts of a pair
    if (only && !std::strstr(name, only)) continue;
    const std::vector<float> x = numbers(sizeOfX(c)), w = numbers(sizeOfW(c)), dy = numbers(sizeOfY(c));
    std::vector<float> y(dy.size()), dx(x.size()), dw(w.size());
    const double flops = 2.0 * double(sizeOfY(c)) * double(sizeOfW(c)) / double(c.filters);
    std::printf("%-23s", name);
    for (const Threads& threads : {kOne, kTwo}) {
      const double seconds[] = {
          secondsOf(!threads.start, [&] { kernels().conv(c, x.data(), w.data(), nullptr, Activation::none, y.data(), threads); }),
          secondsOf(!threads.start, [&] { kernels().convInputGrad(c, dy.data(), w.data(), nullptr, Activation::none, dx.data(), threads); }),
          secondsOf(!threads.start, [&] { kernels().convWeightGrad(c, x.data(), dy.data(), dw.data(), threads); })};
      for (const double s : seconds) std::printf(" %6.1f (%6.2f)", flops / s / 1e9, s * 1e3);
      if (threads.start == nullptr) std::printf(" |");
    }
    std::printf("\n");
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1 && std::strcmp(arguments[1], "--bench") == 0) {
    bench(count > 2 ? arguments[2] : nullptr);
    return 0;
  }
  testRandomShapes();
  testLargeShapes();
  testSpecialValues();
  testNanOfTiles();
  testEmpty();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 ? 1 : 0;
}
