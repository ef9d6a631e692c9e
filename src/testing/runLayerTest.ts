/**
 * The checks that every layer has to pass, after Keras's `run_layer_test`: its config makes an equal layer; called
 * symbolically and on numbers it gives the shapes, dtypes and weights that were stated; its gradients agree with central
 * differences; it trains in a compiled step; in mixed precision its weights stay float32.
 */
import { expect } from "vitest";
import { valueAndGrad } from "../autodiff/grad.ts";
import { isFloat } from "../core/dtype.ts";
import type { Shape, StaticShape } from "../core/shape.ts";
import { sizeOf } from "../core/shape.ts";
import { flatten, type Nested } from "../core/tree.ts";
import type { LayerBase } from "../layers/layer.ts";
import * as ops from "../ops/index.ts";
import { KerasTensor } from "../ops/kerasTensor.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { jit } from "../runtime/jit.ts";
import { Tensor, tensor } from "../runtime/tensor.ts";
import { Trace, withTrace } from "../runtime/trace.ts";
import type { Variable } from "../runtime/variable.ts";
import type { Config } from "../serialization/registry.ts";
import { deserializeObject, serializeObject } from "../serialization/serialize.ts";
import { expectAllClose } from "./allClose.ts";
import { type CheckedInput, gradCheck } from "./gradCheck.ts";

type TestedLayer = LayerBase & ((inputs: never, ...more: unknown[]) => unknown);

/** A layer class, as far as the checks use it: options come in one object. */
export interface TestedClass {
  // biome-ignore lint/suspicious/noExplicitAny: each class states its own constructor
  new (...args: any[]): TestedLayer;
  fromConfig(config: Config): object;
}

/** What is expected of a layer. What is left out is not checked, except where a default is named. */
export interface LayerExpectations {
  /** Shape of the inputs, batch included; a list of shapes for a list of inputs. */
  inputShape: StaticShape | readonly StaticShape[];
  /** Whether several inputs are arguments of their own, and not one list. @defaultValue `false` */
  separate?: boolean;
  /** @defaultValue `"float32"` */
  inputDType?: string;
  /** Instead of generated inputs: numbers in row-major order, per input. */
  inputData?: readonly (readonly number[])[];
  /** Options of the call. */
  call?: object;
  expectedOutputShape?: StaticShape;
  /** @defaultValue `"float32"` */
  expectedOutputDType?: string;
  /** Elements of the output for `inputData`, in row-major order. */
  expectedOutput?: readonly number[];
  /** @defaultValue `0` */
  trainableWeights?: number;
  /** @defaultValue `0` */
  nonTrainableWeights?: number;
  /** @defaultValue `0` */
  seedGenerators?: number;
  /** @defaultValue `0` */
  losses?: number;
  /** @defaultValue `false` */
  supportsMasking?: boolean;
  /** Whether the layer counts as built before it is called. @defaultValue `false` */
  builtAtOnce?: boolean;
  /** Whether to compare gradients with central differences. @defaultValue whether the inputs are floats */
  gradients?: boolean;
  /** Whether to train a few steps. @defaultValue `true` */
  training?: boolean;
}

/** Numbers that are neither equal nor near 0, where many functions have corners. */
function numbersFor(n: number, seed: number): number[] {
  return Array.from({ length: n }, (_, i) => {
    const x = (((i + 1) * 0.6180339887498949 + seed * 0.7548776662466927) % 1) * 2 - 1;
    return x + Math.sign(x || 1) * 0.15;
  });
}

class LayerTest {
  readonly #cls: TestedClass;
  readonly #options: Record<string, unknown>;
  readonly #expected: LayerExpectations;
  readonly #shapes: readonly StaticShape[];
  readonly #isList: boolean;

  constructor(cls: TestedClass, options: Record<string, unknown>, expected: LayerExpectations) {
    this.#cls = cls;
    this.#options = options;
    this.#expected = expected;
    this.#isList = Array.isArray(expected.inputShape[0]);
    this.#shapes = (this.#isList ? expected.inputShape : [expected.inputShape]) as readonly StaticShape[];
  }

  #make(more: object = {}): TestedLayer {
    return new this.#cls({ ...this.#options, ...more });
  }

  #pack<T>(parts: readonly T[]): T | readonly T[] {
    return this.#isList ? parts : parts[0]!;
  }

  #call(layer: TestedLayer, parts: readonly unknown[], options: object = {}): unknown {
    const [first, ...more] = (this.#expected.separate ? parts : [this.#pack(parts)]) as [never, ...unknown[]];
    return layer(first, ...more, { ...this.#expected.call, ...options });
  }

  #build(layer: TestedLayer): void {
    if (this.#expected.separate) layer.build(...this.#shapes);
    else layer.build(this.#pack(this.#shapes) as Shape);
  }

  #inputs(dtype = this.#expected.inputDType ?? "float32"): Tensor[] {
    return this.#shapes.map((shape, i) => {
      const numbers = this.#expected.inputData?.[i] ?? numbersFor(sizeOf(shape), i);
      const whole = isFloat(dtype as "float32") ? numbers : numbers.map((x) => Math.abs(Math.round(x * 4)));
      return tensor([...whole], shape, dtype);
    });
  }

  #symbolic(batch: "known" | "unknown"): KerasTensor[] {
    const dtype = this.#expected.inputDType ?? "float32";
    return this.#shapes.map((s) => new KerasTensor(batch === "known" ? s : [null, ...s.slice(1)], { dtype }));
  }

  /** The config is JSON, and makes a layer with the same config and the same properties. */
  config(): void {
    const layer = this.#make();
    const config = layer.getConfig();
    const text = JSON.parse(JSON.stringify(serializeObject(layer))) as Config;
    const revived = this.#cls.fromConfig(text.config as Config) as TestedLayer;
    expect(revived.getConfig()).toEqual(config);
    expect(Object.keys(revived).sort()).toEqual(Object.keys(layer).sort());
    const again = deserializeObject(text) as TestedLayer;
    expect(again).toBeInstanceOf(this.#cls);
    expect(serializeObject(again)).toEqual(text);
    expect(layer.supportsMasking).toBe(this.#expected.supportsMasking ?? false);
    expect(layer.built).toBe(this.#expected.builtAtOnce ?? false);
  }

  #checkState(layer: TestedLayer): void {
    const { trainableWeights = 0, nonTrainableWeights = 0, seedGenerators = 0 } = this.#expected;
    expect(layer.built).toBe(true);
    expect(layer.trainableWeights).toHaveLength(trainableWeights);
    expect(layer.nonTrainableWeights).toHaveLength(nonTrainableWeights);
    expect(layer.variables.length - layer.weights.length).toBe(seedGenerators);
  }

  build(): void {
    const layer = this.#make();
    this.#build(layer);
    this.#checkState(layer);
  }

  symbolic(): void {
    const { expectedOutputShape: shape, expectedOutputDType: dtype = "float32" } = this.#expected;
    for (const batch of ["known", "unknown"] as const) {
      const layer = this.#make();
      const [output] = flatten(this.#call(layer, this.#symbolic(batch)) as Nested<KerasTensor>);
      this.#checkState(layer);
      expect(output).toBeInstanceOf(KerasTensor);
      expect(output!.dtype).toBe(dtype);
      if (shape) expect(output!.shape).toEqual(batch === "known" ? shape : [null, ...shape.slice(1)]);
      expect(layer.losses.length).toBe(layer.trainableWeights.filter((w) => w.regularizer).length);
    }
  }

  async eager(): Promise<void> {
    const { expectedOutputShape, expectedOutputDType = "float32", expectedOutput, losses = 0 } = this.#expected;
    const layer = this.#make();
    const [output] = flatten(this.#call(layer, this.#inputs()) as Nested<Tensor>);
    this.#checkState(layer);
    expect(output).toBeInstanceOf(Tensor);
    expect(output!.dtype).toBe(expectedOutputDType);
    if (expectedOutputShape) expect(output!.shape).toEqual(expectedOutputShape);
    const numbers = await output!.data();
    if (expectedOutput) expectAllClose(numbers, expectedOutput, { dtype: output!.dtype, family: "contraction" });
    expect(layer.losses).toHaveLength(losses);
    for (const loss of layer.losses) expect(Number.isFinite(await loss.item())).toBe(true);
  }

  /** With respect to inputs and weights, in float64. */
  async gradients(): Promise<void> {
    const { inputDType = "float32", gradients = isFloat(inputDType as "float32") } = this.#expected;
    if (!gradients) return;
    const layer = this.#make({ dtype: "float64" });
    this.#build(layer);
    const weights = layer.weights.filter((w) => isFloat(w.dtype));
    const inputs = this.#inputs("float64");
    const point = [
      ...this.#shapes.map(
        (shape, i): CheckedInput => ({
          data: this.#expected.inputData?.[i] ?? numbersFor(sizeOf(shape), i),
          shape,
        }),
      ),
      ...weights.map((w, i): CheckedInput => ({ data: numbersFor(w.size, inputs.length + i), shape: w.shape })),
    ];
    await gradCheck((...xs) => {
      const values = xs.slice(inputs.length);
      const trace = new Trace();
      weights.forEach((w, i) => {
        trace.write(w, values[i]!.node);
      });
      return withTrace(trace, () =>
        flatten(this.#call(layer, xs.slice(0, inputs.length), { training: false }) as Nested<Tensor>),
      );
    }, point);
  }

  /** Steps of gradient descent in a compiled program: the loss falls, or stays where there are no weights. */
  async train(): Promise<void> {
    const layer = this.#make();
    this.#build(layer);
    const weights = layer.trainableWeights;
    const step = jit((...inputs: Tensor[]) => {
      const [loss, slopes] = valueAndGrad(() => {
        const outputs = flatten(this.#call(layer, inputs, { training: true }) as Nested<Tensor>);
        const error = outputs.map((y) => ops.mean(ops.square(ops.subtract(ops.cast(y, "float32"), 0.3))));
        return [...error, ...layer.losses].reduce((a, b) => ops.add(a, b));
      }, weights)();
      weights.forEach((w: Variable, i) => {
        w.assignSub(ops.multiply(slopes[i]!, 0.01));
      });
      return loss;
    });
    const losses: number[] = [];
    for (let i = 0; i < 3; i++) losses.push(await (await step(...this.#inputs())).item());
    expect(losses.every(Number.isFinite)).toBe(true);
    const drawn = (this.#expected.seedGenerators ?? 0) > 0;
    if (weights.length > 0 && !drawn) expect(losses[2]).toBeLessThan(losses[0]!);
    if (weights.length === 0 && !drawn) expect(losses[2]).toBeCloseTo(losses[0]!, 5);
  }

  mixedPrecision(): void {
    const layer = this.#make({ dtype: "mixed_float16" });
    const outputs = flatten(this.#call(layer, this.#inputs()) as Nested<Tensor>);
    const specs = flatten(
      this.#call(this.#make({ dtype: "mixed_float16" }), this.#symbolic("known")) as Nested<KerasTensor>,
    );
    expect(specs.map((t) => t.dtype)).toEqual(outputs.map((t) => t.dtype));
    const { inputDType = "float32", expectedOutputDType = "float32" } = this.#expected;
    if (inputDType === "float32" && expectedOutputDType === "float32") expect(outputs[0]!.dtype).toBe("float16");
    for (const weight of layer.weights) if (isFloat(weight.dtype)) expect(weight.dtype).toBe("float32");
  }

  /** A subclass with a `build` of its own is not built before that ran. */
  subclass(): void {
    let built = 0;
    class WithBuild extends this.#cls {
      override build(...shapes: never[]): void {
        super.build(...shapes);
        built++;
      }
    }
    const layer = new WithBuild(this.#options);
    expect(layer.built).toBe(false);
    this.#call(layer, this.#inputs());
    expect([layer.built, built]).toEqual([true, 1]);
  }
}

/**
 * Runs the checks.
 *
 * @param cls - The layer class.
 * @param options - Options of its constructor, the first argument among them.
 * @example
 * await runLayerTest(Dense, { units: 4 }, { inputShape: [2, 3], expectedOutputShape: [2, 4], trainableWeights: 2 });
 */
export async function runLayerTest(
  cls: TestedClass,
  options: Record<string, unknown>,
  expected: LayerExpectations,
): Promise<void> {
  registerAllBuiltins();
  const test = new LayerTest(cls, options, expected);
  test.config();
  test.build();
  test.symbolic();
  test.subclass();
  test.mixedPrecision();
  await test.eager();
  await test.gradients();
  if (expected.training ?? true) await test.train();
}
