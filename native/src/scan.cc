#include "scan.h"

#include <algorithm>
#include <unordered_map>

#include "scanDraft.h"

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

/** Gives what a text says its order, its memory and its steps. */
class Planner {
 public:
  explicit Planner(ScanDraft& draft) : draft_(draft) {}

  void plan() {
    copyCarries();
    findSegments();
    place();
    write();
  }

 private:
  /** A new carry must lie in memory of its own: what is an input, a part of something or shared is copied there. */
  void copyCarries() {
    for (int i = 0; i < draft_.program.carries; i++) {
      if (draft_.program.outputs[i].unchanged) continue;
      const int value = draft_.outputs[i];
      if (draft_.values[value].draft >= 0 && !draft_.values[value].shared) continue;
      const int copy = draft_.add(draft_.values[value].columns, false);
      draft_.values[copy].draft = static_cast<int>(draft_.drafts.size());
      draft_.drafts.push_back({Draft::Kind::elementwise, Operation::copy, copy, {value}});
      draft_.outputs[i] = copy;
    }
  }

  /** Products stand alone; what is between two of them is a run. */
  void findSegments() {
    int segment = 0;
    for (Draft& draft : draft_.drafts) {
      if (draft.removed || draft_.values[draft.result].shared) continue;
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
    std::vector<std::vector<int>> ys(draft_.values.size());
    std::vector<bool> isCarry(draft_.values.size(), false), leavesRun(draft_.values.size(), false);
    for (size_t i = 0; i < draft_.outputs.size(); i++) {
      const ScanValue& value = draft_.values[draft_.outputs[i]];
      leavesRun[value.root] = true;
      if (i < static_cast<size_t>(draft_.program.carries)) {
        isCarry[draft_.outputs[i]] = true;
      } else if (!draft_.program.outputs[i].isBool && !value.shared && value.draft >= 0) {
        ys[draft_.outputs[i]].push_back(static_cast<int>(i));
      }
    }
    for (const Draft& draft : draft_.drafts) {
      if (draft.removed) continue;
      for (const int operand : draft.operands) noteUse(operand, draft, leavesRun);
      if (draft.initial >= 0) noteUse(draft.initial, draft, leavesRun);
    }
    for (size_t i = draft_.drafts.size(); i-- > 0;) {
      const Draft& draft = draft_.drafts[i];
      if (draft.removed) continue;
      ScanValue& value = draft_.values[draft.result];
      if (value.shared) {
        value.storage = draft_.addStorage({Where::shared, 0, value.columns, 0, take(value.columns)});
      } else if (!ys[draft.result].empty()) {
        // Carries as well: the last turn's part of ys stays as it is. That is where a claimed part of a concatenation is copied.
        const int output = ys[draft.result][0];
        value.storage = draft_.addStorage({Where::output, output, value.columns, value.columns, 0});
        value.inStorage = 0;
        draft_.program.outputs[output].inPlace = true;
      } else if (isCarry[draft.result]) {
        const int64_t size = roundUp(draft_.program.blockRows * value.columns, kAlignment);
        value.storage = draft_.addStorage({Where::pair, static_cast<int>(size), value.columns, value.columns, take(2 * size)});
        value.inStorage = 0;
      } else if (value.storage >= 0) {
        // claimed by a concatenation
      } else if (draft.kind == Draft::Kind::elementwise && !leavesRun[draft.result]) {
        value.storage = draft_.addStorage({Where::group, draft.segment, value.columns, value.columns, 0});
      } else {
        const int64_t stride = strideOf(value.columns);
        value.storage = draft_.addStorage({Where::block, 0, value.columns, stride, take(draft_.program.blockRows * stride)});
      }
      if (draft.kind == Draft::Kind::concat && !value.shared) claimParts(draft, isCarry, ys);
    }
  }

  void placeInputs() {
    using Where = ScanProgram::Where;
    for (size_t i = 0; i < draft_.program.inputs.size(); i++) {
      ScanProgram::Input& input = draft_.program.inputs[i];
      if (input.kind == ScanProgram::Input::Kind::matrix) continue;
      const bool shared = input.kind == ScanProgram::Input::Kind::shared;
      const int index = static_cast<int>(i);
      const int64_t stride = shared ? 0 : input.columns;
      const bool isCarry = index < draft_.program.carries, isSequence = !isCarry && index < draft_.program.carries + draft_.program.sequences;
      ScanProgram::Storage storage{isCarry ? Where::carry : isSequence ? Where::sequence : Where::captured, index, input.columns, stride, 0};
      if (input.isBool && !isCarry) storage.where = Where::converted;
      if (input.isBool) storage.position = take((shared ? 1 : draft_.program.blockRows) * input.columns);
      input.storage = draft_.values[index].storage = draft_.addStorage(storage);
      if (shared && isSequence) draft_.program.sharedStepsEveryTurn = true;
    }
  }

  /** A value that is read outside of the run that computes it needs memory for all rows of the block. */
  void noteUse(int operand, const Draft& user, std::vector<bool>& leavesRun) const {
    const ScanValue& root = draft_.values[draft_.values[operand].root];
    if (root.draft < 0) return;
    if (user.kind == Draft::Kind::product || draft_.drafts[root.draft].segment != user.segment) leavesRun[draft_.values[operand].root] = true;
  }

  void claimParts(const Draft& concat, const std::vector<bool>& isCarry, const std::vector<std::vector<int>>& ys) {
    const ScanValue& whole = draft_.values[concat.result];
    int64_t offset = whole.inStorage;
    for (const int operand : concat.operands) {
      ScanValue& part = draft_.values[operand];
      const bool computed = part.draft >= 0 && !part.shared;
      if (computed && part.storage < 0 && !isCarry[operand] && ys[operand].empty()) {
        part.storage = whole.storage;
        part.inStorage = offset;
      }
      offset += part.columns;
    }
  }

  ScanProgram::Value valueOf(int value) const {
    const ScanValue& parsed = draft_.values[value];
    const ScanValue& root = draft_.values[parsed.root];
    return {root.storage, root.inStorage + parsed.offset, parsed.columns};
  }
  const ScanProgram::Storage& storageOf(int value) const { return draft_.program.storages[draft_.values[draft_.values[value].root].storage]; }

  void append(Operation operation, const ScanProgram::Value& result, const std::vector<int>& operands, std::vector<ScanProgram::Step>& steps) const {
    const auto strideOfValue = [&](const ScanProgram::Value& value) { return draft_.program.storages[value.storage].stride; };
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
    const int64_t groupStart = draft_.program.memory;
    std::vector<std::pair<int, int>> drafts;  // segment, draft: in order
    for (size_t i = 0; i < draft_.drafts.size(); i++) {
      const Draft& draft = draft_.drafts[i];
      if (draft.removed) continue;
      if (draft.segment < 0) {
        appendAll(draft, draft_.program.sharedSteps);
      } else {
        drafts.push_back({draft.segment, static_cast<int>(i)});
      }
    }
    size_t at = 0;
    for (int segment = 0; segment < segmentCount_; segment++) {
      ScanProgram::Segment part{-1, static_cast<int>(draft_.program.steps.size()), 0, 1};
      for (; at < drafts.size() && drafts[at].first == segment; at++) {
        const Draft& draft = draft_.drafts[drafts[at].second];
        if (draft.kind == Draft::Kind::product) {
          part.product = static_cast<int>(draft_.program.products.size());
          const bool hasInitial = draft.initial >= 0;
          draft_.program.products.push_back({draft.matrix, valueOf(draft.result), valueOf(draft.operands[0]), hasInitial,
                                       hasInitial ? valueOf(draft.initial) : ScanProgram::Value{}});
        } else {
          appendAll(draft, draft_.program.steps);
        }
      }
      part.lastStep = static_cast<int>(draft_.program.steps.size());
      if (part.product < 0 && part.firstStep == part.lastStep) continue;
      if (part.product < 0) placeGroups(part, groupStart);
      draft_.program.segments.push_back(part);
    }
    for (size_t i = 0; i < draft_.outputs.size(); i++) draft_.program.outputs[i].value = valueOf(draft_.outputs[i]);
  }

  /** Memory of what lives only within a run, given back after the last use. */
  void placeGroups(ScanProgram::Segment& run, int64_t groupStart) {
    int64_t widest = 1;
    for (int i = run.firstStep; i < run.lastStep; i++) widest = std::max(widest, draft_.program.steps[i].result.columns);
    run.groupRows = std::clamp<int64_t>(kGroupNumbers / widest, 1, draft_.program.blockRows);
    std::unordered_map<int, int> lastUse;
    for (int i = run.firstStep; i < run.lastStep; i++) {
      const ScanProgram::Step& step = draft_.program.steps[i];
      for (int k = 0; k < info(step.operation).operands; k++) lastUse[step.operands[k].storage] = i;
    }
    std::unordered_map<int64_t, std::vector<int64_t>> free;  // by size
    std::unordered_map<int, bool> placed;
    int64_t end = groupStart;
    for (int i = run.firstStep; i < run.lastStep; i++) {
      const ScanProgram::Step& step = draft_.program.steps[i];
      ScanProgram::Storage& storage = draft_.program.storages[step.result.storage];
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
        if (last != i || draft_.program.storages[used].where != ScanProgram::Where::group) continue;
        free[roundUp(run.groupRows * draft_.program.storages[used].columns, kAlignment)].push_back(draft_.program.storages[used].position);
      }
    }
    draft_.program.memory = std::max(draft_.program.memory, end);
  }

  int64_t take(int64_t floats) {
    const int64_t position = draft_.program.memory;
    draft_.program.memory += roundUp(floats, kAlignment);
    return position;
  }

  ScanDraft& draft_;
  int segmentCount_ = 0;
};

}  // namespace

std::unique_ptr<ScanProgram> ScanProgram::parse(const ScanText& text, std::string& error) {
  auto program = std::make_unique<ScanProgram>();
  program->length = text.length;
  program->rows = text.rows;
  program->reverse = text.reverse;
  program->carries = static_cast<int>(text.carries);
  program->sequences = static_cast<int>(text.sequences);
  program->sharedStepsEveryTurn = false;
  program->blockRows = blockRowsOf(text.rows);
  program->memory = 0;
  ScanDraft draft{*program, {}, {}, {}};
  error = readScan(text, draft);
  if (!error.empty()) return nullptr;
  fuseScan(draft);
  Planner(draft).plan();
  program->unit = unitOf(*program);
  return program;
}

}  // namespace keras
