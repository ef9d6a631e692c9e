import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { registerAllBuiltins } from "../registerBuiltins.ts";
import { callbackFixture, camelKeys, data, regressor } from "../testing/callbackCases.ts";
import { RemoteMonitor, type RemoteMonitorOptions } from "./index.ts";

beforeAll(registerAllBuiltins);

const { posts } = callbackFixture<{
  posts: {
    options: Record<string, unknown>;
    logs: Record<string, string>;
    sent: { url: string; headers: Record<string, string>; body: string } | null;
  }[];
}>();

const NOT_FINITE: Readonly<Record<string, number>> = { nan: Number.NaN, inf: Infinity, "-inf": -Infinity };

let server: Server | null = null;
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  server?.close();
  server = null;
});

interface Received {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server that notes what it gets, and its address. */
async function listen(status: number): Promise<{ root: string; received: Received[] }> {
  const received: Received[] = [];
  const created = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    received.push({ url: request.url!, headers: request.headers, body });
    response.writeHead(status).end("noted");
  });
  server = created;
  await new Promise<void>((resolve) => created.listen(0, "127.0.0.1", resolve));
  return { root: `http://127.0.0.1:${(created.address() as AddressInfo).port}`, received };
}

const form = (body: string): [string, string][] => [...new URLSearchParams(body)];

describe("RemoteMonitor", () => {
  it.each(posts)("with $options sends what Keras sends of $logs", async ({ options, logs, sent }) => {
    const fetched = vi.fn(async (_url: string, _init: RequestInit) => new Response("ok"));
    vi.stubGlobal("fetch", fetched);
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const given = Object.entries(logs).map(([name, text]) => [name, NOT_FINITE[text] ?? Number(text)] as const);
    await RemoteMonitor(camelKeys<RemoteMonitorOptions>(options)).onEpochEnd(4, Object.fromEntries(given));
    expect(fetched).toHaveBeenCalledTimes(sent ? 1 : 0);
    expect(warn).toHaveBeenCalledTimes(sent ? 0 : 1);
    if (!sent) return;
    const [url, { method, headers, body }] = fetched.mock.calls[0]!;
    expect([method, url, headers]).toEqual(["POST", sent.url, sent.headers]);
    if (sent.headers["Content-Type"] === "application/json") expect(body).toBe(sent.body);
    else expect(form(body as string)).toEqual(form(sent.body)); // the two escape different harmless characters
  });

  it("reaches a server from fit", async () => {
    const { root, received } = await listen(200);
    const callbacks = new RemoteMonitor({ root, sendAsJson: true, headers: { authorization: "me" } });
    const { history } = await regressor("sgd").fit(data.x, data.y, { verbose: 0, epochs: 2, callbacks });
    expect(received.map(({ body }) => JSON.parse(body))).toEqual(
      [0, 1].map((epoch) => ({ epoch, loss: history.loss![epoch], mae: history.mae![epoch] })),
    );
    expect(received[0]!.url).toBe("/publish/epoch/end/");
    expect(received[0]!.headers).toMatchObject({ authorization: "me", "content-type": "application/json" });
  });

  it("warns once a run of a server that is not there or refuses, and training goes on", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { root } = await listen(500);
    const run = (where: string) =>
      regressor("sgd").fit(data.x, data.y, { verbose: 0, epochs: 3, callbacks: RemoteMonitor({ root: where }) });
    expect((await run(root)).epoch).toEqual([0, 1, 2]);
    // An address of its own: to the first one a connection may still be open.
    const gone = createServer().listen(0, "127.0.0.1");
    await once(gone, "listening");
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    expect((await run(`http://127.0.0.1:${port}`)).epoch).toEqual([0, 1, 2]);
    expect(warn.mock.calls.map(([text]) => text)).toEqual([
      `RemoteMonitor: the server at ${root}/publish/epoch/end/ answered 500. Training goes on.`,
      expect.stringMatching(
        /^RemoteMonitor: could not reach the server at http:.*ECONNREFUSED.*\. Training goes on\.$/,
      ),
    ]);
  });

  it("says what JSON cannot hold", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    await RemoteMonitor({ sendAsJson: true }).onEpochEnd(1, { loss: Number.NaN });
    expect(warn.mock.calls).toEqual([
      ['RemoteMonitor: "loss" is NaN in epoch 2, which JSON cannot hold; it was not sent. Training goes on.'],
    ]);
  });

  it.each<[object, string]>([
    [
      { root: "localhost" },
      'expected `root` and `path` to be an address such as "http://localhost:9000" and "/publish/epoch/end/". Received: "localhost"',
    ],
    [{ field: 5 }, "expected `field` to be a string. Received: 5"],
    [{ sendAsJSON: true }, 'unknown option `sendAsJSON`. Did you mean "sendAsJson"?'],
  ])("refuses %o", (options, words) => {
    expect(() => RemoteMonitor(options)).toThrow(`RemoteMonitor: ${words}`);
  });
});
