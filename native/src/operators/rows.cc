/** Rows of tables by number: read, added to, and added to in place. Numbers may count from the end, as negative ones. */
#include <algorithm>

#include "../kernels.h"
#include "operator.h"

namespace keras {
namespace {

int64_t sizeOf(const Shape& shape, size_t from = 0) {
  int64_t size = 1;
  for (size_t i = from; i < shape.size(); i++) size *= shape[i];
  return size;
}

/** A number that is no row; null where all are. */
const int32_t* strangeId(const Rows& rows) {
  // Without an end ahead of time it is done in vectors.
  bool strange = false;
  for (int64_t i = 0; i < rows.count; i++) strange |= rows.ids[i] < -rows.height || rows.ids[i] >= rows.height;
  if (!strange) return nullptr;
  return std::find_if(rows.ids, rows.ids + rows.count, [&](int32_t id) { return id < -rows.height || id >= rows.height; });
}

/** The engine's own words, for whoever explains them (src/core/computedIds.ts). */
Error checkIds(const Rows& rows) {
  const int32_t* id = strangeId(rows);
  if (id == nullptr) return "";
  return "indices element out of data bounds, idx=" + std::to_string(*id) + " must be within the inclusive range [" +
         std::to_string(-rows.height) + "," + std::to_string(rows.height - 1) + "]";
}

template <class Made>
Error make(const Attributes&, std::unique_ptr<Node>& node) {
  node = std::make_unique<Made>();
  return "";
}

/** (table, ids): the rows that are named. */
struct GatherRows : Node {
  static Error infer(Inference& inference) {
    const Shape table = inference.inputShape(0);
    if (table.empty() || !inference.knows(0) || !inference.knows(1)) return "";
    Shape shape = inference.inputShape(1);
    shape.insert(shape.end(), table.begin() + 1, table.end());
    inference.output(0, ElementType::float32, shape);
    return "";
  }
  Error run(Run& run) const override {
    const Shape table = run.shape(0);
    Shape shape = run.shape(1);
    if (table.empty()) return "expected a table of at least one axis. Received: " + describe(table);
    const Rows rows{table[0], sizeOf(table, 1), sizeOf(shape), run.input<int32_t>(1)};
    const Error error = checkIds(rows);
    if (!error.empty()) return error;
    shape.insert(shape.end(), table.begin() + 1, table.end());
    float* y = run.output<float>(0, shape);
    if (y == nullptr) return "the result's memory is not of shape " + describe(shape);
    kernels().gatherRows(rows, run.input<float>(0), y, run.threads());
    return "";
  }
};

/** What is to be added to a table: the operands hold as many rows as there are ids, each as long as the table's. */
Error readRows(const Run& run, size_t ids, size_t updates, const Shape& table, Rows& rows) {
  const Shape added = run.shape(updates);
  if (table.empty()) return "expected a table of at least one axis. Received: " + describe(table);
  rows = {table[0], sizeOf(table, 1), sizeOf(run.shape(ids)), run.input<int32_t>(ids)};
  if (sizeOf(added) != rows.count * rows.width) {
    return "expected " + std::to_string(rows.count) + " rows of " + std::to_string(rows.width) +
           " numbers. Received: " + describe(added);
  }
  return "";
}

/** (ids, updates, base or nothing; shape): the base, or zeros, with the updates added to its rows. */
struct AddRows : Node {
  Shape shape;

  static Error create(const Attributes& attributes, std::unique_ptr<Node>& node) {
    auto made = std::make_unique<AddRows>();
    made->shape = attributes.integers("shape");
    if (made->shape.empty()) return "expected `shape`, the table's";
    node = std::move(made);
    return "";
  }
  static Error infer(Inference& inference) {
    inference.output(0, ElementType::float32, inference.attributes().integers("shape"));
    return "";
  }
  Error run(Run& run) const override {
    Rows rows{};
    Error error = readRows(run, 0, 1, shape, rows);
    if (error.empty()) error = checkIds(rows);
    if (!error.empty()) return error;
    const float* base = run.inputCount() > 2 ? run.input<float>(2) : nullptr;
    if (base != nullptr && run.shape(2) != shape) return "the base has shape " + describe(run.shape(2)) + ", not " + describe(shape);
    float* y = run.output<float>(0, shape);
    if (y == nullptr) return "the result's memory is not of shape " + describe(shape);
    kernels().addRows(rows, 1, base, run.input<float>(1), y, run.threads());
    return "";
  }
};

/**
 * (factors, then table, ids, updates of each, then whatever has to be computed before; tables: their number): multiplies each table by
 * its factor and adds the updates to its rows, in the table's own memory. So it has to be the last node of a graph whose inputs the
 * tables are: the graph's other results are what has to be computed before. Nothing is written unless all ids are rows.
 */
struct UpdateRows : Node {
  size_t tables = 0;

  static Error create(const Attributes& attributes, std::unique_ptr<Node>& node) {
    auto made = std::make_unique<UpdateRows>();
    made->tables = static_cast<size_t>(attributes.integer("tables", 0));
    node = std::move(made);
    return "";
  }
  static Error infer(Inference& inference) {
    inference.output(0, ElementType::int32, {1});
    return "";
  }
  Error run(Run& run) const override {
    if (run.inputCount() < 1 + 3 * tables || sizeOf(run.shape(0)) != static_cast<int64_t>(tables)) {
      return "expected a factor and three operands for each of " + std::to_string(tables) + " tables";
    }
    std::vector<Rows> rows(tables);
    for (size_t i = 0; i < tables; i++) {
      const Error error = readRows(run, 3 * i + 2, 3 * i + 3, run.shape(3 * i + 1), rows[i]);
      if (!error.empty()) return error;
      const int32_t* id = strangeId(rows[i]);
      if (id != nullptr) return "table " + std::to_string(i) + " has no row " + std::to_string(*id);
    }
    const float* factors = run.input<float>(0);
    for (size_t i = 0; i < tables; i++) {
      float* table = const_cast<float*>(run.input<float>(3 * i + 1));
      kernels().addRows(rows[i], factors[i], table, run.input<float>(3 * i + 3), table, run.threads());
    }
    int32_t* done = run.output<int32_t>(0, {1});
    if (done != nullptr) *done = 1;
    return "";
  }
};

/** (ids; size): for each the place of the last one that means the same row of `size`. */
struct LastEqual : Node {
  int64_t size = 0;

  static Error create(const Attributes& attributes, std::unique_ptr<Node>& node) {
    auto made = std::make_unique<LastEqual>();
    made->size = attributes.integer("size", 0);
    node = std::move(made);
    return "";
  }
  static Error infer(Inference& inference) {
    if (inference.knows(0)) inference.output(0, ElementType::int32, inference.inputShape(0));
    return "";
  }
  Error run(Run& run) const override {
    const Shape shape = run.shape(0);
    const Rows rows{size, 1, sizeOf(shape), run.input<int32_t>(0)};
    const Error error = checkIds(rows);
    if (!error.empty()) return error;
    int32_t* y = run.output<int32_t>(0, shape);
    if (y == nullptr) return "the result's memory is not of shape " + describe(shape);
    // Only places that were written are read: nobody has to clear it.
    static thread_local std::vector<int32_t> owners;
    if (owners.size() < static_cast<size_t>(size)) owners.resize(static_cast<size_t>(size));
    const auto owner = [&](int64_t i) -> int32_t& {
      const int64_t id = rows.ids[i];
      return owners[static_cast<size_t>(id < 0 ? id + size : id)];
    };
    for (int64_t i = 0; i < rows.count; i++) owner(i) = static_cast<int32_t>(i);
    for (int64_t i = 0; i < rows.count; i++) y[i] = owner(i);
    return "";
  }
};

const Slot kNumbers{};
const Slot kIds{ElementType::int32};
const Slot kPerhaps{ElementType::float32, Presence::optional};
const Slot kAnything{ElementType::undefined, Presence::variadic};

const Registration gatherRows({"GatherRows", {kNumbers, kIds}, {kNumbers}, make<GatherRows>, GatherRows::infer});
const Registration addRows({"AddRows", {kIds, kNumbers, kPerhaps}, {kNumbers}, AddRows::create, AddRows::infer});
const Registration updateRows({"UpdateRows", {kNumbers, kAnything}, {kIds}, UpdateRows::create, UpdateRows::infer});
const Registration lastEqual({"LastEqual", {kIds}, {kIds}, LastEqual::create, LastEqual::infer});

}  // namespace
}  // namespace keras
