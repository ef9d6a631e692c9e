/** What JavaScript sees of the library (src/backend/onnx/native.ts). Each JavaScript thread has its own instance of it. */
#define NAPI_VERSION 8
#include <node_api.h>

#include <cstring>

#include "operators/operator.h"
#include "session.h"

namespace keras {

const char* instructionSet();

namespace {

napi_value fail(napi_env env, const std::string& message) {
  napi_throw_error(env, nullptr, message.c_str());
  return nullptr;
}

napi_value toText(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

napi_value toList(napi_env env, const std::vector<std::string>& texts, size_t from, size_t to) {
  napi_value list = nullptr;
  napi_create_array_with_length(env, to - from, &list);
  for (size_t i = from; i < to; i++) napi_set_element(env, list, static_cast<uint32_t>(i - from), toText(env, texts[i]));
  return list;
}

bool readText(napi_env env, napi_value value, std::string& text) {
  size_t size = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &size) != napi_ok) return false;
  text.resize(size + 1);
  if (napi_get_value_string_utf8(env, value, text.data(), size + 1, &size) != napi_ok) return false;
  text.resize(size);
  return true;
}

/** The bytes of a typed array of any kind. */
bool readArray(napi_env env, napi_value value, void*& data, size_t& bytes) {
  static constexpr size_t kSizes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  bool isArray = false;
  napi_typedarray_type type;
  size_t length = 0;
  if (napi_is_typedarray(env, value, &isArray) != napi_ok || !isArray) return false;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok) return false;
  bytes = length * (static_cast<size_t>(type) < 11 ? kSizes[type] : 2);
  return true;
}

/** Arguments of a call; missing ones are `undefined`. */
template <size_t count>
bool readArguments(napi_env env, napi_callback_info info, napi_value (&arguments)[count]) {
  size_t given = count;
  return napi_get_cb_info(env, info, &given, arguments, nullptr, nullptr) == napi_ok;
}

/** Reads a property that may be missing. */
template <class Read>
void readProperty(napi_env env, napi_value object, const char* name, const Read& read) {
  napi_value value = nullptr;
  napi_valuetype type;
  if (napi_get_named_property(env, object, name, &value) != napi_ok) return;
  if (napi_typeof(env, value, &type) != napi_ok || type == napi_undefined || type == napi_null) return;
  read(value);
}

template <class Read>
void eachOf(napi_env env, napi_value list, const Read& read) {
  uint32_t length = 0;
  if (napi_get_array_length(env, list, &length) != napi_ok) return;
  for (uint32_t i = 0; i < length; i++) {
    napi_value element = nullptr;
    if (napi_get_element(env, list, i, &element) == napi_ok) read(element);
  }
}

SessionSettings readSettings(napi_env env, napi_value options) {
  SessionSettings settings;
  const auto integer = [&](const char* name, int& to) {
    readProperty(env, options, name, [&](napi_value value) { napi_get_value_int32(env, value, &to); });
  };
  const auto boolean = [&](const char* name, bool& to) {
    readProperty(env, options, name, [&](napi_value value) { napi_get_value_bool(env, value, &to); });
  };
  integer("optimizationLevel", settings.optimizationLevel);
  integer("intraOpThreads", settings.intraOpThreads);
  integer("interOpThreads", settings.interOpThreads);
  integer("executionMode", settings.executionMode);
  integer("logLevel", settings.logLevel);
  boolean("arena", settings.arena);
  boolean("memoryPattern", settings.memoryPattern);
  boolean("companion", settings.companion);
  readProperty(env, options, "profile", [&](napi_value value) { readText(env, value, settings.profile); });
  readProperty(env, options, "entries", [&](napi_value entries) {
    eachOf(env, entries, [&](napi_value entry) {
      std::pair<std::string, std::string> pair;
      napi_value key = nullptr, value = nullptr;
      napi_get_element(env, entry, 0, &key);
      napi_get_element(env, entry, 1, &value);
      if (readText(env, key, pair.first) && readText(env, value, pair.second)) settings.entries.push_back(pair);
    });
  });
  readProperty(env, options, "external", [&](napi_value parts) {
    eachOf(env, parts, [&](napi_value part) {
      ExternalData external{};
      void* data = nullptr;
      bool complete = false;
      readProperty(env, part, "path", [&](napi_value path) { complete = readText(env, path, external.path); });
      readProperty(env, part, "data", [&](napi_value array) {
        complete = readArray(env, array, data, external.size) && complete;
      });
      external.data = static_cast<char*>(data);
      if (complete) settings.external.push_back(external);
    });
  });
  return settings;
}

/** start(libraryPath): the version of ONNX Runtime. */
napi_value start(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  std::string path;
  if (!readArguments(env, info, arguments) || !readText(env, arguments[0], path)) {
    return fail(env, "start: expected the path of ONNX Runtime's library");
  }
  const std::string error = startEngine(path.c_str());
  return error.empty() ? toText(env, ort::api().version) : fail(env, error);
}

/** A session as JavaScript holds it: emptied by `release`, or with the object itself. */
struct Handle {
  std::unique_ptr<Session> session;
};

Session* sessionOf(napi_env env, napi_value value) {
  void* handle = nullptr;
  if (napi_get_value_external(env, value, &handle) != napi_ok) return nullptr;
  return static_cast<Handle*>(handle)->session.get();
}

/** create(bytes, settings): [session, names of inputs, names of outputs, bytes of each]. */
napi_value create(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  void* model = nullptr;
  size_t size = 0;
  if (!readArguments(env, info, arguments) || !readArray(env, arguments[0], model, size)) {
    return fail(env, "create: expected the bytes of a model");
  }
  std::string error;
  auto session = Session::create(model, size, readSettings(env, arguments[1]), error);
  if (session == nullptr) return fail(env, error);
  const std::vector<std::string> names = session->names();
  const size_t inputs = session->inputCount();
  napi_value sizes = nullptr;
  napi_create_array_with_length(env, names.size(), &sizes);
  for (size_t i = 0; i < names.size(); i++) {
    napi_value bytes = nullptr;
    napi_create_double(env, static_cast<double>(session->bytes(i)), &bytes);
    napi_set_element(env, sizes, static_cast<uint32_t>(i), bytes);
  }
  auto* handle = new Handle{std::move(session)};
  const auto collect = [](napi_env, void* data, void*) { delete static_cast<Handle*>(data); };
  napi_value external = nullptr, result = nullptr;
  if (napi_create_external(env, handle, collect, nullptr, &external) != napi_ok) {
    delete handle;
    return fail(env, "create: the session could not be handed to JavaScript");
  }
  napi_create_array_with_length(env, 4, &result);
  napi_set_element(env, result, 0, external);
  napi_set_element(env, result, 1, toList(env, names, 0, inputs));
  napi_set_element(env, result, 2, toList(env, names, inputs, names.size()));
  napi_set_element(env, result, 3, sizes);
  return result;
}

/** run(session, addresses): see Session::run. */
napi_value run(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  void* addresses = nullptr;
  size_t bytes = 0;
  if (!readArguments(env, info, arguments)) return nullptr;
  Session* session = sessionOf(env, arguments[0]);
  if (session == nullptr) return fail(env, "run: the session was released");
  if (!readArray(env, arguments[1], addresses, bytes) || bytes != session->names().size() * sizeof(double)) {
    return fail(env, "run: expected an address for each input and output");
  }
  const std::string error = session->run(static_cast<const double*>(addresses));
  return error.empty() ? nullptr : fail(env, error);
}

/** release(session): frees it now. */
napi_value release(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  void* handle = nullptr;
  if (readArguments(env, info, arguments) && napi_get_value_external(env, arguments[0], &handle) == napi_ok) {
    static_cast<Handle*>(handle)->session.reset();
  }
  return nullptr;
}

/** addressOf(array): where its data lies, for as long as it exists. (Asking for it moves small arrays out of V8's heap.) */
napi_value addressOf(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  napi_value result = nullptr;
  void* data = nullptr;
  size_t bytes = 0;
  if (!readArguments(env, info, arguments) || !readArray(env, arguments[0], data, bytes)) {
    return fail(env, "addressOf: expected a typed array");
  }
  napi_create_double(env, static_cast<double>(reinterpret_cast<uintptr_t>(data)), &result);
  return result;
}

napi_value operators(napi_env env, napi_callback_info) {
  const std::vector<std::string> names = operatorNames();
  return toList(env, names, 0, names.size());
}

napi_value elementwise(napi_env env, napi_callback_info) {
  const std::vector<std::string>& names = elementwiseOperations();
  return toList(env, names, 0, names.size());
}

napi_value instructions(napi_env env, napi_callback_info) { return toText(env, instructionSet()); }

}  // namespace
}  // namespace keras

NAPI_MODULE_INIT() {
  const struct {
    const char* name;
    napi_callback function;
  } functions[] = {
      {"start", keras::start},
      {"create", keras::create},
      {"run", keras::run},
      {"release", keras::release},
      {"addressOf", keras::addressOf},
      {"operators", keras::operators},
      {"elementwiseOperations", keras::elementwise},
      {"instructionSet", keras::instructions},
  };
  for (const auto& [name, function] : functions) {
    napi_value value = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
    napi_set_named_property(env, exports, name, value);
  }
  return exports;
}
