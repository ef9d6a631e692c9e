/** Independent tasks on the threads of whoever runs a kernel. */
#pragma once
#include <cstddef>

namespace keras {

/** For loops that wait for another thread. */
static inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/**
 * How a kernel spreads its work. Kernels cut work by its size alone, never by the number of threads, so that a result does
 * not depend, to the last bit, on how many there are.
 */
struct Threads {
  /** Runs `task(data, 0 … count - 1)`, in any order, at the same time or not, and returns when all have ended. */
  using Start = void (*)(void* session, void (*task)(void* data, size_t index), size_t count, void* data);

  Start start = nullptr;
  void* session = nullptr;

  /** `body(i)` for i from 0 to count - 1. */
  template <class Body>
  void each(size_t count, const Body& body) const {
    if (count == 0) return;
    if (count == 1 || start == nullptr) {
      for (size_t i = 0; i < count; i++) body(i);
      return;
    }
    start(
        session, [](void* data, size_t index) { (*static_cast<const Body*>(data))(index); }, count,
        const_cast<void*>(static_cast<const void*>(&body)));
  }
};

}  // namespace keras
