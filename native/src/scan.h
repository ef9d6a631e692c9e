/**
 * Loops over time whose samples do not know of each other, as a recurrent layer's forward and backward are: the body is a
 * program on rows (one a sample), parsed once into steps and places in memory.
 *
 * The kernel (kernels/scan.cc) gives each thread blocks of rows and takes a block through all turns. A body becomes products with
 * matrices, each on all rows of a block, and runs of elementwise operations between them, which go over groups of rows so
 * small that what lives only within a run stays in the first cache.
 */
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "elementwise.h"

namespace keras {

/** The attributes of a node. */
struct ScanText {
  int64_t length = 0, rows = 0;
  bool reverse = false;
  int64_t carries = 0, sequences = 0;
  std::string values, program, outputs;
};

class ScanProgram {
 public:
  /** A parsed program, or null and in `error` what is wrong with the text. */
  static std::unique_ptr<ScanProgram> parse(const ScanText&, std::string& error);

  /** Memory that values lie in, and how its address is known. */
  enum class Where : uint8_t {
    constant,   // a number of the program, `index` of those
    captured,   // input `index`
    sequence,   // this turn's part of input `index`
    carry,      // wherever the last turn left carry `index`
    converted,  // memory of the block with the numbers of input `index`, which is bool
    shared,     // memory of the block, one row for all samples
    block,      // memory of the block
    pair,       // the same, two by turns: a new carry must not overwrite the old one
    group,      // memory of a group of rows, while one run of elementwise operations lasts
    output,     // this turn's part of output `index`
  };
  struct Storage {
    Where where;
    int index;         // see Where
    int64_t columns;
    int64_t stride;    // from row to row, 0 where all rows share one
    int64_t position;  // floats from the beginning of the block's memory
  };
  /** Columns of a storage. */
  struct Value {
    int storage;
    int64_t offset;
    int64_t columns;
  };
  struct Step {
    Operation operation;
    uint8_t singles;  // a bit for each operand with one number a row (the result has more)
    bool flat;        // a column of numbers, one behind the other: samples go as columns, what is shared as singles
    Value result;
    Value operands[3];
  };
  /** result = initial + left × matrix; no initial: from zero. */
  struct Product {
    int matrix;
    Value result, left;
    bool hasInitial;
    Value initial;
  };
  /** One product, or a run of steps on groups of rows. */
  struct Segment {
    int product;  // -1: a run
    int firstStep, lastStep;
    int64_t groupRows;
  };
  /** A matrix, brought into the order in which it is read once for all turns. `transposed`: the input is its transpose. */
  struct Matrix {
    int input;
    bool transposed;
    int64_t rows, columns;  // of the matrix as it multiplies
  };
  struct Input {
    enum class Kind : uint8_t { perSample, shared, matrix } kind;
    int64_t rows, columns;  // rows: of a matrix
    bool isBool;
    int storage;  // -1 for a matrix
  };
  struct Output {
    Value value;
    int64_t columns;
    bool isBool;
    bool inPlace;  // of ys: steps write it where it belongs
    /** Of carries: the same value as the old one, in all turns. */
    bool unchanged;
  };

  int64_t length, rows;
  bool reverse;
  int carries, sequences;
  std::vector<Input> inputs;
  std::vector<Output> outputs;  // carries, then ys
  std::vector<float> constants;
  std::vector<Storage> storages;
  std::vector<Step> sharedSteps;
  /** Whether there is anything in the shared steps that changes from turn to turn. */
  bool sharedStepsEveryTurn;
  std::vector<Step> steps;
  std::vector<Product> products;
  std::vector<Matrix> matrices;
  std::vector<Segment> segments;
  /**
   * Of a single sample: columns are of units this wide, and the columns i of all units need only each other in a turn, for any i. 0
   * where it is not so.
   */
  int64_t unit;
  /** Samples of a task, chosen by their number alone; and floats of memory that a task takes. */
  int64_t blockRows, memory;
};

/** `unit` of a program that is written otherwise (scanColumns.cc). */
int64_t unitOf(const ScanProgram&);

}  // namespace keras
