import { describe, expect, it } from "vitest";
import { loadFixture } from "../testing/fixtures.ts";
import { resetNames, toSnakeCase, uniqueName } from "./names.ts";

interface Names {
  snake: Record<string, string>;
  sequence: [call: string, argument: string | null, result: string | number | null][];
}
const fixture = loadFixture<Names>("names");

describe("automatic names", () => {
  it("are in snake case as Keras writes it", () => {
    const names = Object.keys(fixture.snake);
    expect(names.length).toBeGreaterThan(100);
    expect(Object.fromEntries(names.map((name) => [name, toSnakeCase(name)]))).toEqual(fixture.snake);
  });

  it("count as Keras counts, call by call", () => {
    resetNames();
    for (const [call, argument, expected] of fixture.sequence) {
      if (call === "clear_session") resetNames();
      else if (call === "auto_name") expect(uniqueName(toSnakeCase(argument!))).toBe(expected);
      else if (call === "uniquify") expect(uniqueName(argument!)).toBe(expected);
      // Keras's bare counter starts at 1 and shares the names' numbers.
      else expect(Number(uniqueName(argument!).split("_").at(1) ?? 0) + 1).toBe(expected);
    }
  });
});
