#include "scan.h"

#include <algorithm>
#include <unordered_map>

namespace keras {

namespace {

constexpr int64_t kAlignment = 16;  // floats: the widest vectors' and a cache line
/** Numbers of a value in a group of rows: so few that some dozens of values fit into the first cache. */
constexpr int64_t kGroupNumbers = 512;

int64_t roundUp(int64_t x, int64_t multiple) { return (x + multiple - 1) / multiple * multiple; }

/** Distance of rows in memory of our own: whole vectors, and no power of two, as rows would compete for the same lines of a cache. */
int64_t strideOf(int64_t columns) {
  if (columns < kAlignment) return columns;
  const int64_t stride = roundUp(columns, kAlignment);
  return stride % 256 == 0 ? stride + kAlignment : stride;
}

/** Samples of a task: two tasks at least where that leaves enough for a product to be quick, 16 samples at most. */
int64_t blockRowsOf(int64_t rows) { return std::clamp<int64_t>(roundUp((rows + 1) / 2, 4), 1, std::max<int64_t>(1, std::min<int64_t>(rows, 16))); }

/** A value as the text has it. */
struct Parsed {
  int64_t columns = 0;
  bool shared = false;
  bool isMatrix = false;
  /** A slice is a view of another value; else of itself. */
  int root = -1;
  int64_t offset = 0;
  /** Index of the draft that computes it; -1: an input or a constant. */
  int draft = -1;
  int uses = 0;
  int storage = -1;
  /** Where in its storage: parts of a concatenation. */
  int64_t inStorage = 0;
};

/** An instruction that computes. */
struct Draft {
  enum class Kind { elementwise, product, concat } kind;
  Operation operation;
  int result;
  std::vector<int> operands;
  int matrix = -1;
  int initial = -1;
  bool removed = false;
  int segment = -1;  // -1: shared
};

class Parser {
 public:
  Parser(const ScanText& text, ScanProgram& program) : text_(text), program_(program) {}

  std::string parse() {
    program_.length = text_.length;
    program_.rows = text_.rows;
    program_.reverse = text_.reverse;
    program_.carries = static_cast<int>(text_.carries);
    program_.sequences = static_cast<int>(text_.sequences);
    program_.sharedStepsEveryTurn = false;
    program_.blockRows = blockRowsOf(text_.rows);
    program_.memory = 0;
    if (text_.length < 0 || text_.rows < 0 || text_.carries < 0 || text_.sequences < 0) {
      return "length, rows, carries and sequences are " + std::to_string(text_.length) + ", " + std::to_string(text_.rows) + ", " +
             std::to_string(text_.carries) + ", " + std::to_string(text_.sequences) + "; expected 0 or more";
    }
    std::string error = readInputs();
    if (error.empty()) error = readInstructions();
    if (error.empty()) error = readOutputs();
    if (!error.empty()) return error;
    fuse();
    fuseGates();
    copyCarries();
    findSegments();
    place();
    write();
    program_.unit = unitOf(program_);
    return "";
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
      values_[value].isMatrix = letter == 'm';
      program_.inputs.push_back(input);
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
      values_[value].storage = addStorage({ScanProgram::Where::constant, static_cast<int>(program_.constants.size()), 1, 0, 0});
      program_.constants.push_back(instruction.literal);
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
      if (values_[found->second].isMatrix != (isProduct && i == 1)) {
        return "operand " + std::to_string(instruction.operands[i]) +
               (isProduct && i == 1 ? " is no matrix" : " is a matrix; those are right operands of matmul and matmul_t");
      }
      operands.push_back(found->second);
    }
    const auto columnsOf = [&](int i) { return values_[operands[i]].columns; };
    if (isSlice) {
      const int64_t start = instruction.operands[1];
      if (start < 0 || start + columns > columnsOf(0)) {
        return "columns " + std::to_string(start) + " to " + std::to_string(start + columns) + " of " + std::to_string(columnsOf(0));
      }
      const Parsed source = values_[operands[0]];
      values_[operands[0]].uses++;
      const int value = add(instruction.result, columns, source.shared);
      values_[value].root = source.root;
      values_[value].offset = source.offset + start;
      return "";
    }
    bool shared = true;
    if (isProduct) {
      const ScanProgram::Input& matrix = program_.inputs[operands[1]];
      const int64_t rows = isTransposed ? matrix.columns : matrix.rows, width = isTransposed ? matrix.rows : matrix.columns;
      if (values_[operands[0]].shared) return "the left operand is shared by all samples; expected one of each sample";
      if (columnsOf(0) != rows || columns != width) {
        return std::to_string(columnsOf(0)) + " columns with a matrix of " + std::to_string(rows) + " x " + std::to_string(width) +
               (isTransposed ? " (transposed)" : "");
      }
      shared = false;
    } else {
      int64_t sum = 0;
      for (size_t i = 0; i < operands.size(); i++) {
        shared = shared && values_[operands[i]].shared;
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
    for (const int operand : operands) values_[operand].uses++;
    if (isConcat) draft.kind = Draft::Kind::concat;
    if (isProduct) {
      draft.kind = Draft::Kind::product;
      draft.operands = {operands[0]};
      draft.matrix = matrixOf(operands[1], isTransposed);
    }
    values_[result].draft = static_cast<int>(drafts_.size());
    drafts_.push_back(draft);
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
      if (found == numbers_.end() || values_[found->second].isMatrix) return "output \"" + words[i] + "\" is not defined";
      const int value = found->second;
      values_[value].uses++;
      outputs_.push_back(value);
      const bool isCarry = i < static_cast<size_t>(text_.carries);
      program_.outputs.push_back({{}, values_[value].columns, isBool, false, isCarry && value == static_cast<int>(i)});
      if (isCarry && (program_.inputs[i].columns != values_[value].columns || program_.inputs[i].isBool != isBool)) {
        return "carry " + std::to_string(i) + " has " + std::to_string(program_.inputs[i].columns) + " columns" +
               (program_.inputs[i].isBool ? " of bools" : "") + ", its new value " + std::to_string(values_[value].columns) +
               (isBool ? " of bools" : "");
      }
    }
    return "";
  }

  /** x + product: the product's sums start from x. */
  void fuse() {
    for (Draft& draft : drafts_) {
      if (draft.kind != Draft::Kind::elementwise || draft.operation != Operation::add) continue;
      for (int side = 1; side >= 0; side--) {
        const Parsed& product = values_[draft.operands[side]];
        const int other = draft.operands[1 - side];
        if (product.draft < 0 || product.uses != 1 || product.columns != values_[draft.result].columns) continue;
        Draft& source = drafts_[product.draft];
        if (source.kind != Draft::Kind::product || source.initial >= 0 || values_[other].columns != product.columns) continue;
        draft.kind = Draft::Kind::product;
        draft.matrix = source.matrix;
        draft.operands = source.operands;
        draft.initial = other;
        source.removed = true;
        break;
      }
    }
  }

  /** The draft that computes a value which nobody but `user` reads, if it is this operation on as many columns; else null. */
  Draft* onlyFor(const Draft& user, int value, Operation operation) {
    const Parsed &part = values_[value], &whole = values_[user.result];
    if (part.draft < 0 || part.uses != 1 || part.root != value || part.columns != whole.columns || part.shared != whole.shared) return nullptr;
    Draft& draft = drafts_[part.draft];
    return draft.kind == Draft::Kind::elementwise && !draft.removed && draft.operation == operation ? &draft : nullptr;
  }

  /** Gates of recurrent cells, σ(a) · tanh(b) and σ(a) · b + c, in one operation where nobody asks for their parts. */
  void fuseGates() {
    for (const bool adds : {false, true}) {
      for (Draft& draft : drafts_) {
        if (draft.removed || draft.kind != Draft::Kind::elementwise || draft.operation != (adds ? Operation::add : Operation::mul)) continue;
        for (int side = 0; side < 2 && draft.operands.size() == 2; side++) {
          if (adds) {
            fuseGateAdd(draft, side);
          } else {
            fuseGate(draft, side);
          }
        }
      }
    }
  }
  void fuseGate(Draft& draft, int side) {
    Draft* sigmoid = onlyFor(draft, draft.operands[side], Operation::sigmoid);
    Draft* tanh = onlyFor(draft, draft.operands[1 - side], Operation::tanh);
    if (sigmoid == nullptr || tanh == nullptr) return;
    sigmoid->removed = tanh->removed = true;
    draft.operation = Operation::gate;
    draft.operands = {sigmoid->operands[0], tanh->operands[0]};
  }
  void fuseGateAdd(Draft& draft, int side) {
    Draft* product = onlyFor(draft, draft.operands[side], Operation::mul);
    if (product == nullptr) return;
    for (int factor = 0; factor < 2; factor++) {
      Draft* sigmoid = onlyFor(*product, product->operands[factor], Operation::sigmoid);
      if (sigmoid == nullptr) continue;
      sigmoid->removed = product->removed = true;
      draft.operation = Operation::gateAdd;
      draft.operands = {sigmoid->operands[0], product->operands[1 - factor], draft.operands[1 - side]};
      return;
    }
  }

  /** A new carry must lie in memory of its own: what is an input, a part of something or shared is copied there. */
  void copyCarries() {
    for (int i = 0; i < program_.carries; i++) {
      if (program_.outputs[i].unchanged) continue;
      const int value = outputs_[i];
      if (values_[value].draft >= 0 && !values_[value].shared) continue;
      const int copy = add(-1 - i, values_[value].columns, false);
      values_[copy].draft = static_cast<int>(drafts_.size());
      drafts_.push_back({Draft::Kind::elementwise, Operation::copy, copy, {value}});
      outputs_[i] = copy;
    }
  }

  /** Products stand alone; what is between two of them is a run. */
  void findSegments() {
    int segment = 0;
    for (Draft& draft : drafts_) {
      if (draft.removed || values_[draft.result].shared) continue;
      if (draft.kind == Draft::Kind::product) segment++;
      draft.segment = segment;
      if (draft.kind == Draft::Kind::product) segment++;
    }
    segmentCount_ = segment + 1;
  }

  /** Gives each value its memory, from the last to the first: parts of a concatenation are computed in place. */
  void place() {
    using Where = ScanProgram::Where;
    placeInputs();
    std::vector<std::vector<int>> ys(values_.size());
    std::vector<bool> isCarry(values_.size(), false), leavesRun(values_.size(), false);
    for (size_t i = 0; i < outputs_.size(); i++) {
      const Parsed& value = values_[outputs_[i]];
      leavesRun[value.root] = true;
      if (i < static_cast<size_t>(program_.carries)) {
        isCarry[outputs_[i]] = true;
      } else if (!program_.outputs[i].isBool && !value.shared && value.draft >= 0) {
        ys[outputs_[i]].push_back(static_cast<int>(i));
      }
    }
    for (const Draft& draft : drafts_) {
      if (draft.removed) continue;
      for (const int operand : draft.operands) noteUse(operand, draft, leavesRun);
      if (draft.initial >= 0) noteUse(draft.initial, draft, leavesRun);
    }
    for (size_t i = drafts_.size(); i-- > 0;) {
      const Draft& draft = drafts_[i];
      if (draft.removed) continue;
      Parsed& value = values_[draft.result];
      if (value.shared) {
        value.storage = addStorage({Where::shared, 0, value.columns, 0, take(value.columns)});
      } else if (!ys[draft.result].empty()) {
        // Carries as well: the last turn's part of ys stays as it is. That is where a claimed part of a concatenation is copied.
        const int output = ys[draft.result][0];
        value.storage = addStorage({Where::output, output, value.columns, value.columns, 0});
        value.inStorage = 0;
        program_.outputs[output].inPlace = true;
      } else if (isCarry[draft.result]) {
        const int64_t size = roundUp(program_.blockRows * value.columns, kAlignment);
        value.storage = addStorage({Where::pair, static_cast<int>(size), value.columns, value.columns, take(2 * size)});
        value.inStorage = 0;
      } else if (value.storage >= 0) {
        // claimed by a concatenation
      } else if (draft.kind == Draft::Kind::elementwise && !leavesRun[draft.result]) {
        value.storage = addStorage({Where::group, draft.segment, value.columns, value.columns, 0});
      } else {
        const int64_t stride = strideOf(value.columns);
        value.storage = addStorage({Where::block, 0, value.columns, stride, take(program_.blockRows * stride)});
      }
      if (draft.kind == Draft::Kind::concat && !value.shared) claimParts(draft, isCarry, ys);
    }
  }

  void placeInputs() {
    using Where = ScanProgram::Where;
    for (size_t i = 0; i < program_.inputs.size(); i++) {
      ScanProgram::Input& input = program_.inputs[i];
      if (input.kind == ScanProgram::Input::Kind::matrix) continue;
      const bool shared = input.kind == ScanProgram::Input::Kind::shared;
      const int index = static_cast<int>(i);
      const int64_t stride = shared ? 0 : input.columns;
      const bool isCarry = index < program_.carries, isSequence = !isCarry && index < program_.carries + program_.sequences;
      ScanProgram::Storage storage{isCarry ? Where::carry : isSequence ? Where::sequence : Where::captured, index, input.columns, stride, 0};
      if (input.isBool && !isCarry) storage.where = Where::converted;
      if (input.isBool) storage.position = take((shared ? 1 : program_.blockRows) * input.columns);
      input.storage = values_[index].storage = addStorage(storage);
      if (shared && isSequence) program_.sharedStepsEveryTurn = true;
    }
  }

  /** A value that is read outside of the run that computes it needs memory for all rows of the block. */
  void noteUse(int operand, const Draft& user, std::vector<bool>& leavesRun) const {
    const Parsed& root = values_[values_[operand].root];
    if (root.draft < 0) return;
    if (user.kind == Draft::Kind::product || drafts_[root.draft].segment != user.segment) leavesRun[values_[operand].root] = true;
  }

  void claimParts(const Draft& concat, const std::vector<bool>& isCarry, const std::vector<std::vector<int>>& ys) {
    const Parsed& whole = values_[concat.result];
    int64_t offset = whole.inStorage;
    for (const int operand : concat.operands) {
      Parsed& part = values_[operand];
      const bool computed = part.draft >= 0 && !part.shared;
      if (computed && part.storage < 0 && !isCarry[operand] && ys[operand].empty()) {
        part.storage = whole.storage;
        part.inStorage = offset;
      }
      offset += part.columns;
    }
  }

  ScanProgram::Value valueOf(int value) const {
    const Parsed& parsed = values_[value];
    const Parsed& root = values_[parsed.root];
    return {root.storage, root.inStorage + parsed.offset, parsed.columns};
  }
  const ScanProgram::Storage& storageOf(int value) const { return program_.storages[values_[values_[value].root].storage]; }

  void append(Operation operation, const ScanProgram::Value& result, const std::vector<int>& operands, std::vector<ScanProgram::Step>& steps) const {
    const auto strideOfValue = [&](const ScanProgram::Value& value) { return program_.storages[value.storage].stride; };
    ScanProgram::Step step{operation, 0, result.columns == 1 && strideOfValue(result) == 1, result, {}};
    for (size_t i = 0; i < 3; i++) {
      // Operands that there are none of are read by nobody, but have an address.
      step.operands[i] = i < operands.size() ? valueOf(operands[i]) : step.operands[0];
      if (i < operands.size() && step.operands[i].columns == 1 && result.columns > 1) step.singles |= static_cast<uint8_t>(1 << i);
      if (strideOfValue(step.operands[i]) > 1) step.flat = false;
    }
    for (size_t i = 0; i < operands.size() && step.flat; i++) {
      if (strideOfValue(step.operands[i]) == 0) step.singles |= static_cast<uint8_t>(1 << i);
    }
    steps.push_back(step);
  }

  void appendAll(const Draft& draft, std::vector<ScanProgram::Step>& steps) const {
    const ScanProgram::Value result = valueOf(draft.result);
    if (draft.kind == Draft::Kind::elementwise) {
      append(draft.operation, result, draft.operands, steps);
      return;
    }
    int64_t offset = result.offset;
    for (const int operand : draft.operands) {
      const ScanProgram::Value part = valueOf(operand), target{result.storage, offset, part.columns};
      if (part.storage != target.storage || part.offset != target.offset) append(Operation::copy, target, {operand}, steps);
      offset += part.columns;
    }
  }

  void write() {
    const int64_t groupStart = program_.memory;
    std::vector<std::pair<int, int>> drafts;  // segment, draft: in order
    for (size_t i = 0; i < drafts_.size(); i++) {
      const Draft& draft = drafts_[i];
      if (draft.removed) continue;
      if (draft.segment < 0) {
        appendAll(draft, program_.sharedSteps);
      } else {
        drafts.push_back({draft.segment, static_cast<int>(i)});
      }
    }
    size_t at = 0;
    for (int segment = 0; segment < segmentCount_; segment++) {
      ScanProgram::Segment part{-1, static_cast<int>(program_.steps.size()), 0, 1};
      for (; at < drafts.size() && drafts[at].first == segment; at++) {
        const Draft& draft = drafts_[drafts[at].second];
        if (draft.kind == Draft::Kind::product) {
          part.product = static_cast<int>(program_.products.size());
          const bool hasInitial = draft.initial >= 0;
          program_.products.push_back({draft.matrix, valueOf(draft.result), valueOf(draft.operands[0]), hasInitial,
                                       hasInitial ? valueOf(draft.initial) : ScanProgram::Value{}});
        } else {
          appendAll(draft, program_.steps);
        }
      }
      part.lastStep = static_cast<int>(program_.steps.size());
      if (part.product < 0 && part.firstStep == part.lastStep) continue;
      if (part.product < 0) placeGroups(part, groupStart);
      program_.segments.push_back(part);
    }
    for (size_t i = 0; i < outputs_.size(); i++) program_.outputs[i].value = valueOf(outputs_[i]);
  }

  /** Memory of what lives only within a run, given back after the last use. */
  void placeGroups(ScanProgram::Segment& run, int64_t groupStart) {
    int64_t widest = 1;
    for (int i = run.firstStep; i < run.lastStep; i++) widest = std::max(widest, program_.steps[i].result.columns);
    run.groupRows = std::clamp<int64_t>(kGroupNumbers / widest, 1, program_.blockRows);
    std::unordered_map<int, int> lastUse;
    for (int i = run.firstStep; i < run.lastStep; i++) {
      const ScanProgram::Step& step = program_.steps[i];
      for (int k = 0; k < info(step.operation).operands; k++) lastUse[step.operands[k].storage] = i;
    }
    std::unordered_map<int64_t, std::vector<int64_t>> free;  // by size
    std::unordered_map<int, bool> placed;
    int64_t end = groupStart;
    for (int i = run.firstStep; i < run.lastStep; i++) {
      const ScanProgram::Step& step = program_.steps[i];
      ScanProgram::Storage& storage = program_.storages[step.result.storage];
      if (storage.where == ScanProgram::Where::group && !placed[step.result.storage]) {
        placed[step.result.storage] = true;
        const int64_t size = roundUp(run.groupRows * storage.columns, kAlignment);
        std::vector<int64_t>& fitting = free[size];
        if (fitting.empty()) {
          storage.position = end;
          end += size;
        } else {
          storage.position = fitting.back();
          fitting.pop_back();
        }
      }
      for (const auto& [used, last] : lastUse) {
        if (last != i || program_.storages[used].where != ScanProgram::Where::group) continue;
        free[roundUp(run.groupRows * program_.storages[used].columns, kAlignment)].push_back(program_.storages[used].position);
      }
    }
    program_.memory = std::max(program_.memory, end);
  }

  int add(int64_t number, int64_t columns, bool shared) {
    const int value = static_cast<int>(values_.size());
    Parsed parsed;
    parsed.columns = columns;
    parsed.shared = shared;
    parsed.root = value;
    values_.push_back(parsed);
    numbers_[number] = value;
    return value;
  }
  int addStorage(const ScanProgram::Storage& storage) {
    program_.storages.push_back(storage);
    return static_cast<int>(program_.storages.size()) - 1;
  }
  int64_t take(int64_t floats) {
    const int64_t position = program_.memory;
    program_.memory += roundUp(floats, kAlignment);
    return position;
  }
  int matrixOf(int input, bool transposed) {
    for (size_t i = 0; i < program_.matrices.size(); i++) {
      if (program_.matrices[i].input == input && program_.matrices[i].transposed == transposed) return static_cast<int>(i);
    }
    const ScanProgram::Input& array = program_.inputs[input];
    program_.matrices.push_back({input, transposed, transposed ? array.columns : array.rows, transposed ? array.rows : array.columns});
    return static_cast<int>(program_.matrices.size()) - 1;
  }

  const ScanText& text_;
  ScanProgram& program_;
  std::vector<Parsed> values_;
  std::vector<Draft> drafts_;
  std::vector<int> outputs_;
  std::unordered_map<int64_t, int> numbers_;
  int segmentCount_ = 0;
};

}  // namespace

std::unique_ptr<ScanProgram> ScanProgram::parse(const ScanText& text, std::string& error) {
  auto program = std::make_unique<ScanProgram>();
  error = Parser(text, *program).parse();
  return error.empty() ? std::move(program) : nullptr;
}

}  // namespace keras
