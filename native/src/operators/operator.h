/**
 * What an operator of ours tells the engine, without the engine's own words. A file beside this one describes a family of
 * operators: how its attributes are read, which shapes come out, and which kernel computes them.
 *
 * An `Error` is a sentence; an empty one means that all went well.
 */
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../ort.h"
#include "../threads.h"

namespace keras {

using Error = std::string;
using Shape = std::vector<int64_t>;
using ort::ElementType;
using ort::Presence;

/** "(2, 3)", for messages. */
std::string describe(const Shape& shape);

/** What is fixed about a node, at whichever time it is asked for. Attributes that a node does not have are empty or `otherwise`. */
class Attributes {
 public:
  virtual ~Attributes() = default;
  virtual int64_t integer(const char* name, int64_t otherwise) const = 0;
  virtual float number(const char* name, float otherwise) const = 0;
  virtual std::vector<int64_t> integers(const char* name) const = 0;
  virtual std::string text(const char* name) const = 0;
  /** Type of an input's elements; `undefined` where the node does not have it. */
  virtual ElementType inputType(size_t input) const = 0;
};

/** A node while the engine asks for the shapes of its outputs. */
class Inference {
 public:
  explicit Inference(ort::InferenceContext* context);
  const Attributes& attributes() const { return *attributes_; }
  size_t inputCount() const;
  /** Whether all sizes of an input are known. Never of one without axes: the engine shows unknown ones in the same way. */
  bool knows(size_t input) const;
  /** Sizes of an input; unknown ones are -1. */
  Shape inputShape(size_t input) const;
  void output(size_t index, ElementType type, const Shape& shape);

 private:
  ort::InferenceContext* context_;
  std::unique_ptr<Attributes> attributes_;
};

/** While it lives, nodes that this thread runs share their work with the companion (companion.h) if `use` says so. */
class CompanionScope {
 public:
  explicit CompanionScope(bool use);
  ~CompanionScope();

 private:
  const bool before_;
};

/** One run of a node: its inputs, and memory for its outputs. */
class Run {
 public:
  explicit Run(ort::KernelContext* context) : context_(context) {}
  size_t inputCount() const;
  size_t outputCount() const;
  /** Asks the engine each time: keep it rather than ask twice. */
  Shape shape(size_t input) const;
  /** Null where an optional input is missing. */
  const void* input(size_t index) const;
  template <class Element>
  const Element* input(size_t index) const {
    return static_cast<const Element*>(input(index));
  }
  /** Memory for an output; to be asked for once. Null when the engine does not give it (another shape was declared). */
  void* output(size_t index, const Shape& shape);
  template <class Element>
  Element* output(size_t index, const Shape& shape) {
    return static_cast<Element*>(output(index, shape));
  }
  /** The threads of the session, or this one and the companion. */
  Threads threads() const;

 private:
  ort::KernelContext* context_;
};

/** A node of a session, with what its attributes were read into. It may run on several threads at the same time. */
class Node {
 public:
  virtual ~Node() = default;
  virtual Error run(Run& run) const = 0;
};

/** An input or output. A variadic one is the last and may mix types; it holds at least one value. */
struct Slot {
  /** `undefined` for any. */
  ElementType type = ElementType::float32;
  Presence presence = Presence::required;
};

/** An operator. */
struct Definition {
  const char* name;
  std::vector<Slot> inputs;
  std::vector<Slot> outputs;
  /** Reads the attributes of a node. What is wrong with them fails the creation of the session. */
  Error (*create)(const Attributes& attributes, std::unique_ptr<Node>& node);
  /** Tells the shapes and types of the outputs; may tell nothing where the inputs' are unknown. */
  Error (*infer)(Inference& inference);
};

/** Registers an operator as the library is loaded: `static const Registration conv({"Conv", …});`. */
class Registration {
 public:
  explicit Registration(Definition definition);
};

/** Names of all operators; none where the library has no kernels for this processor. */
std::vector<std::string> operatorNames();

/** Names of the operations of `Elementwise` and `Scan`, filled by their files as the library is loaded. */
std::vector<std::string>& elementwiseOperations();

/** The domain "keras" with all operators, made once for the process. Null, with an error, where the engine refuses. */
ort::CustomOperatorDomain* operatorDomain(Error& error);

}  // namespace keras
