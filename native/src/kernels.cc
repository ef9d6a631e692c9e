/** Chooses the kernels of this processor. */
#include "kernels.h"

#include <cstdlib>
#include <cstring>

namespace keras {

#if defined(__x86_64__)
namespace avx512 {
const Kernels& table();
}
namespace avx2 {
const Kernels& table();
}
namespace sse2 {
const Kernels& table();
}
#else
namespace neon {
const Kernels& table();
}
#endif

namespace {

const Kernels& choose() {
#if defined(__x86_64__)
  const char* limit = std::getenv("KERAS_TS_ISA");
  const auto allowed = [&](const char* widest) { return limit == nullptr || std::strcmp(limit, widest) == 0; };
  __builtin_cpu_init();
  const bool has512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  const bool has2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (has512 && has2 && allowed("avx512")) return avx512::table();
  if (has2 && (allowed("avx512") || allowed("avx2"))) return avx2::table();
  return sse2::table();
#else
  return neon::table();
#endif
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

const char* instructionSet() { return kernels().instructionSet; }

}  // namespace keras
