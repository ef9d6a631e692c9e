/** Makes every class and function of the library known by the names that files use. Called by the package's entry. */
import * as activations from "./activations/index.ts";
import * as constraints from "./constraints/index.ts";
import { DTypePolicy, DTypePolicyMap } from "./core/dtypePolicy.ts";
import * as initializers from "./initializers/index.ts";
import * as layers from "./layers/index.ts";
import * as losses from "./losses/index.ts";
import * as metrics from "./metrics/index.ts";
import { FunctionalBase, Model } from "./models/model.ts";
import { Sequential } from "./models/sequential.ts";
import * as optimizers from "./optimizers/index.ts";
import * as schedules from "./optimizers/schedules/index.ts";
import { SeedGenerator } from "./random/index.ts";
import * as regularizers from "./regularizers/index.ts";
import { registerBuiltinFunctions, registerBuiltins, type SerializableClass } from "./serialization/registry.ts";

type Classes = Readonly<Record<string, SerializableClass>>;
type Functions = Parameters<typeof registerBuiltinFunctions>[0];

const MODELS = { Functional: FunctionalBase, Model, Sequential } as unknown as Classes;

/** Classes by the module under which files name them. A model is known under every place where some version had it. */
const CLASSES: Readonly<Record<string, Classes>> = {
  keras: { ...MODELS, DTypePolicy } as Classes,
  "keras.dtype_policies": { DTypePolicy, DTypePolicyMap } as unknown as Classes,
  "keras.models": MODELS,
  "keras.src.models.functional": MODELS,
  "keras.random": { SeedGenerator } as unknown as Classes,
  "keras.initializers": initializers.CLASSES,
  "keras.regularizers": regularizers.CLASSES,
  "keras.constraints": constraints.CLASSES,
  "keras.layers": layers.CLASSES as Classes,
  "keras.losses": losses.CLASSES as Classes,
  "keras.metrics": metrics.CLASSES as Classes,
  "keras.optimizers": optimizers.CLASSES as Classes,
  "keras.optimizers.schedules": schedules.CLASSES as Classes,
};

/** May be called again; nothing changes. */
export function registerAllBuiltins(): void {
  for (const [modulePath, classes] of Object.entries(CLASSES)) registerBuiltins(modulePath, classes);
  // First name wins where a function is both, so a loss is written under the name that Keras gives it.
  registerBuiltinFunctions(activations.functionsByName as Functions);
  registerBuiltinFunctions(losses.FUNCTIONS as Functions);
  registerBuiltinFunctions(metrics.FUNCTIONS as Functions);
}
