#include "ort.h"

#include <dlfcn.h>

#include <cstdlib>
#include <mutex>

namespace keras::ort {
namespace {

/** OrtApiBase: what the library's only symbol leads to. */
struct Base {
  const void* (*api)(uint32_t version);
  const char* (*version)();
};

Api loaded{};

template <class Function>
void take(Function& function, void* const* table, size_t index) {
  function = reinterpret_cast<Function>(table[index]);
}

/** Numbers are the places of the functions in OrtApi. */
void fill(Api& to, void* const* table) {
  take(to.createStatus, table, 0);
  take(to.message, table, 2);
  take(to.createEnvironment, table, 3);
  take(to.createSession, table, 8);
  take(to.run, table, 9);
  take(to.createSessionOptions, table, 10);
  take(to.setExecutionMode, table, 13);
  take(to.enableProfiling, table, 14);
  take(to.enableMemoryPattern, table, 16);
  take(to.disableMemoryPattern, table, 17);
  take(to.enableArena, table, 18);
  take(to.disableArena, table, 19);
  take(to.setLogLevel, table, 22);
  take(to.setOptimizationLevel, table, 23);
  take(to.setIntraOpThreads, table, 24);
  take(to.setInterOpThreads, table, 25);
  take(to.createOperatorDomain, table, 26);
  take(to.addToOperatorDomain, table, 27);
  take(to.addOperatorDomain, table, 28);
  take(to.inputCount, table, 30);
  take(to.outputCount, table, 31);
  take(to.inputType, table, 33);
  take(to.outputType, table, 34);
  take(to.inputName, table, 36);
  take(to.outputName, table, 37);
  take(to.createTensor, table, 49);
  take(to.tensorData, table, 51);
  take(to.asTensorInfo, table, 55);
  take(to.createTensorInfo, table, 57);
  take(to.setElementType, table, 58);
  take(to.setDimensions, table, 59);
  take(to.elementType, table, 60);
  take(to.rank, table, 61);
  take(to.dimensions, table, 62);
  take(to.tensorInfo, table, 65);
  take(to.createCpuMemoryInfo, table, 69);
  take(to.free, table, 76);
  take(to.defaultAllocator, table, 78);
  take(to.kernelNumber, table, 85);
  take(to.kernelInteger, table, 86);
  take(to.kernelText, table, 87);
  take(to.contextInputCount, table, 88);
  take(to.contextOutputCount, table, 89);
  take(to.contextInput, table, 90);
  take(to.contextOutput, table, 91);
  take(to.releaseStatus, table, 93);
  take(to.releaseSession, table, 95);
  take(to.releaseValue, table, 96);
  take(to.releaseTypeInfo, table, 98);
  take(to.releaseTensorInfo, table, 99);
  take(to.releaseSessionOptions, table, 100);
  take(to.addConfigEntry, table, 130);
  take(to.kernelIntegers, table, 163);
  take(to.kernelInputType, table, 234);
  take(to.inferenceInputCount, table, 267);
  take(to.inferenceInput, table, 268);
  take(to.inferenceAttribute, table, 269);
  take(to.setInferenceOutput, table, 270);
  take(to.readAttribute, table, 272);
  take(to.parallelFor, table, 274);
  take(to.addExternalData, table, 279);
}

/** Version 1.18 is the first with everything that `fill` reads; what comes after 1.x may be ordered anew. */
bool isKnown(const std::string& version) {
  if (version.rfind("1.", 0) != 0) return false;
  return std::atoi(version.c_str() + 2) >= 18;
}

}  // namespace

std::string load(const char* path) {
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  if (loaded.version != nullptr) return "";
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return dlerror();
  auto getBase = reinterpret_cast<const Base* (*)()>(dlsym(library, "OrtGetApiBase"));
  if (getBase == nullptr) return std::string(path) + " is not ONNX Runtime: it has no OrtGetApiBase";
  const Base* base = getBase();
  const char* version = base->version();
  if (!isKnown(version)) return std::string("expected ONNX Runtime 1.18 or a later 1.x. Received: ") + version;
  const void* table = base->api(kVersion);
  if (table == nullptr) return std::string("ONNX Runtime ") + version + " does not offer its API of version 18";
  fill(loaded, static_cast<void* const*>(table));
  loaded.version = version;
  return "";
}

const Api& api() { return loaded; }

std::string messageOf(Status* status) {
  if (status == nullptr) return "";
  std::string text = loaded.message(status);
  loaded.releaseStatus(status);
  return text.empty() ? "unknown error" : text;
}

}  // namespace keras::ort
