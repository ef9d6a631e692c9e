/** Every example runs to its end, small, in a process of its own, and says what it is there to say. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TSX = pathToFileURL(join(ROOT, "node_modules", "tsx", "dist", "loader.mjs")).href;
const TIME_LIMIT_MS = 120_000;

function run(example: string, folder: string): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", TSX, join(ROOT, "examples", `${example}.ts`)], {
      cwd: folder,
      env: { ...process.env, KERAS_TS_SMALL: "1", COLUMNS: "100" },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

/** Pictures as text. */
const PICTURES = /[.:\-=+*#%@]{4}.* {2}\| {2}/;

/** What each must print. Numbers are looser than what the examples reach: they are small runs. */
const EXAMPLES: readonly (readonly [name: string, words: readonly RegExp[]])[] = [
  [
    "autoencoder",
    [
      /Squared error of the reconstructions: 0\.1\d+ before training, 0\.0[0-8]\d+ after/,
      /A digit, and what the reloaded autoencoder makes of its 16 numbers:\n[ .:\-=+*#%@|\n]+$/,
    ],
  ],
  [
    "models_in_models",
    [/└ conv2d_transpose/, /autoencoder\(x\): (0|\d(\.\d+)?e-\d+)\n/, /16 weights are its parts' weights: true/],
  ],
  ["ensemble", [/member 3: 0\.[5-9]/, /Accuracy of the ensemble: 0\.[7-9]/]],
  ["toy_resnet", [/Model: "toy_resnet"/, /Total params: 223,242/, /On 128 images it has not seen: loss [0-2]\.\d+/]],
  ["siamese", [/Right about (6|7|8|9)\d\.\d % of 200 pairs/, /Pair 4: the same with probability 0\.\d\d/]],
  [
    "shared_embedding",
    [
      /letters \(Embedding\).*text_a\[0\]\[0\]/,
      /called 2 times, on\n {2}text_a → <KerasTensor shape=\(None, 96, 16\)/,
      /Right about (8|9)\d\.\d % of 180 pairs/,
      /"Everyone has the right to education\.": the same language with probability (0\.[5-9]|1\.0)/,
    ],
  ],
  [
    "transformer",
    [/Total params: 14,056/, /Right about [5-9]\d\.\d % of 99 pieces/, /English: \d+ of \d+\n {2}German: \d+ of \d+/],
  ],
  [
    "ticket_routing",
    [
      /Total params: 1,392,097/,
      /texts of different lengths: \d\.\d+/,
      /Logged: department_loss, loss, priority_loss\nOutputs: priority \(128, 1\), department \(128, 4\)/,
    ],
  ],
  [
    "imdb_sentiment",
    [
      /Model: "imdb_sentiment"/,
      /612 reviews to learn from, 60 to be tested by\n136 words: and, the/,
      /Right about ([89]\d|100)\.\d % of 60 reviews/,
      /(0\.[6-9]\d|1\.00) for "What a wonderful film!.*\n0\.[0-3]\d for "A boring/,
    ],
  ],
  [
    "character_model",
    [
      /1041 letters, 35 different ones/,
      /Epoch 8\/8[\s\S]*accuracy: 0\.[7-9]/,
      /Written after "All human being":\nAll human being[\s\S]{200}\n$/,
    ],
  ],
  ["feature_extraction", [/block5_conv4.*\(1, 4, 4, 512\)/, /All 22 computed in/]],
];

/** Steps and loops of their own, which print and draw no graph. */
const CUSTOM_TRAINING: typeof EXAMPLES = [
  ["gan", [/discriminator 0\.\d\d, generator \d\.\d\d/, /pixels: 0\.1\d\d real, 0\.(0[4-9]|1|2)\d* drawn/, PICTURES]],
  ["vae", [/Reconstruction: [45]\d\d\.\d .* → [23]\d\d\.\d\n/, /Divergence: \d/, PICTURES]],
  [
    "gradient_penalty",
    [/by epoch: 1\d\.\d\d .* [4-7]\.\d\d\n/, /Slope of the critic, by epoch: 1\..* 1\.[0-3]\d\n/, PICTURES],
  ],
  ["distillation", [/Teacher, 235146 weights: 0\.9/, /by itself: 0\.[78]/, /taught: 0\.[78]/]],
  ["style_transfer", [/style: \d\.\d\de-2 → \d\.\d\de-3\n/, /content: 0\.00e\+0 → [1-5]\.\d\de-2/, PICTURES]],
  ["custom_loop", [/Epoch 1: loss 1\.\d+/, /Back to epoch \d+: 0\.9\d+ after \d+ updates/]],
  [
    "tree_rnn",
    [
      /300 sentences of 5 shapes/,
      /Right about (9\d|100)\.\d %/,
      /"the film is not bad": praise with probability (0\.[89]|1\.0)/,
    ],
  ],
];

async function runIn(folder: string, name: string, words: readonly RegExp[]): Promise<void> {
  const { code, output } = await run(name, folder);
  expect(code, output).toBe(0);
  for (const word of words) expect(output).toMatch(word);
}

describe("examples of custom training", () => {
  it.each(CUSTOM_TRAINING)(
    "%s",
    async (name, words) => {
      const folder = mkdtempSync(join(tmpdir(), "keras-ts-example-"));
      try {
        await runIn(folder, name, words);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    TIME_LIMIT_MS,
  );
});

describe("examples", () => {
  it.each(EXAMPLES)(
    "%s",
    async (name, words) => {
      const folder = mkdtempSync(join(tmpdir(), "keras-ts-example-"));
      try {
        await runIn(folder, name, words);
        expect(readdirSync(folder)).toContain(`${name}.png`);
        expect(
          readFileSync(join(folder, `${name}.png`))
            .subarray(1, 4)
            .toString(),
        ).toBe("PNG");
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    TIME_LIMIT_MS,
  );
});
