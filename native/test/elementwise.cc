/** The machine for elementwise programs: each operation against the C library in double, and programs against loops. */
#include "../src/elementwise.h"

#include <chrono>
#include <cfloat>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <random>

#include "../src/kernels.h"
#include "check.h"

using namespace keras;

namespace {

std::unique_ptr<ElementwiseProgram> parse(const ElementwiseText& text) {
  std::string error;
  auto program = ElementwiseProgram::parse(text, error);
  if (!program) check(false, error);
  return program;
}
std::string errorOf(const ElementwiseText& text) {
  std::string error;
  return ElementwiseProgram::parse(text, error) ? "no error" : error;
}

const float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();

/** Special numbers, and many of every size. */
std::vector<float> samples() {
  std::vector<float> all = {0.0f, -0.0f, 1.0f, -1.0f, 2.0f, -2.0f, 0.5f, -0.5f, 1.5f, -1.5f, 2.5f, -2.5f, 3.0f, -3.0f, kInf, -kInf, kNan,
                            FLT_MAX, -FLT_MAX, FLT_MIN, -FLT_MIN, 1e-42f, -1e-42f, 88.0f, 88.7f, 88.8f, -87.3f, -104.0f, -90.0f,
                            8388607.5f, 8388608.0f, 16777216.0f, -16777215.0f, 0.9999999f, 1.0000001f, -0.9999999f, 1e-8f, -1e-8f};
  std::mt19937 random(1);
  std::uniform_real_distribution<float> exponent(-38, 38), near(-1, 1), middle(-12, 12), far(-110, 110);
  for (int i = 0; i < 20000; i++) {
    const float sign = i % 2 ? 1.0f : -1.0f;
    all.push_back(sign * std::pow(10.0f, exponent(random)));
    all.push_back(near(random));
    all.push_back(middle(random));
    all.push_back(far(random));
    all.push_back(1.0f + 0.01f * near(random));
  }
  return all;
}

/** Whether y is right: to 4e-7 of it, special values exactly, what is no normal number may be 0. */
bool isClose(float y, double expected, double tolerance) {
  if (std::isnan(expected)) return std::isnan(y);
  const float rounded = static_cast<float>(expected);
  if (std::isinf(rounded)) return y == rounded || std::abs(y) > 0.9999995f * FLT_MAX;
  if (std::abs(expected) < FLT_MIN) return std::abs(y - expected) <= FLT_MIN;
  if (std::abs(y) == kInf) return std::abs(expected) > 0.9999995 * FLT_MAX;
  return std::abs(y - expected) <= tolerance * std::abs(expected);
}

void testUnary() {
  struct Case {
    const char* name;
    std::function<double(double)> expected;
    double tolerance;
  };
  const auto truth = [](bool x) { return x ? 1.0 : 0.0; };
  const std::vector<Case> cases = {
      {"neg", [](double x) { return -x; }, 0},
      {"abs", [](double x) { return std::abs(x); }, 0},
      {"sign", [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : x; }, 0},
      {"exp", [](double x) { return std::exp(x); }, 4e-7},
      {"log", [](double x) { return std::log(x); }, 4e-7},
      {"log1p", [](double x) { return std::log1p(x); }, 4e-7},
      {"expm1", [](double x) { return std::expm1(x); }, 4e-7},
      {"sqrt", [](double x) { return std::sqrt(x); }, 6e-8},
      {"rsqrt", [](double x) { return 1 / std::sqrt(x); }, 2e-7},
      {"reciprocal", [](double x) { return 1 / x; }, 6e-8},
      {"square", [](double x) { return x * x; }, 6e-8},
      {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }, 4e-7},
      {"tanh", [](double x) { return std::tanh(x); }, 4e-7},
      {"relu", [](double x) { return x <= 0 ? 0 : x; }, 0},
      {"softplus", [](double x) { return std::isnan(x) ? x : std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }, 4e-7},
      {"erf", [](double x) { return std::erf(x); }, 4e-7},
      {"floor", [](double x) { return std::floor(x); }, 0},
      {"ceil", [](double x) { return std::ceil(x); }, 0},
      {"round", [](double x) { return std::nearbyint(x); }, 0},
      {"not", [&](double x) { return truth(x == 0); }, 0},
      {"isnan", [&](double x) { return truth(std::isnan(x)); }, 0},
      {"isfinite", [&](double x) { return truth(std::isfinite(x)); }, 0},
      {"isinf", [&](double x) { return truth(std::isinf(x)); }, 0},
  };
  const std::vector<float> x = samples();
  std::vector<float> y(x.size());
  const int64_t size = static_cast<int64_t>(x.size());
  for (const Case& one : cases) {
    const auto program = parse({{size}, {1, size}, "1:f32", std::string("1 ") + one.name + " 0", {false}});
    if (!program) continue;
    const void* inputs[] = {x.data()};
    void* outputs[] = {y.data()};
    kernels().elementwise(*program, inputs, outputs, kBackwards);
    double worst = 0;
    std::string wrong;
    for (size_t i = 0; i < x.size(); i++) {
      const double expected = one.expected(x[i]);
      if (std::abs(expected) >= FLT_MIN && std::abs(expected) <= FLT_MAX && std::isfinite(y[i])) {
        worst = std::max(worst, std::abs(y[i] - expected) / std::abs(expected));
      }
      const bool signs = expected != 0 || y[i] != 0 || std::signbit(expected) == std::signbit(y[i]) || one.tolerance > 0;
      if (wrong.empty() && !(isClose(y[i], expected, one.tolerance) && signs)) {
        char line[200];
        std::snprintf(line, sizeof line, "%s(%.9g) = %.9g, expected %.9g", one.name, x[i], y[i], expected);
        wrong = line;
      }
    }
    check(wrong.empty(), wrong);
    if (std::getenv("VERBOSE")) std::printf("%-10s worst relative error %.2g\n", one.name, worst);
  }
}

void testBinary() {
  struct Case {
    const char* name;
    std::function<double(double, double)> expected;
    double tolerance;
  };
  const auto truth = [](bool x) { return x ? 1.0 : 0.0; };
  const std::vector<Case> cases = {
      {"add", [](double a, double b) { return static_cast<float>(a) + static_cast<float>(b); }, 0},
      {"sub", [](double a, double b) { return static_cast<float>(a) - static_cast<float>(b); }, 0},
      {"mul", [](double a, double b) { return a * b; }, 6e-8},
      {"div", [](double a, double b) { return a / b; }, 6e-8},
      {"pow", [](double a, double b) { return std::pow(a, b); }, 1.2e-7},
      {"max", [](double a, double b) { return std::isnan(a) ? a : std::isnan(b) ? b : std::max(a, b); }, 0},
      {"min", [](double a, double b) { return std::isnan(a) ? a : std::isnan(b) ? b : std::min(a, b); }, 0},
      {"eq", [&](double a, double b) { return truth(a == b); }, 0},
      {"ne", [&](double a, double b) { return truth(a != b); }, 0},
      {"lt", [&](double a, double b) { return truth(a < b); }, 0},
      {"le", [&](double a, double b) { return truth(a <= b); }, 0},
      {"gt", [&](double a, double b) { return truth(a > b); }, 0},
      {"ge", [&](double a, double b) { return truth(a >= b); }, 0},
      {"and", [&](double a, double b) { return truth(a != 0 && b != 0); }, 0},
      {"or", [&](double a, double b) { return truth(a != 0 || b != 0); }, 0},
      {"xor", [&](double a, double b) { return truth((a != 0) != (b != 0)); }, 0},
  };
  // Every pair of special values, and random pairs.
  const std::vector<float> numbers = samples();
  std::vector<float> a, b;
  for (int i = 0; i < 38; i++) {
    for (int j = 0; j < 38; j++) {
      a.push_back(numbers[i]);
      b.push_back(numbers[j]);
    }
  }
  std::mt19937 random(2);
  std::uniform_real_distribution<float> base(0, 30), power(-20, 20);
  for (size_t i = 40; i + 7 < numbers.size(); i++) {
    a.push_back(numbers[i]);
    b.push_back(numbers[i + 7]);
    a.push_back(i % 3 ? base(random) : -base(random));
    b.push_back(i % 2 ? power(random) : std::round(power(random)));
  }
  const int64_t size = static_cast<int64_t>(a.size());
  std::vector<float> y(a.size());
  for (const Case& one : cases) {
    const std::string code = std::string("2 ") + one.name + " 0 1";
    const auto program = parse({{size}, {1, size, 1, size}, "2:f32", code, {false, false}});
    // The same with one operand a single number.
    const auto left = parse({{size}, {1, 1, 1, size}, "2:f32", code, {false, false}});
    const auto right = parse({{size}, {1, size, 1, 1}, "2:f32", code, {false, false}});
    if (!program) continue;
    std::string wrong;
    double worst = 0;
    const auto compare = [&](const auto& first, const auto& second) {
      for (size_t i = 0; i < a.size(); i++) {
        const double expected = one.expected(first(i), second(i));
        if (std::abs(expected) >= FLT_MIN && std::abs(expected) <= FLT_MAX && std::isfinite(y[i])) {
          worst = std::max(worst, std::abs(y[i] - expected) / std::abs(expected));
        }
        if (wrong.empty() && !isClose(y[i], expected, one.tolerance)) {
          char line[200];
          std::snprintf(line, sizeof line, "%s(%.9g, %.9g) = %.9g, expected %.9g", one.name, first(i), second(i), y[i], expected);
          wrong = line;
        }
      }
    };
    const void* inputs[] = {a.data(), b.data()};
    void* outputs[] = {y.data()};
    kernels().elementwise(*program, inputs, outputs, kBackwards);
    compare([&](size_t i) { return a[i]; }, [&](size_t i) { return b[i]; });
    for (const float single : {0.0f, 1.0f, 2.0f, -3.0f, 0.5f, kInf, kNan}) {
      const void* lefts[] = {&single, b.data()};
      const void* rights[] = {a.data(), &single};
      kernels().elementwise(*left, lefts, outputs, kBackwards);
      compare([&](size_t) { return single; }, [&](size_t i) { return b[i]; });
      kernels().elementwise(*right, rights, outputs, kBackwards);
      compare([&](size_t i) { return a[i]; }, [&](size_t) { return single; });
    }
    check(wrong.empty(), wrong);
    if (std::getenv("VERBOSE")) std::printf("%-10s worst relative error %.2g\n", one.name, worst);
  }
}

/** Inputs that repeat, in every way, of float32 and bool, for sizes around those of vectors and chunks. */
void testReads() {
  struct Read {
    int64_t inner, period;
  };
  for (const int64_t size : {1, 2, 15, 16, 17, 63, 512, 513, 1000, 5000, 40000}) {
    for (const Read& read : {Read{1, 1}, Read{1, size}, Read{1, 3}, Read{1, 10}, Read{1, 700}, Read{10, 7}, Read{3, (size + 2) / 3},
                             Read{37, 5}, Read{4096, 3}, Read{size, 1}}) {
      for (const bool isBool : {false, true}) {
        const auto program = parse({{size},
                                    {read.inner, read.period, 1, size},
                                    "2:f32 3:bool 0:f32 0:bool 2:f32",
                                    "2 add 0 1;3 gt 2 1",
                                    {isBool, false}});
        if (!program) continue;
        std::vector<float> x(read.period), other(size), sum(size), copied(size), again(size);
        std::vector<uint8_t> bytes(read.period), larger(size), truth(size);
        for (int64_t i = 0; i < read.period; i++) {
          x[i] = static_cast<float>(i % 5) - 1.0f;
          bytes[i] = i % 3 == 1;
        }
        for (int64_t i = 0; i < size; i++) other[i] = static_cast<float>(i);
        const void* inputs[] = {isBool ? static_cast<const void*>(bytes.data()) : x.data(), other.data()};
        void* outputs[] = {sum.data(), larger.data(), copied.data(), truth.data(), again.data()};
        kernels().elementwise(*program, inputs, outputs, kBackwards);
        bool good = true;
        for (int64_t i = 0; i < size; i++) {
          const int64_t at = i / read.inner % read.period;
          const float value = isBool ? bytes[at] : x[at];
          good = good && sum[i] == value + other[i] && larger[i] == (value + other[i] > other[i]) && copied[i] == value &&
                 truth[i] == (value != 0) && again[i] == sum[i];
        }
        check(good, "an input of " + std::to_string(read.inner) + ", " + std::to_string(read.period) + " for " + std::to_string(size) +
                        (isBool ? " bools" : " numbers"));
      }
    }
  }
}

/** More intermediate values than buffers fit into the workspace, and more numbers than the stack is meant for. */
void testLongPrograms() {
  const int64_t size = 3000;
  std::string code = "1 square 0";
  const int count = 150;
  for (int i = 2; i <= count; i++) code += ";" + std::to_string(i) + " add " + std::to_string(i - 1) + " 0";
  for (int i = 1; i <= count; i++) {
    const int result = count + i;
    code += ";" + std::to_string(result) + " max " + std::to_string(i == 1 ? 1 : result - 1) + " " + std::to_string(count + 1 - i);
  }
  for (int i = 1; i <= 120; i++) code += ";" + std::to_string(1000 + i) + " const " + std::to_string(i);
  code += ";2000 add 1120 " + std::to_string(2 * count);
  const auto program = parse({{size}, {1, size}, "2000:f32", code, {false}});
  if (!program) return;
  check(program->buffers > 100, "the long program takes many buffers");
  std::vector<float> x(size), y(size);
  for (int64_t i = 0; i < size; i++) x[i] = static_cast<float>(i % 17) - 8.0f;
  const void* inputs[] = {x.data()};
  void* outputs[] = {y.data()};
  kernels().elementwise(*program, inputs, outputs, kBackwards);
  bool good = true;
  for (int64_t i = 0; i < size; i++) {
    const float square = x[i] * x[i];
    good = good && y[i] == 120 + std::max(square, square + 149 * x[i]);
  }
  check(good, "the long program");
}

void testErrors() {
  const auto expect = [](const ElementwiseText& text, const char* words) {
    const std::string error = errorOf(text);
    check(error.find(words) != std::string::npos, "\"" + error + "\" has \"" + words + "\"");
  };
  expect({{4}, {1, 4}, "1:f32", "1 frobnicate 0", {false}}, "instruction \"1 frobnicate\": there is no such operation");
  expect({{4}, {1, 4}, "1:f32", "1 add 0", {false}}, "instruction \"1 add\": 1 operands; expected 2");
  expect({{4}, {1, 4}, "1:f32", "1 neg 7", {false}}, "operand 7 is not defined before");
  expect({{4}, {1, 4}, "1:f32", "1 neg 1", {false}}, "operand 1 is not defined before");
  expect({{4}, {1, 4}, "1:f32", "0 neg 0", {false}}, "the value is defined twice");
  expect({{4}, {1, 4}, "1:f32", "1 const x", {false}}, "expected one number");
  expect({{4}, {1, 4}, "1:f32", "1", {false}}, "expected `<value> <operation> <operands…>`");
  expect({{4}, {1, 4}, "1:int8", "1 neg 0", {false}}, "output \"1:int8\"; expected `<value>:f32` or `<value>:bool`");
  expect({{4}, {1, 4}, "2:f32", "1 neg 0", {false}}, "output \"2:f32\" is not defined");
  expect({{4}, {1, 4}, "1:f32", "1 neg 0", {false, false}}, "reads has 2 numbers for 2 inputs; expected two an input");
  expect({{-1}, {1, 4}, "1:f32", "1 neg 0", {false}}, "shape is -1; expected sizes of 0 or more");
  expect({{4}, {0, 4}, "1:f32", "1 neg 0", {false}}, "input 0 reads 0,4; expected an inner of 1 or more");
  expect({{4}, {1, 0}, "1:f32", "1 neg 0", {false}}, "input 0 is empty and the result is not");
}

double microseconds(const std::function<void()>& body) {
  body();
  double best = 1e30;
  for (int round = 0; round < 7; round++) {
    int count = 0;
    const auto start = std::chrono::steady_clock::now();
    double passedTime = 0;
    do {
      body();
      count++;
      passedTime = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
    } while (passedTime < 20000);
    best = std::min(best, passedTime / count);
  }
  return best;
}

void bench() {
  for (const int64_t size : {int64_t{1}, int64_t{100}, int64_t{1} << 14, int64_t{1} << 20}) {
    // Adam: new moments, new variable.
    const auto adam = parse({{size},
                             {1, size, 1, size, 1, size, 1, size, 1, 1},
                             "9:f32 14:f32 19:f32",
                             "5 sub 1 2;6 const 0.1;7 mul 5 6;9 add 2 7;10 square 1;11 sub 10 3;12 const 0.001;13 mul 11 12;14 add 3 13;"
                             "15 sqrt 14;16 const 1e-7;17 add 15 16;18 mul 9 4;20 div 18 17;19 sub 0 20",
                             {false, false, false, false, false}});
    std::vector<std::vector<float>> arrays(8, std::vector<float>(size, 0.5f));
    const float rate = 1e-3f;
    const void* inputs[] = {arrays[0].data(), arrays[1].data(), arrays[2].data(), arrays[3].data(), &rate};
    void* outputs[] = {arrays[4].data(), arrays[5].data(), arrays[6].data()};
    const double time = microseconds([&] { kernels().elementwise(*adam, inputs, outputs, {}); });
    std::printf("adam, %8lld numbers: %10.2f us, %.3f ns a number\n", static_cast<long long>(size), time, time * 1e3 / size);
  }
  const int64_t size = 1 << 14;
  std::vector<float> x(size), y(size);
  for (int64_t i = 0; i < size; i++) x[i] = static_cast<float>(i) / size + 0.1f;
  const void* inputs[] = {x.data()};
  void* outputs[] = {y.data()};
  for (const char* name : {"add", "exp", "log", "log1p", "expm1", "tanh", "sigmoid", "erf", "softplus", "sqrt", "div", "pow"}) {
    const bool binary = info(findOperation(name)).operands == 2;
    const auto program = parse({{size}, {1, size}, "1:f32", std::string("1 ") + name + (binary ? " 0 0" : " 0"), {false}});
    const double time = microseconds([&] { kernels().elementwise(*program, inputs, outputs, {}); });
    std::printf("%-10s %.3f ns a number\n", name, time * 1e3 / size);
  }
}

}  // namespace

int main(int count, char** arguments) {
  testUnary();
  testBinary();
  testReads();
  testLongPrograms();
  testErrors();
  if (count > 1 && std::strcmp(arguments[1], "--bench") == 0) bench();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}
