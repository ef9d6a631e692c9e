#pragma once
#include "../kernels.h"
#include "../simd.h"

namespace keras::KERAS_ISA {

/** Runs a program of elementwise operations (../elementwise.h). */
void elementwise(const ElementwiseProgram&, const void* const* inputs, void* const* outputs, const Threads&);
/** float32 of truth values, which are bytes of 0 and 1. */
void fromBools(const uint8_t* from, float* to, int64_t count);
void toBools(const float* from, uint8_t* to, int64_t count);

}  // namespace keras::KERAS_ISA
