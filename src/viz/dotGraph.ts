/** Graphs in the language of Graphviz, written as Python's `pydot` writes them. */

export type DotValue = string | number | boolean;
export type DotAttributes = Readonly<Record<string, DotValue>>;

const KEYWORDS: ReadonlySet<string> = new Set(["graph", "subgraph", "digraph", "node", "edge", "strict"]);

const quoted = (text: string): string =>
  `"${text.replaceAll('"', '\\"').replaceAll("\n", "\\n").replaceAll("\r", "\\r")}"`;

const isHtml = (text: string): boolean => text.startsWith("<") && text.endsWith(">");

/** Whether text must be quoted (`true`), must not (`false`), or it depends on where it stands (`null`). */
function needsQuotes(text: string): boolean | null {
  if (/^\p{Nd}+$/u.test(text)) return false;
  if (/^[\p{L}\p{N}]+$/u.test(text)) return /^\p{N}/u.test(text);
  if (isHtml(text)) return false;
  if (/[^\p{ASCII}]/u.test(text)) return true;
  return /^(\d+\.?\d*|\d*\.\d+)$/.test(text) ? false : null;
}

const isKeyword = (text: string): boolean => KEYWORDS.has(text.toLowerCase());

/** An attribute's value; `pydot` quotes whatever is not plainly a word, a number or HTML. */
function attributeValue(value: DotValue): string {
  if (typeof value !== "string") return String(value);
  return isKeyword(value) || (needsQuotes(value) ?? true) ? quoted(value) : value;
}

function identifier(name: string): string {
  return isKeyword(name) || (needsQuotes(name) ?? !/^[A-Za-z_]\w*$/.test(name)) ? quoted(name) : name;
}

function attributeList(attributes: DotAttributes): string {
  const pairs = Object.entries(attributes).map(([key, value]) => `${key}=${attributeValue(value)}`);
  return `[${pairs.join(", ")}]`;
}

type Statement = string | DotGraph | { readonly from: string; readonly to: string; readonly attributes: DotAttributes };

/** A graph, or a cluster of nodes inside of one. Statements are written in the order in which they were added. */
export class DotGraph {
  readonly #head: string;
  readonly #isDirected: boolean;
  readonly #attributes: DotAttributes;
  readonly #statements: Statement[] = [];
  readonly #edges = new Set<string>();

  private constructor(head: string, isDirected: boolean, attributes: DotAttributes) {
    this.#head = head;
    this.#isDirected = isDirected;
    this.#attributes = attributes;
  }

  static directed(attributes: DotAttributes): DotGraph {
    return new DotGraph("digraph G", true, attributes);
  }

  static cluster(name: string, attributes: DotAttributes): DotGraph {
    return new DotGraph(`subgraph ${identifier(`cluster_${name}`)}`, false, attributes);
  }

  /** Adds a node; the id `node` sets defaults for nodes that follow. */
  node(id: string, attributes: DotAttributes): void {
    this.#statements.push(`${id} ${attributeList(attributes)};`);
  }

  /** Adds an edge unless there is one between the same nodes. */
  edge(from: string, to: string, attributes: DotAttributes): void {
    const key = `${from} ${to}`;
    if (this.#edges.has(key)) return;
    this.#edges.add(key);
    this.#statements.push({ from, to, attributes });
  }

  subgraph(graph: DotGraph): void {
    this.#statements.push(graph);
  }

  /** The text. Edges of a cluster have arrows when it is written as a part of a directed graph. */
  toString(arrow = this.#isDirected ? "->" : "--"): string {
    const body = this.#statements.map((statement) => {
      if (typeof statement === "string") return `${statement}\n`;
      if (statement instanceof DotGraph) return statement.toString(arrow);
      return `${statement.from} ${arrow} ${statement.to} ${attributeList(statement.attributes)};\n`;
    });
    const own = Object.entries(this.#attributes).map(([key, value]) => `${key}=${attributeValue(value)};\n`);
    return `${this.#head} {\n${own.join("")}${body.join("")}}\n`;
  }
}
