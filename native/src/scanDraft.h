/** A loop between its text and its program: values, and what computes them. */
#pragma once
#include <string>
#include <vector>

#include "scan.h"

namespace keras {

/** A value as the text has it. */
struct ScanValue {
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

struct ScanDraft {
  ScanProgram& program;
  std::vector<ScanValue> values;
  std::vector<Draft> drafts;
  /** Values of the outputs. */
  std::vector<int> outputs;

  int add(int64_t columns, bool shared) {
    const int value = static_cast<int>(values.size());
    ScanValue added;
    added.columns = columns;
    added.shared = shared;
    added.root = value;
    values.push_back(added);
    return value;
  }
  int addStorage(const ScanProgram::Storage& storage) {
    program.storages.push_back(storage);
    return static_cast<int>(program.storages.size()) - 1;
  }
};

/** Reads a text (scanText.cc). @returns What is wrong with it, or nothing. */
std::string readScan(const ScanText&, ScanDraft&);

/** Joins operations that have an operation in common (scanFuse.cc). */
void fuseScan(ScanDraft&);

}  // namespace keras
