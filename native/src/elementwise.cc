#include "elementwise.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <unordered_map>

namespace keras {

namespace {

const OperationInfo kInfos[kOperations] = {
    {"copy", 1, 1},      {"neg", 1, 1},     {"abs", 1, 1},     {"sign", 1, 1},    {"exp", 1, 6},      {"log", 1, 8},
    {"log1p", 1, 14},    {"expm1", 1, 8},   {"sqrt", 1, 6},    {"rsqrt", 1, 10},  {"reciprocal", 1, 4}, {"square", 1, 1},
    {"sigmoid", 1, 10},  {"tanh", 1, 12},   {"relu", 1, 1},    {"softplus", 1, 20}, {"erf", 1, 14},   {"floor", 1, 1},
    {"ceil", 1, 1},      {"round", 1, 1},   {"not", 1, 1},     {"isnan", 1, 1},   {"isfinite", 1, 1}, {"isinf", 1, 1},
    {"add", 2, 1},       {"sub", 2, 1},     {"mul", 2, 1},     {"div", 2, 4},     {"pow", 2, 50},     {"max", 2, 1},
    {"min", 2, 1},       {"eq", 2, 1},      {"ne", 2, 1},      {"lt", 2, 1},      {"le", 2, 1},       {"gt", 2, 1},
    {"ge", 2, 1},        {"and", 2, 1},     {"or", 2, 1},      {"xor", 2, 1},     {"where", 3, 1},
    {"gate", 2, 23},     {"gateAdd", 3, 12},
};

/** Additions of a task: some microseconds, so that starting it costs little. */
constexpr int64_t kTaskCost = 1 << 17;

std::string join(const std::vector<int64_t>& numbers) {
  std::string text;
  for (const int64_t number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

}  // namespace

const OperationInfo& info(Operation operation) { return kInfos[static_cast<int>(operation)]; }

Operation findOperation(const std::string& name) {
  for (int i = 1; i < kWrittenOperations; i++) {
    if (name == kInfos[i].name) return static_cast<Operation>(i);
  }
  return Operation::count;
}

std::vector<std::string> elementwiseOperationNames() {
  std::vector<std::string> names = {"const"};
  for (int i = 1; i < kWrittenOperations; i++) names.push_back(kInfos[i].name);
  return names;
}

std::vector<std::string> splitText(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t start = 0;
  while (start <= text.size()) {
    const size_t end = std::min(text.find(separator, start), text.size());
    if (end > start) parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

bool parseInteger(const std::string& text, int64_t& value) {
  if (text.empty()) return false;
  char* end = nullptr;
  errno = 0;
  value = std::strtoll(text.c_str(), &end, 10);
  return errno == 0 && *end == '\0';
}

std::string parseInstructions(const std::string& text, std::vector<Instruction>& instructions) {
  for (const std::string& line : splitText(text, ';')) {
    const std::vector<std::string> words = splitText(line, ' ');
    const auto wrong = [&](const std::string& what) { return "instruction \"" + line + "\": " + what; };
    if (words.size() < 2) return wrong("expected `<value> <operation> <operands…>`");
    Instruction instruction{0, -1, words[1], {}, 0};
    const size_t colon = words[0].find(':');
    if (!parseInteger(words[0].substr(0, colon), instruction.result) ||
        (colon != std::string::npos && !parseInteger(words[0].substr(colon + 1), instruction.columns))) {
      return wrong("\"" + words[0] + "\" is no value");
    }
    if (instruction.name == "const") {
      char* end = nullptr;
      if (words.size() == 3) instruction.literal = static_cast<float>(std::strtod(words[2].c_str(), &end));
      if (end == nullptr || *end != '\0') return wrong("expected one number");
    } else {
      for (size_t i = 2; i < words.size(); i++) {
        int64_t operand;
        if (!parseInteger(words[i], operand)) return wrong("\"" + words[i] + "\" is no value");
        instruction.operands.push_back(operand);
      }
    }
    instructions.push_back(std::move(instruction));
  }
  return "";
}

std::unique_ptr<ElementwiseProgram> ElementwiseProgram::parse(const ElementwiseText& text, std::string& error) {
  auto program = std::make_unique<ElementwiseProgram>();
  const auto fail = [&](const std::string& what) {
    error = what;
    return nullptr;
  };
  program->shape = text.shape;
  program->size = 1;
  for (const int64_t dimension : text.shape) {
    if (dimension < 0) return fail("shape is " + join(text.shape) + "; expected sizes of 0 or more");
    program->size *= dimension;
  }
  const int64_t size = program->size;
  const size_t inputs = text.inputIsBool.size();
  if (text.reads.size() != 2 * inputs) {
    return fail("reads has " + std::to_string(text.reads.size()) + " numbers for " + std::to_string(inputs) +
                " inputs; expected two an input");
  }
  std::vector<Instruction> instructions;
  const std::string wrong = parseInstructions(text.program, instructions);
  if (!wrong.empty()) return fail(wrong);

  // Values get dense numbers: inputs, then results in the order of the instructions.
  std::unordered_map<int64_t, int> numbers;
  std::vector<bool> isUniform;
  for (size_t i = 0; i < inputs; i++) {
    Input input{text.reads[2 * i], text.reads[2 * i + 1], Kind::full, text.inputIsBool[i], false, static_cast<int>(i)};
    if (input.inner < 1 || input.period < 0) {
      return fail("input " + std::to_string(i) + " reads " + join({input.inner, input.period}) +
                  "; expected an inner of 1 or more and a period of 0 or more");
    }
    if (input.period == 0 && size > 0) return fail("input " + std::to_string(i) + " is empty and the result is not");
    input.kind = input.period == 1                          ? Kind::uniform
                 : input.inner > 1                          ? Kind::column
                 : input.period < size                      ? Kind::vector
                                                            : Kind::full;
    input.buffered = input.kind == Kind::vector || input.kind == Kind::column || (input.kind == Kind::full && input.isBool);
    numbers[static_cast<int64_t>(i)] = static_cast<int>(i);
    isUniform.push_back(input.kind == Kind::uniform);
    program->values.push_back({input.buffered ? Place::buffer : Place::input, static_cast<int>(i)});
    program->inputs.push_back(input);
  }
  struct Draft {
    Step step;
    bool uniform;
  };
  std::vector<Draft> drafts;
  std::vector<std::pair<int, float>> constants;
  int64_t cost = 1;
  for (const Instruction& instruction : instructions) {
    const std::string name = "instruction \"" + std::to_string(instruction.result) + " " + instruction.name + "\": ";
    const int result = static_cast<int>(program->values.size());
    if (!numbers.emplace(instruction.result, result).second) return fail(name + "the value is defined twice");
    program->values.push_back({Place::uniform, -1});
    if (instruction.name == "const") {
      constants.push_back({result, instruction.literal});
      isUniform.push_back(true);
      continue;
    }
    const Operation operation = findOperation(instruction.name);
    if (operation == Operation::count) return fail(name + "there is no such operation");
    const OperationInfo& about = info(operation);
    if (static_cast<int>(instruction.operands.size()) != about.operands) {
      return fail(name + std::to_string(instruction.operands.size()) + " operands; expected " + std::to_string(about.operands));
    }
    Draft draft{{operation, 0, result, {0, 0, 0}}, true};
    for (int i = 0; i < about.operands; i++) {
      const auto found = numbers.find(instruction.operands[i]);
      if (found == numbers.end() || found->second == result) {
        return fail(name + "operand " + std::to_string(instruction.operands[i]) + " is not defined before");
      }
      draft.step.operands[i] = found->second;
      if (isUniform[found->second]) {
        draft.step.uniforms |= static_cast<uint8_t>(1 << i);
      } else {
        draft.uniform = false;
      }
    }
    isUniform.push_back(draft.uniform);
    if (!draft.uniform) cost += about.cost;
    drafts.push_back(draft);
  }

  for (const std::string& word : splitText(text.outputs, ' ')) {
    const size_t colon = word.find(':');
    const std::string dtype = colon == std::string::npos ? "" : word.substr(colon + 1);
    int64_t value;
    if (!parseInteger(word.substr(0, colon), value) || (dtype != "f32" && dtype != "bool")) {
      return fail("output \"" + word + "\"; expected `<value>:f32` or `<value>:bool`");
    }
    const auto found = numbers.find(value);
    if (found == numbers.end()) return fail("output \"" + word + "\" is not defined");
    program->outputs.push_back({found->second, dtype == "bool", false});
    cost++;
  }

  // Places of numbers that are the same everywhere: constants, inputs, results.
  for (const auto& [value, literal] : constants) {
    program->values[value] = {Place::uniform, program->uniforms++};
    program->constants.push_back(literal);
  }
  for (Input& input : program->inputs) {
    if (input.kind == Kind::uniform) program->values[input.value] = {Place::uniform, program->uniforms++};
  }
  for (const Draft& draft : drafts) {
    if (draft.uniform) program->values[draft.step.result] = {Place::uniform, program->uniforms++};
  }

  // Results that are outputs are written where they belong; the others take buffers, given back after their last use.
  const int valueCount = static_cast<int>(program->values.size());
  std::vector<int> lastUse(valueCount, -1);
  for (size_t i = 0; i < drafts.size(); i++) {
    for (int k = 0; k < info(drafts[i].step.operation).operands; k++) lastUse[drafts[i].step.operands[k]] = static_cast<int>(i);
  }
  std::vector<bool> isPlaced(valueCount, false);
  for (size_t i = 0; i < program->outputs.size(); i++) {
    Output& output = program->outputs[i];
    lastUse[output.value] = static_cast<int>(drafts.size());  // copied from there at the end
    if (output.isBool || isUniform[output.value] || output.value < static_cast<int>(inputs) || isPlaced[output.value]) continue;
    program->values[output.value] = {Place::output, static_cast<int>(i)};
    isPlaced[output.value] = output.inPlace = true;
  }
  std::vector<int> free;
  const auto take = [&]() {
    if (free.empty()) return program->buffers++;
    const int buffer = free.back();
    free.pop_back();
    return buffer;
  };
  std::vector<int> bufferOf(valueCount, -1);
  for (Input& input : program->inputs) {
    if (!input.buffered) continue;
    if (lastUse[input.value] < 0) {
      input.buffered = false;  // nobody reads it
      continue;
    }
    bufferOf[input.value] = take();
    program->values[input.value] = {Place::buffer, bufferOf[input.value]};
  }
  for (size_t i = 0; i < drafts.size(); i++) {
    const Step& step = drafts[i].step;
    if (drafts[i].uniform) {
      program->uniformSteps.push_back(step);
      continue;
    }
    if (!isPlaced[step.result]) {
      bufferOf[step.result] = take();
      program->values[step.result] = {Place::buffer, bufferOf[step.result]};
      if (lastUse[step.result] < 0) free.push_back(bufferOf[step.result]);
    }
    for (int k = 0; k < info(step.operation).operands; k++) {
      const int operand = step.operands[k];
      if (lastUse[operand] != static_cast<int>(i) || bufferOf[operand] < 0) continue;
      free.push_back(bufferOf[operand]);
      bufferOf[operand] = -1;
    }
    program->steps.push_back(step);
  }
  const int64_t elements = kTaskCost / cost;
  program->taskElements = std::max<int64_t>(2048, (elements + 1023) / 1024 * 1024);
  return program;
}

}  // namespace keras
