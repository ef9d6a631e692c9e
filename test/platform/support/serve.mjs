/** A server for pages under test: strict about what they may do, on a free port of this machine. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Nothing from elsewhere, no inline code, no `eval`; WebAssembly is allowed. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self'",
].join("; ");

const ISOLATION = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

const HTML = `<!doctype html><meta charset="utf-8"><title>keras-ts</title>
<main id="model"></main><script type="module" src="page.js"></script>`;

/**
 * @param sites - By first part of the address: `folder` to serve, whether it is `isolated` (threads), `wasmForbidden` by its policy, and `missing`, what the
 *   server answers for WebAssembly it does not have: `"404"`, or `"page"` like servers of single-page applications.
 */
export async function serve(sites) {
  let receive = () => undefined;
  const sent = new Map();
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const [, name, ...rest] = pathname.split("/");
    const policy = sites[name]?.wasmForbidden ? POLICY.replace(" 'wasm-unsafe-eval'", "") : POLICY;
    const headers = { "Content-Security-Policy": policy, "Cache-Control": "no-store" };
    if (pathname === "/favicon.ico") return response.writeHead(204, headers).end();
    if (pathname === "/report") {
      const parts = [];
      for await (const part of request) parts.push(part);
      receive(JSON.parse(Buffer.concat(parts).toString()));
      return response.writeHead(204, headers).end();
    }
    const site = sites[name];
    if (site?.isolated) Object.assign(headers, ISOLATION);
    const file = normalize(rest.join("/"));
    const page = () => response.writeHead(200, { ...headers, "Content-Type": TYPES[".html"] }).end(HTML);
    if (site && file === "index.html") return page();
    try {
      if (!site || file.startsWith("..")) throw new Error("no such site");
      if (site.missing && file.endsWith(".wasm")) throw new Error("left out");
      const bytes = await readFile(join(site.folder, file));
      sent.set(pathname, bytes);
      response.writeHead(200, { ...headers, "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
      response.end(bytes);
    } catch {
      if (site?.missing === "page") page();
      else response.writeHead(404, headers).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    /** Files sent since the last call, by address. */
    takeSent() {
      const copy = new Map(sent);
      sent.clear();
      return copy;
    },
    /** The next report that a page posts. */
    nextReport: () =>
      new Promise((resolve) => {
        receive = resolve;
      }),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
