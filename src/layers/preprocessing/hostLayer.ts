/**
 * Base of layers that compute on the host: strings, and hashes of 64 bits, which no engine has. Called on data they answer at
 * once; called on a symbolic tensor they record a node, which a model runs before its compiled program.
 */
import type { DType, TypedArray } from "../../core/dtype.ts";
import { allocate, is64BitInteger } from "../../core/dtype.ts";
import type { Shape } from "../../core/shape.ts";
import { mapStructure, type Nested } from "../../core/tree.ts";
import { hasSymbolic, KerasTensor } from "../../ops/kerasTensor.ts";
import type { Config } from "../../ops/operation.ts";
import { type Tensor, tensorFromHost } from "../../runtime/tensor.ts";
import { splitCallArguments } from "../callArguments.ts";
import { placeOf, withTrail } from "../errorTrail.ts";
import { type InputShape, LayerBase, type LayerOptions } from "../layer.ts";

/** A layer that computes on the host. @see hostGraph.ts for how models run it. */
export abstract class HostLayerBase extends LayerBase {
  /** By this property models tell such layers from others. */
  get runsOnHost(): boolean {
    return true;
  }

  /** For files, which say with what shapes a layer was called in a graph. */
  #inputShape: InputShape | null = null;

  constructor(options: LayerOptions = {}) {
    super(options);
    this.supportsMasking = false;
  }

  /** Shape and dtype of the result. */
  protected abstract outputSpec(inputs: Nested<KerasTensor>): { shape: Shape; dtype: DType };

  override invoke(args: unknown[]): unknown {
    const { inputs, options } = splitCallArguments(args);
    if (inputs.length === 0) throw new TypeError(`${placeOf(this)}: called without inputs`);
    if (hasSymbolic(inputs)) return this.symbolicCall([...inputs, options]);
    const outputs = withTrail(placeOf(this), () => this.call(...inputs, options));
    this.built = true;
    return outputs;
  }

  override computeOutputSpec(...args: unknown[]): Nested<KerasTensor> {
    const inputs = args[0] as Nested<KerasTensor>;
    this.buildFromConfig({ input_shape: mapStructure((t: KerasTensor) => t.shape, inputs) });
    const { shape, dtype } = withTrail(placeOf(this), () => this.outputSpec(inputs));
    return new KerasTensor(shape, { dtype });
  }

  override getBuildConfig(): Config | null {
    return this.#inputShape ? { input_shape: this.#inputShape } : null;
  }

  override buildFromConfig(config: Config): void {
    if (!config.input_shape || this.#inputShape) return;
    this.#inputShape = config.input_shape as InputShape;
    this.built = true;
  }
}

/** A tensor of whole or broken numbers in any dtype. */
export function hostTensor(values: readonly number[] | Float64Array, shape: readonly number[], dtype: DType): Tensor {
  const data = allocate(dtype, values.length);
  if (is64BitInteger(dtype)) {
    const big = data as BigInt64Array;
    for (let i = 0; i < values.length; i++) big[i] = BigInt(values[i]!);
  } else (data as Float32Array).set(values);
  return tensorFromHost(data, shape, dtype);
}

/** A tensor of strings. */
export function stringTensor(values: readonly string[], shape: readonly number[]): Tensor {
  const data = allocate("string", values.length) as unknown as string[];
  for (let i = 0; i < values.length; i++) data[i] = values[i]!;
  return tensorFromHost(data as unknown as TypedArray, shape, "string");
}
