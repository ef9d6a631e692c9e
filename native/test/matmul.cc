/** Products of matrices against plain loops in float64; `--bench` measures instead. */
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

std::mt19937 generator(7);
int64_t any(int64_t least, int64_t most) { return std::uniform_int_distribution<int64_t>(least, most)(generator); }

std::string nameOf(const MatrixProduct& p) {
  char text[200];
  std::snprintf(text, sizeof text, "%d x [%d,%d]%s x [%d,%d]%s%s", int(p.batch), int(p.rows), int(p.inner), p.transposeA ? "T" : "",
                int(p.inner), int(p.columns), p.transposeB ? "T" : "", p.sharedB ? " shared" : "");
  return text;
}

/** Numbers with one before, so that they are aligned to nothing, and one behind, so that reading it shows. */
struct Numbers {
  std::vector<float> all;
  explicit Numbers(int64_t count) : all(static_cast<size_t>(count) + 2, kNan) {
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < count; i++) all[static_cast<size_t>(i) + 1] = normal(generator);
  }
  float* data() { return all.data() + 1; }
};

struct Operands {
  Numbers a, b, bias;
  explicit Operands(const MatrixProduct& p)
      : a(p.batch * p.rows * p.inner), b((p.sharedB ? 1 : p.batch) * p.inner * p.columns), bias(p.columns) {}
};

void testProduct(const MatrixProduct& p, bool biased, Activation activation) {
  Operands given(p);
  const float *a = given.a.data(), *b = given.b.data(), *bias = biased ? given.bias.data() : nullptr;
  const size_t size = static_cast<size_t>(p.batch * p.rows * p.columns);
  std::vector<float> y(size + 1, -7), again(y);
  kernels().matmul(p, a, b, bias, activation, y.data(), {});
  kernels().matmul(p, a, b, bias, activation, again.data(), kBackwards);
  bool close = true;
  for (int64_t n = 0; n < p.batch; n++)
    for (int64_t i = 0; i < p.rows; i++)
      for (int64_t j = 0; j < p.columns; j++) {
        double sum = 0, size = 1e-30;
        for (int64_t k = 0; k < p.inner; k++) {
          const double left = a[n * p.rows * p.inner + (p.transposeA ? k * p.rows + i : i * p.inner + k)];
          const double right = b[(p.sharedB ? 0 : n * p.inner * p.columns) + (p.transposeB ? j * p.inner + k : k * p.columns + j)];
          sum += left * right;
          size += std::fabs(left * right);
        }
        sum = sum * p.alpha + (biased ? bias[j] : 0);
        size = size * std::fabs(p.alpha) + (biased ? std::fabs(bias[j]) : 0);
        if (activation == Activation::relu) sum = std::max(sum, 0.0);
        const double got = y[static_cast<size_t>((n * p.rows + i) * p.columns + j)];
        // Roundings of sums of up to 256 terms mostly cancel.
        close = close && std::fabs(got - sum) <= 2e-6 * size;
      }
  check(close, nameOf(p));
  check(y.back() == -7, nameOf(p) + " stays within its memory");
  check(y == again, nameOf(p) + " with tasks in another order");
}

void testRandom() {
  for (int i = 0; i < 400; i++) {
    MatrixProduct p{};
    p.batch = i % 3 == 0 ? any(1, 5) : 1;
    p.rows = any(1, i % 5 == 0 ? 150 : 30);
    p.inner = any(i % 20 == 0 ? 0 : 1, i % 7 == 0 ? 700 : 60);
    p.columns = i % 4 == 0 ? 16 * any(1, 10) : any(1, i % 6 == 0 ? 600 : 100);
    p.transposeA = any(0, 1);
    p.transposeB = any(0, 1);
    p.sharedB = any(0, 1);
    p.alpha = any(0, 1) ? 1.0f : 0.25f;
    testProduct(p, any(0, 1), any(0, 1) ? Activation::relu : Activation::none);
  }
}

void testEachWay() {
  for (const bool transposeA : {false, true}) {
    for (const bool transposeB : {false, true}) {
      testProduct({1, 70, 3000, 50, transposeA, transposeB, false, 0.5f}, true, Activation::relu);
      testProduct({1, 200, 1111, 33, transposeA, transposeB, false, 1}, false, Activation::none);
      testProduct({1, 300, 300, 1000, transposeA, transposeB, false, 1}, true, Activation::none);
      testProduct({1, 5, 2100, 2500, transposeA, transposeB, false, 1}, true, Activation::relu);
      testProduct({40, 20, 30, 40, transposeA, transposeB, false, 1}, true, Activation::none);
      testProduct({2, 260, 520, 50, transposeA, transposeB, true, 1}, false, Activation::none);
      testProduct({0, 3, 4, 5, transposeA, transposeB, false, 1}, false, Activation::none);
      testProduct({1, 3, 0, 5, transposeA, transposeB, false, 1}, true, Activation::none);
    }
  }
}

/** Terms of zero spoil nothing, but zero times infinity does. */
void testSpecial() {
  for (const int64_t inner : {5, 2000}) {
    const MatrixProduct p{1, 3, inner, 40, false, false, false, 1};
    std::vector<float> a(static_cast<size_t>(3 * inner), 1), b(static_cast<size_t>(inner * 40), 1), y(120);
    a[0] = kInfinity;
    a[static_cast<size_t>(inner)] = kNan;
    b[static_cast<size_t>(40 + 7)] = -kInfinity;
    kernels().matmul(p, a.data(), b.data(), nullptr, Activation::relu, y.data(), {});
    check(y[0] == kInfinity && std::isnan(y[7]) && std::isnan(y[40]) && y[80] == float(inner) && y[87] == 0, "NaN and infinities");
  }
}

double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

void bench() {
  const MatrixProduct cases[] = {
      {1, 6400, 128, 256, false, false, false, 1}, {1, 6400, 256, 128, false, true, false, 1}, {1, 128, 6400, 256, true, false, false, 1},
      {1, 3200, 64, 128, false, false, false, 1},  {1, 3200, 128, 64, false, true, false, 1},  {1, 64, 3200, 128, true, false, false, 1},
      {1, 64, 784, 64, false, false, false, 1},    {1, 64, 64, 784, false, true, false, 1},    {1, 784, 64, 64, true, false, false, 1},
      {1, 32, 64, 10, false, false, false, 1},     {1, 32, 64, 64, false, false, false, 1},    {1, 64, 32, 64, true, false, false, 1}, {1, 100, 32, 512, false, false, false, 1},
      {64, 200, 32, 200, false, true, false, 1},   {64, 200, 200, 32, false, false, false, 1}, {64, 200, 200, 32, true, false, false, 1},
      {1, 1, 784, 64, false, false, false, 1},     {1, 1, 4096, 4096, false, false, false, 1}, {1, 1024, 1024, 1024, false, false, false, 1},
      {1, 128, 4096, 4096, false, false, false, 1}, {1, 512, 512, 512, true, true, false, 1}};
  for (const MatrixProduct& p : cases) {
    Operands given(p);
    std::vector<float> y(static_cast<size_t>(p.batch * p.rows * p.columns));
    double best = 1e9;
    const double until = now() + 0.15;
    for (int i = 0; i < 5 || (i < 2000 && now() < until); i++) {
      const double start = now();
      kernels().matmul(p, given.a.data(), given.b.data(), nullptr, Activation::none, y.data(), {});
      best = std::min(best, now() - start);
    }
    std::printf("%-40s %9.1f µs %6.1f GFLOP/s\n", nameOf(p).c_str(), best * 1e6,
                2e-9 * double(p.batch * p.rows * p.columns * p.inner) / best);
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1 && std::strcmp(arguments[1], "--bench") == 0) {
    bench();
    return 0;
  }
  testRandom();
  testEachWay();
  testSpecial();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 ? 1 : 0;
}
