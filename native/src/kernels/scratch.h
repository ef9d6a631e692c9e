/** Memory for the time of one call, kept by each thread between calls. */
#pragma once
#include <cstdint>
#include <cstdlib>

namespace keras::KERAS_ISA {

/**
 * A thread that starts tasks also runs some, while what it prepared for all of them is in use: hence one memory for each
 * purpose.
 */
enum class ScratchUse : int { weights, transformed, bias, partials, image, offsets, runs, count };

class Scratch {
 public:
  Scratch(ScratchUse use, int64_t floats) : kept_(memory(use)) {
    const size_t bytes = (static_cast<size_t>(floats) * sizeof(float) + 127) / 64 * 64;
    if (kept_.bytes < bytes) {
      std::free(kept_.data);
      kept_.data = static_cast<float*>(std::aligned_alloc(64, bytes));
      kept_.bytes = kept_.data ? bytes : 0;
      // Without exceptions and without a way to report: what std::vector would come to as well.
      if (!kept_.data) std::abort();
    }
  }
  ~Scratch() {
    if (kept_.bytes > kMostKept) kept_.release();
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  float* data() const { return kept_.data; }

 private:
  static constexpr size_t kMostKept = size_t{64} << 20;

  struct Memory {
    float* data = nullptr;
    size_t bytes = 0;
    ~Memory() { release(); }
    void release() {
      std::free(data);
      data = nullptr;
      bytes = 0;
    }
  };

  static Memory& memory(ScratchUse use) {
    static thread_local Memory memories[static_cast<int>(ScratchUse::count)];
    return memories[static_cast<int>(use)];
  }

  Memory& kept_;
};

}  // namespace keras::KERAS_ISA
