/**
 * Models that compute in 16 bits, with scaled losses and with policies by path: `tsx test/interop/precisionModels.ts make DIR`, or
 * `check DIR`. precision_models.py has the same models.
 *
 * The state of a `LossScaleOptimizer` (step counter, scale) and of the optimizer inside is compared after loading, exactly, and
 * after three further steps; what is computed in 16 bits agrees as far as 16 bits do.
 */
import * as keras from "../../src/node.ts";
import { checkFolder, saveFamilies } from "./familyFiles.ts";
import type { Family } from "./models.ts";

const { layers, optimizers } = keras;

const SAMPLES = 48;
const TOLERANCES = { predictions: 1e-2, state: 1e-6, losses: 1e-2, trained: 1e-2 };

/** A model of a policy, its last layer in float32. */
function mlp(policy: string | keras.dtypePolicies.DTypePolicy, last: string | null = "float32"): keras.Model {
  keras.config.setDtypePolicy(policy);
  const x = keras.Input({ shape: [8], name: "x" });
  const hidden = layers.Dense(6, { activation: "tanh", name: "hidden" })(x);
  const middle = layers.Dense(5, { activation: "relu", name: "middle" })(hidden);
  const outputs = layers.Dense(2, { name: "out", dtype: last })(middle);
  const model = keras.Model({ inputs: x, outputs, name: "half" });
  keras.config.setDtypePolicy(null);
  return model;
}

const byPath = () =>
  keras.dtypePolicies.DTypePolicyMap("float32", { policyMap: { "hid.*": "mixed_bfloat16", middle: "bfloat16" } });

const x = keras.random.normal([SAMPLES, 8], { seed: 1 });
const y = keras.random.normal([SAMPLES, 2], { seed: 2 });
const family = (build: () => keras.Model, optimizer: () => keras.Optimizer): Family => ({
  build,
  compile: () => ({ optimizer: optimizer(), loss: "mse" }),
  x,
  y,
});

const families: Readonly<Record<string, Family>> = {
  // Grows at the third step: the first of those after loading.
  scaled_adam: family(
    () => mlp("mixed_float16"),
    () => optimizers.LossScaleOptimizer(optimizers.Adam(0.01), { initialScale: 1024, dynamicGrowthSteps: 3 }),
  ),
  // `compile` puts the scaling around it, also when the file is opened: there the policy of the model is the global one.
  scaled_by_compile: family(
    () => mlp("mixed_float16"),
    () => optimizers.SGD(0.05, { momentum: 0.9 }),
  ),
  // The last step has no finite gradient: the scale halves, and nothing else changes.
  scaled_rmsprop: {
    ...family(
      () => mlp("mixed_float16"),
      () => optimizers.LossScaleOptimizer(optimizers.RMSprop(0.01), { initialScale: 1024 }),
    ),
    beforeSave: ({ optimizer, trainableVariables }) =>
      optimizer!.apply(
        trainableVariables.map((v) => keras.ops.full(v.shape, Number.POSITIVE_INFINITY)),
        trainableVariables,
      ),
  },
  by_path: family(
    () => mlp(byPath(), null),
    () => optimizers.SGD(0.05),
  ),
};

const [task, folder] = process.argv.slice(2);
if (!folder || (task !== "make" && task !== "check")) throw new Error("usage: precisionModels.ts make|check DIR");
if (task === "make") await saveFamilies(families, folder, true);
else {
  await checkFolder(folder, TOLERANCES, (name) =>
    keras.config.setDtypePolicy(name === "scaled_by_compile" ? "mixed_float16" : null),
  );
}
