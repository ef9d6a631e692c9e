/** Loops over time against an interpreter in double: recurrent layers, their gradients, and programs drawn at random. */
#include "../src/scan.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <thread>

#include "../src/kernels.h"
#include "check.h"

using namespace keras;

namespace {

double evaluate(const std::string& name, const std::vector<double>& x) {
  const auto sigmoid = [](double a) { return 1 / (1 + std::exp(-a)); };
  if (name == "add") return x[0] + x[1];
  if (name == "sub") return x[0] - x[1];
  if (name == "mul") return x[0] * x[1];
  if (name == "max") return std::max(x[0], x[1]);
  if (name == "gt") return x[0] > x[1];
  if (name == "and") return x[0] != 0 && x[1] != 0;
  if (name == "not") return x[0] == 0;
  if (name == "neg") return -x[0];
  if (name == "square") return x[0] * x[0];
  if (name == "tanh") return std::tanh(x[0]);
  if (name == "sigmoid") return sigmoid(x[0]);
  if (name == "relu") return std::max(x[0], 0.0);
  if (name == "where") return x[0] != 0 ? x[1] : x[2];
  std::printf("the interpreter has no %s\n", name.c_str());
  std::exit(1);
}

struct InputText {
  char kind;
  int64_t rows, columns;
  bool isBool;
};
std::vector<InputText> inputsOf(const ScanText& text) {
  std::vector<InputText> inputs;
  for (std::string word : splitText(text.values, ' ')) {
    InputText input{word[0], 0, 0, word.back() == 'b'};
    if (word[0] == 'm') {
      std::sscanf(word.c_str(), "m%ldx%ld", &input.rows, &input.columns);
    } else {
      std::sscanf(word.c_str() + 1, "%ld", &input.columns);
    }
    inputs.push_back(input);
  }
  return inputs;
}
int64_t sizeOf(const ScanText& text, const InputText& input, size_t index) {
  if (input.kind == 'm') return input.rows * input.columns;
  const size_t own = static_cast<size_t>(text.carries), sequences = static_cast<size_t>(text.sequences);
  const bool isSequence = index >= own && index < own + sequences;
  return input.columns * (input.kind == 'r' ? text.rows : 1) * (isSequence ? text.length : 1);
}

using Arrays = std::vector<std::vector<double>>;

/** The loop by its definition, sample by sample. */
Arrays interpret(const ScanText& text, const Arrays& given, const std::vector<int64_t>& outputColumns) {
  const std::vector<InputText> inputs = inputsOf(text);
  std::vector<Instruction> instructions;
  parseInstructions(text.program, instructions);
  const std::vector<std::string> names = splitText(text.outputs, ' ');
  Arrays outputs;
  for (size_t i = 0; i < names.size(); i++) {
    outputs.push_back(std::vector<double>(outputColumns[i] * text.rows * (i < static_cast<size_t>(text.carries) ? 1 : text.length)));
  }
  for (int64_t row = 0; row < text.rows; row++) {
    Arrays carries;
    for (int64_t i = 0; i < text.carries; i++) {
      const auto start = given[i].begin() + row * inputs[i].columns;
      carries.emplace_back(start, start + inputs[i].columns);
    }
    for (int64_t turn = 0; turn < text.length; turn++) {
      const int64_t time = text.reverse ? text.length - 1 - turn : turn;
      std::map<int64_t, std::vector<double>> values;
      for (size_t i = 0; i < inputs.size(); i++) {
        if (i < static_cast<size_t>(text.carries)) {
          values[i] = carries[i];
          continue;
        }
        if (inputs[i].kind == 'm') continue;
        const bool isSequence = i < static_cast<size_t>(text.carries + text.sequences), perSample = inputs[i].kind == 'r';
        const int64_t at = ((isSequence ? time * (perSample ? text.rows : 1) : 0) + (perSample ? row : 0)) * inputs[i].columns;
        values[i] = std::vector<double>(given[i].begin() + at, given[i].begin() + at + inputs[i].columns);
      }
      for (const Instruction& instruction : instructions) {
        const auto& operands = instruction.operands;
        std::vector<double> result(instruction.columns);
        if (instruction.name == "const") {
          result.assign(1, instruction.literal);
        } else if (instruction.name == "slice") {
          for (int64_t i = 0; i < instruction.columns; i++) result[i] = values[operands[0]][operands[1] + i];
        } else if (instruction.name == "concat") {
          result.clear();
          for (const int64_t part : operands) result.insert(result.end(), values[part].begin(), values[part].end());
        } else if (instruction.name == "matmul" || instruction.name == "matmul_t") {
          const InputText& matrix = inputs[operands[1]];
          const std::vector<double>& left = values[operands[0]];
          for (int64_t j = 0; j < instruction.columns; j++) {
            for (size_t k = 0; k < left.size(); k++) {
              const size_t at = instruction.name == "matmul" ? k * matrix.columns + j : j * matrix.columns + k;
              result[j] += left[k] * given[operands[1]][at];
            }
          }
        } else {
          for (int64_t i = 0; i < instruction.columns; i++) {
            std::vector<double> numbers;
            for (const int64_t operand : operands) numbers.push_back(values[operand][values[operand].size() == 1 ? 0 : i]);
            result[i] = evaluate(instruction.name, numbers);
          }
        }
        values[instruction.result] = result;
      }
      for (size_t i = 0; i < names.size(); i++) {
        const std::vector<double>& value = values[std::atoll(names[i].c_str())];
        if (i < static_cast<size_t>(text.carries)) {
          carries[i] = value;
        } else {
          std::copy(value.begin(), value.end(), outputs[i].begin() + (time * text.rows + row) * outputColumns[i]);
        }
      }
    }
    for (int64_t i = 0; i < text.carries; i++) std::copy(carries[i].begin(), carries[i].end(), outputs[i].begin() + row * outputColumns[i]);
  }
  return outputs;
}

/** Two threads that wait in a loop, as the engine's do. */
class TwoThreads {
 public:
  TwoThreads() : other_([this] { work(); }) {}
  ~TwoThreads() {
    stop_ = true;
    other_.join();
  }
  Threads threads() { return {start, this}; }

 private:
  static void start(void* session, void (*task)(void*, size_t), size_t count, void* data) {
    TwoThreads& pair = *static_cast<TwoThreads*>(session);
    pair.task_ = task;
    pair.data_ = data;
    pair.next_ = 0;
    pair.count_ = count;
    pair.busy_ = 1;
    pair.turn_++;
    pair.take();
    while (pair.busy_.load() != 0) {
    }
  }
  void take() {
    for (size_t i; (i = next_++) < count_;) task_(data_, i);
  }
  void work() {
    int seen = 0;
    while (!stop_) {
      if (turn_.load() == seen) continue;
      seen = turn_;
      take();
      busy_ = 0;
    }
  }
  void (*task_)(void*, size_t) = nullptr;
  void* data_ = nullptr;
  size_t count_ = 0;
  std::atomic<size_t> next_{0};
  std::atomic<int> turn_{0}, busy_{0};
  std::atomic<bool> stop_{false};
  std::thread other_;
};

/** Runs a loop with random inputs, compares with the interpreter. */
void compare(const std::string& name, const ScanText& text, unsigned seed, double tolerance = 2e-5) {
  std::string error;
  const auto program = ScanProgram::parse(text, error);
  if (!program) return check(false, name + ": " + error);
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  const std::vector<InputText> types = inputsOf(text);
  Arrays exact;
  std::vector<std::vector<float>> floats;
  std::vector<std::vector<uint8_t>> bools;
  for (size_t i = 0; i < types.size(); i++) {
    const int64_t size = sizeOf(text, types[i], i);
    const float scale = types[i].kind == 'm' ? 1.0f / std::sqrt(static_cast<float>(types[i].rows + 1)) : 1.0f;
    floats.emplace_back(size);
    bools.emplace_back(size);
    exact.emplace_back(size);
    for (int64_t k = 0; k < size; k++) {
      floats[i][k] = uniform(random) * scale;
      bools[i][k] = uniform(random) > 0;
      exact[i][k] = types[i].isBool ? bools[i][k] : floats[i][k];
    }
  }
  std::vector<const void*> inputs;
  for (size_t i = 0; i < types.size(); i++) inputs.push_back(types[i].isBool ? static_cast<const void*>(bools[i].data()) : floats[i].data());
  std::vector<int64_t> columns;
  for (const ScanProgram::Output& output : program->outputs) columns.push_back(output.columns);
  const Arrays expected = interpret(text, exact, columns);
  std::vector<std::vector<float>> results;
  std::vector<std::vector<uint8_t>> truths;
  std::vector<void*> outputs;
  for (size_t i = 0; i < expected.size(); i++) {
    results.emplace_back(expected[i].size() + 1, 12345.0f);
    truths.emplace_back(expected[i].size() + 1, uint8_t{77});
  }
  for (size_t i = 0; i < expected.size(); i++) outputs.push_back(program->outputs[i].isBool ? static_cast<void*>(truths[i].data()) : results[i].data());
  // Again: what the first run left in memory must not matter, nor who takes a part.
  static TwoThreads both;
  kernels().scan(*program, inputs.data(), outputs.data(), both.threads());
  const auto [shared, sharedTruths] = std::pair{results, truths};
  for (const Threads& threads : {Threads{}, kBackwards}) {
    kernels().scan(*program, inputs.data(), outputs.data(), threads);
    bool same = truths == sharedTruths;
    // Bits, for a NaN is not itself.
    for (size_t i = 0; i < results.size(); i++) same = same && std::memcmp(results[i].data(), shared[i].data(), results[i].size() * sizeof(float)) == 0;
    check(same, name + ": the same whoever computes");
  }
  std::string wrong;
  for (size_t i = 0; i < expected.size(); i++) {
    if (results[i].back() != 12345.0f || truths[i].back() != 77) wrong = "writes behind output " + std::to_string(i);
    for (size_t k = 0; k < expected[i].size() && wrong.empty(); k++) {
      const double y = program->outputs[i].isBool ? truths[i][k] : results[i][k];
      if (!(std::abs(y - expected[i][k]) <= tolerance * (1 + std::abs(expected[i][k])))) {
        char line[200];
        std::snprintf(line, sizeof line, "output %zu[%zu] is %.8g, expected %.8g", i, k, y, expected[i][k]);
        wrong = line;
      }
    }
  }
  check(wrong.empty(), name + ": " + wrong + (wrong.empty() ? "" : "\n  values " + text.values + "\n  program " + text.program + "\n  outputs " + text.outputs));
}

/** Text with `$u`, `$z` (4u) and so on filled in. */
std::string fill(std::string text, const std::map<std::string, int64_t>& numbers) {
  for (const auto& [name, number] : numbers) {
    for (size_t at; (at = text.find("$" + name)) != std::string::npos;) text.replace(at, name.size() + 1, std::to_string(number));
  }
  return text;
}

ScanText lstm(int64_t rows, int64_t units, int64_t length, bool reverse = false) {
  const std::map<std::string, int64_t> numbers = {{"u", units}, {"2u", 2 * units}, {"3u", 3 * units}, {"z", 4 * units}};
  // h, c, x, U → h, c; ys: h, c, gates
  return {length, rows, reverse, 2, 1, fill("r$u r$u r$z m$ux$z", numbers),
          fill("4:$z matmul 0 3;5:$z add 2 4;6:$u slice 5 0;7:$u slice 5 $u;8:$u slice 5 $2u;9:$u slice 5 $3u;10:$u sigmoid 6;"
               "11:$u sigmoid 7;12:$u tanh 8;13:$u sigmoid 9;14:$u mul 11 1;15:$u mul 10 12;16:$u add 14 15;17:$u tanh 16;18:$u mul 13 17",
               numbers),
          "18 16 18 16 10 11 12 13"};
}
/** What predictions ask for: the last states alone. */
ScanText last(ScanText text) {
  std::string states;
  for (int64_t i = 0; i < text.carries; i++) states += splitText(text.outputs, ' ')[static_cast<size_t>(i)] + " ";
  text.outputs = states;
  return text;
}
/** dh, dc; dy, i, f, g, o, the old c, tanh of the new one → dh, dc; ys: the gradient of the gates. */
ScanText lstmGradient(int64_t rows, int64_t units, int64_t length) {
  const std::map<std::string, int64_t> numbers = {{"u", units}, {"z", 4 * units}};
  return {length, rows, true, 2, 7, fill("r$u r$u r$u r$u r$u r$u r$u r$u r$u m$ux$z", numbers),
          fill("10:1 const 1;11:$u add 0 2;12:$u mul 11 8;13:$u square 8;14:$u sub 10 13;15:$u mul 11 6;16:$u mul 15 14;17:$u add 1 16;"
               "18:$u mul 17 5;19:$u mul 17 3;20:$u mul 17 7;21:$u mul 17 4;"
               "22:$u sub 10 3;23:$u mul 3 22;24:$u mul 18 23;25:$u sub 10 4;26:$u mul 4 25;27:$u mul 20 26;28:$u square 5;29:$u sub 10 28;"
               "30:$u mul 19 29;31:$u sub 10 6;32:$u mul 6 31;33:$u mul 12 32;34:$z concat 24 27 30 33;35:$u matmul_t 34 9",
               numbers),
          "35 21 34"};
}
ScanText gru(int64_t rows, int64_t units, int64_t length) {
  const std::map<std::string, int64_t> numbers = {{"u", units}, {"2u", 2 * units}, {"z", 3 * units}};
  // h, x, mask, U, recurrent bias
  return {length, rows, false, 1, 2, fill("r$u r$z r1b m$ux$z s$z", numbers),
          fill("5:$z matmul 0 3;6:$z add 5 4;7:$2u slice 1 0;8:$2u slice 6 0;9:$2u add 7 8;10:$2u sigmoid 9;11:$u slice 10 0;12:$u slice 10 $u;"
               "13:$u slice 6 $2u;14:$u mul 12 13;15:$u slice 1 $2u;16:$u add 15 14;17:$u tanh 16;18:1 const 1;19:$u sub 18 11;20:$u mul 11 0;"
               "21:$u mul 19 17;22:$u add 20 21;23:$u where 2 22 0",
               numbers),
          "23 23"};
}
ScanText simple(int64_t rows, int64_t units, int64_t length) {
  const std::map<std::string, int64_t> numbers = {{"u", units}};
  return {length, rows, false, 1, 1, fill("r$u r$u m$ux$u", numbers), fill("3:$u matmul 0 2;4:$u add 3 1;5:$u tanh 4", numbers), "5 5"};
}

void testLayers() {
  for (const int64_t rows : {1, 2, 3, 5, 8, 17, 32, 50}) {
    for (const int64_t units : {1, 3, 16, 20, 32, 33}) {
      const std::string name = " of " + std::to_string(units) + ", batch " + std::to_string(rows);
      compare("LSTM" + name, lstm(rows, units, 5), 1);
      compare("LSTM backwards" + name, lstm(rows, units, 4, true), 2);
      compare("gradient of LSTM" + name, lstmGradient(rows, units, 4), 3);
      compare("GRU" + name, gru(rows, units, 5), 4);
      compare("SimpleRNN" + name, simple(rows, units, 6), 5);
    }
  }
  // Nobody asks for the gates. One sample goes in halves where its columns are whole vectors.
  for (const int64_t rows : {1, 5, 32}) {
    for (const int64_t units : {16, 32, 48, 80, 128, 144, 150}) {
      const std::string name = " of " + std::to_string(units) + " without gates, batch " + std::to_string(rows);
      compare("LSTM" + name, last(lstm(rows, units, 20)), 9);
      compare("LSTM backwards" + name, last(lstm(rows, units, 20, true)), 10);
      compare("GRU" + name, last(gru(rows, units, 20)), 11);
      compare("SimpleRNN" + name, last(simple(rows, units, 20)), 12);
    }
  }
  compare("LSTM of 128", lstm(32, 128, 10), 6);
  compare("gradient of LSTM of 128", lstmGradient(32, 128, 10), 7);
  compare("no turns", lstm(4, 3, 0), 8);
  compare("no samples", lstm(0, 3, 2), 8);
}

/** Carries that are not simply computed, outputs of every origin. */
void testPlaces() {
  compare("carries that change places", {5, 6, false, 3, 0, "r4 r4 r4b", "3:4 add 0 1", "1 0 2b 3 0 2b"}, 1);
  compare("a carry of a carry of a result", {6, 6, false, 3, 1, "r4 r4 r4 r4", "4:4 add 2 3", "1 2 4 0 1"}, 2);
  compare("a carry that is a sequence's part, a slice, a constant", {4, 5, false, 3, 1, "r2 r2 r1 r4", "4:2 slice 3 0;5:2 slice 3 2;6:1 const 3", "4 5 6 0 1 2 3 3"}, 3);
  compare("one value as two carries and two ys", {4, 5, false, 2, 1, "r3 r3 r3", "3:3 add 0 2;4:3 mul 3 1", "4 4 4 4 3"}, 4);
  compare("a carry within a concatenation", {4, 18, false, 2, 1, "r3 r6 r3", "3:3 add 0 2;4:6 concat 3 2;5:6 add 4 1", "3 4 5 4 3"}, 5);
  compare("concatenations of concatenations",
          {3, 9, false, 1, 1, "r2 r2 s3 m9x2", "4:2 tanh 1;5:4 concat 4 4;6:3 neg 2;7:7 concat 5 6;8:9 concat 7 0;9:2 matmul 8 3;10:3 concat 2", "9 8 7 5 4 10"}, 7);
  compare("shared values that change by turns, of bool too",
          {5, 9, true, 1, 2, "r3 s3 s1b s3", "4:3 add 1 3;5:3 where 2 4 3;6:3 add 0 5", "6 6 5 2b 1"}, 8);
  compare("columns of one number", {5, 33, false, 1, 2, "r1 r1 r4 s1", "4:1 add 0 1;5:1 mul 4 3;6:1 slice 2 2;7:1 add 5 6;8:4 mul 7 2;9:4 max 7 7", "7 8 9 4"}, 9);
  compare("two products in one sum", {4, 7, false, 1, 1, "r5 r3 m5x5 m3x5 s5", "5:5 matmul 0 2;6:5 matmul 1 3;7:5 add 5 6;8:5 add 7 4;9:5 tanh 8", "9 8"}, 10);
  compare("a sample in halves, with values shared by turns and a carry that changes places",
          {6, 1, true, 2, 2, "r32 r32 r64 s32 m32x64",
           "5:64 matmul 0 4;6:64 add 2 5;7:32 slice 6 0;8:32 slice 6 32;9:32 tanh 3;10:32 mul 7 9;11:32 add 8 10;12:32 tanh 11", "1 12 11 9"}, 12);
  compare("a product that is read twice", {4, 7, false, 1, 1, "r5 r5 m5x5", "3:5 matmul 0 2;4:5 add 3 1;5:5 mul 3 4;6:5 tanh 5", "6 3"}, 11);
}

/** Programs drawn at random. */
void testRandom() {
  for (unsigned seed = 0; seed < 1500; seed++) {
    std::mt19937 random(seed);
    const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<unsigned>(n)); };
    const std::vector<int64_t> widths = {1, 2, 3, 16, 17, 24};
    ScanText text;
    text.length = 1 + below(4);
    text.rows = 1 + below(20);
    text.reverse = below(2);
    text.carries = below(4);
    text.sequences = below(3) + (text.carries == 0);
    struct Made {
      int64_t number, columns;
      bool shared, isBool;
    };
    std::vector<Made> made;
    struct Matrix {
      int64_t number, rows, columns;
    };
    std::vector<Matrix> matrices;
    int64_t next = 0;
    const auto addInput = [&](char kind) {
      const int64_t columns = widths[below(widths.size())];
      const bool isBool = below(5) == 0;
      text.values += (next ? " " : "") + std::string(1, kind) + std::to_string(columns) + (isBool ? "b" : "");
      made.push_back({next++, columns, kind == 's', isBool});
    };
    for (int64_t i = 0; i < text.carries; i++) addInput('r');
    const std::vector<Made> carries = made;
    for (int64_t i = 0; i < text.sequences; i++) addInput(below(5) ? 'r' : 's');
    for (int64_t i = below(3); i > 0; i--) addInput(below(2) ? 'r' : 's');
    for (int i = 0; i < 3; i++) {
      matrices.push_back({next++, widths[below(widths.size())], widths[below(widths.size())]});
      text.values += " m" + std::to_string(matrices.back().rows) + "x" + std::to_string(matrices.back().columns);
    }
    const auto append = [&](const std::string& code, int64_t columns, bool shared, bool isBool) {
      text.program += (text.program.empty() ? "" : ";") + std::to_string(next) + ":" + std::to_string(columns) + " " + code;
      made.push_back({next++, columns, shared, isBool});
    };
    for (int64_t i = 3 + below(15); i > 0; i--) {
      const Made a = made[below(made.size())];
      // Something to go with it.
      std::vector<Made> fitting;
      for (const Made& other : made) {
        if (other.columns == a.columns || other.columns == 1) fitting.push_back(other);
      }
      const Made b = fitting[below(fitting.size())], c = fitting[below(fitting.size())];
      const std::string an = " " + std::to_string(a.number), bn = " " + std::to_string(b.number), cn = " " + std::to_string(c.number);
      const int64_t choice = below(12);
      if (choice == 0) append("const " + std::to_string(below(5) - 2), 1, true, false);
      if (choice == 1 || choice == 2) append(std::string(choice == 1 ? "tanh" : "sigmoid") + an, a.columns, a.shared, false);
      if (choice == 3) append("add" + an + bn, a.columns, a.shared && b.shared, false);
      if (choice == 4) append("mul" + bn + an, a.columns, a.shared && b.shared, false);
      if (choice == 5) append("gt" + an + bn, a.columns, a.shared && b.shared, true);
      if (choice == 6) append("where" + cn + an + bn, a.columns, a.shared && b.shared && c.shared, a.isBool && b.isBool);
      if (choice == 7 && a.columns > 1) {
        const int64_t start = below(a.columns), columns = 1 + below(a.columns - start);
        append("slice" + an + " " + std::to_string(start), columns, a.shared, a.isBool);
      }
      if (choice == 8) append("concat" + an + bn, a.columns + b.columns, a.shared && b.shared, a.isBool && b.isBool);
      if (choice >= 9) {
        for (const Matrix& matrix : matrices) {
          const bool transposed = choice == 10;
          if (a.shared || a.columns != (transposed ? matrix.columns : matrix.rows)) continue;
          append((transposed ? "matmul_t" : "matmul") + an + " " + std::to_string(matrix.number), transposed ? matrix.rows : matrix.columns, false, false);
          if (below(2)) {
            const Made product = made.back();
            for (const Made& other : made) {
              if (other.columns != product.columns || other.number == product.number) continue;
              append("add " + std::to_string(product.number) + " " + std::to_string(other.number), product.columns, false, false);
              break;
            }
          }
          break;
        }
      }
    }
    for (const Made& carry : carries) {
      std::vector<Made> fitting;
      for (const Made& other : made) {
        if (other.columns == carry.columns && other.isBool == carry.isBool) fitting.push_back(other);
      }
      // Rather something computed late.
      const Made chosen = fitting[std::max(below(fitting.size()), below(fitting.size()))];
      text.outputs += std::to_string(chosen.number) + (chosen.isBool ? "b " : " ");
    }
    for (int64_t i = 1 + below(4); i > 0; i--) {
      const Made y = made[std::max(below(made.size()), below(made.size()))];
      text.outputs += std::to_string(y.number) + (y.isBool ? "b " : " ");
    }
    compare("random program " + std::to_string(seed), text, seed, 1e-4);
  }
}

void testErrors() {
  const auto expect = [](const ScanText& text, const char* words) {
    std::string error;
    if (ScanProgram::parse(text, error)) error = "no error";
    check(error.find(words) != std::string::npos, "\"" + error + "\" has \"" + words + "\"");
  };
  const auto text = [](const char* values, const char* program, const char* outputs) { return ScanText{3, 4, false, 1, 1, values, program, outputs}; };
  expect(text("r2", "", "0"), "values tells 1 inputs; expected those of 1 carries and 1 sequences at least");
  expect(text("r2 q3", "", "0"), "input 1 is \"q3\"; expected r<columns>, s<columns> or m<rows>x<columns>");
  expect(text("s2 r3", "", "0"), "expected r<columns>: a carry belongs to each sample");
  expect(text("r2 m3x3", "", "0"), "matrices of float32 only among what is captured");
  expect(text("r2 r2", "2 add 0 1", "2"), "the value needs its columns, as in 7:32");
  expect(text("r2 r2", "2:2 frobnicate 0 1", "2"), "instruction \"2:2 frobnicate\": there is no such operation");
  expect(text("r2 r3", "2:3 add 0 1", "0"), "operand 0 has 2 columns; expected 3 or 1");
  expect(text("r2 r2", "2:2 add 0", "2"), "1 operands; expected 2");
  expect(text("r2 r2", "2:2 add 0 7", "2"), "operand 7 is not defined before");
  expect(text("r2 r2", "1:2 add 0 1", "1"), "the value is defined twice");
  expect(text("r2 r2", "2:2 slice 1 1", "0"), "columns 1 to 3 of 2");
  expect(text("r2 r2", "2:5 concat 0 1", "0"), "the parts have 4 columns together");
  expect(text("r2 r2", "2:2 matmul 0 1", "0"), "operand 1 is no matrix");
  expect(text("r2 r2 m3x2", "3:2 matmul 0 2", "0"), "2 columns with a matrix of 3 x 2");
  expect(text("r2 r2 m2x3", "3:3 matmul_t 0 2", "0"), "2 columns with a matrix of 3 x 2 (transposed)");
  expect(text("r2 r2 s3 m3x2", "4:2 matmul 2 3", "0"), "the left operand is shared by all samples; expected one of each sample");
  expect(text("r2 r2 m2x2", "3:2 add 0 2", "0"), "operand 2 is a matrix; those are right operands of matmul and matmul_t");
  expect(text("r2 r2", "", ""), "outputs are 0; expected the new values of 1 carries at least");
  expect(text("r2 r2", "", "9"), "output \"9\" is not defined");
  expect(text("r2 r3", "", "1"), "carry 0 has 2 columns, its new value 3");
  expect(text("r2b r2", "", "1"), "carry 0 has 2 columns of bools, its new value 2");
}

void bench() {
  TwoThreads pair;
  const auto measure = [&](const char* name, const ScanText& text, double flops) {
    std::string error;
    const auto program = ScanProgram::parse(text, error);
    const std::vector<InputText> types = inputsOf(text);
    std::vector<std::vector<float>> arrays;
    std::vector<const void*> inputs;
    std::vector<void*> outputs;
    for (size_t i = 0; i < types.size(); i++) arrays.emplace_back(sizeOf(text, types[i], i), 0.01f);
    for (auto& array : arrays) inputs.push_back(array.data());
    std::vector<std::vector<float>> results;
    for (size_t i = 0; i < program->outputs.size(); i++) {
      results.emplace_back(program->outputs[i].columns * text.rows * (i < static_cast<size_t>(text.carries) ? 1 : text.length));
    }
    for (auto& result : results) outputs.push_back(result.data());
    for (const bool both : {false, true}) {
      const Threads threads = both ? pair.threads() : Threads{};
      double best = 1e30;
      for (int round = 0; round < 300; round++) {
        const auto start = std::chrono::steady_clock::now();
        kernels().scan(*program, inputs.data(), outputs.data(), threads);
        best = std::min(best, std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
      }
      std::printf("%-28s batch %2ld, %3ld turns, %d threads: %8.1f us, %6.2f us a turn, %5.1f GFLOP/s\n", name, text.rows, text.length, both ? 2 : 1, best,
                  best / text.length, flops * text.rows * text.length / best / 1e3);
    }
  };
  const auto product = [](double u, double gates) { return 2 * u * u * gates; };
  for (const int64_t length : {10, 100}) {
    measure("LSTM of 128", lstm(32, 128, length), product(128, 4));
    measure("gradient of LSTM of 128", lstmGradient(32, 128, length), product(128, 4));
  }
  measure("LSTM of 32", lstm(32, 32, 100), product(32, 4));
  measure("gradient of LSTM of 32", lstmGradient(32, 32, 100), product(32, 4));
  measure("LSTM of 64", lstm(32, 64, 200), product(64, 4));
  measure("gradient of LSTM of 64", lstmGradient(32, 64, 200), product(64, 4));
  measure("GRU of 128", gru(32, 128, 100), product(128, 3));
  measure("SimpleRNN of 128", simple(32, 128, 100), product(128, 1));
  measure("LSTM of 128, last", last(lstm(32, 128, 100)), product(128, 4));
  for (const int64_t length : {10, 100, 400}) measure("LSTM of 128, last", last(lstm(1, 128, length)), product(128, 4));
  for (const int64_t units : {32, 64, 256}) measure(("LSTM of " + std::to_string(units) + ", last").c_str(), last(lstm(1, units, 100)), product(double(units), 4));
  measure("GRU of 128, last", last(gru(1, 128, 100)), product(128, 3));
}

}  // namespace

int main(int count, char** arguments) {
  testLayers();
  testPlaces();
  testRandom();
  testErrors();
  if (count > 1 && std::strcmp(arguments[1], "--bench") == 0) bench();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}
