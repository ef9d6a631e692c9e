/** Pooling and its gradients against plain loops; `--bench` measures instead. */
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "../src/kernels.h"
#include "check.h"

using namespace keras;

namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();

std::mt19937 generator(3);
int64_t any(int64_t least, int64_t most) { return std::uniform_int_distribution<int64_t>(least, most)(generator); }

/** Few different numbers, so that maxima are often equal; at times NaN and infinities. */
std::vector<float> numbers(int64_t count, bool special) {
  std::vector<float> all(static_cast<size_t>(count));
  for (float& number : all) {
    number = static_cast<float>(any(-3, 3));
    const int64_t kind = special ? any(0, 30) : 3;
    if (kind == 0) number = kNan;
    if (kind == 1) number = -kInfinity;
    if (kind == 2) number = kInfinity;
  }
  return all;
}

int64_t sizeOfX(const Pooling& p) { return p.batch * p.height * p.width * p.channels; }
int64_t sizeOfY(const Pooling& p) { return p.batch * p.outHeight * p.outWidth * p.channels; }

std::string nameOf(const Pooling& p) {
  char text[256];
  std::snprintf(text, sizeof text, "[%d,%d,%d,%d] -> %dx%d window %dx%d strides %d,%d before %d,%d", int(p.batch),
                int(p.height), int(p.width), int(p.channels), int(p.outHeight), int(p.outWidth), int(p.windowHeight),
                int(p.windowWidth), int(p.strideHeight), int(p.strideWidth), int(p.top), int(p.left));
  return text;
}

/** Calls body(index in y, indices in x) for every window and channel. */
template <class Body>
void eachWindow(const Pooling& p, const Body& body) {
  std::vector<size_t> window;
  for (int64_t n = 0; n < p.batch; n++)
    for (int64_t oy = 0; oy < p.outHeight; oy++)
      for (int64_t ox = 0; ox < p.outWidth; ox++)
        for (int64_t c = 0; c < p.channels; c++) {
          window.clear();
          for (int64_t i = 0; i < p.windowHeight; i++)
            for (int64_t j = 0; j < p.windowWidth; j++) {
              const int64_t iy = oy * p.strideHeight - p.top + i, ix = ox * p.strideWidth - p.left + j;
              if (iy < 0 || iy >= p.height || ix < 0 || ix >= p.width) continue;
              window.push_back(static_cast<size_t>(((n * p.height + iy) * p.width + ix) * p.channels + c));
            }
          body(static_cast<size_t>(((n * p.outHeight + oy) * p.outWidth + ox) * p.channels + c), window);
        }
}

bool isSame(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/** Whether all are the same; sums of small whole numbers and of special ones are exact. */
void compare(const char* what, const Pooling& p, const std::vector<float>& got, const std::vector<float>& expected) {
  for (size_t i = 0; i < got.size(); i++) {
    if (isSame(got[i], expected[i])) continue;
    check(false, std::string(what) + " " + nameOf(p) + " at " + std::to_string(i) + ": " + std::to_string(got[i]) +
                     " instead of " + std::to_string(expected[i]));
    return;
  }
  check(true, what);
}

void testShape(const Pooling& p, bool special) {
  const Kernels& k = kernels();
  const std::vector<float> x = numbers(sizeOfX(p), special), dy = numbers(sizeOfY(p), special);
  std::vector<float> y(dy.size()), dx(x.size()), sum(dy.size()), dsum(x.size());
  eachWindow(p, [&](size_t at, const std::vector<size_t>& window) {
    y[at] = -kInfinity;
    const size_t* winner = nullptr;
    for (const size_t& i : window) {
      if (!winner || x[i] > x[*winner] || (std::isnan(x[i]) && !std::isnan(x[*winner]))) winner = &i;
      sum[at] += 0.5f * x[i];
      dsum[i] += 0.5f * dy[at];
    }
    if (!winner) return;
    y[at] = x[*winner];
    dx[*winner] += dy[at];
  });
  const auto fresh = [](size_t count) { return std::vector<float>(count, 77.0f); };
  std::vector<float> gotY = fresh(y.size()), gotDx = fresh(x.size()), gotSum = fresh(y.size()), gotDsum = fresh(x.size());
  k.maxPool(p, x.data(), gotY.data(), kBackwards);
  k.maxPoolGrad(p, x.data(), dy.data(), gotDx.data(), kBackwards);
  k.sumPool(p, 0.5f, x.data(), gotSum.data(), kBackwards);
  k.sumPoolGrad(p, 0.5f, dy.data(), gotDsum.data(), kBackwards);
  compare("maxPool", p, gotY, y);
  compare("maxPoolGrad", p, gotDx, dx);
  compare("sumPool", p, gotSum, sum);
  compare("sumPoolGrad", p, gotDsum, dsum);
}

void testRandomShapes() {
  const int64_t few[] = {1, 2, 3, 7, 8, 15, 16, 17, 33, 64, 70};
  for (int i = 0; i < 200; i++) {
    Pooling p;
    p.batch = any(1, 4);
    p.channels = few[any(0, 10)];
    const auto dimension = [&](int64_t& size, int64_t& out, int64_t& window, int64_t& stride, int64_t& before) {
      window = any(1, 4);
      stride = any(1, 4);
      out = any(1, 7);
      before = any(0, 1) ? 0 : any(0, window);
      size = std::max<int64_t>(1, (out - 1) * stride + window - before - any(0, window));
    };
    dimension(p.height, p.outHeight, p.windowHeight, p.strideHeight, p.top);
    dimension(p.width, p.outWidth, p.windowWidth, p.strideWidth, p.left);
    testShape(p, i % 2 == 1);
  }
  testShape({1, 60, 60, 100, 30, 30, 3, 3, 2, 2, 0, 0}, true);
  testShape({3, 40, 40, 200, 40, 40, 3, 3, 1, 1, 1, 1}, false);
  testShape({20, 9, 9, 24, 3, 3, 3, 3, 3, 3, 0, 0}, true);
  testShape({0, 9, 9, 24, 3, 3, 3, 3, 3, 3, 0, 0}, false);
}

double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

template <class Run>
double microsecondsOf(const Run& run) {
  double best = 1e9;
  for (int i = 0; i < 10; i++) {
    const double start = now();
    run();
    best = std::min(best, now() - start);
  }
  return best * 1e6;
}

void bench() {
  const Pooling cases[] = {{64, 28, 28, 64, 9, 9, 3, 3, 3, 3, 0, 0},   {128, 24, 24, 32, 8, 8, 3, 3, 3, 3, 0, 0},
                           {8, 112, 112, 64, 56, 56, 3, 3, 2, 2, 0, 0}, {64, 32, 32, 64, 16, 16, 2, 2, 2, 2, 0, 0},
                           {64, 7, 7, 64, 1, 1, 7, 7, 1, 1, 0, 0}};
  std::printf("%s, µs (GB/s of x) of maxPool, its gradient, sumPool, its gradient\n", kernels().instructionSet);
  for (const Pooling& p : cases) {
    const std::vector<float> x = numbers(sizeOfX(p), false), dy = numbers(sizeOfY(p), false);
    std::vector<float> y(dy.size()), dx(x.size());
    std::printf("%-70s", nameOf(p).c_str());
    for (const double time : {microsecondsOf([&] { kernels().maxPool(p, x.data(), y.data(), {}); }),
                              microsecondsOf([&] { kernels().maxPoolGrad(p, x.data(), dy.data(), dx.data(), {}); }),
                              microsecondsOf([&] { kernels().sumPool(p, 1, x.data(), y.data(), {}); }),
                              microsecondsOf([&] { kernels().sumPoolGrad(p, 1, dy.data(), dx.data(), {}); })}) {
      std::printf(" %7.0f (%5.1f)", time, 4e-3 * double(x.size()) / time);
    }
    std::printf("\n");
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1 && std::strcmp(arguments[1], "--bench") == 0) {
    bench();
    return 0;
  }
  testRandomShapes();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 ? 1 : 0;
}
