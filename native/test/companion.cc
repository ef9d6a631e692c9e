/** Tasks shared with the companion: each runs once, whoever asks, awake or asleep. */
#include "../src/companion.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "check.h"

using namespace keras;

namespace {

/** Whether each of `count` tasks ran once. */
bool runsEachOnce(size_t count, int work) {
  std::vector<std::atomic<int>> times(count);
  companionThreads().each(count, [&](size_t i) {
    volatile double x = 1;
    for (int k = 0; k < work; k++) x = x * 1.0000001;
    times[i]++;
  });
  for (const auto& time : times) {
    if (time != 1) return false;
  }
  return true;
}

void testCounts() {
  for (const size_t count : {0, 1, 2, 3, 7, 100}) {
    bool right = true;
    for (const int work : {0, 10, 1000}) {
      for (int i = 0; i < 200; i++) right = right && runsEachOnce(count, work);
    }
    check(right, std::to_string(count) + " tasks, one call after the other");
  }
}

void testSleep() {
  bool right = true;
  for (int i = 0; i < 20; i++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(i % 4));
    right = right && runsEachOnce(5, 5000);
  }
  check(right, "calls after pauses, in which the companion falls asleep");
}

/** There is one companion for all: who does not get it runs alone. */
void testManyCallers() {
  std::atomic<bool> right{true};
  std::vector<std::thread> callers;
  for (int c = 0; c < 3; c++) {
    callers.emplace_back([&] {
      for (int i = 0; i < 500; i++) {
        if (!runsEachOnce(4, 200)) right = false;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  check(right, "calls of several threads at the same time");
}

/** A task that asks for companions itself. */
void testNested() {
  std::atomic<int> sum{0};
  for (int i = 0; i < 100; i++) {
    companionThreads().each(3, [&](size_t) { companionThreads().each(3, [&](size_t) { sum++; }); });
  }
  check(sum == 900, "tasks of tasks");
}

}  // namespace

int main() {
  testCounts();
  testSleep();
  testManyCallers();
  testNested();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 ? 1 : 0;
}
