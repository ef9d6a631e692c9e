/** Sends the logs of every epoch to a server. */
import { callable } from "../core/callable.ts";
import { checkOptions, describe } from "../core/errors.ts";
import { Callback, type Logs } from "./callback.ts";
import { pythonFloat } from "./pythonFormat.ts";

/** Options of {@link RemoteMonitor}. */
export interface RemoteMonitorOptions {
  /** Address of the server. @defaultValue `"http://localhost:9000"` */
  root?: string;
  /** Where on the server. @defaultValue `"/publish/epoch/end/"` */
  path?: string;
  /** Field of the form that holds the logs; for forms only. @defaultValue `"data"` */
  field?: string;
  /** Headers to send besides. @defaultValue `null` */
  headers?: Readonly<Record<string, string>> | null;
  /** Sends JSON instead of a form with JSON in a field. @defaultValue `false` */
  sendAsJson?: boolean;
}

const TEXTS = { root: "http://localhost:9000", path: "/publish/epoch/end/", field: "data" } as const;

/** JSON as Python writes it, NaN and infinity included. */
function pythonJson(epoch: number, logs: Logs): string {
  const names: Readonly<Record<string, string>> = { nan: "NaN", inf: "Infinity", "-inf": "-Infinity" };
  const asciiText = (text: string): string =>
    JSON.stringify(text).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const members = Object.entries(logs).map(([name, value]) => {
    const text = pythonFloat(value);
    return `, ${asciiText(name)}: ${names[text] ?? text}`;
  });
  return `{"epoch": ${epoch}${members.join("")}}`;
}

class RemoteMonitorBase extends Callback {
  static readonly className = "RemoteMonitor";

  readonly root: string;
  readonly path: string;
  readonly field: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly sendAsJson: boolean;
  #warned = false;

  constructor(options: RemoteMonitorOptions = {}) {
    super();
    checkOptions("RemoteMonitor", options, ["root", "path", "field", "headers", "sendAsJson"]);
    const { root = TEXTS.root, path = TEXTS.path, field = TEXTS.field } = options;
    for (const [name, value] of Object.entries({ root, path, field })) {
      if (typeof value === "string") continue;
      throw new TypeError(`RemoteMonitor: expected \`${name}\` to be a string. Received: ${describe(value)}`);
    }
    // A page may leave out its own address.
    if (!URL.canParse(root + path, globalThis.location?.href)) {
      throw new TypeError(
        `RemoteMonitor: expected \`root\` and \`path\` to be an address such as "${TEXTS.root}" and "${TEXTS.path}". ` +
          `Received: ${describe(root)} and ${describe(path)}`,
      );
    }
    this.root = root;
    this.path = path;
    this.field = field;
    this.headers = options.headers ?? {};
    this.sendAsJson = options.sendAsJson ?? false;
  }

  override onTrainBegin(): void {
    this.#warned = false;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const notFinite = Object.keys(logs).find((name) => !Number.isFinite(logs[name]));
    if (this.sendAsJson && notFinite !== undefined) {
      this.#warn(`"${notFinite}" is ${logs[notFinite]} in epoch ${epoch + 1}, which JSON cannot hold; it was not sent`);
      return;
    }
    const json = pythonJson(epoch, logs);
    const type = this.sendAsJson ? "application/json" : "application/x-www-form-urlencoded";
    const body = this.sendAsJson ? json : new URLSearchParams({ [this.field]: json }).toString();
    try {
      const headers = { "Content-Type": type, ...this.headers };
      const response = await fetch(this.root + this.path, { method: "POST", headers, body });
      await response.body?.cancel();
      if (!response.ok) this.#warn(`the server at ${this.root}${this.path} answered ${response.status}`);
    } catch (error) {
      const { cause, message } = error as Error & { cause?: { message?: string } };
      this.#warn(`could not reach the server at ${this.root}: ${cause?.message || message}`);
    }
  }

  #warn(what: string): void {
    if (!this.#warned) console.warn(`RemoteMonitor: ${what}. Training goes on.`);
    this.#warned = true;
  }
}

/**
 * Sends the logs of every epoch to a server with POST: `{"epoch": 0, "loss": 0.5, …}` as JSON, or as JSON in a field of a form.
 *
 * A server that cannot be reached, or answers with an error, is warned of once a run; training goes on.
 *
 * @throws TypeError for an address that is none.
 * @example
 * await model.fit(x, y, { callbacks: [RemoteMonitor({ root: "http://localhost:9000", sendAsJson: true })] });
 * @see keras/src/callbacks/remote_monitor.py (Keras 3.x)
 */
export const RemoteMonitor = callable(RemoteMonitorBase);
export type RemoteMonitor = RemoteMonitorBase;
