/**
 * What the type checker knows of layers and models of the user, through the package's public names alone. Compiled by `tsc`,
 * never run: nothing is cast, decorated or registered to be used, and mistakes are seen.
 */
import * as keras from "../../src/node.ts";

const { layers, ops } = keras;

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<Expected>() {
  return <Actual>(_value: Actual, _same: Same<Actual, Expected>): void => {};
}

const symbolic: keras.KerasTensor = keras.Input({ shape: [3] });
const numbers: keras.Tensor = ops.ones([2, 3]);
const shape: keras.Shape = [null, 3];
const dtype: keras.DType = "float32";
is<keras.DType>()(numbers.dtype, true);
keras.ops.zeros([1], { dtype });

// The guide's layer.
class CustomDense extends layers.Layer {
  w!: keras.Variable;
  b!: keras.Variable;
  readonly units: number;

  constructor({ units = 32, ...options }: keras.layers.LayerOptions & { units?: number } = {}) {
    super(options);
    this.units = units;
  }

  override build(inputShape: keras.Shape) {
    this.w = this.addWeight({ shape: [inputShape.at(-1)!, this.units], initializer: "random_normal" });
    this.b = this.addWeight({ shape: [this.units], initializer: "random_normal", trainable: true });
  }

  override call(inputs: keras.Tensor) {
    is<keras.Tensor>()(this.w.add(1), true);
    is<keras.Tensor>()(this.w.get(null, 0).sum(), true);
    return ops.matmul(inputs, this.w).add(this.b);
  }

  override getConfig() {
    return { ...super.getConfig(), units: this.units };
  }
}
is<keras.KerasTensor>()(new CustomDense({ units: 10 })(symbolic), true);
is<keras.Tensor>()(new CustomDense({ name: "mine", trainable: false })(numbers), true);
is<CustomDense>()(CustomDense.fromConfig({ units: 3 }), true);
is<number>()(CustomDense.fromConfig({ units: 3 }).units, true);
is<keras.Variable[]>()(new CustomDense().weights, true);
new CustomDense().build(shape);
// @ts-expect-error: no such option
new CustomDense({ unit: 10 });
// @ts-expect-error: units are a number
new CustomDense({ units: "10" });
// @ts-expect-error: no such option of a weight
new CustomDense().addWeight({ shap: [1] });

// The four signatures of `call`, and further options.
class Signatures extends layers.Layer {
  override call(
    inputs: keras.Tensor,
    { training = false, mask = null, other }: keras.layers.CallOptions & { other?: keras.Tensor } = {},
  ) {
    is<boolean>()(training, true);
    is<keras.layers.Mask>()(mask, true);
    return training && other ? inputs.add(other) : inputs;
  }
}
is<keras.KerasTensor>()(new Signatures()(symbolic, { training: true, other: symbolic }), true);
class TwoInputs extends layers.Layer {
  override call(left: keras.Tensor, right: keras.Tensor) {
    return { sum: left.add(right), both: [left, right] as const };
  }
}
is<keras.KerasTensor>()(new TwoInputs()(symbolic, symbolic).sum, true);
is<keras.Tensor>()(new TwoInputs()(numbers, numbers).both[1], true);
class OfDict extends layers.Layer {
  override call(inputs: { title: keras.Tensor; tags: keras.Tensor }) {
    return inputs.title.add(inputs.tags);
  }
}
is<keras.KerasTensor>()(new OfDict()({ title: symbolic, tags: symbolic }), true);

// A class that makes itself from its config in its own way.
class OwnFromConfig extends layers.Layer {
  constructor(readonly size: number) {
    super();
  }
  override call(inputs: keras.Tensor) {
    return inputs;
  }
  static override fromConfig(config: { size?: unknown }): OwnFromConfig {
    return new OwnFromConfig(Number(config.size));
  }
}
is<OwnFromConfig>()(OwnFromConfig.fromConfig({ size: 3 }), true);

// Extending a layer of Keras.
class Scaled extends layers.Dense {
  override call(inputs: keras.Tensor) {
    return super.call(inputs).mul(2);
  }
}
is<keras.KerasTensor>()(new Scaled(3)(symbolic), true);
is<number>()(new Scaled(3).units, true);

// A subclassed model.
class MLP extends keras.Model {
  dense1 = layers.Dense(64, { activation: "relu" });
  dense2 = layers.Dense(10);

  override call(inputs: keras.Tensor) {
    const x = this.dense1(inputs);
    is<keras.Tensor>()(x, true);
    return this.dense2(x);
  }
}
const mlp = new MLP();
is<keras.Tensor>()(mlp(ops.zeros([1, 32])), true);
is<keras.KerasTensor>()(mlp(symbolic), true);
is<MLP>()(MLP.fromConfig(mlp.getConfig()), true);
const asModel: keras.Model = mlp;
asModel.summary();

// Another result than one tensor.
class Heads extends keras.Model<{ mean: keras.KerasTensor; spread: keras.KerasTensor }> {
  override call(inputs: keras.Tensor) {
    return { mean: inputs, spread: inputs };
  }
}
is<keras.Tensor>()(new Heads()(numbers).mean, true);
is<keras.KerasTensor>()(new Heads()(symbolic).spread, true);

// Functional models keep the structure of their outputs, and the layers of a graph can be asked for theirs.
const model = keras.Model({ inputs: symbolic, outputs: { a: mlp(symbolic), b: [symbolic] } });
is<keras.KerasTensor>()(model(symbolic).a, true);
is<keras.Tensor[]>()(model(numbers).b, true);
const features = keras.Model({ inputs: symbolic, outputs: model.layers.map((layer) => layer.output) });
for (const feature of keras.tree.flatten(features(numbers))) is<keras.Tensor>()(feature, true);
const again = keras.Model.fromConfig(model.getConfig(), { customObjects: { MLP, CustomDense } });
is<keras.Model>()(again, true);
again.compile({ loss: "mse" });
keras.Model.fromConfig(model.getConfig(), { MLP });
is<keras.Sequential>()(keras.Sequential.fromConfig({}), true);

// Registration: a decorator, a plain call, a scope.
@keras.saving.registerKerasSerializable({ package: "mine" })
class Decorated extends layers.Layer {}
is<Decorated>()(new Decorated(), true);
@keras.saving.registerKerasSerializable
class DecoratedPlainly extends layers.Layer {}
is<DecoratedPlainly>()(new DecoratedPlainly(), true);
is<typeof CustomDense>()(keras.saving.registerKerasSerializable(CustomDense, { package: "mine" }), true);
is<Promise<keras.Model>>()(
  keras.saving.customObjectScope({ MLP }, () => keras.models.loadModel("model.keras")),
  true,
);

// Indexing, in the kind of what is indexed.
is<keras.KerasTensor>()(symbolic.get(null, -1), true);
is<keras.Tensor>()(numbers.get([1, null], [null, null, -1]), true);

// A stack and a subclassed model pass where a model is expected.
async function lossOf(model: keras.Model): Promise<number | number[] | Record<string, number>> {
  return model.evaluate(ops.ones([1, 2]), ops.ones([1, 1]));
}
class Stacked extends keras.Model {
  override call(x: keras.Tensor): keras.Tensor {
    return x;
  }
}
// So do models of several outputs, as in Keras; what is called there is taken for one tensor.
async function train(model: keras.Model): Promise<void> {
  is<keras.Tensor>()(model(numbers), true);
  is<keras.KerasTensor>()(model(symbolic), true);
  is<keras.Tensor>()(await model.predict(numbers), true);
  // @ts-expect-error: the type that is expected does not change the result
  const _text: string = await model.predict(numbers);
  // @ts-expect-error: numbers in, numbers out
  const _kept: keras.KerasTensor = model(numbers);
}
void train(model);
const several = keras.Model({ inputs: symbolic, outputs: [symbolic, symbolic] });
is<keras.Tensor[]>()(await several.predict(numbers), true);
is<keras.Tensor[]>()(several(numbers), true);
is<keras.Tensor[]>()(await several.predictOnBatch(numbers), true);
const annotated: keras.Model<keras.KerasTensor[]> = several;
is<keras.KerasTensor[]>()(annotated(symbolic), true);
const kinds: keras.Model[] = [several, keras.Sequential([]), new Stacked(), keras.Model.fromConfig({})];
const oneOf = kinds.length > 3 ? several : keras.Model({ inputs: symbolic, outputs: symbolic });
void oneOf.predict(numbers);
void oneOf(numbers);
const stackOrGraph = kinds.length > 3 ? keras.Sequential([]) : keras.Model({ inputs: symbolic, outputs: symbolic });
is<keras.Tensor>()(stackOrGraph(numbers), true);
// A class may predict in its own way.
class OwnPredict extends keras.Model {
  override async predict(x: keras.Tensor): Promise<keras.Tensor> {
    return (await super.predict(x)).mul(2);
  }
}
void train(new OwnPredict());
void lossOf(keras.Model({ inputs: symbolic, outputs: [symbolic, mlp(symbolic)] }));
void lossOf(keras.Model({ inputs: symbolic, outputs: { a: symbolic, b: [symbolic] } }));
void lossOf(model);
void lossOf(new Heads());
void lossOf(keras.Sequential([layers.Dense(1)]));
void lossOf(new keras.Sequential());
void lossOf(new Stacked());
is<keras.Tensor>()(keras.Sequential([layers.Dense(1)])(ops.ones([1, 2])), true);
is<keras.KerasTensor>()(keras.Sequential([layers.Dense(1)])(keras.Input({ shape: [2] })), true);

// The parameters of functions that are written where they are used are known.
const stack = keras.Sequential([layers.Dense(1)]);
stack.compile({ loss: (yTrue, yPred) => ops.mean(ops.square(yTrue.sub(yPred))) });
stack.compile({ loss: { out: (yTrue, yPred) => ops.mean(ops.square(yTrue.sub(yPred))) } });
stack.compile({ loss: "mse", metrics: [(yTrue, yPred) => ops.mean(ops.square(yTrue.sub(yPred)))] });
layers.Conv2D(3, 3, { activation: (t) => ops.relu(t) });
layers.Activation((t) => t.neg());
layers.Dense(3, { activation: layers.LeakyReLU(), kernelInitializer: (shape) => ops.zeros(shape) });
layers.Dense(3, { activation: ops.relu, kernelRegularizer: (w) => ops.sum(w), kernelConstraint: (w) => ops.abs(w) });
keras.models.cloneModel(stack, { callFunction: (layer, ...args) => layer(...args) });
keras.models.cloneModel(stack, { cloneFunction: () => layers.Dense(1) });

// Predictions have the structure of the outputs, for whole data sets and for a batch.
async function predictions(): Promise<void> {
  const dict = await model.predict(numbers);
  is<keras.Tensor>()(dict.a, true);
  is<keras.Tensor[]>()((await model.predictOnBatch(numbers)).b, true);
  const two = keras.Model({ inputs: symbolic, outputs: [symbolic, symbolic] as const });
  const [a, b] = await two.predict(numbers, { batchSize: 2 });
  is<keras.Tensor>()(a, true);
  is<keras.Tensor>()(b, true);
  const [first] = await keras.Model({ inputs: symbolic, outputs: [symbolic, symbolic] }).predictOnBatch(numbers);
  is<keras.Tensor | undefined>()(first, true);
  is<keras.Tensor>()(await mlp.predict(numbers), true);
  is<keras.Tensor>()((await new Heads().predict(numbers)).mean, true);
  is<keras.Tensor>()(await keras.Sequential([layers.Dense(1)]).predict(numbers), true);
  is<keras.Tensor>()(await keras.Sequential([layers.Dense(1)]).predictOnBatch(numbers), true);
  is<keras.Tensor>()(await keras.Model({ inputs: symbolic, outputs: symbolic }).predict(numbers), true);
  // @ts-expect-error: no such output
  dict.c;
}
void predictions;
void lossOf(keras.Model({ inputs: symbolic, outputs: symbolic }));

// A model of one's own with options of its own.
class Switched extends keras.Model {
  override call(inputs: keras.Tensor, { deep = false }: { deep?: boolean } = {}) {
    return deep ? inputs.mul(2) : inputs;
  }
}
is<keras.Tensor>()(new Switched()(numbers, { deep: true }), true);
void lossOf(new Switched());
