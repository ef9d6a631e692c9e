/** The kernels of one instruction set. */
#include "columnSum.h"
#include "conv.h"
#include "elementwise.h"
#include "matmul.h"
#include "pool.h"
#include "rows.h"
#include "scan.h"

namespace keras::KERAS_ISA {

const Kernels& table();

const Kernels& table() {
#if defined(__AVX512F__)
  constexpr const char* name = "avx512";
#elif defined(__AVX2__)
  constexpr const char* name = "avx2";
#elif defined(__ARM_NEON)
  constexpr const char* name = "neon";
#else
  constexpr const char* name = "sse2";
#endif
  static const Kernels kernels = {
      name,
      conv,
      convInputGrad,
      convWeightGrad,
      maxPool,
      maxPoolGrad,
      sumPool,
      sumPoolGrad,
      matmul,
      columnSum,
      gatherRows,
      addRows,
      elementwise,
      scan,
  };
  return kernels;
}

}  // namespace keras::KERAS_ISA
