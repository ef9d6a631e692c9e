import { beforeEach, describe, expect, it, vi } from "vitest";

const PAGE = "https://example.org/app/index.html?x=1";
let settings: typeof import("./wasmSettings.ts");

beforeEach(async () => {
  vi.resetModules(); // each test needs settings that are not in use yet
  settings = await import("./wasmSettings.ts");
});

describe("setWasmPaths", () => {
  const file = "ort-wasm-simd-threaded.wasm";
  it.each([
    ["ort", { wasm: `https://example.org/app/ort/${file}` }],
    ["/ort/", { wasm: `https://example.org/ort/${file}` }],
    ["https://cdn.example/ort", { wasm: `https://cdn.example/ort/${file}` }],
    ["../a/engine-1234.wasm?v=2", { wasm: "https://example.org/a/engine-1234.wasm?v=2" }],
    [new URL("https://example.org/x/"), { wasm: `https://example.org/x/${file}` }],
    [{ wasm: "a.wasm" }, { wasm: "https://example.org/app/a.wasm" }],
    [
      { wasm: "/a.wasm", mjs: "/b.mjs" },
      { wasm: "https://example.org/a.wasm", mjs: "https://example.org/b.mjs" },
    ],
  ])("turns %s into absolute addresses", (address, files) => {
    settings.setWasmPaths(address);
    expect(settings.takeWasmSettings(PAGE).files).toEqual(files);
  });

  it("leaves addresses to the package unless it is called", () => {
    expect(settings.takeWasmSettings(PAGE).files).toBeNull();
  });

  it.each([[""], [3], [null], [{}], [{ mjs: "b.mjs" }], [{ wasm: "a.wasm", worker: "c.js" }]])(
    "refuses %j",
    (address) => {
      expect(() => settings.setWasmPaths(address as string)).toThrow(TypeError);
      expect(() => settings.setWasmPaths(address as string)).toThrow(/expected the address of a folder.*Received: /);
    },
  );
});

describe("setWasmThreads", () => {
  it.each([
    // isolated, cores, asked for, threads
    [false, 8, 4, 1],
    [false, 8, null, 1],
    [true, 8, null, 4],
    [true, 32, null, 4],
    [true, 2, null, 1],
    [true, 8, 6, 6],
  ])("isolated: %s, cores: %s, asked for: %s", (crossOriginIsolated, hardwareConcurrency, asked, threads) => {
    vi.stubGlobal("crossOriginIsolated", crossOriginIsolated);
    vi.stubGlobal("navigator", { hardwareConcurrency });
    if (asked !== null) settings.setWasmThreads(asked);
    expect(settings.takeWasmSettings(PAGE).threads).toBe(threads);
    vi.unstubAllGlobals();
  });

  it.each([0, -1, 1.5, Number.NaN, "2"])("refuses %s", (count) => {
    expect(() => settings.setWasmThreads(count as number)).toThrow(RangeError);
    expect(() => settings.setWasmThreads(count as number)).toThrow(/expected a positive integer\. Received: /);
  });
});

it("settings cannot change once the engine is loaded", () => {
  settings.takeWasmSettings(PAGE);
  expect(() => settings.setWasmPaths("/ort/")).toThrow("setWasmPaths: the engine has already been loaded");
  expect(() => settings.setWasmThreads(2)).toThrow("setWasmThreads: the engine has already been loaded");
});
