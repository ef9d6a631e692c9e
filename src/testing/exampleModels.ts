/** Models that tests look at, and the terminal that they print to. For tests only. */
import { platform, setPlatform, type Terminal } from "../core/platform.ts";
import * as layers from "../layers/index.ts";
import { Input } from "../layers/index.ts";
import { Model, type ModelBase } from "../models/model.ts";
import { Sequential } from "../models/sequential.ts";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { deserializeObject } from "../serialization/serialize.ts";
import { loadFixture } from "./fixtures.ts";

registerAllBuiltins();

/** A case of summaries.json or dot.json. */
export interface ModelCase {
  readonly model: string;
  /** Stated with the first case of each model. */
  readonly config: Record<string, unknown> | null;
  readonly options: Record<string, unknown>;
}

/** Revives a case's model, from the config of that or an earlier case. */
export function modelOf(cases: readonly ModelCase[], { model }: ModelCase): ModelBase {
  const config = cases.find((other) => other.model === model && other.config)?.config;
  if (!config) throw new Error(`no case states the config of model "${model}"`);
  return deserializeObject(config) as ModelBase;
}

/** Options as the generators write them, under our names. */
export const camelCased = (options: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(options).map(([key, value]) => [key.replace(/_(\w)/g, (_, c: string) => c.toUpperCase()), value]),
  );

export const loadCases = <T extends ModelCase>(file: "summaries" | "dot"): readonly T[] =>
  loadFixture<{ cases: T[] }>(file).cases;

/** Runs `body` with another terminal and environment; returns what it wrote. */
export function withTerminal(
  terminal: Partial<Terminal>,
  body: () => void,
  environment: Readonly<Record<string, string>> = {},
): string {
  const real = platform();
  let output = "";
  const write = (text: string): void => {
    output += text;
  };
  setPlatform({
    ...real,
    terminal: { columns: 80, interactive: false, write, ...terminal },
    environment: (name) => environment[name],
  });
  try {
    body();
  } finally {
    setPlatform(real);
  }
  return output;
}

/** The first model of Keras's guide on the functional API. */
export function mnistMlp(): ModelBase {
  const inputs = Input({ shape: [784], name: "digits" });
  let x = layers.Dense(64, { activation: "relu", name: "dense_1" })(inputs);
  x = layers.Dense(64, { activation: "relu", name: "dense_2" })(x);
  const outputs = layers.Dense(10, { name: "predictions" })(x);
  return Model({ inputs, outputs, name: "mnist_model" });
}

/** Two inputs, a merge, two outputs. */
export function ticketModel(): ModelBase {
  const title = Input({ shape: [16], name: "title" });
  const tags = Input({ shape: [12], name: "tags" });
  const joined = layers.Concatenate({ name: "concatenate" })([title, tags]);
  const priority = layers.Dense(1, { activation: "sigmoid", name: "priority" })(joined);
  const department = layers.Dense(4, { activation: "softmax", name: "department" })(joined);
  return Model({ inputs: [title, tags], outputs: [priority, department], name: "tickets" });
}

/** An encoder and a stack inside of a model. */
export function nestedModel(): ModelBase {
  const features = Input({ shape: [8], name: "features" });
  const hidden = layers.Dense(6, { activation: "relu", name: "hidden" })(features);
  const encoder = Model({ inputs: features, outputs: layers.Dense(3, { name: "code" })(hidden), name: "encoder" });
  const head = Sequential(
    [layers.Dense(5, { activation: "relu", name: "head_a" }), layers.Dense(2, { name: "head_b" })],
    { name: "head" },
  );
  const inputs = Input({ shape: [8], name: "outer" });
  return Model({ inputs, outputs: head(encoder(inputs)), name: "nested" });
}
