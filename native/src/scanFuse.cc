#include "scanDraft.h"

namespace keras {

namespace {

class Fuser {
 public:
  explicit Fuser(ScanDraft& draft) : draft_(draft) {}

  void fuse() {
    fuseProducts();
    fuseGates();
  }

 private:
  /** x + product: the product's sums start from x. */
  void fuseProducts() {
    for (Draft& draft : draft_.drafts) {
      if (draft.kind != Draft::Kind::elementwise || draft.operation != Operation::add) continue;
      for (int side = 1; side >= 0; side--) {
        const ScanValue& product = draft_.values[draft.operands[side]];
        const int other = draft.operands[1 - side];
        if (product.draft < 0 || product.uses != 1 || product.columns != draft_.values[draft.result].columns) continue;
        Draft& source = draft_.drafts[product.draft];
        if (source.kind != Draft::Kind::product || source.initial >= 0 || draft_.values[other].columns != product.columns) continue;
        draft.kind = Draft::Kind::product;
        draft.matrix = source.matrix;
        draft.operands = source.operands;
        draft.initial = other;
        source.removed = true;
        break;
      }
    }
  }

  /** The draft that computes a value which nobody but `user` reads, if it is this operation on as many columns; else null. */
  Draft* onlyFor(const Draft& user, int value, Operation operation) {
    const ScanValue &part = draft_.values[value], &whole = draft_.values[user.result];
    if (part.draft < 0 || part.uses != 1 || part.root != value || part.columns != whole.columns || part.shared != whole.shared) return nullptr;
    Draft& draft = draft_.drafts[part.draft];
    return draft.kind == Draft::Kind::elementwise && !draft.removed && draft.operation == operation ? &draft : nullptr;
  }

  /** Gates of recurrent cells, σ(a) · tanh(b) and σ(a) · b + c, in one operation where nobody asks for their parts. */
  void fuseGates() {
    for (const bool adds : {false, true}) {
      for (Draft& draft : draft_.drafts) {
        if (draft.removed || draft.kind != Draft::Kind::elementwise || draft.operation != (adds ? Operation::add : Operation::mul)) continue;
        for (int side = 0; side < 2 && draft.operands.size() == 2; side++) {
          if (adds) {
            fuseGateAdd(draft, side);
          } else {
            fuseGate(draft, side);
          }
        }
      }
    }
  }
  void fuseGate(Draft& draft, int side) {
    Draft* sigmoid = onlyFor(draft, draft.operands[side], Operation::sigmoid);
    Draft* tanh = onlyFor(draft, draft.operands[1 - side], Operation::tanh);
    if (sigmoid == nullptr || tanh == nullptr) return;
    sigmoid->removed = tanh->removed = true;
    draft.operation = Operation::gate;
    draft.operands = {sigmoid->operands[0], tanh->operands[0]};
  }
  void fuseGateAdd(Draft& draft, int side) {
    Draft* product = onlyFor(draft, draft.operands[side], Operation::mul);
    if (product == nullptr) return;
    for (int factor = 0; factor < 2; factor++) {
      Draft* sigmoid = onlyFor(*product, product->operands[factor], Operation::sigmoid);
      if (sigmoid == nullptr) continue;
      sigmoid->removed = product->removed = true;
      draft.operation = Operation::gateAdd;
      draft.operands = {sigmoid->operands[0], product->operands[1 - factor], draft.operands[1 - side]};
      return;
    }
  }

  ScanDraft& draft_;
};

}  // namespace

void fuseScan(ScanDraft& draft) { Fuser(draft).fuse(); }

}  // namespace keras
