/**
 * What runs in the browser. The address says what to do: `?do=session` goes through all of it, `?do=start` only starts the
 * engine, `?do=worker` starts it in a worker; `wasm`, `mjs` and `threads` are passed to the settings. Results are posted to
 * the server.
 */
import * as keras from "../../src/browser.ts";
import { type Digits, type Figures, oneMoreEpoch, predictionsOf, type Session, train } from "./scenario.ts";

/** What a page reports: an error for each check that failed, `null` for each that passed. */
export interface Report {
  readonly checks: Record<string, string | null>;
  readonly figures?: Figures;
  /** The value that `?do=start` computed. */
  readonly value?: string;
}

interface EncodedFloats {
  readonly shape: number[];
  readonly b64: string;
}

const checks: Record<string, string | null> = {};

async function check(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
    checks[name] = null;
  } catch (error) {
    checks[name] = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

function expect(condition: boolean, text: string): void {
  if (!condition) throw new Error(text);
}

const get = async (path: string): Promise<Response> => {
  const response = await fetch(path);
  expect(response.ok, `${path}: status ${response.status}`);
  return response;
};

const floatsOf = ({ b64 }: EncodedFloats): Float32Array =>
  new Float32Array(Uint8Array.from(atob(b64), (char) => char.charCodeAt(0)).buffer);

const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, atol: number): void {
  expect(actual.length === expected.length, `${actual.length} numbers instead of ${expected.length}`);
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    expect(difference <= atol, `number ${i}: ${actual[i]} instead of ${expected[i]}`);
  }
}

async function session(): Promise<Report> {
  const digits = (await (await get("/data/digits.json")).json()) as Digits;
  let trained: Session | undefined;
  let saved: Uint8Array<ArrayBuffer> | undefined;
  let laterLoss = Number.NaN;
  await check("a model is built, trained for two epochs, evaluated and asked", async () => {
    trained = await train(keras, digits, 1);
    const [first, second] = trained.figures.fitLoss as [number, number];
    expect(second < first, `loss went from ${first} to ${second}`);
  });
  if (!trained) return { checks };
  const { model, x } = trained;

  await check("a model saved to bytes comes back with bit-equal predictions, and trains on", async () => {
    saved = await model.toBytes();
    const again = await keras.models.loadModel(saved);
    const [before, after] = [await predictionsOf(model, x), await predictionsOf(again, x)];
    expect(
      before.every((value, i) => Object.is(value, after[i])),
      "predictions differ",
    );
    // Keras's files leave out how far dropout's random numbers are, so both models are put at the same place.
    const seedOf = (of: typeof model) => of.getLayer("dropout").variables[0]!;
    seedOf(again).assign(seedOf(model).value);
    laterLoss = await oneMoreEpoch(model, trained!);
    expectClose([await oneMoreEpoch(again, trained!)], [laterLoss], 1e-5);
    expect(laterLoss < trained!.figures.fitLoss[1]!, `loss rose to ${laterLoss}`);
  });

  await check("the bytes are offered as a download", async () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([saved!]));
    link.download = "model.keras";
    link.click();
  });

  await check("a file that Python Keras wrote loads and predicts as there", async () => {
    const theirs = await keras.models.loadModel(await (await get("/data/mlp_adam.keras")).arrayBuffer());
    const facts = (await (await get("/data/mlp_adam.json")).json()) as {
      inputs: EncodedFloats;
      predictions: EncodedFloats;
    };
    const inputs = keras.tensor(floatsOf(facts.inputs), facts.inputs.shape);
    expectClose(await predictionsOf(theirs, inputs), floatsOf(facts.predictions), 1e-5);
  });

  await check("a recurrent model learns from words", async () => {
    const { layers } = keras;
    const words = layers.TextVectorization({ outputSequenceLength: 5 });
    const texts = ["a good film", "good and kind", "a bad film", "bad and dull", "kind", "dull"];
    await words.adapt(texts);
    const inputs = keras.Input({ shape: [null], dtype: "int32" });
    let x = layers.Embedding(words.vocabularySize(), 8, { maskZero: true })(inputs);
    x = layers.Bidirectional(layers.LSTM(8))(x);
    const classifier = keras.Model({ inputs, outputs: layers.Dense(1, { activation: "sigmoid" })(x) });
    classifier.compile({ optimizer: keras.optimizers.Adam(0.05), loss: "binary_crossentropy" });
    const ids = words(texts);
    const labels = keras.tensor([[1], [1], [0], [0], [1], [0]]);
    const { history } = await classifier.fit(ids, labels, { epochs: 40, batchSize: 6, verbose: 0 });
    const [first, last] = [history.loss![0]!, history.loss!.at(-1)!];
    expect(last < first / 3, `loss went from ${first} to ${last}`);
    // Often enough that the form with weights as constants is used too.
    for (let i = 0; i < 6; i++) {
      const predictions = await predictionsOf(classifier, ids);
      expect(
        predictions.every((p, sample) => p > 0.5 === [0, 1, 4].includes(sample)),
        `predictions ${predictions}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  await check("a model is drawn into the page", async () => {
    document.querySelector("#model")!.innerHTML = await keras.utils.modelToSvg(model, {
      showShapes: true,
      showLayerNames: true,
    });
    const svg = document.querySelector("#model svg");
    const { width, height } = svg!.getBoundingClientRect();
    expect(width > 100 && height > 300, `the picture is ${width} by ${height}`);
    expect(svg!.textContent!.includes("(None, 784)"), "the picture shows no shapes");
  });

  await check("what needs files says so, and what to do instead", async () => {
    const errors = {
      save: await messageOf(model.save("model.keras")),
      load: await messageOf(keras.models.loadModel("model.keras")),
      plot: await messageOf(keras.utils.plotModel(model, "model.png")),
    };
    expect(/no files in browsers.*model\.toBytes\(\)/.test(errors.save), errors.save);
    expect(/no files in browsers.*arrayBuffer\(\)/.test(errors.load), errors.load);
    expect(/no files in a browser.*plotModel\(model, null\)/.test(errors.plot), errors.plot);
  });

  await check("the engine's address cannot change once it is used", async () => {
    const message = await messageOf(Promise.resolve().then(() => keras.config.setWasmPaths("/late/")));
    expect(message.includes("Call it before anything is computed"), message);
  });
  return { checks, figures: { ...trained.figures, laterLoss } };
}

/** Computes one number, twice: what the second call says matters too, where the first one failed. Saves a model. */
async function start(): Promise<Report> {
  const compute = async (): Promise<string> => {
    try {
      return String(await keras.tensor([20]).add(1).mul(2).data());
    } catch (error) {
      return String(error);
    }
  };
  const [first, second] = [await compute(), await compute()];
  if (first === "42") {
    const inputs = keras.Input({ shape: [2] });
    await keras.Model({ inputs, outputs: keras.layers.Dense(1)(inputs) }).toBytes();
  }
  return { checks, value: first === second ? first : `${first}\nthen: ${second}` };
}

function inWorker(): Promise<Report> {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<string>) => resolve({ checks, value: data });
    worker.onerror = (event) => reject(new Error(event.message));
  });
}

const query = new URLSearchParams(location.search);
const [wasm, mjs, threads] = ["wasm", "mjs", "threads"].map((key) => query.get(key));
if (wasm) keras.config.setWasmPaths(mjs ? { wasm, mjs } : wasm);
if (threads) keras.config.setWasmThreads(Number(threads));
const run = { session, start, worker: inWorker }[query.get("do") ?? "session"]!;
const report = await run().catch((error: unknown): Report => ({ checks: { ...checks, page: String(error) } }));
await fetch("/report", { method: "POST", body: JSON.stringify(report) });
