/**
 * ONNX Runtime's C API, as far as we use it: our own declarations of a library that is loaded when the program runs
 * (the one that onnxruntime-node brings). Nothing of it is needed to build.
 *
 * Reference: onnxruntime_c_api.h, ORT_API_VERSION 18: order of `OrtApi` (entries are only ever appended), layout of
 * `OrtCustomOp`, numbers of the enumerations.
 */
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace keras::ort {

// Objects of the library, known by their addresses only.
struct Allocator;
struct Attribute;
struct CustomOperatorDomain;
struct Environment;
struct InferenceContext;
struct KernelContext;
struct KernelInfo;
struct MemoryInfo;
struct RunOptions;
struct Session;
struct SessionOptions;
struct Status;
struct TensorInfo;
struct TypeInfo;
struct Value;

/** Types of elements, by the numbers of ONNX. */
enum class ElementType : int {
  undefined = 0,
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  string = 8,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
  bfloat16 = 16,
};

enum class AttributeType : int { undefined = 0, integer = 1, integers = 2, number = 3, numbers = 4, text = 5, texts = 6 };

/** Whether an input or output is there: always, perhaps, or any number of them. */
enum class Presence : int { required = 0, optional = 1, variadic = 2 };

struct Api;

/** Version of the API that this file describes. */
constexpr uint32_t kVersion = 18;

/** An operator as the library asks for it: OrtCustomOp. */
struct CustomOperator {
  uint32_t version;
  void* (*createKernel)(const CustomOperator*, const void* api, const KernelInfo*);
  const char* (*name)(const CustomOperator*);
  const char* (*provider)(const CustomOperator*);
  ElementType (*inputType)(const CustomOperator*, size_t index);
  size_t (*inputCount)(const CustomOperator*);
  ElementType (*outputType)(const CustomOperator*, size_t index);
  size_t (*outputCount)(const CustomOperator*);
  void (*compute)(void* kernel, KernelContext*);
  void (*destroy)(void* kernel);
  Presence (*inputPresence)(const CustomOperator*, size_t index);
  Presence (*outputPresence)(const CustomOperator*, size_t index);
  int (*inputMemory)(const CustomOperator*, size_t index);
  int (*fewestInputs)(const CustomOperator*);
  int (*inputsAlike)(const CustomOperator*);
  int (*fewestOutputs)(const CustomOperator*);
  int (*outputsAlike)(const CustomOperator*);
  // From version 16 on: creation and computation that can fail.
  Status* (*createKernelOrFail)(const CustomOperator*, const void* api, const KernelInfo*, void** kernel);
  Status* (*computeOrFail)(void* kernel, KernelContext*);
  // From version 17 on.
  Status* (*inferShapes)(const CustomOperator*, InferenceContext*);
  int (*firstVersion)(const CustomOperator*);
  int (*lastVersion)(const CustomOperator*);
  // From version 18 on: outputs that may be written over inputs; none of ours asks for it.
  size_t (*mayInplace)(int** inputs, int** outputs);
  void (*releaseMayInplace)(int* inputs, int* outputs);
  size_t (*aliasMap)(int** inputs, int** outputs);
  void (*releaseAliasMap)(int* inputs, int* outputs);
};

/** Functions of the library under names of ours. Those that return a Status succeed with null. */
struct Api {
  const char* version;

  Status* (*createStatus)(int code, const char* message);
  const char* (*message)(const Status*);
  void (*releaseStatus)(Status*);

  Status* (*createEnvironment)(int logLevel, const char* label, Environment**);

  Status* (*createSessionOptions)(SessionOptions**);
  void (*releaseSessionOptions)(SessionOptions*);
  Status* (*setExecutionMode)(SessionOptions*, int);
  Status* (*enableProfiling)(SessionOptions*, const char* prefix);
  Status* (*enableMemoryPattern)(SessionOptions*);
  Status* (*disableMemoryPattern)(SessionOptions*);
  Status* (*enableArena)(SessionOptions*);
  Status* (*disableArena)(SessionOptions*);
  Status* (*setLogLevel)(SessionOptions*, int);
  Status* (*setOptimizationLevel)(SessionOptions*, int);
  Status* (*setIntraOpThreads)(SessionOptions*, int);
  Status* (*setInterOpThreads)(SessionOptions*, int);
  Status* (*addConfigEntry)(SessionOptions*, const char* key, const char* value);
  Status* (*addExternalData)(SessionOptions*, const char* const* paths, char* const* data, const size_t* sizes,
                             size_t count);

  Status* (*createOperatorDomain)(const char* name, CustomOperatorDomain**);
  Status* (*addToOperatorDomain)(CustomOperatorDomain*, const CustomOperator*);
  Status* (*addOperatorDomain)(SessionOptions*, CustomOperatorDomain*);

  Status* (*createSession)(const Environment*, const void* model, size_t size, const SessionOptions*, Session**);
  void (*releaseSession)(Session*);
  Status* (*inputCount)(const Session*, size_t*);
  Status* (*outputCount)(const Session*, size_t*);
  Status* (*inputType)(const Session*, size_t, TypeInfo**);
  Status* (*outputType)(const Session*, size_t, TypeInfo**);
  Status* (*inputName)(const Session*, size_t, Allocator*, char**);
  Status* (*outputName)(const Session*, size_t, Allocator*, char**);
  Status* (*run)(Session*, const RunOptions*, const char* const* inputNames, const Value* const* inputs,
                 size_t inputCount, const char* const* outputNames, size_t outputCount, Value** outputs);

  Status* (*defaultAllocator)(Allocator**);
  Status* (*free)(Allocator*, void*);
  Status* (*createCpuMemoryInfo)(int allocator, int memory, MemoryInfo**);
  Status* (*createTensor)(const MemoryInfo*, void* data, size_t bytes, const int64_t* shape, size_t rank, ElementType,
                          Value**);
  void (*releaseValue)(Value*);
  Status* (*tensorData)(Value*, void**);
  Status* (*tensorInfo)(const Value*, TensorInfo**);
  Status* (*asTensorInfo)(const TypeInfo*, const TensorInfo**);
  void (*releaseTypeInfo)(TypeInfo*);

  Status* (*createTensorInfo)(TensorInfo**);
  void (*releaseTensorInfo)(TensorInfo*);
  Status* (*setElementType)(TensorInfo*, ElementType);
  Status* (*setDimensions)(TensorInfo*, const int64_t*, size_t);
  Status* (*elementType)(const TensorInfo*, ElementType*);
  Status* (*rank)(const TensorInfo*, size_t*);
  Status* (*dimensions)(const TensorInfo*, int64_t*, size_t);

  Status* (*kernelNumber)(const KernelInfo*, const char* name, float*);
  Status* (*kernelInteger)(const KernelInfo*, const char* name, int64_t*);
  Status* (*kernelText)(const KernelInfo*, const char* name, char*, size_t*);
  Status* (*kernelIntegers)(const KernelInfo*, const char* name, int64_t*, size_t*);
  Status* (*kernelInputType)(const KernelInfo*, size_t, TypeInfo**);
  Status* (*contextInputCount)(const KernelContext*, size_t*);
  Status* (*contextOutputCount)(const KernelContext*, size_t*);
  Status* (*contextInput)(const KernelContext*, size_t, const Value**);
  Status* (*contextOutput)(KernelContext*, size_t, const int64_t* shape, size_t rank, Value**);
  Status* (*parallelFor)(const KernelContext*, void (*task)(void*, size_t), size_t count, size_t batches, void* data);

  Status* (*inferenceInputCount)(const InferenceContext*, size_t*);
  Status* (*inferenceInput)(const InferenceContext*, size_t, TensorInfo**);
  Status* (*inferenceAttribute)(const InferenceContext*, const char* name, const Attribute**);
  Status* (*setInferenceOutput)(const InferenceContext*, size_t, const TensorInfo*);
  Status* (*readAttribute)(const Attribute*, AttributeType, void* data, size_t size, size_t* needed);
};

/**
 * Loads the library once for the process.
 *
 * @returns What is wrong, or nothing.
 */
std::string load(const char* path);

/** The library; only after `load` succeeded. */
const Api& api();

/** Takes a status: its message, or nothing when it stands for success. */
std::string messageOf(Status* status);

}  // namespace keras::ort
