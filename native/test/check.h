/** What the test programs share: counting, and tasks in an order that shows when one leans on another. */
#pragma once
#include <cstddef>
#include <cstdio>
#include <string>

#include "../src/threads.h"

namespace {

int passed = 0, failed = 0;
void check(bool good, const std::string& what) {
  (good ? passed : failed)++;
  if (!good) std::printf("FAILED %s\n", what.c_str());
}

/** Tasks one after the other, last first: no task may lean on another. */
void startBackwards(void*, void (*task)(void*, size_t), size_t count, void* data) {
  while (count-- > 0) task(data, count);
}
[[maybe_unused]] const keras::Threads kBackwards{startBackwards, nullptr};

}  // namespace
