/** CSV (RFC 4180) and lines of text. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { csvRecords } from "./csv.ts";
import { Dataset } from "./dataset.ts";

const records = async (...pieces: string[]): Promise<string[][]> => {
  const found: string[][] = [];
  for await (const { fields } of csvRecords(pieces)) found.push([...fields]);
  return found;
};
const words = (run: () => unknown): Promise<string> =>
  Promise.resolve()
    .then(run)
    .then(
      () => "",
      (error: Error) => error.message,
    );

describe("records of a CSV", () => {
  it("follow RFC 4180", async () => {
    expect(await records("aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n")).toEqual([
      ["aaa", "bbb", "ccc"],
      ["zzz", "yyy", "xxx"],
    ]);
    expect(await records('"aaa","b\r\nbb","ccc"\nzzz,"y""y",')).toEqual([
      ["aaa", "b\r\nbb", "ccc"],
      ["zzz", 'y"y', ""],
    ]);
    expect(await records("a, b ,5'6\" tall\n\n\n1,,\n")).toEqual([
      ["a", " b ", "5'6\" tall"],
      ["1", "", ""],
    ]);
    expect(await records('""\n"",""\n')).toEqual([[""], ["", ""]]);
    expect(await records("a\rb\r\nc")).toEqual([["a"], ["b"], ["c"]]);
    expect(await records("\ufeffé,漢\n".replace("\ufeff", ""))).toEqual([["é", "漢"]]);
  });

  it("do not depend on where pieces of the text end", async () => {
    const text = 'x,"say ""hi""\r\nthere"\r\n1,2\r\n"",3';
    const whole = await records(text);
    for (let at = 0; at <= text.length; at++) expect(await records(text.slice(0, at), text.slice(at))).toEqual(whole);
    const bytes = new TextEncoder().encode("ä,ö\n");
    const split: string[][] = [];
    for await (const { fields } of csvRecords([bytes.slice(0, 1), bytes.slice(1)])) split.push([...fields]);
    expect(split).toEqual([["ä", "ö"]]);
  });

  it("say where quotes are wrong", async () => {
    expect(await words(() => records('a\nb,"c'))).toBe(
      "fromCsv: a quote that is opened in the record of line 2 is never closed",
    );
    expect(await words(() => records('a,"b"c'))).toContain(
      'line 1 has "c" after a closing quote; expected "," or the end',
    );
  });
});

describe("fromCsv", () => {
  const table = ['name,age,cost,ok\n"Ada, Countess",36,1.5,true\nBob,,2e3,false\n'];

  it("reads columns by name, finds what they hold, and splits labels off", async () => {
    expect(await Dataset.fromCsv(table).toArray()).toEqual([
      { name: "Ada, Countess", age: 36, cost: 1.5, ok: "true" },
      { name: "Bob", age: Number.NaN, cost: 2000, ok: "false" },
    ]);
    const labelled = Dataset.fromCsv(table, {
      select: ["cost", "age"],
      label: "ok",
      dtypes: { ok: "bool", age: "int32" },
      defaults: { age: -1 },
    });
    expect(await labelled.toArray()).toEqual([
      [{ cost: 1.5, age: 36 }, true],
      [{ cost: 2000, age: -1 }, false],
    ]);
    const two = await Dataset.fromCsv(table, { select: ["name"], label: ["cost", "ok"] }).toArray();
    expect(two[0]).toEqual([{ name: "Ada, Countess" }, { cost: 1.5, ok: "true" }]);
    const [batch] = await labelled.batch(2).toArray();
    expect(await Promise.all([batch[0].cost.array(), batch[1].array()])).toEqual([
      [1.5, 2000],
      [true, false],
    ]);
  });

  it("takes names of columns, other delimiters and tables without a header", async () => {
    expect(await Dataset.fromCsv(["1;2\n3;4"], { header: ["a", "b"], delimiter: ";" }).toArray()).toEqual([
      { a: 1, b: 2 },
      { a: 3, b: 4 },
    ]);
    expect(await Dataset.fromCsv(["1\t2"], { header: false, delimiter: "\t" }).toArray()).toEqual([{ 0: 1, 1: 2 }]);
    expect(await Dataset.fromCsv([""]).toArray()).toEqual([]);
    expect(await Dataset.fromCsv(["a,b\n"]).toArray()).toEqual([]);
  });

  it("reads files piece by piece, bytes, blobs and addresses", async () => {
    const folder = mkdtempSync(join(tmpdir(), "keras-ts-"));
    const path = join(folder, "table.csv");
    const lines = Array.from({ length: 50_000 }, (_, i) => `${i},"row ${i}"`);
    const text = `n,text\n${lines.join("\n")}\n`;
    writeFileSync(path, text);
    const sum = (state: number, row: { n: number }): number => state + row.n;
    expect(await Dataset.fromCsv(path).reduce(0, sum)).toBe((50_000 * 49_999) / 2);
    expect(await Dataset.fromCsv(path).take(1).toArray()).toEqual([{ n: 0, text: "row 0" }]);
    rmSync(folder, { recursive: true });
    const small = "\ufeffn\n1\n2\n";
    const bytes = new TextEncoder().encode(small);
    expect(await Dataset.fromCsv(bytes).toArray()).toEqual([{ n: 1 }, { n: 2 }]);
    expect(await Dataset.fromCsv(new Blob([small])).toArray()).toEqual([{ n: 1 }, { n: 2 }]);
    const server = createServer((request, response) => {
      if (request.url === "/t.csv") response.end(small);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await Dataset.fromCsv(new URL(`${base}/t.csv`)).toArray()).toEqual([{ n: 1 }, { n: 2 }]);
    expect(await words(() => Dataset.fromCsv(`${base}/x.csv`).toArray())).toContain(
      "x.csv. Received: HTTP 404 Not Found",
    );
    await new Promise((resolve) => server.close(resolve));
    expect(await words(() => Dataset.fromCsv(path).toArray())).toContain(`cannot read ${path}: it does not exist`);
  });

  it("says what is wrong, and in which line", async () => {
    const csv = (text: string, options = {}) => words(() => Dataset.fromCsv([text], options).toArray());
    const twice = (columns: string, names: string): string =>
      `fromCsv: several columns are called ${columns} of ${names}; rename them; for a table whose first record is data give ` +
      "names, or `header: false`";
    expect(await csv("a,b,a\n1,2,3")).toBe(twice('"a". Received: columns 1 and 3', "a, b, a"));
    expect(await csv("1,2,3,2", { header: true })).toBe(twice('"2". Received: columns 2 and 4', "1, 2, 3, 2"));
    expect(await csv("1,2", { header: ["x", "x"] })).toBe(twice('"x". Received: columns 1 and 2', "x, x"));
    expect(await csv("a,b\n1\n")).toBe("fromCsv: line 2 has 1 fields; expected 2: a, b");
    const long = `a\n${"1\n".repeat(150)}x\n`;
    expect(await csv(long)).toBe(
      'fromCsv: line 152, column "a": expected float32. Received: "x"; give `dtypes: { a: "string" }` or correct it',
    );
    expect(await csv("a\n\n1.5", { dtypes: { a: "int32" } })).toContain(
      'line 3, column "a": expected int32. Received: "1.5"',
    );
    expect(await csv("a,b\n,1", { dtypes: { a: "int32" } })).toContain('Received: ""; give `defaults: { a: … }`');
    expect(await csv("price,b\n1,2", { select: ["prise"] })).toContain(
      'fromCsv: `select` names a column "prise" that the table lacks. Did you mean "price"? Columns: price, b',
    );
    expect(await csv("a\n1", { label: "y" })).toContain('names a column "y" that the table lacks');
    expect(await csv("a\n1", { delimiter: "ab" })).toContain("expected `delimiter` to be one character");
    expect(await csv("a\n1", { dtypes: { a: "text" } })).toContain("expected a dtype of float32, int32, bool, string");
    expect(await words(() => Dataset.fromCsv(5 as never).toArray())).toContain("expected a path, a URL, bytes, a Blob");
  });
});

describe("fromTextLines", () => {
  it("gives lines without their ends", async () => {
    expect(await Dataset.fromTextLines(["one\r\ntw", "o\n\nfour"]).toArray()).toEqual(["one", "two", "", "four"]);
    expect(await Dataset.fromTextLines([""]).toArray()).toEqual([]);
  });
});
