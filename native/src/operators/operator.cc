#include "operator.h"

#include <mutex>

#include "../companion.h"
#include "../kernels.h"

namespace keras {
namespace {

using ort::api;

/** Of a session with one thread all nodes run on the thread that called it. */
thread_local bool usesCompanion = false;

/** Frees a status whose failure is answered with a default. */
bool succeeded(ort::Status* status) {
  if (status == nullptr) return true;
  api().releaseStatus(status);
  return false;
}

ort::Status* statusOf(const Error& error) {
  constexpr int kInvalidArgument = 2;
  return error.empty() ? nullptr : api().createStatus(kInvalidArgument, error.c_str());
}

ElementType elementTypeOf(const ort::TensorInfo* info) {
  ElementType type = ElementType::undefined;
  return info != nullptr && succeeded(api().elementType(info, &type)) ? type : ElementType::undefined;
}

/** Attributes while a session is being made. */
class KernelAttributes : public Attributes {
 public:
  explicit KernelAttributes(const ort::KernelInfo* info) : info_(info) {}
  int64_t integer(const char* name, int64_t otherwise) const override {
    int64_t value;
    return succeeded(api().kernelInteger(info_, name, &value)) ? value : otherwise;
  }
  float number(const char* name, float otherwise) const override {
    float value;
    return succeeded(api().kernelNumber(info_, name, &value)) ? value : otherwise;
  }
  std::vector<int64_t> integers(const char* name) const override {
    size_t count = 0;
    if (!succeeded(api().kernelIntegers(info_, name, nullptr, &count))) return {};
    std::vector<int64_t> values(count);
    return count > 0 && succeeded(api().kernelIntegers(info_, name, values.data(), &count)) ? values
                                                                                             : std::vector<int64_t>();
  }
  std::string text(const char* name) const override {
    size_t size = 0;  // with the zero behind it
    if (!succeeded(api().kernelText(info_, name, nullptr, &size)) || size == 0) return "";
    std::string value(size, '\0');
    if (!succeeded(api().kernelText(info_, name, value.data(), &size))) return "";
    value.resize(size - 1);
    return value;
  }
  ElementType inputType(size_t input) const override {
    ort::TypeInfo* type = nullptr;
    const ort::TensorInfo* info = nullptr;
    if (!succeeded(api().kernelInputType(info_, input, &type))) return ElementType::undefined;
    const ElementType element =
        succeeded(api().asTensorInfo(type, &info)) ? elementTypeOf(info) : ElementType::undefined;
    api().releaseTypeInfo(type);
    return element;
  }

 private:
  const ort::KernelInfo* info_;
};

/** Attributes while shapes are being inferred. */
class InferenceAttributes : public Attributes {
 public:
  explicit InferenceAttributes(const ort::InferenceContext* context) : context_(context) {}
  int64_t integer(const char* name, int64_t otherwise) const override {
    return read(name, ort::AttributeType::integer, otherwise);
  }
  float number(const char* name, float otherwise) const override {
    return read(name, ort::AttributeType::number, otherwise);
  }
  std::vector<int64_t> integers(const char* name) const override {
    std::vector<int64_t> values(sizeOf(name, ort::AttributeType::integers) / sizeof(int64_t));
    size_t needed = 0;
    if (values.empty() || !succeeded(api().readAttribute(find(name), ort::AttributeType::integers, values.data(),
                                                         values.size() * sizeof(int64_t), &needed))) {
      return {};
    }
    return values;
  }
  std::string text(const char* name) const override {
    std::string value(sizeOf(name, ort::AttributeType::text), '\0');
    size_t needed = 0;
    if (value.empty() ||
        !succeeded(api().readAttribute(find(name), ort::AttributeType::text, value.data(), value.size(), &needed))) {
      return "";
    }
    while (!value.empty() && value.back() == '\0') value.pop_back();
    return value;
  }
  ElementType inputType(size_t input) const override {
    ort::TensorInfo* info = nullptr;  // stays the context's
    return succeeded(api().inferenceInput(context_, input, &info)) ? elementTypeOf(info) : ElementType::undefined;
  }

 private:
  const ort::Attribute* find(const char* name) const {
    const ort::Attribute* attribute = nullptr;
    return succeeded(api().inferenceAttribute(context_, name, &attribute)) ? attribute : nullptr;
  }
  /** Bytes that an attribute takes: what the library answers to somebody who brings none. */
  size_t sizeOf(const char* name, ort::AttributeType type) const {
    const ort::Attribute* attribute = find(name);
    size_t needed = 0;
    char none;
    if (attribute != nullptr) succeeded(api().readAttribute(attribute, type, &none, 0, &needed));
    return needed;
  }
  template <class Value>
  Value read(const char* name, ort::AttributeType type, Value otherwise) const {
    const ort::Attribute* attribute = find(name);
    Value value;
    size_t needed = 0;
    return attribute != nullptr && succeeded(api().readAttribute(attribute, type, &value, sizeof value, &needed))
               ? value
               : otherwise;
  }

  const ort::InferenceContext* context_;
};

Shape dimensionsOf(const ort::TensorInfo* info) {
  size_t rank = 0;
  if (info == nullptr || !succeeded(api().rank(info, &rank))) return {};
  Shape shape(rank);
  if (rank > 0) succeeded(api().dimensions(info, shape.data(), rank));
  return shape;
}

/** A definition as the engine asks for it. Its functions get this object, by the address of its first part. */
struct Registered {
  ort::CustomOperator vtable{};
  Definition definition;
};

const Definition& definitionOf(const ort::CustomOperator* op) {
  return reinterpret_cast<const Registered*>(op)->definition;
}

std::vector<std::unique_ptr<Registered>>& registered() {
  static std::vector<std::unique_ptr<Registered>> all;
  return all;
}

/** Answers of an operator to the engine. */
struct Answers {
  static const char* name(const ort::CustomOperator* op) { return definitionOf(op).name; }
  static const char* provider(const ort::CustomOperator*) { return nullptr; }  // the processor
  static ElementType inputType(const ort::CustomOperator* op, size_t i) { return definitionOf(op).inputs[i].type; }
  static ElementType outputType(const ort::CustomOperator* op, size_t i) { return definitionOf(op).outputs[i].type; }
  static size_t inputCount(const ort::CustomOperator* op) { return definitionOf(op).inputs.size(); }
  static size_t outputCount(const ort::CustomOperator* op) { return definitionOf(op).outputs.size(); }
  static Presence inputPresence(const ort::CustomOperator* op, size_t i) { return definitionOf(op).inputs[i].presence; }
  static Presence outputPresence(const ort::CustomOperator* op, size_t i) {
    return definitionOf(op).outputs[i].presence;
  }
  static int memory(const ort::CustomOperator*, size_t) { return 0; }
  static int one(const ort::CustomOperator*) { return 1; }
  static int no(const ort::CustomOperator*) { return 0; }
  static int anyVersion(const ort::CustomOperator*) { return INT32_MAX; }

  static ort::Status* create(const ort::CustomOperator* op, const void*, const ort::KernelInfo* info, void** kernel) {
    std::unique_ptr<Node> node;
    const Definition& definition = definitionOf(op);
    const Error error = definition.create(KernelAttributes(info), node);
    if (!error.empty()) return statusOf(std::string(definition.name) + ": " + error);
    *kernel = node.release();
    return nullptr;
  }
  static ort::Status* compute(void* kernel, ort::KernelContext* context) {
    Run run(context);
    return statusOf(static_cast<const Node*>(kernel)->run(run));
  }
  static void destroy(void* kernel) { delete static_cast<Node*>(kernel); }
  static ort::Status* infer(const ort::CustomOperator* op, ort::InferenceContext* context) {
    Inference inference(context);
    const Definition& definition = definitionOf(op);
    const Error error = definition.infer(inference);
    return statusOf(error.empty() ? error : std::string(definition.name) + ": " + error);
  }
};

}  // namespace

CompanionScope::CompanionScope(bool use) : before_(usesCompanion) { usesCompanion = use; }
CompanionScope::~CompanionScope() { usesCompanion = before_; }

std::string describe(const Shape& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); i++) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

Inference::Inference(ort::InferenceContext* context)
    : context_(context), attributes_(std::make_unique<InferenceAttributes>(context)) {}

size_t Inference::inputCount() const {
  size_t count = 0;
  succeeded(api().inferenceInputCount(context_, &count));
  return count;
}

Shape Inference::inputShape(size_t input) const {
  ort::TensorInfo* info = nullptr;  // stays the context's
  return succeeded(api().inferenceInput(context_, input, &info)) ? dimensionsOf(info) : Shape();
}

bool Inference::knows(size_t input) const {
  ort::TensorInfo* info = nullptr;
  if (!succeeded(api().inferenceInput(context_, input, &info)) || info == nullptr) return false;
  const Shape shape = dimensionsOf(info);
  for (int64_t size : shape) {
    if (size < 0) return false;
  }
  return !shape.empty();
}

void Inference::output(size_t index, ElementType type, const Shape& shape) {
  ort::TensorInfo* info = nullptr;
  if (!succeeded(api().createTensorInfo(&info))) return;
  if (succeeded(api().setElementType(info, type)) && succeeded(api().setDimensions(info, shape.data(), shape.size()))) {
    succeeded(api().setInferenceOutput(context_, index, info));
  }
  api().releaseTensorInfo(info);
}

size_t Run::inputCount() const {
  size_t count = 0;
  succeeded(api().contextInputCount(context_, &count));
  return count;
}

size_t Run::outputCount() const {
  size_t count = 0;
  succeeded(api().contextOutputCount(context_, &count));
  return count;
}

Shape Run::shape(size_t input) const {
  const ort::Value* value = nullptr;
  if (!succeeded(api().contextInput(context_, input, &value)) || value == nullptr) return {};
  ort::TensorInfo* info = nullptr;
  if (!succeeded(api().tensorInfo(value, &info))) return {};
  const Shape shape = dimensionsOf(info);
  api().releaseTensorInfo(info);
  return shape;
}

const void* Run::input(size_t index) const {
  const ort::Value* value = nullptr;
  void* data = nullptr;
  if (!succeeded(api().contextInput(context_, index, &value)) || value == nullptr) return nullptr;
  return succeeded(api().tensorData(const_cast<ort::Value*>(value), &data)) ? data : nullptr;
}

void* Run::output(size_t index, const Shape& shape) {
  ort::Value* value = nullptr;
  void* data = nullptr;
  if (!succeeded(api().contextOutput(context_, index, shape.data(), shape.size(), &value))) return nullptr;
  return value != nullptr && succeeded(api().tensorData(value, &data)) ? data : nullptr;
}

Threads Run::threads() const {
  if (usesCompanion) return companionThreads();
  Threads threads;
  threads.session = context_;
  threads.start = [](void* context, void (*task)(void*, size_t), size_t count, void* data) {
    // No batches: each thread takes the next task as it ends one.
    if (!succeeded(api().parallelFor(static_cast<ort::KernelContext*>(context), task, count, 0, data))) {
      for (size_t i = 0; i < count; i++) task(data, i);
    }
  };
  return threads;
}

Registration::Registration(Definition definition) {
  auto entry = std::make_unique<Registered>();
  entry->definition = std::move(definition);
  ort::CustomOperator& op = entry->vtable;
  op.version = ort::kVersion;
  op.name = Answers::name;
  op.provider = Answers::provider;
  op.inputType = Answers::inputType;
  op.inputCount = Answers::inputCount;
  op.outputType = Answers::outputType;
  op.outputCount = Answers::outputCount;
  op.destroy = Answers::destroy;
  op.inputPresence = Answers::inputPresence;
  op.outputPresence = Answers::outputPresence;
  op.inputMemory = Answers::memory;
  op.fewestInputs = Answers::one;
  op.inputsAlike = Answers::no;
  op.fewestOutputs = Answers::one;
  op.outputsAlike = Answers::no;
  op.createKernelOrFail = Answers::create;
  op.computeOrFail = Answers::compute;
  op.inferShapes = Answers::infer;
  op.firstVersion = Answers::one;
  op.lastVersion = Answers::anyVersion;
  registered().push_back(std::move(entry));
}

std::vector<std::string> operatorNames() {
  std::vector<std::string> names;
  if (!hasKernels()) return names;
  for (const auto& entry : registered()) names.push_back(entry->definition.name);
  return names;
}

std::vector<std::string>& elementwiseOperations() {
  static std::vector<std::string> names;
  return names;
}

ort::CustomOperatorDomain* operatorDomain(Error& error) {
  static std::mutex mutex;
  static ort::CustomOperatorDomain* domain = nullptr;
  std::lock_guard<std::mutex> lock(mutex);
  if (domain != nullptr) return domain;
  ort::CustomOperatorDomain* made = nullptr;
  error = ort::messageOf(api().createOperatorDomain("keras", &made));
  for (const auto& entry : registered()) {
    if (!error.empty()) return nullptr;
    error = ort::messageOf(api().addToOperatorDomain(made, &entry->vtable));
  }
  if (error.empty()) domain = made;
  return domain;
}

}  // namespace keras
