import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["test/interop/**", "test/platform/**", "node_modules/**"],
    setupFiles: ["src/testing/setup.ts"],
    testTimeout: 30_000,
  },
});
