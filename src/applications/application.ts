/** What all image models have in common: their options, their head, and where their trained weights come from. */
import * as activations from "../activations/index.ts";
import { checkOptions, describe } from "../core/errors.ts";
import { platform } from "../core/platform.ts";
import type { Shape } from "../core/shape.ts";
import * as layers from "../layers/index.ts";
import { Model } from "../models/index.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { producerOf } from "../ops/node.ts";
import type { FileSource } from "../saving/index.ts";
import { getFile } from "../utils/getFile.ts";

/** Options that every image model takes. */
export interface ApplicationOptions {
  /** Whether the model ends in the classifier; without it, it gives features. @defaultValue `true` */
  includeTop?: boolean;
  /**
   * `"imagenet"` for the weights that Keras publishes, kept in Keras's cache; a file of weights, by path or as bytes; or
   * `null` for fresh random ones. @defaultValue `"imagenet"`
   */
  weights?: "imagenet" | FileSource | null;
  /** An existing symbolic tensor to build the model on. @defaultValue a new input */
  inputTensor?: KerasTensor | null;
  /** Height, width and channels of one image. @defaultValue the size the model was trained on; any, without the classifier */
  inputShape?: Shape | null;
  /** Without the classifier: how the last feature maps become one vector. @defaultValue `null` (they stay maps) */
  pooling?: "avg" | "max" | null;
  /** Number of classes of the classifier. @defaultValue `1000` */
  classes?: number;
  /** Activation of the classifier; `null` gives logits. @defaultValue `"softmax"` */
  classifierActivation?: activations.ActivationLike | null;
  /** @defaultValue the model's own name in Keras */
  name?: string | null;
}

export const APPLICATION_OPTIONS: readonly string[] = [
  "includeTop",
  "weights",
  "inputTensor",
  "inputShape",
  "pooling",
  "classes",
  "classifierActivation",
  "name",
];

/** Options with their defaults filled in. */
export interface Settings {
  readonly includeTop: boolean;
  readonly weights: "imagenet" | FileSource | null;
  readonly inputTensor: KerasTensor | null;
  readonly inputShape: Shape | null;
  readonly pooling: "avg" | "max" | null;
  readonly classes: number;
  readonly classifierActivation: activations.ActivationLike | null;
  readonly name: string | null;
}

/** A file of weights on Keras's server. */
export interface PublishedWeights {
  /** The folder's URL, with a slash at its end. */
  readonly folder: string;
  readonly file: string;
  /** MD5 as Keras states it, where it states one. */
  readonly hash?: string;
}

/** One architecture with its options decided. */
export interface Blueprint {
  readonly name: string;
  /** Shape of the input, without the batch; unused with `inputTensor`. */
  readonly inputShape: Shape;
  /** From images to the last feature maps. */
  body(images: KerasTensor): KerasTensor;
  /** From feature maps to probabilities. */
  top(features: KerasTensor): KerasTensor;
  /** Names of the pooling layers, for architectures that name them. */
  readonly poolingNames?: { readonly avg: string; readonly max: string };
  published(): PublishedWeights;
}

/** Makes a model: at once with `weights: null`, else a promise, for weights have to be read. */
export interface Application<O extends ApplicationOptions> {
  (options: O & { weights: null }): Model;
  (options?: O & { weights?: "imagenet" | FileSource }): Promise<Model>;
  (options: O): Model | Promise<Model>;
}

/**
 * The function of one architecture.
 *
 * @param className - Its public name.
 * @param ownOptions - Options besides {@link ApplicationOptions}.
 * @param plan - Decides the details for given options, and refuses what does not go together.
 */
export function application<O extends ApplicationOptions>(
  className: string,
  ownOptions: readonly (keyof O & string)[],
  plan: (settings: Settings & Omit<O, keyof ApplicationOptions>) => Blueprint,
): Application<O> {
  const build = (options: O): { model: Model; published: () => PublishedWeights } => {
    const settings = withDefaults(options);
    check(className, settings);
    const blueprint = plan({ ...options, ...settings });
    return { model: assemble(blueprint, settings), published: () => blueprint.published() };
  };
  const load = async (options: O): Promise<Model> => {
    const { weights = "imagenet" } = options;
    await checkExists(className, weights);
    const { model, published } = build(options);
    await model.loadWeights(weights === "imagenet" ? await download(published()) : (weights as FileSource));
    return model;
  };
  const make = (options: O = {} as O): Model | Promise<Model> => {
    checkOptions(className, options, [...APPLICATION_OPTIONS, ...ownOptions]);
    return options.weights === null ? build(options).model : load(options);
  };
  return make as Application<O>;
}

function withDefaults(options: ApplicationOptions): Settings {
  return {
    includeTop: options.includeTop ?? true,
    weights: options.weights === undefined ? "imagenet" : options.weights,
    inputTensor: options.inputTensor ?? null,
    inputShape: options.inputShape ?? null,
    pooling: options.pooling ?? null,
    classes: options.classes ?? 1000,
    classifierActivation: options.classifierActivation === undefined ? "softmax" : options.classifierActivation,
    name: options.name ?? null,
  };
}

function check(where: string, settings: Settings): void {
  const { weights, includeTop, classes, inputTensor, pooling, classifierActivation } = settings;
  if (inputTensor !== null && !(inputTensor instanceof KerasTensor)) {
    throw new TypeError(
      `${where}: expected \`inputTensor\` to be a symbolic tensor. Received: ${describe(inputTensor)}`,
    );
  }
  if (pooling !== null && pooling !== "avg" && pooling !== "max") {
    throw new RangeError(`${where}: expected \`pooling\` to be "avg", "max" or null. Received: ${describe(pooling)}`);
  }
  if (weights === "imagenet" && includeTop && classes !== 1000) {
    throw new RangeError(
      `${where}: with \`weights: "imagenet"\` and \`includeTop: true\`, \`classes\` is 1000. Received: classes=${describe(classes)}. ` +
        "For classes of your own take `includeTop: false` and add a Dense layer",
    );
  }
  if (weights === null || !includeTop || classifierActivation === null) return;
  const activation: unknown = activations.get(classifierActivation);
  if (activation === activations.softmax || activation === activations.linear) return;
  throw new RangeError(
    `${where}: with trained weights, \`classifierActivation\` is "softmax" or null. Received: ${describe(classifierActivation)}`,
  );
}

/** Says early that a path leads nowhere. */
async function checkExists(where: string, weights: unknown): Promise<void> {
  if (weights === "imagenet" || weights instanceof Uint8Array || weights instanceof ArrayBuffer) return;
  const { files } = platform();
  if (typeof weights === "string" && (!files || (await files.exists(weights)))) return;
  throw new RangeError(
    `${where}: expected \`weights\` to be "imagenet", null, or a file of weights that exists. Received: ${describe(weights)}`,
  );
}

const download = ({ folder, file, hash }: PublishedWeights): Promise<string> =>
  getFile({ fname: file, origin: folder + file, cacheSubdir: "models", ...(hash ? { fileHash: hash } : {}) });

function assemble(blueprint: Blueprint, settings: Settings): Model {
  const { includeTop, inputTensor, pooling, name } = settings;
  const input = inputTensor ?? layers.Input({ shape: blueprint.inputShape });
  let x = blueprint.body(input);
  if (includeTop) x = blueprint.top(x);
  else if (pooling !== null) {
    const Pooling = pooling === "avg" ? layers.GlobalAveragePooling2D : layers.GlobalMaxPooling2D;
    x = Pooling({ name: blueprint.poolingNames?.[pooling] ?? null })(x);
  }
  const inputs = inputTensor ? sourceInputs(inputTensor) : input;
  return Model({ inputs, outputs: x, name: name ?? blueprint.name });
}

/** The inputs of the graph that ends in a tensor. */
function sourceInputs(tensor: KerasTensor): KerasTensor[] {
  const node = producerOf(tensor);
  if (!node) return [tensor];
  if (node.isInput) return [...node.outputTensors];
  return [...new Set(node.inputTensors.flatMap(sourceInputs))];
}
