/**
 * Models with layers and models of the user: `tsx test/interop/customModels.ts make DIR`, or `check DIR`.
 * custom_models.py has the same classes and models.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as keras from "../../src/node.ts";

const { layers, ops } = keras;
type Options = keras.layers.LayerOptions;

class CustomDense extends layers.Layer {
  readonly units: number;
  w!: keras.Variable;
  b!: keras.Variable;

  constructor({ units = 32, ...options }: Options & { units?: number } = {}) {
    super(options);
    this.units = units;
  }

  override build(inputShape: keras.Shape) {
    this.w = this.addWeight({ name: "w", shape: [inputShape.at(-1)!, this.units], initializer: "random_normal" });
    this.b = this.addWeight({ name: "b", shape: [this.units], initializer: "random_normal" });
  }

  override call(inputs: keras.Tensor) {
    return ops.matmul(inputs, this.w).add(this.b);
  }

  override getConfig() {
    return { ...super.getConfig(), units: this.units };
  }
}
keras.saving.registerKerasSerializable(CustomDense, { package: "Guide" });

class RunningMean extends layers.Layer {
  mean!: keras.Variable;
  count!: keras.Variable;

  override build(inputShape: keras.Shape) {
    this.mean = this.addWeight({ name: "mean", shape: [inputShape.at(-1)!], initializer: "zeros", trainable: false });
    this.count = this.addWeight({ name: "count", shape: [], initializer: "zeros", trainable: false });
  }

  override call(inputs: keras.Tensor, { training = false }: keras.layers.CallOptions = {}) {
    if (training) {
      this.count.assignAdd(1);
      this.mean.assignAdd(inputs.mean({ axis: 0 }).sub(this.mean).div(this.count));
    }
    return inputs.sub(this.mean);
  }
}

/** Layers in fields, arrays, objects, and layers that hold layers. */
class Containers extends layers.Layer {
  readonly first = new CustomDense({ units: 4 });
  readonly steps = [layers.Dense(3, { activation: "tanh" }), new CustomDense({ units: 3 }), layers.Dense(4)];
  readonly byName = { left: layers.Dense(2), right: layers.Dense(2) };
  readonly inner = new Pair();

  override call(inputs: keras.Tensor) {
    let x = this.first(inputs);
    for (const step of this.steps) x = step(x);
    return this.inner(ops.concatenate([this.byName.left(x), this.byName.right(x)], { axis: -1 }));
  }
}

class Pair extends layers.Layer {
  readonly a = layers.Dense(2);
  readonly b = new CustomDense({ units: 2 });

  override call(inputs: keras.Tensor) {
    return this.a(inputs).mul(this.b(inputs));
  }
}

type MixOptions = keras.layers.CallOptions & { other?: keras.Tensor; scaleBy?: number; mode?: string };

class Mix extends layers.Layer {
  override call(inputs: keras.Tensor, { other, scaleBy = 1, mode = "add" }: MixOptions = {}) {
    return (mode === "add" ? inputs.add(other!) : inputs.sub(other!)).mul(scaleBy);
  }
}

type NamedOptions = keras.layers.CallOptions & { scale_by?: number; _p?: number; addBy?: number; powerOf?: number };

/** Options under Python's own names, in camel case, and under a name that the table gives. */
class Named extends layers.Layer {
  static override readonly callKeys: Readonly<Record<string, string>> = { addBy: "offset" };

  override call(inputs: keras.Tensor, { scale_by = 1, _p = 0, addBy = 0, powerOf = 1 }: NamedOptions = {}) {
    return inputs.mul(scale_by).add(_p).add(addBy).pow(powerOf);
  }
}

class MLP extends keras.Model {
  /** Python's name of the property, in files. Reading needs no table: names that differ in underscores are found. */
  static readonly configKeys: Readonly<Record<string, string>> = { dense1: "dense_1" };
  readonly hidden: number;
  readonly dense1: keras.layers.Dense;
  readonly tail = keras.Sequential([new CustomDense({ units: 3 }), layers.Dense(2)]);

  constructor({ hidden = 8, ...options }: Options & { hidden?: number } = {}) {
    super(options);
    this.hidden = hidden;
    this.dense1 = layers.Dense(hidden, { activation: "relu" });
  }

  override call(inputs: keras.Tensor) {
    return this.tail(this.dense1(inputs));
  }

  override getConfig() {
    return { ...super.getConfig(), hidden: this.hidden };
  }
}

const customObjects = { RunningMean, Containers, Pair, Mix, Named, MLP };
const x = () => keras.Input({ shape: [4], name: "x" });

const families: Readonly<Record<string, () => keras.Model>> = {
  custom_dense() {
    const inputs = x();
    const outputs = new CustomDense({ units: 3, name: "mine" })(inputs);
    return keras.Model({ inputs, outputs, name: "custom_dense" });
  },
  running_mean() {
    const inputs = x();
    const outputs = layers.Dense(2)(new RunningMean()(inputs));
    return keras.Model({ inputs, outputs, name: "running_mean" });
  },
  containers() {
    const inputs = x();
    const outputs = new Containers({ name: "containers" })(inputs);
    return keras.Model({ inputs, outputs, name: "with_containers" });
  },
  mix() {
    const inputs = x();
    const other = layers.Dense(4, { name: "other" })(inputs);
    const mixed = new Mix({ name: "mix" })(inputs, { other, scaleBy: 3, mode: "sub" });
    const outputs = new Mix({ name: "shift" })(mixed, { other: keras.tensor([[1, 2, 3, 4]]) });
    return keras.Model({ inputs, outputs, name: "mixed" });
  },
  named() {
    const inputs = x();
    const named = new Named({ name: "named" })(inputs, { scale_by: 3, _p: 2, addBy: 0.5, powerOf: 2 });
    const outputs = layers.Dense(2, { name: "out" })(new Named({ name: "plain" })(named, { powerOf: 3 }));
    return keras.Model({ inputs, outputs, name: "with_names" });
  },
  mlp() {
    const model = new MLP({ hidden: 5, name: "mlp" });
    model.build([null, 4]);
    return model;
  },
  mlp_inside() {
    const inputs = x();
    const outputs = layers.Dense(1, { name: "out" })(new MLP({ hidden: 6, name: "inside" })(inputs));
    return keras.Model({ inputs, outputs, name: "around" });
  },
  slices() {
    const inputs = x();
    const parts = [
      inputs.get("...", [1, null]),
      inputs.get(null, [null, null, -1]),
      inputs.get(null, -1).expandDims(-1),
    ];
    const outputs = layers.Dense(2, { name: "out" })(layers.Concatenate({ name: "join" })(parts));
    return keras.Model({ inputs, outputs, name: "slices" });
  },
};

interface Facts {
  readonly x: number[][];
  readonly y: number[][];
}

async function save(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const data = ops.linspace(-1, 1, 24).reshape([6, 4]);
  for (const [name, build] of Object.entries(families)) {
    keras.utils.clearSession();
    keras.utils.setRandomSeed(1);
    const model = build();
    const y = model(data);
    if (name !== "custom_dense") {
      model.compile({ optimizer: "sgd", loss: "mse" });
      await model.fit(data, ops.onesLike(y), { verbose: 0 });
    }
    await model.save(join(folder, `${name}.keras`));
    const facts = { x: await data.array(), y: await model(data).array() };
    await writeFile(join(folder, `${name}.json`), JSON.stringify(facts));
  }
}

async function check(folder: string): Promise<void> {
  let passed = 0;
  const names = Object.keys(families);
  for (const name of names) {
    keras.utils.clearSession();
    try {
      const facts = JSON.parse(await readFile(join(folder, `${name}.json`), "utf8")) as Facts;
      const model = await keras.models.loadModel(join(folder, `${name}.keras`), { customObjects });
      const apart = await model(keras.tensor(facts.x)).sub(keras.tensor(facts.y)).abs().max().item();
      if (!(apart < 1e-5)) throw new Error(`predictions differ by ${apart}`);
      console.log(`ok    ${name}.keras: predictions`);
      passed++;
    } catch (error) {
      const { name: kind, message } = error as Error;
      console.log(`FAIL  ${name}.keras: ${kind}: ${message}`);
    }
  }
  console.log(`${passed} passed, ${names.length - passed} failed`);
  process.exitCode = passed === names.length ? 0 : 1;
}

const [task, folder] = process.argv.slice(2);
if (!folder || (task !== "make" && task !== "check")) throw new Error("usage: customModels.ts make|check DIR");
await (task === "make" ? save : check)(folder);
