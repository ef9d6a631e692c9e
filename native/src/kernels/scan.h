#pragma once
#include "../kernels.h"
#include "../simd.h"

namespace keras::KERAS_ISA {

/** Runs a loop over time (../scan.h). */
void scan(const ScanProgram&, const void* const* inputs, void* const* outputs, const Threads&);

}  // namespace keras::KERAS_ISA
