/** Chooses the kernels of this processor. */
#include "kernels.h"

#include <cstdlib>
#include <cstring>

namespace keras {

// A library may be built for some of them only (tools/native.mjs): what is not there is null.
#define KERAS_TABLE(set) namespace set { __attribute__((weak)) const Kernels& table(); }
#if defined(__x86_64__)
KERAS_TABLE(avx512)
KERAS_TABLE(avx2)
KERAS_TABLE(sse2)
#else
KERAS_TABLE(neon)
#endif
#undef KERAS_TABLE

namespace {

using Table = const Kernels& (*)();

const Kernels* tableOf(Table table) { return table == nullptr ? nullptr : &table(); }

const Kernels* choose() {
#if defined(__x86_64__)
  const char* limit = std::getenv("KERAS_TS_ISA");
  const auto allowed = [&](const char* widest) { return limit == nullptr || std::strcmp(limit, widest) == 0; };
  __builtin_cpu_init();
  const bool has512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  const bool has2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const Kernels* chosen = nullptr;
  if (has512 && has2 && allowed("avx512")) chosen = tableOf(avx512::table);
  if (chosen == nullptr && has2 && (allowed("avx512") || allowed("avx2"))) chosen = tableOf(avx2::table);
  return chosen != nullptr ? chosen : tableOf(sse2::table);
#else
  return tableOf(neon::table);
#endif
}

const Kernels* chosenKernels() {
  static const Kernels* chosen = choose();
  return chosen;
}

}  // namespace

bool hasKernels() { return chosenKernels() != nullptr; }

const Kernels& kernels() { return *chosenKernels(); }

const char* instructionSet() { return hasKernels() ? kernels().instructionSet : "none"; }

}  // namespace keras
