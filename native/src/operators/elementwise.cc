/** Runs of elementwise operations as one operator. */
#include "../elementwise.h"

#include <atomic>

#include "../kernels.h"
#include "operator.h"

namespace keras {
namespace {

/** What the attributes say. How many inputs there are follows from how they are read. */
Error read(const Attributes& attributes, std::unique_ptr<ElementwiseProgram>& program) {
  ElementwiseText text{attributes.integers("shape"), attributes.integers("reads"), attributes.text("outputs"), attributes.text("program"), {}};
  for (size_t i = 0; i < text.reads.size() / 2; i++) {
    const ElementType type = attributes.inputType(i);
    if (type != ElementType::float32 && type != ElementType::boolean) {
      return "input " + std::to_string(i) + " is neither float32 nor bool (type " + std::to_string(static_cast<int>(type)) + ")";
    }
    text.inputIsBool.push_back(type == ElementType::boolean);
  }
  Error error;
  program = ElementwiseProgram::parse(text, error);
  return error;
}

Error checkSize(const ElementwiseProgram& program, size_t input, const Shape& shape) {
  int64_t size = 1;
  for (const int64_t dimension : shape) size *= dimension;
  const int64_t expected = program.inputs[input].period;
  if (size == expected) return "";
  return "input " + std::to_string(input) + " has shape " + describe(shape) + "; expected the " + std::to_string(expected) + " elements that `reads` tells";
}

Error checkCounts(const ElementwiseProgram& program, size_t inputs) {
  if (inputs == program.inputs.size()) return "";
  return std::to_string(inputs) + " inputs; expected the " + std::to_string(program.inputs.size()) + " of `reads`";
}

Error infer(Inference& inference) {
  std::unique_ptr<ElementwiseProgram> program;
  Error error = read(inference.attributes(), program);
  if (error.empty()) error = checkCounts(*program, inference.inputCount());
  for (size_t i = 0; error.empty() && i < program->inputs.size(); i++) {
    if (inference.knows(i)) error = checkSize(*program, i, inference.inputShape(i));
  }
  if (!error.empty()) return error;
  for (size_t i = 0; i < program->outputs.size(); i++) {
    inference.output(i, program->outputs[i].isBool ? ElementType::boolean : ElementType::float32, program->shape);
  }
  return "";
}

class ElementwiseNode : public Node {
 public:
  static Error create(const Attributes& attributes, std::unique_ptr<Node>& node) {
    auto made = std::make_unique<ElementwiseNode>();
    const Error error = read(attributes, made->program_);
    if (error.empty()) node = std::move(made);
    return error;
  }

  Error run(Run& run) const override {
    const size_t inputs = program_->inputs.size(), outputs = program_->outputs.size();
    // Sizes are fixed by the attributes, and so for all runs: asking the engine for them costs more than small arrays do.
    if (!checked_.load(std::memory_order_relaxed)) {
      Error error = checkCounts(*program_, run.inputCount());
      if (error.empty() && run.outputCount() != outputs) {
        error = std::to_string(run.outputCount()) + " outputs; expected the " + std::to_string(outputs) + " of `outputs`";
      }
      for (size_t i = 0; error.empty() && i < inputs; i++) error = checkSize(*program_, i, run.shape(i));
      if (!error.empty()) return error;
      checked_.store(true, std::memory_order_relaxed);
    }
    constexpr size_t kFew = 64;
    const void* few[kFew];
    std::vector<const void*> many;
    const void** pointers = few;
    if (inputs + outputs > kFew) {
      many.resize(inputs + outputs);
      pointers = many.data();
    }
    for (size_t i = 0; i < inputs; i++) pointers[i] = run.input(i);
    for (size_t i = 0; i < outputs; i++) {
      void* output = run.output(i, program_->shape);
      if (output == nullptr && program_->size > 0) return "the memory of output " + std::to_string(i) + " is not of shape " + describe(program_->shape);
      pointers[inputs + i] = output;
    }
    kernels().elementwise(*program_, pointers, const_cast<void* const*>(pointers + inputs), run.threads());
    return "";
  }

 private:
  std::unique_ptr<ElementwiseProgram> program_;
  mutable std::atomic<bool> checked_{false};
};

const Slot kArrays{ElementType::undefined, Presence::variadic};

const Registration elementwise({"Elementwise", {kArrays}, {kArrays}, ElementwiseNode::create, infer});

/** Makes the operations known to whoever asks the library for them. */
const bool named = [] {
  elementwiseOperations() = elementwiseOperationNames();
  return true;
}();

}  // namespace
}  // namespace keras
