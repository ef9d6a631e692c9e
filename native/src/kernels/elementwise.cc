/**
 * The machine for elementwise programs. Elements are cut into tasks by size, tasks into chunks whose intermediate values stay
 * in the first cache; within a chunk the steps run one after the other.
 */
#include "elementwise.h"

#include <algorithm>
#include <vector>

#include "../elementwise.h"
#include "math.h"
#include "operations.h"

namespace keras::KERAS_ISA {

namespace {

/** Floats of all buffers of a task: half of a first cache, so that inputs and outputs find room beside them. */
constexpr int64_t kWorkspace = 4096;
constexpr int64_t kLargestChunk = 512, kSmallestChunk = 64;
constexpr int kFewValues = 96;

inline float asFloat(float x) { return x; }
inline float asFloat(uint8_t x) { return x != 0 ? 1.0f : 0.0f; }

template <class T>
void copyRun(const T* from, float* to, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = asFloat(from[i]);
}

/** Elements start … start + count - 1 of an input that repeats. `to` has room for a vector more. */
template <class T>
void fill(const ElementwiseProgram::Input& input, const T* from, float* to, int64_t start, int64_t count) {
  if (input.kind == ElementwiseProgram::Kind::column) {
    int64_t element = start / input.inner % input.period;
    int64_t left = input.inner - start % input.inner;
    for (int64_t i = 0; i < count;) {
      const int64_t run = std::min(left, count - i);
      const Vec value = splat(asFloat(from[element]));
      // Writes up to a vector too far: the next run overwrites that.
      for (int64_t k = 0; k < run; k += kLanes) store(to + i + k, value);
      i += run;
      left = input.inner;
      element = element + 1 == input.period ? 0 : element + 1;
    }
    return;
  }
  int64_t at = input.kind == ElementwiseProgram::Kind::vector ? start % input.period : start;
  const int64_t first = std::min(count, input.period);
  // One period, then copies of what is there already, twice as much each time.
  for (int64_t i = 0; i < first;) {
    const int64_t run = std::min(input.period - at, first - i);
    copyRun(from + at, to + i, run);
    i += run;
    at = 0;
  }
  for (int64_t done = first; done < count;) {
    const int64_t run = std::min(done, count - done);
    std::memcpy(to + done, to, static_cast<size_t>(run) * sizeof(float));
    done += run;
  }
}

}  // namespace

void fromBools(const uint8_t* from, float* to, int64_t count) { copyRun(from, to, count); }
void toBools(const float* from, uint8_t* to, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = from[i] != 0.0f;
}

void elementwise(const ElementwiseProgram& program, const void* const* inputs, void* const* outputs, const Threads& threads) {
  using Place = ElementwiseProgram::Place;
  if (program.size == 0) return;
  const size_t valueCount = program.values.size();

  // The numbers that are the same for all elements.
  float fewUniforms[kFewValues];
  std::vector<float> manyUniforms;
  float* uniforms = fewUniforms;
  if (program.uniforms > kFewValues) {
    manyUniforms.resize(static_cast<size_t>(program.uniforms));
    uniforms = manyUniforms.data();
  }
  std::copy(program.constants.begin(), program.constants.end(), uniforms);
  for (size_t i = 0; i < program.inputs.size(); i++) {
    const ElementwiseProgram::Input& input = program.inputs[i];
    if (input.kind != ElementwiseProgram::Kind::uniform) continue;
    uniforms[program.values[static_cast<size_t>(input.value)].index] =
        input.isBool ? asFloat(*static_cast<const uint8_t*>(inputs[i])) : *static_cast<const float*>(inputs[i]);
  }
  const auto uniformOf = [&](int value) { return uniforms + program.values[static_cast<size_t>(value)].index; };
  OperationArguments single{1, 1, nullptr, 1, {}, {}};
  for (const ElementwiseProgram::Step& step : program.uniformSteps) {
    single.out = uniformOf(step.result);
    for (int k = 0; k < info(step.operation).operands; k++) single.operands[k] = uniformOf(step.operands[k]);
    operationKernel(step.operation, 0)(single);
  }

  const int64_t slack = kLanes;
  int64_t chunk = kLargestChunk;
  if (program.buffers > 0) {
    chunk = std::min(chunk, kWorkspace / program.buffers / kSmallestChunk * kSmallestChunk - kSmallestChunk);
    chunk = std::max(chunk, kSmallestChunk);
  }
  const int64_t bufferFloats = chunk + slack;
  const int64_t tasks = (program.size + program.taskElements - 1) / program.taskElements;

  threads.each(static_cast<size_t>(tasks), [&](size_t task) {
    alignas(64) float fewFloats[kWorkspace];
    std::vector<float> manyFloats;
    float* workspace = fewFloats;
    if (program.buffers * bufferFloats > kWorkspace) {
      manyFloats.resize(static_cast<size_t>(program.buffers * bufferFloats));
      workspace = manyFloats.data();
    }
    float* fewPointers[kFewValues];
    std::vector<float*> manyPointers;
    float** pointers = fewPointers;
    if (valueCount > kFewValues) {
      manyPointers.resize(valueCount);
      pointers = manyPointers.data();
    }
    for (size_t i = 0; i < valueCount; i++) {
      const ElementwiseProgram::Value& value = program.values[i];
      if (value.place == Place::uniform) pointers[i] = uniforms + value.index;
      if (value.place == Place::buffer) pointers[i] = workspace + value.index * bufferFloats;
    }
    OperationArguments arguments{1, 0, nullptr, 0, {}, {}};
    const int64_t first = static_cast<int64_t>(task) * program.taskElements;
    const int64_t end = std::min(program.size, first + program.taskElements);
    for (int64_t start = first; start < end; start += chunk) {
      const int64_t count = std::min(chunk, end - start);
      for (size_t i = 0; i < program.inputs.size(); i++) {
        const ElementwiseProgram::Input& input = program.inputs[i];
        float*& pointer = pointers[input.value];
        if (input.buffered) {
          const int64_t at = start % input.period;
          if (input.kind == ElementwiseProgram::Kind::vector && !input.isBool && at + count <= input.period) {
            pointer = const_cast<float*>(static_cast<const float*>(inputs[i])) + at;  // lies there in one piece
            continue;
          }
          pointer = workspace + program.values[static_cast<size_t>(input.value)].index * bufferFloats;
          if (input.isBool) {
            fill(input, static_cast<const uint8_t*>(inputs[i]), pointer, start, count);
          } else {
            fill(input, static_cast<const float*>(inputs[i]), pointer, start, count);
          }
        } else if (input.kind == ElementwiseProgram::Kind::full) {
          pointer = const_cast<float*>(static_cast<const float*>(inputs[i])) + start;
        }
      }
      for (const ElementwiseProgram::Output& output : program.outputs) {
        if (!output.inPlace) continue;
        const size_t index = static_cast<size_t>(program.values[static_cast<size_t>(output.value)].index);
        pointers[output.value] = static_cast<float*>(outputs[index]) + start;
      }
      arguments.columns = count;
      for (const ElementwiseProgram::Step& step : program.steps) {
        arguments.out = pointers[step.result];
        arguments.operands[0] = pointers[step.operands[0]];
        arguments.operands[1] = pointers[step.operands[1]];
        arguments.operands[2] = pointers[step.operands[2]];
        operationKernel(step.operation, step.uniforms)(arguments);
      }
      for (size_t i = 0; i < program.outputs.size(); i++) {
        const ElementwiseProgram::Output& output = program.outputs[i];
        if (output.inPlace) continue;
        const float* from = pointers[output.value];
        const bool isUniform = program.values[static_cast<size_t>(output.value)].place == Place::uniform;
        if (output.isBool) {
          uint8_t* to = static_cast<uint8_t*>(outputs[i]) + start;
          if (isUniform) {
            std::memset(to, *from != 0.0f, static_cast<size_t>(count));
          } else {
            toBools(from, to, count);
          }
        } else {
          float* to = static_cast<float*>(outputs[i]) + start;
          if (isUniform) {
            std::fill(to, to + count, *from);
          } else {
            std::memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
          }
        }
      }
    }
  });
}

}  // namespace keras::KERAS_ISA
