/** Loops over time as one operator. */
#include "../scan.h"

#include "../kernels.h"
#include "operator.h"

namespace keras {
namespace {

/** What the attributes say. */
struct Loop {
  std::unique_ptr<ScanProgram> program;
  /** Of the outputs, where the attributes tell them; else carries are of their inputs' shape and ys (turns, samples, columns). */
  std::vector<Shape> shapes;

  Error read(const Attributes& attributes) {
    ScanText text;
    text.length = attributes.integer("length", -1);
    text.rows = attributes.integer("rows", -1);
    text.reverse = attributes.integer("reverse", 0) != 0;
    text.carries = attributes.integer("carries", -1);
    text.sequences = attributes.integer("sequences", -1);
    text.values = attributes.text("values");
    text.program = attributes.text("program");
    text.outputs = attributes.text("outputs");
    Error error;
    program = ScanProgram::parse(text, error);
    return error.empty() ? readShapes(attributes.text("shapes")) : error;
  }

  ElementType inputType(size_t i) const { return program->inputs[i].isBool ? ElementType::boolean : ElementType::float32; }
  ElementType outputType(size_t i) const { return program->outputs[i].isBool ? ElementType::boolean : ElementType::float32; }
  bool isCarry(size_t output) const { return output < static_cast<size_t>(program->carries); }

  Shape outputShape(size_t i, const Shape& input) const {
    if (!shapes.empty()) return shapes[i];
    return isCarry(i) ? input : Shape{program->length, program->rows, program->outputs[i].columns};
  }

  /** How many elements input `i` must have. */
  int64_t inputSize(size_t i) const {
    const ScanProgram::Input& input = program->inputs[i];
    const size_t carries = static_cast<size_t>(program->carries), own = carries + static_cast<size_t>(program->sequences);
    if (input.kind == ScanProgram::Input::Kind::matrix) return input.rows * input.columns;
    return input.columns * (input.kind == ScanProgram::Input::Kind::perSample ? program->rows : 1) * (i >= carries && i < own ? program->length : 1);
  }

  Error checkInput(size_t i, const Shape& shape) const {
    if (sizeOf(shape) == inputSize(i)) return "";
    return "input " + std::to_string(i) + " has shape " + describe(shape) + "; expected " + std::to_string(inputSize(i)) + " elements, as `values` tells";
  }
  Error checkCount(size_t inputs) const {
    if (inputs == program->inputs.size()) return "";
    return std::to_string(inputs) + " inputs; expected the " + std::to_string(program->inputs.size()) + " of `values`";
  }

 private:
  static int64_t sizeOf(const Shape& shape) {
    int64_t size = 1;
    for (const int64_t dimension : shape) size *= dimension;
    return size;
  }

  /** "32x128 10x32x128". */
  Error readShapes(const std::string& text) {
    const std::vector<std::string> words = splitText(text, ' ');
    if (words.empty()) return "";
    if (words.size() != program->outputs.size()) {
      return "`shapes` tells " + std::to_string(words.size()) + " outputs; expected the " + std::to_string(program->outputs.size()) + " of `outputs`";
    }
    for (size_t i = 0; i < words.size(); i++) {
      Shape shape;
      for (const std::string& size : splitText(words[i], 'x')) {
        shape.push_back(-1);
        if (!parseInteger(size, shape.back()) || shape.back() < 0) return "`shapes` has \"" + words[i] + "\"; expected sizes joined by x";
      }
      const int64_t expected = program->outputs[i].columns * program->rows * (isCarry(i) ? 1 : program->length);
      if (sizeOf(shape) != expected) return "output " + std::to_string(i) + " of shape " + describe(shape) + " has " + std::to_string(expected) + " elements";
      shapes.push_back(shape);
    }
    return "";
  }
};

Error infer(Inference& inference) {
  Loop loop;
  Error error = loop.read(inference.attributes());
  if (error.empty()) error = loop.checkCount(inference.inputCount());
  for (size_t i = 0; error.empty() && i < loop.program->inputs.size(); i++) {
    if (inference.knows(i)) error = loop.checkInput(i, inference.inputShape(i));
  }
  if (!error.empty()) return error;
  for (size_t i = 0; i < loop.program->outputs.size(); i++) {
    const bool unknown = loop.shapes.empty() && loop.isCarry(i) && !inference.knows(i);
    if (!unknown) inference.output(i, loop.outputType(i), loop.outputShape(i, loop.isCarry(i) ? inference.inputShape(i) : Shape{}));
  }
  return "";
}

class ScanNode : public Node {
 public:
  static Error create(const Attributes& attributes, std::unique_ptr<Node>& node) {
    auto made = std::make_unique<ScanNode>();
    Error error = made->loop_.read(attributes);
    for (size_t i = 0; error.empty() && i < made->loop_.program->inputs.size(); i++) {
      if (attributes.inputType(i) != made->loop_.inputType(i)) {
        error = "input " + std::to_string(i) + " is not " + (made->loop_.program->inputs[i].isBool ? "bool" : "float32") + ", as `values` tells";
      }
    }
    if (error.empty()) node = std::move(made);
    return error;
  }

  Error run(Run& run) const override {
    const ScanProgram& program = *loop_.program;
    Error error = loop_.checkCount(run.inputCount());
    std::vector<const void*> inputs;
    std::vector<void*> outputs;
    for (size_t i = 0; error.empty() && i < program.inputs.size(); i++) {
      error = loop_.checkInput(i, run.shape(i));
      inputs.push_back(run.input(i));
    }
    for (size_t i = 0; error.empty() && i < program.outputs.size(); i++) {
      const Shape shape = loop_.outputShape(i, loop_.isCarry(i) ? run.shape(i) : Shape{});
      outputs.push_back(run.output(i, shape));
      if (outputs.back() == nullptr && program.rows > 0 && program.length > 0) error = "the memory of output " + std::to_string(i) + " is not of shape " + describe(shape);
    }
    if (error.empty()) kernels().scan(program, inputs.data(), outputs.data(), run.threads());
    return error;
  }

 private:
  Loop loop_;
};

const Slot kArrays{ElementType::undefined, Presence::variadic};

const Registration scan({"Scan", {kArrays}, {kArrays}, ScanNode::create, infer});

}  // namespace
}  // namespace keras
