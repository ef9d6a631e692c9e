#include "session.h"

#include <mutex>

#include "operators/operator.h"

namespace keras {
namespace {

using ort::api;
using ort::ElementType;
using ort::messageOf;

// Live as long as the process: sessions of several JavaScript threads share them.
ort::Environment* environment = nullptr;
ort::MemoryInfo* hostMemory = nullptr;

/** Bytes of an element; 0 for types that programs of ours do not have. */
size_t elementSize(ElementType type) {
  switch (type) {
    case ElementType::uint8:
    case ElementType::int8:
    case ElementType::boolean:
      return 1;
    case ElementType::uint16:
    case ElementType::int16:
    case ElementType::float16:
    case ElementType::bfloat16:
      return 2;
    case ElementType::float32:
    case ElementType::int32:
    case ElementType::uint32:
      return 4;
    case ElementType::float64:
    case ElementType::int64:
    case ElementType::uint64:
      return 8;
    default:
      return 0;
  }
}

std::string apply(const SessionSettings& settings, ort::SessionOptions* options) {
  const auto first = [](std::initializer_list<ort::Status*> all) {
    std::string message;
    for (ort::Status* status : all) {
      std::string text = messageOf(status);
      if (message.empty()) message = text;
    }
    return message;
  };
  std::string error = first({
      api().setOptimizationLevel(options, settings.optimizationLevel),
      api().setIntraOpThreads(options, settings.intraOpThreads),
      api().setInterOpThreads(options, settings.interOpThreads),
      api().setExecutionMode(options, settings.executionMode),
      settings.arena ? api().enableArena(options) : api().disableArena(options),
      settings.memoryPattern ? api().enableMemoryPattern(options) : api().disableMemoryPattern(options),
      api().setLogLevel(options, settings.logLevel),
  });
  if (error.empty() && !settings.profile.empty()) {
    error = messageOf(api().enableProfiling(options, settings.profile.c_str()));
  }
  for (const auto& [key, value] : settings.entries) {
    if (error.empty()) error = messageOf(api().addConfigEntry(options, key.c_str(), value.c_str()));
  }
  if (error.empty() && !settings.external.empty()) {
    std::vector<const char*> paths;
    std::vector<char*> data;
    std::vector<size_t> sizes;
    for (const ExternalData& part : settings.external) {
      paths.push_back(part.path.c_str());
      data.push_back(part.data);
      sizes.push_back(part.size);
    }
    error = messageOf(api().addExternalData(options, paths.data(), data.data(), sizes.data(), paths.size()));
  }
  if (!error.empty()) return error;
  ort::CustomOperatorDomain* domain = operatorDomain(error);
  return domain == nullptr ? error : messageOf(api().addOperatorDomain(options, domain));
}

}  // namespace

std::string startEngine(const char* libraryPath) {
  std::string error = ort::load(libraryPath);
  if (!error.empty()) return error;
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  constexpr int kWarnings = 2, kDeviceAllocator = 0, kDefaultMemory = 0;
  if (environment == nullptr) error = messageOf(api().createEnvironment(kWarnings, "keras-ts", &environment));
  if (error.empty() && hostMemory == nullptr) {
    error = messageOf(api().createCpuMemoryInfo(kDeviceAllocator, kDefaultMemory, &hostMemory));
  }
  return error;
}

std::unique_ptr<Session> Session::create(const void* model, size_t size, const SessionSettings& settings,
                                         std::string& error) {
  ort::SessionOptions* options = nullptr;
  error = messageOf(api().createSessionOptions(&options));
  if (!error.empty()) return nullptr;
  std::unique_ptr<Session> session(new Session());
  session->companion_ = settings.companion;
  error = apply(settings, options);
  if (error.empty()) error = messageOf(api().createSession(environment, model, size, options, &session->session_));
  api().releaseSessionOptions(options);
  if (error.empty()) error = session->describe();
  return error.empty() ? std::move(session) : nullptr;
}

Session::~Session() {
  for (Slot& slot : slots_) {
    for (ort::Value* value : slot.values) api().releaseValue(value);
  }
  if (session_ != nullptr) api().releaseSession(session_);
}

/** Asks for names, types and shapes of what the graph takes and gives. */
std::string Session::describe() {
  size_t outputCount = 0;
  std::string error = messageOf(api().inputCount(session_, &inputCount_));
  if (error.empty()) error = messageOf(api().outputCount(session_, &outputCount));
  for (size_t i = 0; error.empty() && i < inputCount_ + outputCount; i++) {
    const bool output = i >= inputCount_;
    const size_t index = output ? i - inputCount_ : i;
    ort::TypeInfo* type = nullptr;
    error = messageOf(output ? api().outputType(session_, index, &type) : api().inputType(session_, index, &type));
    if (!error.empty()) break;
    error = describe(index, output, type);
    api().releaseTypeInfo(type);
  }
  for (const std::string& name : names_) namePointers_.push_back(name.c_str());
  values_.resize(slots_.size());
  return error;
}

std::string Session::describe(size_t index, bool output, ort::TypeInfo* type) {
  ort::Allocator* allocator = nullptr;
  char* name = nullptr;
  std::string error = messageOf(api().defaultAllocator(&allocator));
  if (error.empty()) {
    error = messageOf(output ? api().outputName(session_, index, allocator, &name)
                             : api().inputName(session_, index, allocator, &name));
  }
  if (!error.empty()) return error;
  names_.emplace_back(name);
  messageOf(api().free(allocator, name));

  const ort::TensorInfo* info = nullptr;
  Slot slot{};
  size_t rank = 0;
  error = messageOf(api().asTensorInfo(type, &info));
  if (error.empty() && info == nullptr) return "\"" + names_.back() + "\" is not a tensor";
  if (error.empty()) error = messageOf(api().elementType(info, &slot.type));
  if (error.empty()) error = messageOf(api().rank(info, &rank));
  slot.shape.resize(rank);
  if (error.empty()) error = messageOf(api().dimensions(info, slot.shape.data(), rank));
  if (!error.empty()) return error;
  slot.bytes = elementSize(slot.type);
  if (slot.bytes == 0) return "\"" + names_.back() + "\" has elements of a type that does not exist here";
  for (int64_t dimension : slot.shape) {
    if (dimension < 0) return "\"" + names_.back() + "\" has no fixed shape";
    slot.bytes *= static_cast<size_t>(dimension);
  }
  slots_.push_back(std::move(slot));
  return "";
}

/** The engine's view of memory for a slot. */
std::string Session::hold(Slot& slot, double address, ort::Value*& value) {
  if (slot.addresses[slot.last] != address) slot.last ^= 1;
  if (slot.addresses[slot.last] == address) {
    value = slot.values[slot.last];
    return "";
  }
  static char nothing[64];
  ort::Value*& held = slot.values[slot.last];
  if (held != nullptr) api().releaseValue(held);
  held = nullptr;
  slot.addresses[slot.last] = -1;
  void* data = slot.bytes == 0 ? nothing : reinterpret_cast<void*>(static_cast<uintptr_t>(address));
  std::string error = messageOf(api().createTensor(hostMemory, data, slot.bytes, slot.shape.data(), slot.shape.size(),
                                                   slot.type, &held));
  if (!error.empty()) return error;
  slot.addresses[slot.last] = address;
  value = held;
  return "";
}

std::string Session::run(const double* addresses) {
  for (size_t i = 0; i < slots_.size(); i++) {
    std::string error = hold(slots_[i], addresses[i], values_[i]);
    if (!error.empty()) return error;
  }
  const size_t n = inputCount_;
  const CompanionScope scope(companion_);
  return messageOf(api().run(session_, nullptr, namePointers_.data(), values_.data(), n, namePointers_.data() + n,
                             values_.size() - n, values_.data() + n));
}

}  // namespace keras
