/** Vectors that hold less than they could, the last ones of a row of numbers; and tiles of vectors in registers. */
#pragma once
#include <utility>

#include "../simd.h"
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace keras::KERAS_ISA {

/** The first `count` lanes, from 0 to kLanes; never touches what lies behind them. */
class Lanes {
 public:
  explicit Lanes(int64_t count) : count_(static_cast<int>(count)) {
#if defined(__AVX512F__)
    mask_ = static_cast<__mmask16>((1u << count_) - 1);
#elif defined(__AVX2__)
    mask_ = _mm256_cmpgt_epi32(_mm256_set1_epi32(count_), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
#endif
  }

  bool full() const { return count_ == kLanes; }

  /** The lanes at p; the others are 0. */
  Vec load(const float* p) const {
#if defined(__AVX512F__)
    return reinterpret_cast<Vec>(_mm512_maskz_loadu_ps(mask_, p));
#elif defined(__AVX2__)
    return reinterpret_cast<Vec>(_mm256_maskload_ps(p, mask_));
#else
    Vec v{};
    for (int i = 0; i < count_; i++) v[i] = p[i];
    return v;
#endif
  }

  void store(float* p, Vec v) const {
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(p, mask_, reinterpret_cast<__m512>(v));
#elif defined(__AVX2__)
    _mm256_maskstore_ps(p, mask_, reinterpret_cast<__m256>(v));
#else
    for (int i = 0; i < count_; i++) p[i] = v[i];
#endif
  }

 private:
  int count_;
#if defined(__AVX512F__)
  __mmask16 mask_;
#elif defined(__AVX2__)
  __m256i mask_;
#endif
};

/** All lanes: what Lanes is to code that is compiled for whole vectors as well. */
struct WholeVector {
  Vec load(const float* p) const { return KERAS_ISA::load(p); }
  void store(float* p, Vec v) const { KERAS_ISA::store(p, v); }
};

template <class Body, int... I>
__attribute__((always_inline)) static inline void eachOf(const Body& body, std::integer_sequence<int, I...>) {
  (body(std::integral_constant<int, I>{}), ...);
}

/**
 * body(0) … body(N - 1), written out: arrays of vectors that are only read and written so become registers. Of a loop,
 * unrolled too late, compilers keep the array.
 */
template <int N, class Body>
__attribute__((always_inline)) static inline void each(const Body& body) {
  eachOf(body, std::make_integer_sequence<int, N>{});
}

/** max(v, 0), where NaN stays. */
static inline Vec reluOf(Vec v) {
  const Vec zero{};
  return v < zero ? zero : v;
}

}  // namespace keras::KERAS_ISA
