/** Rows of tables against plain loops; `--bench` measures instead. */
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "../src/kernels.h"
#include "check.h"

using namespace keras;

namespace {

std::mt19937 generator(7);
int64_t any(int64_t least, int64_t most) { return std::uniform_int_distribution<int64_t>(least, most)(generator); }

std::vector<float> numbers(int64_t count) {
  // Small whole numbers: sums are exact, whatever multiplies and adds in one go.
  std::vector<float> made(static_cast<size_t>(count));
  for (float& x : made) x = static_cast<float>(any(-50, 50));
  return made;
}

std::string nameOf(const Rows& rows) {
  return std::to_string(rows.count) + " of [" + std::to_string(rows.height) + ", " + std::to_string(rows.width) + "]";
}

void testShape(int64_t height, int64_t width, int64_t count) {
  std::vector<int32_t> ids(static_cast<size_t>(count));
  for (int32_t& id : ids) id = static_cast<int32_t>(any(-height, height - 1));
  const Rows rows{height, width, count, ids.data()};
  const std::string name = nameOf(rows);
  const auto rowOf = [&](int64_t i) { return ids[static_cast<size_t>(i)] + (ids[static_cast<size_t>(i)] < 0 ? height : 0); };
  const std::vector<float> table = numbers(height * width), updates = numbers(count * width);

  std::vector<float> expected, got(static_cast<size_t>(count * width) + 1, -7);
  for (int64_t i = 0; i < count; i++) {
    expected.insert(expected.end(), table.begin() + rowOf(i) * width, table.begin() + (rowOf(i) + 1) * width);
  }
  expected.push_back(-7);
  kernels().gatherRows(rows, table.data(), got.data(), kBackwards);
  check(got == expected, "rows read: " + name);

  for (const float factor : {1.0f, 0.5f}) {
    for (const bool zeros : {true, false}) {
      expected = zeros ? std::vector<float>(table.size(), 0) : table;
      for (float& x : expected) x *= zeros ? 1 : factor;
      for (int64_t i = 0; i < count; i++) {
        for (int64_t k = 0; k < width; k++) expected[static_cast<size_t>(rowOf(i) * width + k)] += updates[static_cast<size_t>(i * width + k)];
      }
      expected.push_back(-7);
      const std::string what = std::string(zeros ? " to zeros: " : " to a table: ") + name;
      got.assign(table.size() + 1, -7);
      kernels().addRows(rows, factor, zeros ? nullptr : table.data(), updates.data(), got.data(), {});
      check(got == expected, "rows added" + what);
      std::fill(got.begin(), got.end() - 1, -3.0f);
      kernels().addRows(rows, factor, zeros ? nullptr : table.data(), updates.data(), got.data(), kBackwards);
      check(got == expected, "rows added with tasks in another order" + what);
      if (zeros) continue;
      got = table;
      got.push_back(-7);
      kernels().addRows(rows, factor, got.data(), updates.data(), got.data(), kBackwards);
      check(got == expected, "rows added in place" + what);
    }
  }
}

double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

template <class Body>
void measure(const std::string& name, double numbers, const Body& body) {
  double best = 1e9;
  for (int i = 0; i < 50; i++) {
    const double start = now();
    body();
    best = std::min(best, now() - start);
  }
  std::printf("%-36s %8.1f µs %6.1f GB/s\n", name.c_str(), best * 1e6, 4e-9 * numbers / best);
}

void bench() {
  const int64_t cases[][3] = {{10000, 64, 3200}, {10000, 64, 320}, {3200, 64, 3200}, {20000, 128, 6400}, {100000, 64, 640}};
  for (const auto& [height, width, count] : cases) {
    std::vector<int32_t> ids(static_cast<size_t>(count));
    for (int32_t& id : ids) id = static_cast<int32_t>(any(0, height - 1));
    const Rows rows{height, width, count, ids.data()};
    std::vector<float> table = numbers(height * width), updates = numbers(count * width), y(table.size());
    const double moved = double(count * width), all = double(height * width);
    measure("read " + nameOf(rows), 2 * moved, [&] { kernels().gatherRows(rows, table.data(), updates.data(), {}); });
    measure("add to zeros " + nameOf(rows), all + 3 * moved, [&] { kernels().addRows(rows, 1, nullptr, updates.data(), y.data(), {}); });
    measure("add in place " + nameOf(rows), 3 * moved, [&] { kernels().addRows(rows, 1, y.data(), updates.data(), y.data(), {}); });
    measure("scale, add in place " + nameOf(rows), 2 * all + 3 * moved, [&] { kernels().addRows(rows, 0.9f, y.data(), updates.data(), y.data(), {}); });
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1 && std::strcmp(arguments[1], "--bench") == 0) {
    bench();
    return 0;
  }
  for (const int64_t width : {0, 1, 3, 16, 17, 64, 100}) {
    for (const int64_t height : {1, 2, 40, 5000}) {
      for (const int64_t rows : {0, 1, 100, 3000}) testShape(height, width, rows);
    }
  }
  for (int i = 0; i < 50; i++) testShape(any(1, 4000), any(1, 200), any(0, 2000));
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 ? 1 : 0;
}
