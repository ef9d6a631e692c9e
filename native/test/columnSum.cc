/** Sums of columns against sums in float64; `--bench` measures instead. */
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

std::mt19937 generator(5);
int64_t any(int64_t least, int64_t most) { return std::uniform_int_distribution<int64_t>(least, most)(generator); }

std::string nameOf(int64_t rows, int64_t columns) {
  return "[" + std::to_string(rows) + ", " + std::to_string(columns) + "]";
}

void testShape(int64_t rows, int64_t columns) {
  std::normal_distribution<float> normal;
  // One number ahead, so that rows are aligned to nothing; one behind, to see that it is not read.
  std::vector<float> data(static_cast<size_t>(rows * columns + 2), std::numeric_limits<float>::quiet_NaN());
  float* x = data.data() + 1;
  for (int64_t i = 0; i < rows * columns; i++) x[i] = normal(generator) + 1;
  std::vector<double> sums(static_cast<size_t>(columns)), sizes(static_cast<size_t>(columns));
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t c = 0; c < columns; c++) {
      sums[static_cast<size_t>(c)] += x[r * columns + c];
      sizes[static_cast<size_t>(c)] += std::fabs(x[r * columns + c]);
    }
  }
  const float factor = 0.25f;
  std::vector<float> y(static_cast<size_t>(columns) + 1, -7), again(y);
  kernels().columnSum(rows, columns, factor, x, y.data(), {});
  kernels().columnSum(rows, columns, factor, x, again.data(), kBackwards);
  bool close = true;
  for (size_t c = 0; c < sums.size(); c++) {
    // A few roundings of the sum of sizes, whatever the number of rows.
    close = close && std::fabs(double(y[c]) - factor * sums[c]) <= factor * 2e-6 * sizes[c];
  }
  check(close, "sums of " + nameOf(rows, columns));
  check(y.back() == -7, nameOf(rows, columns) + " stays within its memory");
  check(y == again, nameOf(rows, columns) + " with tasks in another order");
}

void testSpecial() {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const int64_t columns : {5, 40, 200}) {
    std::vector<float> x(static_cast<size_t>(1000 * columns), 1), y(static_cast<size_t>(columns));
    x[static_cast<size_t>(300 * columns + 1)] = infinity;
    x[static_cast<size_t>(999 * columns + 2)] = nan;
    x[static_cast<size_t>(7 * columns + 3)] = infinity;
    x[static_cast<size_t>(8 * columns + 3)] = -infinity;
    kernels().columnSum(1000, columns, 1, x.data(), y.data(), {});
    check(y[0] == 1000 && y[1] == infinity && std::isnan(y[2]) && std::isnan(y[3]) && y[4] == 1000, "NaN and infinities");
  }
}

double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

void bench() {
  const int64_t cases[][2] = {{6400, 256}, {3200, 128}, {64, 64}, {65536, 16}, {16384, 32}, {4096, 64}, {64, 4096}, {12800, 10}, {100000, 1}, {2000, 2000}};
  for (const auto& [rows, columns] : cases) {
    std::vector<float> x(static_cast<size_t>(rows * columns), 1), y(static_cast<size_t>(columns));
    double best = 1e9;
    for (int i = 0; i < 50; i++) {
      const double start = now();
      kernels().columnSum(rows, columns, 1, x.data(), y.data(), {});
      best = std::min(best, now() - start);
    }
    std::printf("%-16s %8.1f µs %6.1f GB/s\n", nameOf(rows, columns).c_str(), best * 1e6, 4e-9 * double(x.size()) / best);
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1 && std::strcmp(arguments[1], "--bench") == 0) {
    bench();
    return 0;
  }
  for (const int64_t columns : {1, 2, 3, 7, 8, 10, 16, 31, 64, 100, 127, 128, 129, 256, 2047, 2049, 5000}) {
    for (const int64_t rows : {0, 1, 2, 8, 15, 127, 129, 1000}) testShape(rows, columns);
  }
  for (int i = 0; i < 100; i++) testShape(any(0, 3000), any(1, 300));
  testShape(1000000, 1);
  testSpecial();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 ? 1 : 0;
}
