/** Rows of tables, read and added to by number. See Kernels. */
#pragma once
#include "../kernels.h"

namespace keras::KERAS_ISA {

void gatherRows(const Rows&, const float* table, float* y, const Threads&);
void addRows(const Rows&, float factor, const float* base, const float* updates, float* y, const Threads&);

}  // namespace keras::KERAS_ISA
