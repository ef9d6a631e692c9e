import { describe, expect, it, vi } from "vitest";
import { browserPlatform } from "./browser.ts";

describe("browserPlatform", () => {
  it("prints whole lines to the console, without colours", () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
    browserPlatform.terminal.write("Epoch 1/2");
    expect(log).not.toHaveBeenCalled();
    browserPlatform.terminal.write("\n\n\x1b[1m5/5\x1b[0m \x1b[32m━━\x1b[0m - loss: 0.1\nrest");
    browserPlatform.terminal.write("\n");
    expect(log.mock.calls).toEqual([["Epoch 1/2"], ["5/5 ━━ - loss: 0.1"], ["rest"]]);
    log.mockRestore();
  });

  it("lets other work run, and has neither files nor an environment", async () => {
    let ran = false;
    setTimeout(() => {
      ran = true;
    });
    const start = Date.now();
    while (!ran && Date.now() - start < 2000) await browserPlatform.yieldToHost();
    expect(ran).toBe(true);
    expect(browserPlatform.files).toBeNull();
    await expect(browserPlatform.readPackageFile("a/b.wasm")).rejects.toThrow("cannot read a/b.wasm: in a browser");
    expect(browserPlatform.environment("PATH")).toBeUndefined();
    browserPlatform.onInterrupt(() => undefined)();
  });
});
