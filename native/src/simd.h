/**
 * Vectors of floats, as wide as the instruction set that a file of kernels is being compiled for.
 *
 * Files in kernels/ are compiled once for each instruction set, with KERAS_ISA naming the namespace their code lives in
 * (inline functions must not be shared between those: the linker would keep one and run it everywhere).
 */
#pragma once
#include <cstdint>
#include <cstring>

#ifndef KERAS_ISA
#error "compile kernels through tools/native.mjs, which sets KERAS_ISA"
#endif

namespace keras::KERAS_ISA {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
/** Vector registers to plan with. */
constexpr int kRegisters = 32;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
constexpr int kRegisters = 16;
#elif defined(__ARM_NEON)
constexpr int kLanes = 4;
constexpr int kRegisters = 32;
#else
constexpr int kLanes = 4;
constexpr int kRegisters = 16;
#endif

/** Numbers of a line of a cache. */
constexpr int64_t kLine = 16;

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef int32_t IntVec __attribute__((vector_size(kLanes * 4)));

static inline Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
static inline void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
static inline Vec splat(float x) { return x - Vec{}; }

}  // namespace keras::KERAS_ISA
