/** Entry points of a graph of layers. */
import { floatx } from "../../core/config.ts";
import { standardizeDType } from "../../core/dtype.ts";
import { checkOptions, describe, didYouMean, ShapeError } from "../../core/errors.ts";
import type { Shape } from "../../core/shape.ts";
import { KerasTensor } from "../../ops/kerasTensor.ts";
import { Node } from "../../ops/node.ts";
import type { Config } from "../../ops/operation.ts";
import { LayerBase } from "../layer.ts";
import { layerClass } from "../layerClass.ts";

/** Options of {@link Input} and {@link InputLayer}. */
export interface InputOptions {
  /** Sizes of one sample, without the batch; `null` where a size varies. */
  shape?: Shape | null;
  /** Size of every batch, when it is fixed. @defaultValue `null` */
  batchSize?: number | null;
  /** Sizes with the batch, instead of `shape`. */
  batchShape?: Shape | null;
  /** @defaultValue floatx, `"float32"` */
  dtype?: string | null;
  /** Name of the layer and of its tensor. @defaultValue `input_layer`, numbered */
  name?: string | null;
  /** An existing symbolic tensor to use as the input. */
  tensor?: KerasTensor | null;
  /** Whether `null` may be passed for this input. @defaultValue `false` */
  optional?: boolean;
}

const OPTIONS = [
  "shape",
  "batchSize",
  "batchShape",
  "dtype",
  "name",
  "tensor",
  "optional",
  "sparse",
  "ragged",
] as const;

function checkShape(where: string, key: string, shape: unknown): Shape {
  if (!Array.isArray(shape)) {
    const hint = typeof shape === "number" ? ` For vectors of ${shape} write \`${key}: [${shape}]\`.` : "";
    throw new ShapeError(`${where}: expected \`${key}\` to be an array of sizes. Received: ${describe(shape)}.${hint}`);
  }
  const bad = shape.find((d) => d !== null && (!Number.isInteger(d) || d < 0));
  if (bad !== undefined) {
    throw new ShapeError(`${where}: sizes in \`${key}\` are non-negative integers or null. Received: ${describe(bad)}`);
  }
  return shape as Shape;
}

/** The layer behind {@link Input}: passes its input on. @see keras/src/layers/core/input_layer.py (Keras 3.x) */
export class InputLayerBase extends LayerBase {
  static readonly className = "InputLayer";
  static readonly modulePath = "keras.layers";

  readonly batchShape: Shape;
  readonly inputDType: string;
  readonly optional: boolean;

  constructor(options: InputOptions = {}) {
    super({ name: options.name ?? null });
    const where = `InputLayer "${this.name}"`;
    checkOptions(where, options, OPTIONS);
    for (const key of ["sparse", "ragged"] as const) {
      if ((options as Config)[key]) throw new TypeError(`${where}: ${key} inputs are not supported; pass dense data`);
    }
    const { tensor } = options;
    let batchShape: Shape | null = options.batchShape ? checkShape(where, "batchShape", options.batchShape) : null;
    if (options.shape !== undefined && options.shape !== null) {
      const shape = checkShape(where, "shape", options.shape);
      if (batchShape) throw new TypeError(`${where}: give \`shape\` or \`batchShape\`, not both`);
      batchShape = [options.batchSize ?? null, ...shape];
    } else if (batchShape && options.batchSize !== undefined && options.batchSize !== null) {
      throw new TypeError(`${where}: \`batchSize\` goes with \`shape\`; \`batchShape\` already holds the batch size`);
    }
    if (tensor) {
      if (!(tensor instanceof KerasTensor)) {
        throw new TypeError(`${where}: expected \`tensor\` to be a symbolic tensor. Received: ${describe(tensor)}`);
      }
      batchShape ??= tensor.shape;
    }
    if (!batchShape) throw new TypeError(`${where}: give \`shape\`, for example Input({ shape: [784] })`);
    this.batchShape = [...batchShape];
    this.inputDType = standardizeDType(options.dtype ?? tensor?.dtype ?? floatx());
    this.optional = options.optional ?? false;
    this.built = true;
    const output =
      tensor ??
      new KerasTensor(
        this.batchShape,
        options.name ? { dtype: this.inputDType, name: options.name } : { dtype: this.inputDType },
      );
    new Node(this, [], output);
  }

  override get dtype(): string {
    return this.inputDType;
  }

  override call(): never {
    throw new TypeError(`InputLayer "${this.name}" is not called: it stands for data that the model receives`);
  }

  override getConfig(): Config {
    return {
      batch_shape: [...this.batchShape],
      dtype: this.inputDType,
      sparse: false,
      ragged: false,
      name: this.name,
      optional: this.optional,
    };
  }

  static override fromConfig(config: Config): InputLayerBase {
    const known = [
      "batch_shape",
      "shape",
      "dtype",
      "sparse",
      "ragged",
      "name",
      "optional",
      "batch_input_shape",
      "trainable",
    ];
    const unknown = Object.keys(config).find((key) => !known.includes(key));
    if (unknown) throw new TypeError(`InputLayer: unknown key "${unknown}" in a config.${didYouMean(unknown, known)}`);
    const dtype = config.dtype as string | { config?: { name?: string } } | undefined;
    return new InputLayerBase({
      batchShape: (config.batch_shape ?? config.batch_input_shape ?? null) as Shape | null,
      shape: (config.shape ?? null) as Shape | null,
      dtype: typeof dtype === "object" ? (dtype.config?.name ?? null) : (dtype ?? null),
      name: (config.name ?? null) as string | null,
      optional: Boolean(config.optional),
    });
  }
}

export const InputLayer = layerClass(InputLayerBase);
export type InputLayer = InstanceType<typeof InputLayer>;

/**
 * A symbolic tensor that stands for data a model will receive.
 *
 * @param options - `shape` without the batch, or `batchShape` with it. A shape array alone is accepted too.
 * @throws ShapeError or TypeError for a missing or contradictory shape.
 * @example
 * const inputs = keras.Input({ shape: [784] });
 * const outputs = layers.Dense(10)(inputs);
 * @see keras/src/layers/core/input_layer.py (Keras 3.x)
 */
export function Input(options: InputOptions | Shape): KerasTensor {
  const layer = new InputLayerBase(Array.isArray(options) ? { shape: options as Shape } : (options as InputOptions));
  return layer.inboundNodes[0]!.outputTensors[0]!;
}
