/** The columns of a single sample in halves, for two threads (scanColumns.cc says when). */
#pragma once
#include <optional>
#include <vector>

#include "../scan.h"
#include "pair.h"
#include "rowProduct.h"
#include "scratch.h"

namespace keras::KERAS_ISA {

/** Columns that the half of a unit is a multiple of: the widest vectors'. */
constexpr int64_t kHalfStep = 16;

/** Half the columns of each unit, with those of all matrices in the order of reading: in memory of the thread that made it. */
class UnitHalf {
 public:
  UnitHalf(const ScanProgram& program, const void* const* inputs, bool isSecond, ScratchUse use)
      : program_(program), isSecond_(isSecond), memory_(use, sizeOf(program, isSecond)) {
    float* at = memory_.data();
    for (size_t i = 0; i < program.matrices.size(); i++) {
      packed_.push_back(at);
      packColumns(matrix(i), static_cast<const float*>(inputs[program.matrices[i].input]), from(), to(), at);
      at += numbers(program, i, isSecond);
    }
  }

  int64_t from() const { return isSecond_ ? middleOf(program_) : 0; }
  int64_t to() const { return isSecond_ ? program_.unit : middleOf(program_); }
  UnitMatrix matrix(size_t i) const { return {program_.matrices[i].rows, program_.matrices[i].columns, program_.unit}; }
  const float* packed(size_t matrix) const { return packed_[matrix]; }

 private:
  static int64_t middleOf(const ScanProgram& program) { return (program.unit / 2 + kHalfStep - 1) / kHalfStep * kHalfStep; }
  static int64_t numbers(const ScanProgram& program, size_t matrix, bool isSecond) {
    const ScanProgram::Matrix& all = program.matrices[matrix];
    const int64_t middle = middleOf(program);
    return all.rows * (all.columns / program.unit) * (isSecond ? program.unit - middle : middle);
  }
  static int64_t sizeOf(const ScanProgram& program, bool isSecond) {
    int64_t size = 0;
    for (size_t i = 0; i < program.matrices.size(); i++) size += numbers(program, i, isSecond);
    return size;
  }

  const ScanProgram& program_;
  const bool isSecond_;
  const Scratch memory_;
  std::vector<const float*> packed_;
};

/** The halves, as far as somebody needs them. Who takes a half reads matrices that he brought into order himself: they are near him. */
class UnitHalves {
 public:
  UnitHalves(const ScanProgram& program, const void* const* inputs, bool share) : isShared(share), program_(program), inputs_(inputs) {}

  /** Whether another thread may take the second one. */
  const bool isShared;
  Pair pair;

  const UnitHalf& first() { return make(first_, false, ScratchUse::weights); }
  /** For the leader. */
  const UnitHalf& second() { return make(second_, true, ScratchUse::transformed); }
  const UnitHalf& helpers() const { return *helpers_; }

  template <class Help>
  void follow(const Help& help) {
    const UnitHalf mine(program_, inputs_, true, ScratchUse::weights);
    helpers_ = &mine;
    help();
  }

 private:
  const UnitHalf& make(std::optional<UnitHalf>& half, bool isSecond, ScratchUse use) {
    if (!half) half.emplace(program_, inputs_, isSecond, use);
    return *half;
  }

  const ScanProgram& program_;
  const void* const* const inputs_;
  std::optional<UnitHalf> first_, second_;
  const UnitHalf* helpers_ = nullptr;
};

}  // namespace keras::KERAS_ISA
