/**
 * A compiled graph that runs on memory of the caller. Shapes are fixed when the graph is made, so that a run is told nothing
 * but addresses.
 */
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ort.h"

namespace keras {

/** Data that the bytes of a model refer to by a path. */
struct ExternalData {
  std::string path;
  char* data;
  size_t size;
};

struct SessionSettings {
  int optimizationLevel = 99;
  int intraOpThreads = 0;
  int interOpThreads = 0;
  int executionMode = 0;
  bool arena = true;
  bool memoryPattern = true;
  int logLevel = 2;
  /** Whether kernels of ours share work with a thread of ours: of sessions with one thread. */
  bool companion = false;
  /** Where the times of all nodes are written when the session is freed: the start of a file's path; nowhere if empty. */
  std::string profile;
  std::vector<std::pair<std::string, std::string>> entries;
  std::vector<ExternalData> external;
};

class Session {
 public:
  /** Null, with an error, when the engine refuses the model. */
  static std::unique_ptr<Session> create(const void* model, size_t size, const SessionSettings& settings,
                                         std::string& error);
  ~Session();

  const std::vector<std::string>& names() const { return names_; }
  size_t inputCount() const { return inputCount_; }
  /** Bytes of an input or output, in the order of the names. */
  size_t bytes(size_t index) const { return slots_[index].bytes; }

  /**
   * Runs once.
   *
   * @param addresses - Of the inputs and then of the outputs, as many as there are names; memory of the whole tensors.
   * @returns What is wrong, or nothing.
   */
  std::string run(const double* addresses);

 private:
  /** An input or output: the two pieces of memory that it last had, as the engine sees them (steps swap two sets). */
  struct Slot {
    ort::ElementType type;
    std::vector<int64_t> shape;
    size_t bytes;
    double addresses[2] = {-1, -1};
    ort::Value* values[2] = {nullptr, nullptr};
    int last = 0;
  };

  Session() = default;
  std::string describe();
  std::string describe(size_t index, bool output, ort::TypeInfo* type);
  std::string hold(Slot& slot, double address, ort::Value*& value);

  ort::Session* session_ = nullptr;
  bool companion_ = false;
  size_t inputCount_ = 0;
  std::vector<std::string> names_;
  std::vector<const char*> namePointers_;
  std::vector<Slot> slots_;
  std::vector<ort::Value*> values_;
};

/** Starts the engine, once for the process. @returns What is wrong, or nothing. */
std::string startEngine(const char* libraryPath);

}  // namespace keras
