#include <unordered_map>

#include "scanDraft.h"

namespace keras {

namespace {

class Reader {
 public:
  Reader(const ScanText& text, ScanDraft& draft) : text_(text), draft_(draft) {}

  std::string read() {
    if (text_.length < 0 || text_.rows < 0 || text_.carries < 0 || text_.sequences < 0) {
      return "length, rows, carries and sequences are " + std::to_string(text_.length) + ", " + std::to_string(text_.rows) + ", " +
             std::to_string(text_.carries) + ", " + std::to_string(text_.sequences) + "; expected 0 or more";
    }
    std::string error = readInputs();
    if (error.empty()) error = readInstructions();
    if (error.empty()) error = readOutputs();
    return error;
  }

 private:
  std::string readInputs() {
    const std::vector<std::string> words = splitText(text_.values, ' ');
    const size_t own = static_cast<size_t>(text_.carries + text_.sequences);
    if (words.size() < own) {
      return "values tells " + std::to_string(words.size()) + " inputs; expected those of " + std::to_string(text_.carries) +
             " carries and " + std::to_string(text_.sequences) + " sequences at least";
    }
    for (size_t i = 0; i < words.size(); i++) {
      std::string word = words[i];
      const std::string wrong = "input " + std::to_string(i) + " is \"" + word + "\"; expected ";
      ScanProgram::Input input{ScanProgram::Input::Kind::perSample, 0, 0, word.back() == 'b', -1};
      if (input.isBool) word.pop_back();
      const char letter = word[0];
      const size_t cross = word.find('x');
      if (letter == 'm') {
        input.kind = ScanProgram::Input::Kind::matrix;
        if (i < own || input.isBool) return wrong + "matrices of float32 only among what is captured";
        if (cross == std::string::npos || !parseInteger(word.substr(1, cross - 1), input.rows) ||
            !parseInteger(word.substr(cross + 1), input.columns) || input.rows < 0 || input.columns < 0) {
          return wrong + "m<rows>x<columns>";
        }
      } else {
        if (letter == 's') input.kind = ScanProgram::Input::Kind::shared;
        if ((letter != 'r' && letter != 's') || !parseInteger(word.substr(1), input.columns) || input.columns < 1) {
          return wrong + "r<columns>, s<columns> or m<rows>x<columns>";
        }
        if (letter == 's' && i < static_cast<size_t>(text_.carries)) return wrong + "r<columns>: a carry belongs to each sample";
      }
      const int value = add(static_cast<int64_t>(i), input.columns, letter == 's');
      draft_.values[value].isMatrix = letter == 'm';
      draft_.program.inputs.push_back(input);
    }
    return "";
  }

  std::string readInstructions() {
    std::vector<Instruction> instructions;
    const std::string wrong = parseInstructions(text_.program, instructions);
    if (!wrong.empty()) return wrong;
    for (const Instruction& instruction : instructions) {
      const std::string name =
          "instruction \"" + std::to_string(instruction.result) + ":" + std::to_string(instruction.columns) + " " + instruction.name + "\": ";
      if (instruction.columns < 1) return name + "the value needs its columns, as in 7:32";
      if (numbers_.count(instruction.result)) return name + "the value is defined twice";
      const std::string error = read(instruction);
      if (!error.empty()) return name + error;
    }
    return "";
  }

  std::string read(const Instruction& instruction) {
    const int64_t columns = instruction.columns;
    if (instruction.name == "const") {
      // One number, however many columns the value is said to have.
      const int value = add(instruction.result, 1, true);
      draft_.values[value].storage = draft_.addStorage({ScanProgram::Where::constant, static_cast<int>(draft_.program.constants.size()), 1, 0, 0});
      draft_.program.constants.push_back(instruction.literal);
      return "";
    }
    const bool isSlice = instruction.name == "slice", isConcat = instruction.name == "concat";
    const bool isTransposed = instruction.name == "matmul_t", isProduct = isTransposed || instruction.name == "matmul";
    const Operation operation = findOperation(instruction.name);
    const size_t expected = isSlice || isProduct ? 2 : isConcat ? instruction.operands.size()
                            : operation == Operation::count ? 0 : static_cast<size_t>(info(operation).operands);
    if (!isSlice && !isConcat && !isProduct && operation == Operation::count) return "there is no such operation";
    if (instruction.operands.size() != expected || expected == 0) {
      return std::to_string(instruction.operands.size()) + " operands; expected " + (isConcat ? "1 or more" : std::to_string(expected));
    }
    std::vector<int> operands;
    for (size_t i = 0; i < (isSlice ? 1 : expected); i++) {
      const auto found = numbers_.find(instruction.operands[i]);
      if (found == numbers_.end()) return "operand " + std::to_string(instruction.operands[i]) + " is not defined before";
      if (draft_.values[found->second].isMatrix != (isProduct && i == 1)) {
        return "operand " + std::to_string(instruction.operands[i]) +
               (isProduct && i == 1 ? " is no matrix" : " is a matrix; those are right operands of matmul and matmul_t");
      }
      operands.push_back(found->second);
    }
    const auto columnsOf = [&](int i) { return draft_.values[operands[i]].columns; };
    if (isSlice) {
      const int64_t start = instruction.operands[1];
      if (start < 0 || start + columns > columnsOf(0)) {
        return "columns " + std::to_string(start) + " to " + std::to_string(start + columns) + " of " + std::to_string(columnsOf(0));
      }
      const ScanValue source = draft_.values[operands[0]];
      draft_.values[operands[0]].uses++;
      const int value = add(instruction.result, columns, source.shared);
      draft_.values[value].root = source.root;
      draft_.values[value].offset = source.offset + start;
      return "";
    }
    bool shared = true;
    if (isProduct) {
      const ScanProgram::Input& matrix = draft_.program.inputs[operands[1]];
      const int64_t rows = isTransposed ? matrix.columns : matrix.rows, width = isTransposed ? matrix.rows : matrix.columns;
      if (draft_.values[operands[0]].shared) return "the left operand is shared by all samples; expected one of each sample";
      if (columnsOf(0) != rows || columns != width) {
        return std::to_string(columnsOf(0)) + " columns with a matrix of " + std::to_string(rows) + " x " + std::to_string(width) +
               (isTransposed ? " (transposed)" : "");
      }
      shared = false;
    } else {
      int64_t sum = 0;
      for (size_t i = 0; i < operands.size(); i++) {
        shared = shared && draft_.values[operands[i]].shared;
        sum += columnsOf(static_cast<int>(i));
        if (!isConcat && columnsOf(static_cast<int>(i)) != columns && columnsOf(static_cast<int>(i)) != 1) {
          return "operand " + std::to_string(instruction.operands[i]) + " has " + std::to_string(columnsOf(static_cast<int>(i))) +
                 " columns; expected " + std::to_string(columns) + " or 1";
        }
      }
      if (isConcat && sum != columns) return "the parts have " + std::to_string(sum) + " columns together";
    }
    const int result = add(instruction.result, columns, shared);
    Draft draft{Draft::Kind::elementwise, operation, result, operands};
    for (const int operand : operands) draft_.values[operand].uses++;
    if (isConcat) draft.kind = Draft::Kind::concat;
    if (isProduct) {
      draft.kind = Draft::Kind::product;
      draft.operands = {operands[0]};
      draft.matrix = matrixOf(operands[1], isTransposed);
    }
    draft_.values[result].draft = static_cast<int>(draft_.drafts.size());
    draft_.drafts.push_back(draft);
    return "";
  }

  std::string readOutputs() {
    const std::vector<std::string> words = splitText(text_.outputs, ' ');
    if (words.size() < static_cast<size_t>(text_.carries)) {
      return "outputs are " + std::to_string(words.size()) + "; expected the new values of " + std::to_string(text_.carries) +
             " carries at least";
    }
    for (size_t i = 0; i < words.size(); i++) {
      std::string word = words[i];
      const bool isBool = word.back() == 'b';
      if (isBool) word.pop_back();
      int64_t number;
      const auto found = parseInteger(word, number) ? numbers_.find(number) : numbers_.end();
      if (found == numbers_.end() || draft_.values[found->second].isMatrix) return "output \"" + words[i] + "\" is not defined";
      const int value = found->second;
      draft_.values[value].uses++;
      draft_.outputs.push_back(value);
      const bool isCarry = i < static_cast<size_t>(text_.carries);
      draft_.program.outputs.push_back({{}, draft_.values[value].columns, isBool, false, isCarry && value == static_cast<int>(i)});
      if (isCarry && (draft_.program.inputs[i].columns != draft_.values[value].columns || draft_.program.inputs[i].isBool != isBool)) {
        return "carry " + std::to_string(i) + " has " + std::to_string(draft_.program.inputs[i].columns) + " columns" +
               (draft_.program.inputs[i].isBool ? " of bools" : "") + ", its new value " + std::to_string(draft_.values[value].columns) +
               (isBool ? " of bools" : "");
      }
    }
    return "";
  }

  /** Adds a value that the text knows by a number. */
  int add(int64_t number, int64_t columns, bool shared) {
    const int value = draft_.add(columns, shared);
    numbers_[number] = value;
    return value;
  }

  int matrixOf(int input, bool transposed) {
    for (size_t i = 0; i < draft_.program.matrices.size(); i++) {
      if (draft_.program.matrices[i].input == input && draft_.program.matrices[i].transposed == transposed) return static_cast<int>(i);
    }
    const ScanProgram::Input& array = draft_.program.inputs[input];
    draft_.program.matrices.push_back({input, transposed, transposed ? array.columns : array.rows, transposed ? array.rows : array.columns});
    return static_cast<int>(draft_.program.matrices.size()) - 1;
  }

  const ScanText& text_;
  ScanDraft& draft_;
  std::unordered_map<int64_t, int> numbers_;
};

}  // namespace

std::string readScan(const ScanText& text, ScanDraft& draft) { return Reader(text, draft).read(); }

}  // namespace keras
