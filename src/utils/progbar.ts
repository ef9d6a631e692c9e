/** The progress bar that `fit`, `evaluate` and `predict` draw: Keras's text, character for character. */
import { checkOptions, describe } from "../core/errors.ts";
import { platform, type Terminal } from "../core/platform.ts";

export interface ProgbarOptions {
  /** Characters of the bar itself. @defaultValue `20` */
  width?: number;
  /** 0 silent, 1 a bar that is redrawn in place, 2 one line at the end. @defaultValue `1` */
  verbose?: 0 | 1 | 2;
  /** Least time between two redraws, in seconds. @defaultValue `0.05` */
  interval?: number;
  /** Names of the values to show as they are, or `"all"`; the others are averaged over the steps. @defaultValue `[]` */
  statefulMetrics?: Iterable<string> | "all";
  /** What one step is called. @defaultValue `"step"` */
  unitName?: string;
  /** Where to write. @defaultValue the platform's standard output */
  terminal?: Terminal;
  /** The time in seconds, from any start. @defaultValue the clock of the process */
  now?: () => number;
}

const OPTIONS = ["width", "verbose", "interval", "statefulMetrics", "unitName", "terminal", "now"];

/**
 * A progress bar: `12/100 ━━━━━━━━━━━━━━━━━━━━ 3s 34ms/step - loss: 0.1234`.
 *
 * On a terminal the line is redrawn in place. Piped output gets the last line only, where Keras prints a line per
 * redraw: a log file should not grow with the speed of the machine.
 *
 * @param target - Number of steps, or `null` when it is not known.
 * @example
 * const bar = new Progbar(3);
 * for (let step = 1; step <= 3; step++) bar.update(step, [["loss", 1 / step]]);
 * @see keras/src/utils/progbar.py (Keras 3.x)
 */
export class Progbar {
  /** Number of steps; may be set as soon as it becomes known. */
  target: number | null;
  private readonly width: number;
  private readonly verbose: 0 | 1 | 2;
  private readonly interval: number;
  private readonly statefulMetrics: ReadonlySet<string> | "all";
  private readonly unitName: string;
  private readonly terminal: Terminal;
  private readonly now: () => number;
  /** Sum and weight by name, in order of first appearance. */
  private readonly values = new Map<string, [sum: number, weight: number]>();
  private readonly start: number;
  private seen = 0;
  private lastUpdate = Number.NEGATIVE_INFINITY;
  private timeAfterFirstStep: number | null = null;
  private previousWidth = 0;

  constructor(target: number | null, options: ProgbarOptions = {}) {
    checkOptions("Progbar", options, OPTIONS);
    if (target !== null && !(target >= 0)) {
      throw new RangeError(
        `Progbar: expected \`target\` to be a number of steps or null. Received: ${describe(target)}`,
      );
    }
    this.target = target;
    this.width = options.width ?? 20;
    this.verbose = options.verbose ?? 1;
    this.interval = options.interval ?? 0.05;
    this.statefulMetrics = options.statefulMetrics === "all" ? "all" : new Set(options.statefulMetrics);
    this.unitName = options.unitName ?? "step";
    this.terminal = options.terminal ?? platform().terminal;
    this.now = options.now ?? (() => performance.now() / 1000);
    this.start = this.now();
  }

  /**
   * Shows that `current` steps are done.
   *
   * @param values - Name and value of the last step; averaged unless the name is among `statefulMetrics`.
   * @param finalize - Whether this is the last update, which ends the line. Default: whether the target is reached.
   */
  update(current: number, values: readonly (readonly [name: string, value: number])[] = [], finalize?: boolean): void {
    const last = finalize ?? (this.target !== null && current >= this.target);
    this.collect(current, values, last);
    const now = this.now();
    const secondsPerStep = this.stepDuration(current, now);
    if (this.verbose === 1) {
      if (!last && now - this.lastUpdate < this.interval) return;
      if (last || this.terminal.interactive) this.draw(current, now, secondsPerStep, last);
    } else if (this.verbose === 2 && last && this.target) {
      const seconds = fixed(now - this.start, 0);
      const metrics = this.metrics((value) => value > 1e-3);
      this.terminal.write(`${this.counter(current)} - ${seconds}s - ${this.perStep(secondsPerStep)}${metrics}\n`);
    }
    this.lastUpdate = now;
  }

  /** Shows that `n` more steps are done. */
  add(n: number, values: readonly (readonly [name: string, value: number])[] = []): void {
    this.update(this.seen + n, values);
  }

  private collect(current: number, values: readonly (readonly [string, number])[], last: boolean): void {
    for (const [name, value] of values) {
      if (last || this.statefulMetrics === "all" || this.statefulMetrics.has(name)) {
        this.values.set(name, [value, 1]);
        continue;
      }
      const weight = Math.max(current - this.seen, 1);
      const [sum, total] = this.values.get(name) ?? [0, 0];
      this.values.set(name, [sum + value * weight, total + weight]);
    }
    this.seen = current;
  }

  private draw(current: number, now: number, secondsPerStep: number, last: boolean): void {
    const bold = (text: string) => `\x1b[1m${text}\x1b[0m`;
    let bar = `${String(Math.trunc(current)).padStart(7)}/Unknown`;
    let visible = bar.length;
    if (this.target) {
      const done = Math.trunc(this.width * (current / this.target));
      const rest = Math.max(0, this.width - done);
      const counter = this.counter(current);
      bar = `${bold(counter)} ${done > 0 ? `\x1b[32m${"━".repeat(done)}\x1b[0m` : ""}\x1b[37m${"━".repeat(rest)}\x1b[0m`;
      visible = counter.length + 1 + Math.max(0, done) + rest;
    }
    const time =
      this.target && !last ? eta(secondsPerStep * (this.target - current)) : `${fixed(now - this.start, 0)}s`;
    const tail = ` ${this.perStep(secondsPerStep)}${this.metrics((value) => Math.abs(value) > 1e-3)}`;
    visible += 1 + time.length + [...tail].length;
    // Going back over the old line and blanking what the new one leaves of it means something on a terminal only.
    const { interactive } = this.terminal;
    const back = interactive ? `${"\b".repeat(this.previousWidth)}\r` : "\n";
    const blank = interactive ? " ".repeat(Math.max(0, this.previousWidth - visible)) : "";
    this.terminal.write(`${back}${bar} ${bold(time)}${tail}${blank}${last ? "\n" : ""}`);
    this.previousWidth = visible;
  }

  private counter(current: number): string {
    const target = String(Math.trunc(this.target!));
    return `${String(Math.trunc(current)).padStart(target.length)}/${target}`;
  }

  private metrics(plain: (value: number) => boolean): string {
    let text = "";
    for (const [name, [sum, weight]] of this.values) {
      const value = sum / Math.max(1, weight);
      text += ` - ${name}: ${plain(value) ? fixed(value, 4) : exponential(value, 4)}`;
    }
    return text;
  }

  private perStep(seconds: number): string {
    if (seconds >= 1 || seconds === 0) return `${fixed(seconds, 0)}s/${this.unitName}`;
    if (seconds >= 1e-3) return `${fixed(seconds * 1e3, 0)}ms/${this.unitName}`;
    return `${fixed(seconds * 1e6, 0)}us/${this.unitName}`;
  }

  /** Mean time per step in seconds; without the first step, which compiles, as soon as there are more. */
  private stepDuration(current: number, now: number): number {
    if (!current) return 0;
    const mean =
      this.timeAfterFirstStep !== null && current > 1
        ? (now - this.timeAfterFirstStep) / (current - 1)
        : (now - this.start) / current;
    if (current === 1) this.timeAfterFirstStep = now;
    return mean;
  }
}

/** Remaining time: `1:02:03`, `2:03` or `45s`. */
function eta(seconds: number): string {
  const two = (value: number) => String(Math.trunc(value)).padStart(2, "0");
  if (seconds > 3600) return `${Math.floor(seconds / 3600)}:${two((seconds % 3600) / 60)}:${two(seconds % 60)}`;
  if (seconds > 60) return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  return `${Math.trunc(seconds)}s`;
}

/** Python's `f"{value:.{digits}f}"`: like `toFixed`, but exact halves go to the even neighbour, and any size is spelt out. */
function fixed(value: number, digits: number): string {
  if (!Number.isFinite(value)) return notFinite(value);
  if (Math.abs(value) >= 1e21) return `${BigInt(value)}${digits > 0 ? `.${"0".repeat(digits)}` : ""}`;
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  return sign + (isTie(size.toFixed(digits + 30), 30) ? evenOf(size.toFixed(digits + 1)) : size.toFixed(digits));
}

/** Python's `f"{value:.{digits}e}"`: two digits of exponent at least. */
function exponential(value: number, digits: number): string {
  if (!Number.isFinite(value)) return notFinite(value);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  const [long, exponent] = size.toExponential(digits + 30).split("e") as [string, string];
  const parts = isTie(long, 30)
    ? [evenOf(size.toExponential(digits + 1).split("e")[0]!), exponent]
    : size.toExponential(digits).split("e");
  return `${sign}${parts[0]}e${parts[1]![0]}${parts[1]!.slice(1).padStart(2, "0")}`;
}

const notFinite = (value: number): string => (Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf");

/** Whether the last `count` decimals are a five and zeros. Thirty decimals tell a half from every other double. */
const isTie = (decimals: string, count: number): boolean => /^50*$/.test(decimals.slice(-count));

/** Drops a final 5 towards the even neighbour. The digit before it is odd exactly when rounding up is right. */
function evenOf(decimals: string): string {
  const kept = decimals.slice(0, -1).replace(/\.$/, "");
  const odd = Number(kept.at(-1)) % 2 === 1;
  if (!odd) return kept;
  const digits = String(BigInt(kept.replace(".", "")) + 1n).padStart(kept.replace(".", "").length, "0");
  const dot = kept.indexOf(".");
  return dot < 0
    ? digits
    : `${digits.slice(0, digits.length - (kept.length - dot - 1))}.${digits.slice(-(kept.length - dot - 1))}`;
}
