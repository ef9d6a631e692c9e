/**
 * Functions of vectors of floats: exp, log, tanh and so on, with the special values of the C library.
 *
 * Errors stay below 4e-7 of the result; results below the least normal number may be zero. The polynomials are least-maximum
 * fits of the relative error (Lawson's iteration on Chebyshev points), each below 2e-8 where it is used.
 */
#pragma once
#include <cmath>
#include <limits>

#include "../simd.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace keras::KERAS_ISA {

// On AVX-512, forms with a mask of all lanes: those without make GCC warn of its own headers.
constexpr float kInfinity = std::numeric_limits<float>::infinity();

static inline IntVec bits(Vec x) {
  IntVec b;
  std::memcpy(&b, &x, sizeof b);
  return b;
}
static inline Vec fromBits(IntVec b) {
  Vec x;
  std::memcpy(&x, &b, sizeof x);
  return x;
}
static inline IntVec splatInt(int32_t x) { return x - IntVec{}; }

/** The first `count` numbers at p, then zeros; nothing behind them is touched. */
static inline Vec loadPart(const float* p, int64_t count) {
#if defined(__AVX512F__)
  return (Vec)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
#else
  Vec v{};
  std::memcpy(&v, p, static_cast<size_t>(count) * sizeof(float));
  return v;
#endif
}
static inline void storePart(float* p, Vec v, int64_t count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)v);
#else
  std::memcpy(p, &v, static_cast<size_t>(count) * sizeof(float));
#endif
}

static inline Vec absolute(Vec x) { return fromBits(bits(x) & 0x7fffffff); }
/** |x| with the sign of `sign`. */
static inline Vec withSign(Vec x, Vec sign) {
  return fromBits((bits(x) & 0x7fffffff) | (bits(sign) & splatInt(INT32_MIN)));
}

static inline Vec squareRoot(Vec x) {
#if defined(__AVX512F__)
  return (Vec)_mm512_maskz_sqrt_ps(0xffff, (__m512)x);
#elif defined(__AVX2__)
  return (Vec)_mm256_sqrt_ps((__m256)x);
#else
  Vec y;
  for (int i = 0; i < kLanes; i++) y[i] = __builtin_sqrtf(x[i]);
  return y;
#endif
}

/** To the nearest integer, halves to the even one; −0 and what has no fraction stay. */
static inline Vec roundEven(Vec x) {
#if defined(__AVX512F__)
  return (Vec)_mm512_maskz_roundscale_ps(0xffff, (__m512)x, 8);
#elif defined(__AVX2__)
  return (Vec)_mm256_round_ps((__m256)x, 8);
#else
  // Adding 2^23 leaves no room for a fraction.
  const Vec magic = splat(8388608.0f);
  const Vec size = absolute(x);
  const Vec rounded = withSign((size + magic) - magic, x);
  return size < magic ? rounded : x;
#endif
}
static inline Vec roundDown(Vec x) {
#if defined(__AVX512F__)
  return (Vec)_mm512_maskz_roundscale_ps(0xffff, (__m512)x, 9);
#elif defined(__AVX2__)
  return (Vec)_mm256_round_ps((__m256)x, 9);
#else
  const Vec rounded = roundEven(x);
  return withSign(rounded > x ? rounded - 1.0f : rounded, x);
#endif
}
static inline Vec roundUp(Vec x) { return -roundDown(-x); }

/** NaN wins, on both sides. */
static inline Vec maximum(Vec a, Vec b) {
  const Vec larger = a > b ? a : b;  // b, if one of them is NaN
  return a != a ? a : larger;
}
static inline Vec minimum(Vec a, Vec b) {
  const Vec smaller = a < b ? a : b;
  return a != a ? a : smaller;
}

typedef uint32_t UnsignedVec __attribute__((vector_size(kLanes * 4)));

constexpr float kLn2High = 0.693359375f;  // so few digits that times an exponent it is exact
constexpr float kLn2Low = -2.12194440e-4f;

/** x = n·ln 2 + r with |r| ≤ ln 2 / 2, for |x| below 2^22·ln 2. */
struct Reduced {
  IntVec n;
  Vec r;
};
static inline Reduced reduceByLn2(Vec x) {
  const Vec magic = splat(12582912.0f);  // 1.5·2^23: adding it rounds to integers, which stand in the low bits then
  const Vec shifted = x * 1.44269504088896341f + magic;
  const Vec n = shifted - magic;
  return {bits(shifted) - bits(magic), x - n * kLn2High - n * kLn2Low};
}
/** e^r − 1 for |r| ≤ ln 2 / 2. */
static inline Vec expm1Reduced(Vec r) {
  Vec p = splat(1.3882456e-3f);
  p = p * r + 8.3668518e-3f;
  p = p * r + 4.16672106e-2f;
  p = p * r + 1.666654116e-1f;
  p = p * r + 4.99999981e-1f;
  return r + r * r * p;
}
/** 2^n for −126 ≤ n ≤ 127. */
static inline Vec powerOfTwo(IntVec n) { return fromBits((n + 127) << 23); }

/** The limits, or x; NaN stays. */
static inline Vec limitAbove(Vec x, float high) {
#if defined(__AVX512F__)
  return (Vec)_mm512_maskz_min_ps(0xffff, (__m512)splat(high), (__m512)x);  // x, if that is NaN
#elif defined(__AVX2__)
  return (Vec)_mm256_min_ps((__m256)splat(high), (__m256)x);
#else
  return x > high ? splat(high) : x;
#endif
}
static inline Vec limitBelow(Vec x, float low) {
#if defined(__AVX512F__)
  return (Vec)_mm512_maskz_max_ps(0xffff, (__m512)splat(low), (__m512)x);
#elif defined(__AVX2__)
  return (Vec)_mm256_max_ps((__m256)splat(low), (__m256)x);
#else
  return x < low ? splat(low) : x;
#endif
}

static inline Vec exponential(Vec x) {
  const Reduced reduced = reduceByLn2(limitBelow(limitAbove(x, 89.0f), -105.0f));
  const Vec y = 1.0f + expm1Reduced(reduced.r);
#if defined(__AVX512F__)
  return (Vec)_mm512_maskz_scalef_ps(0xffff, (__m512)y, (__m512)__builtin_convertvector(reduced.n, Vec));
#else
  // Two factors: 2^n alone may be too large or too small for a float where the result is not.
  const IntVec half = reduced.n >> 1;
  return y * powerOfTwo(half) * powerOfTwo(reduced.n - half);
#endif
}

static inline Vec exponentialMinus1(Vec x) {
  const Reduced reduced = reduceByLn2(limitBelow(limitAbove(x, 89.0f), -20.0f));
  const Vec half = powerOfTwo(reduced.n - 1);  // 2^n is too large for the largest
  const Vec y = 2.0f * (half * expm1Reduced(reduced.r) + (half - 0.5f));
  return x == 0.0f ? x : y;
}

/** x = m·2^e with √½ ≤ m < √2; x positive and finite. */
static inline Vec logarithm(Vec x) {
  const float tiny = std::numeric_limits<float>::min();
  const Vec scaled = x < tiny ? x * 8388608.0f : x;
  // Subtracting √½'s bits makes the exponent field count from √½.
  // It may wrap around for negative x, which have no logarithm anyway.
  const IntVec offset = (IntVec)((UnsignedVec)bits(scaled) - 0x3f3504f3u);
  const IntVec exponent = offset >> 23;
  const Vec f = fromBits((offset & 0x007fffff) + 0x3f3504f3) - 1.0f;
  const Vec e = __builtin_convertvector(exponent, Vec) - (x < tiny ? splat(23.0f) : splat(0.0f));
  Vec p = splat(-0.0763442991f);
  p = p * f + 0.1276155036f;
  p = p * f - 0.1316019505f;
  p = p * f + 0.1420176247f;
  p = p * f - 0.1662335648f;
  p = p * f + 0.2000122667f;
  p = p * f - 0.2500082106f;
  p = p * f + 0.3333333171f;
  const Vec square = f * f;
  Vec y = square * f * p + e * kLn2Low - 0.5f * square;
  y = f + y + e * kLn2High;
  y = x > std::numeric_limits<float>::max() ? x : y;
  y = x == 0.0f ? splat(-kInfinity) : y;
  return x >= 0.0f ? y : splat(std::numeric_limits<float>::quiet_NaN());  // also where x is NaN
}

static inline Vec logarithmOf1Plus(Vec x) {
  const Vec u = 1.0f + x;
  // What 1 + x lost in rounding, in relation to it.
  const Vec lost = x > 1.0f ? 1.0f - (u - x) : x - (u - 1.0f);
  const Vec corrected = logarithm(u) + lost / u;
  const Vec y = ((u > 0.0f) & (u < kInfinity)) ? corrected : logarithm(u);
  return x == 0.0f ? x : y;
}

static inline Vec hyperbolicTangent(Vec x) {
  // e^2|x| − 1, where there is a difference to 1
  const Reduced reduced = reduceByLn2(2.0f * limitAbove(absolute(x), 10.0f));
  const Vec scale = powerOfTwo(reduced.n);
  const Vec e = scale * expm1Reduced(reduced.r) + (scale - 1.0f);
  return withSign(e / (e + 2.0f), x);
}

static inline Vec logistic(Vec x) { return 1.0f / (1.0f + exponential(-x)); }

static inline Vec softPlus(Vec x) {
  return maximum(x, Vec{}) + logarithmOf1Plus(exponential(-absolute(x)));
}

static inline Vec errorFunction(Vec x) {
  const Vec s = x * x;
  Vec p = splat(7.8540248171e-5f);
  p = p * s - 8.0102471638e-4f;
  p = p * s + 5.1883344396e-3f;
  p = p * s - 2.6853816032e-2f;
  p = p * s + 1.1283585270e-1f;
  p = p * s - 3.7612625840e-1f;
  p = p * s + 1.2837916573e-1f;
  const Vec near = x + x * p;
  // 1 − e^−q(|x|)
  const Vec size = absolute(x);
  const Vec t = size > 4.0f ? splat(4.0f) : size;
  Vec q = splat(-1.9822070616e-4f);
  q = q * t + 3.0654998132e-3f;
  q = q * t - 2.2315248008e-2f;
  q = q * t + 1.0411374548e-1f;
  q = q * t + 6.3697601323e-1f;
  q = q * t + 1.1277972809f;
  q = q * t + 1.6643908359e-4f;
  const Vec far = withSign(1.0f - exponential(-q), x);
  return size < 0.95f ? near : far;  // far is NaN where x is
}

typedef double Doubles __attribute__((vector_size(kLanes * 4)));
typedef int64_t Longs __attribute__((vector_size(kLanes * 4)));
typedef float HalfVec __attribute__((vector_size(kLanes * 2)));

/** x^y for x > 0 (or 0, or ∞), in double: log₂ x must be known to more digits than a float has. */
static inline HalfVec powerOfPositive(HalfVec base, HalfVec power) {
  const Doubles x = __builtin_convertvector(base, Doubles);
  const Doubles y = __builtin_convertvector(power, Doubles);
  Longs b;
  std::memcpy(&b, &x, sizeof b);
  const int64_t rootOfHalf = 0x3fe6a09e667f3bcd;
  // Every float but 0 is a normal double, so that its exponent can be read off.
  const Longs offset = b - rootOfHalf;
  const Longs mantissa = (offset & 0x000fffffffffffff) + rootOfHalf;
  Doubles m;
  std::memcpy(&m, &mantissa, sizeof m);
  const Doubles s = (m - 1.0) / (m + 1.0), s2 = s * s;
  Doubles p = s2 * (1.0 / 13) + 1.0 / 11;  // artanh, as |s| ≤ 0.1716
  p = p * s2 + 1.0 / 9;
  p = p * s2 + 1.0 / 7;
  p = p * s2 + 1.0 / 5;
  p = p * s2 + 1.0 / 3;
  p = p * s2 + 1.0;
  Doubles log2 = __builtin_convertvector(offset >> 52, Doubles) + s * p * 2.8853900817779268;
  const double infinity = std::numeric_limits<double>::infinity();
  log2 = x == 0.0 ? -infinity - Doubles{} : log2;
  log2 = x == infinity ? infinity - Doubles{} : log2;
  Doubles t = y * log2;
  t = t > 300.0 ? 300.0 - Doubles{} : t;
  t = t < -300.0 ? -300.0 - Doubles{} : t;
  const Doubles magic = 6755399441055744.0 - Doubles{};  // 1.5·2^52
  const Doubles shifted = t + magic;
  Longs n, zero;
  std::memcpy(&n, &shifted, sizeof n);
  std::memcpy(&zero, &magic, sizeof zero);
  const Doubles r = (t - (shifted - magic)) * 0.69314718055994531;
  Doubles e = r * (1.0 / 40320) + 1.0 / 5040;
  e = e * r + 1.0 / 720;
  e = e * r + 1.0 / 120;
  e = e * r + 1.0 / 24;
  e = e * r + 1.0 / 6;
  e = e * r + 0.5;
  e = e * r + 1.0;
  e = e * r + 1.0;
  const Longs scale = (n - zero + 1023) << 52;
  Doubles factor;
  std::memcpy(&factor, &scale, sizeof factor);
  return __builtin_convertvector(e * factor, HalfVec);
}

static inline Vec power(Vec x, Vec y) {
  const Vec size = absolute(x);
  HalfVec sizes[2], powers[2], results[2];
  std::memcpy(sizes, &size, sizeof size);
  std::memcpy(powers, &y, sizeof y);
  for (int i = 0; i < 2; i++) results[i] = powerOfPositive(sizes[i], powers[i]);
  Vec result;
  std::memcpy(&result, results, sizeof result);
  // A negative base: an odd power keeps the sign, one with a fraction is no number unless the base is 0 or infinite.
  const IntVec fraction = roundDown(y) != y, odd = roundDown(y * 0.5f) != y * 0.5f;
  result = ((bits(x) < 0) & ~fraction & odd) ? -result : result;
  result = ((x < 0.0f) & (x > -kInfinity) & fraction) ? splat(std::numeric_limits<float>::quiet_NaN()) : result;
  result = ((x != x) | (y != y)) ? x + y : result;
  result = ((size == 1.0f) & (absolute(y) == kInfinity)) ? splat(1.0f) : result;
  return ((x == 1.0f) | (y == 0.0f)) ? splat(1.0f) : result;
}

}  // namespace keras::KERAS_ISA
