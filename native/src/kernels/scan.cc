/** The machine for loops over time: blocks of samples go through all turns without waiting for each other. */
#include "scan.h"

#include <algorithm>
#include <vector>

#include "../scan.h"
#include "scratch.h"
#include "elementwise.h"
#include "gemm.h"
#include "math.h"
#include "operations.h"
#include "unitHalves.h"

namespace keras::KERAS_ISA {

namespace {

using Where = ScanProgram::Where;

/** Numbers of matrices that a task brings into order. */
constexpr int64_t kPackTask = 1 << 14;

/** Numbers of a matrix that two threads read sooner than one, in spite of meeting in each turn. */
constexpr int64_t kSharedMatrix = 1 << 14;

/** What all blocks share. */
struct Loop {
  const ScanProgram& program;
  const void* const* inputs;
  void* const* outputs;
  std::vector<const float*> matrices;
  std::vector<OperationKernel> kernels, sharedKernels;
  /** Of a single sample whose columns go in halves. */
  UnitHalves* halves = nullptr;

  template <class Element>
  const Element* input(int index) const {
    return static_cast<const Element*>(inputs[index]);
  }
};

/** Some samples, through all turns. */
class Block {
 public:
  Block(const Loop& loop, int64_t firstRow, int64_t rows, float* memory)
      : loop_(loop), program_(loop.program), firstRow_(firstRow), rows_(rows), memory_(memory), at_(program_.storages.size()),
        next_(static_cast<size_t>(program_.carries)) {}

  void run() {
    begin();
    for (int64_t turn = 0; turn < program_.length; turn++) {
      const int64_t time = program_.reverse ? program_.length - 1 - turn : turn;
      beginTurn(turn, time);
      if (program_.unit == 0 && turn + 1 < program_.length) lookAhead(program_.reverse ? time - 1 : time + 1);
      if (turn == 0 || program_.sharedStepsEveryTurn) runSteps(program_.sharedSteps, loop_.sharedKernels, 0, program_.sharedSteps.size(), 0, 1);
      if (program_.unit > 0) {
        runUnits();
        endTurn(time);
        continue;
      }
      for (const ScanProgram::Segment& segment : program_.segments) {
        if (segment.product >= 0) {
          multiplyBlock(program_.products[static_cast<size_t>(segment.product)]);
          continue;
        }
        for (int64_t row = 0; row < rows_; row += segment.groupRows) {
          runSteps(program_.steps, loop_.kernels, static_cast<size_t>(segment.firstStep), static_cast<size_t>(segment.lastStep), row,
                   std::min(segment.groupRows, rows_ - row));
        }
      }
      endTurn(time);
    }
    end();
  }

 private:
  const float* address(const ScanProgram::Value& value) const { return at_[static_cast<size_t>(value.storage)] + value.offset; }

  /** Places that stay, and the carries to begin with. */
  void begin() {
    for (size_t i = 0; i < at_.size(); i++) {
      const ScanProgram::Storage& storage = program_.storages[i];
      switch (storage.where) {
        case Where::constant: at_[i] = const_cast<float*>(&program_.constants[static_cast<size_t>(storage.index)]); break;
        case Where::captured: at_[i] = const_cast<float*>(loop_.input<float>(storage.index)) + firstRow_ * storage.stride; break;
        case Where::carry:
          if (program_.inputs[static_cast<size_t>(storage.index)].isBool) {
            at_[i] = memory_ + storage.position;
            fromBools(loop_.input<uint8_t>(storage.index) + firstRow_ * storage.columns, at_[i], rows_ * storage.columns);
          } else {
            at_[i] = const_cast<float*>(loop_.input<float>(storage.index)) + firstRow_ * storage.columns;
          }
          break;
        case Where::converted:
          at_[i] = memory_ + storage.position;
          if (!isSequence(storage.index)) convert(storage, at_[i], 0);
          break;
        default: at_[i] = memory_ + storage.position;
      }
    }
  }

  bool isSequence(int input) const { return input >= program_.carries && input < program_.carries + program_.sequences; }

  /** Floats of an input of bools, of one turn. */
  void convert(const ScanProgram::Storage& storage, float* to, int64_t time) const {
    const bool shared = storage.stride == 0;
    const int64_t turn = time * storage.columns * (shared ? 1 : program_.rows);
    fromBools(loop_.input<uint8_t>(storage.index) + turn + firstRow_ * storage.stride, to, storage.columns * (shared ? 1 : rows_));
  }

  void beginTurn(int64_t turn, int64_t time) {
    for (size_t i = 0; i < at_.size(); i++) {
      const ScanProgram::Storage& storage = program_.storages[i];
      switch (storage.where) {
        case Where::sequence:
          at_[i] = const_cast<float*>(sequenceOf(storage, time));
          break;
        case Where::output:
          at_[i] = outputOf(storage, time);
          break;
        case Where::pair: at_[i] = memory_ + storage.position + (turn % 2) * storage.index; break;
        case Where::converted:
          if (isSequence(storage.index)) convert(storage, at_[i], time);
          break;
        default: break;
      }
    }
  }

  const float* sequenceOf(const ScanProgram::Storage& storage, int64_t time) const {
    return loop_.input<float>(storage.index) + time * storage.columns * (storage.stride == 0 ? 1 : program_.rows) + firstRow_ * storage.stride;
  }
  float* outputOf(const ScanProgram::Storage& storage, int64_t time) const {
    return static_cast<float*>(loop_.outputs[storage.index]) + (time * program_.rows + firstRow_) * storage.columns;
  }

  /** The next turn's parts of sequences and ys lie far from this one's: products ask for them while they compute. */
  void lookAhead(int64_t time) {
    ahead_.clear();
    for (const ScanProgram::Storage& storage : program_.storages) {
      const int64_t bytes = rows_ * storage.columns * static_cast<int64_t>(sizeof(float));
      if (storage.where == Where::sequence) ahead_.add(sequenceOf(storage, time), bytes, false);
      if (storage.where == Where::output) ahead_.add(outputOf(storage, time), bytes, true);
    }
  }

  void multiplyBlock(const ScanProgram::Product& product) {
    const ScanProgram::Matrix& matrix = program_.matrices[static_cast<size_t>(product.matrix)];
    const auto rowsOf = [&](const ScanProgram::Value& value) { return Rows{address(value), program_.storages[static_cast<size_t>(value.storage)].stride}; };
    const Rows result = rowsOf(product.result);
    multiply(rows_, matrix.rows, matrix.columns, rowsOf(product.left), loop_.matrices[static_cast<size_t>(product.matrix)],
             product.hasInitial ? rowsOf(product.initial) : Rows{nullptr, 0}, const_cast<float*>(result.data), result.stride, ahead_);
  }

  /** A half of the columns of each unit of the only sample, through a turn. */
  void runHalf(const UnitHalf& half) const {
    const int64_t from = half.from(), to = half.to();
    for (const ScanProgram::Segment& segment : program_.segments) {
      if (segment.product >= 0) {
        const ScanProgram::Product& product = program_.products[static_cast<size_t>(segment.product)];
        const size_t matrix = static_cast<size_t>(product.matrix);
        multiplyRow(half.matrix(matrix), address(product.left), half.packed(matrix), from, to,
                    product.hasInitial ? address(product.initial) : nullptr, const_cast<float*>(address(product.result)));
        continue;
      }
      for (size_t i = static_cast<size_t>(segment.firstStep); i < static_cast<size_t>(segment.lastStep); i++) {
        const ScanProgram::Step& step = program_.steps[i];
        OperationArguments arguments{};
        arguments.rows = 1;
        arguments.columns = to - from;
        for (int64_t first = from; first < step.result.columns; first += program_.unit) {
          arguments.out = const_cast<float*>(address(step.result)) + first;
          for (int k = 0; k < 3; k++) arguments.operands[k] = address(step.operands[k]) + (step.singles >> k & 1 ? 0 : first);
          loop_.kernels[i](arguments);
        }
      }
    }
  }

  void runUnits() {
    UnitHalves& halves = *loop_.halves;
    const auto first = [&] { runHalf(halves.first()); };
    const auto second = [&](bool byLeader) { runHalf(byLeader ? halves.second() : halves.helpers()); };
    if (halves.isShared) return halves.pair.split(first, second);
    first();
    second(true);
  }

  /** Steps on some rows. What lives only within the run has memory for no more than those. */
  void runSteps(const std::vector<ScanProgram::Step>& steps, const std::vector<OperationKernel>& kernels, size_t first, size_t last, int64_t row,
                int64_t rows) const {
    OperationArguments arguments{};
    for (size_t i = first; i < last; i++) {
      const ScanProgram::Step& step = steps[i];
      const auto place = [&](const ScanProgram::Value& value, int64_t& stride) {
        const ScanProgram::Storage& storage = program_.storages[static_cast<size_t>(value.storage)];
        stride = storage.stride;
        return at_[static_cast<size_t>(value.storage)] + value.offset + (storage.where == Where::group ? 0 : row * stride);
      };
      arguments.out = place(step.result, arguments.outStride);
      for (int k = 0; k < 3; k++) arguments.operands[k] = place(step.operands[k], arguments.strides[k]);
      arguments.rows = step.flat ? 1 : rows;
      arguments.columns = step.flat ? rows : step.result.columns;
      kernels[i](arguments);
    }
  }

  void endTurn(int64_t time) {
    for (size_t i = static_cast<size_t>(program_.carries); i < program_.outputs.size(); i++) {
      const ScanProgram::Output& output = program_.outputs[i];
      if (output.inPlace) continue;
      const int64_t stride = program_.storages[static_cast<size_t>(output.value.storage)].stride;
      for (int64_t row = 0; row < rows_; row++) {
        const float* from = address(output.value) + row * stride;
        const int64_t start = (time * program_.rows + firstRow_ + row) * output.columns;
        if (output.isBool) {
          toBools(from, static_cast<uint8_t*>(loop_.outputs[i]) + start, output.columns);
        } else {
          std::copy(from, from + output.columns, static_cast<float*>(loop_.outputs[i]) + start);
        }
      }
    }
    for (size_t i = 0; i < next_.size(); i++) next_[i] = const_cast<float*>(address(program_.outputs[i].value));
    for (size_t i = 0; i < next_.size(); i++) at_[static_cast<size_t>(program_.inputs[i].storage)] = next_[i];
  }

  void end() const {
    for (size_t i = 0; i < next_.size(); i++) {
      const int64_t columns = program_.outputs[i].columns;
      const float* from = at_[static_cast<size_t>(program_.inputs[i].storage)];
      if (program_.outputs[i].isBool) {
        toBools(from, static_cast<uint8_t*>(loop_.outputs[i]) + firstRow_ * columns, rows_ * columns);
      } else {
        std::copy(from, from + rows_ * columns, static_cast<float*>(loop_.outputs[i]) + firstRow_ * columns);
      }
    }
  }

  const Loop& loop_;
  const ScanProgram& program_;
  const int64_t firstRow_, rows_;
  float* const memory_;
  std::vector<float*> at_;  // of each storage
  std::vector<float*> next_;
  Ahead ahead_;
};

/** The only sample, whose columns go in halves. */
void runSample(Loop& loop, const Threads& threads) {
  const ScanProgram& program = loop.program;
  const auto isLarge = [](const ScanProgram::Matrix& matrix) { return matrix.rows * matrix.columns >= kSharedMatrix; };
  const bool share = threads.start != nullptr && std::any_of(program.matrices.begin(), program.matrices.end(), isLarge);
  UnitHalves halves(program, loop.inputs, share);
  loop.halves = &halves;
  halves.pair.run(
      share ? threads : Threads{},
      [&] {
        const Scratch memory(ScratchUse::partials, program.memory);
        Block(loop, 0, 1, memory.data()).run();
      },
      [&](const auto& help) { halves.follow(help); });
}

}  // namespace

void scan(const ScanProgram& program, const void* const* inputs, void* const* outputs, const Threads& threads) {
  if (program.rows == 0) return;
  Loop loop{program, inputs, outputs, {}, {}, {}};

  for (const ScanProgram::Step& step : program.steps) loop.kernels.push_back(operationKernel(step.operation, step.singles));
  for (const ScanProgram::Step& step : program.sharedSteps) loop.sharedKernels.push_back(operationKernel(step.operation, step.singles));

  if (program.unit > 0) return runSample(loop, threads);

  // Matrices in the order of reading, made once for all turns.
  struct Panels {
    size_t matrix;
    int64_t first, last;
  };
  std::vector<Panels> tasks;
  std::vector<int64_t> positions;
  int64_t size = 0;
  for (size_t i = 0; i < program.matrices.size(); i++) {
    const ScanProgram::Matrix& matrix = program.matrices[i];
    positions.push_back(size);
    size += panelsSize(matrix.rows, matrix.columns);
    const int64_t count = panelCount(matrix.columns);
    const int64_t step = std::max<int64_t>(1, kPackTask * count / std::max<int64_t>(1, matrix.rows * matrix.columns));
    for (int64_t first = 0; first < count; first += step) tasks.push_back({i, first, std::min(count, first + step)});
  }
  const Scratch packed(ScratchUse::weights, size);
  for (const int64_t position : positions) loop.matrices.push_back(packed.data() + position);
  if (program.length > 0) {
    threads.each(tasks.size(), [&](size_t task) {
      const Panels& panels = tasks[task];
      const ScanProgram::Matrix& matrix = program.matrices[panels.matrix];
      for (int64_t panel = panels.first; panel < panels.last; panel++) {
        packPanel(loop.input<float>(matrix.input), matrix.rows, matrix.columns, matrix.transposed, panel, packed.data() + positions[panels.matrix]);
      }
    });
  }

  const int64_t blocks = (program.rows + program.blockRows - 1) / program.blockRows;
  threads.each(static_cast<size_t>(blocks), [&](size_t block) {
    const Scratch memory(ScratchUse::partials, program.memory);
    const int64_t first = static_cast<int64_t>(block) * program.blockRows;
    Block(loop, first, std::min(program.blockRows, program.rows - first), memory.data()).run();
  });
}

}  // namespace keras::KERAS_ISA
