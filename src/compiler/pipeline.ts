/** The compiler: what is done to a program between tracing and a backend, in order. */
import { type Program, verifyProgram } from "../ir/program.ts";
import { bindInputs } from "./passes/bindInputs.ts";
import { channelsLast } from "./passes/channelsLast.ts";
import { eliminateCommonSubexpressions } from "./passes/eliminateCommonSubexpressions.ts";
import { foldScales } from "./passes/foldScales.ts";
import { joinPads } from "./passes/joinPads.ts";
import { mergeScans } from "./passes/loops/mergeScans.ts";
import { optimizeLoops } from "./passes/loops/optimizeLoops.ts";
import { recognizeLstm } from "./passes/loops/recognizeLstm.ts";
import { maskBeforePool } from "./passes/maskBeforePool.ts";
import { simplify } from "./passes/simplify.ts";
import { sinkTransposes } from "./passes/sinkTransposes.ts";
import { sparseState } from "./passes/sparseState.ts";
import { sparseUpdates } from "./passes/sparseUpdates.ts";
import { windowSums } from "./passes/windowSums.ts";

/** What the compiler is told. */
export interface OptimizeOptions {
  /** Whether the backend computes convolutions and pools channels last. @defaultValue `false` */
  readonly channelsLast?: boolean;
  /** Whether the backend needs no LSTM to be found among loops. @defaultValue `false` */
  readonly ownLoops?: boolean;
  /** Checks every invariant between passes (tests). @defaultValue `false` */
  readonly verify?: boolean;
}

interface Pass {
  readonly name: string;
  /** Why it is here. */
  readonly why: string;
  readonly run: (program: Program, options: OptimizeOptions) => Program;
}

export const PASSES: readonly Pass[] = [
  { name: "bindInputs", why: "passes look at what values come from, and must not look behind inputs", run: bindInputs },
  {
    name: "mergeScans",
    why: "gradients of loops ask for more of the same loop; first, for it is recognised by its body, which others rewrite",
    run: mergeScans,
  },
  { name: "simplify", why: "gradient rules are written for people and leave neutral operations behind", run: simplify },
  {
    name: "eliminateCommonSubexpressions",
    why: "the forward pass and each gradient compute the same masks, squares and products",
    run: eliminateCommonSubexpressions,
  },
  {
    name: "joinPads",
    why: "slices that share out an array have gradients that are padded and added; before loops, whose bodies are full of them",
    run: joinPads,
  },
  {
    name: "optimizeLoops",
    why: "after merging, for a loop gets each value once; before transposes, for products move out of bodies",
    run: (program, options) => optimizeLoops(program, (body) => optimize(body, options)),
  },
  {
    name: "channelsLast",
    why: "some backends compute windows channels last; before transposes sink, for it leaves some",
    run: (program, options) => (options.channelsLast ? channelsLast(program) : program),
  },
  {
    name: "sinkTransposes",
    why: "convolutions ask for one order of channels, models are written in either; after merging, for shared transposes count once",
    run: (program) => sinkTransposes(program),
  },
  {
    name: "foldScales",
    why: "normalization of predictions costs nothing inside of kernels; after transposes, which lie between",
    run: foldScales,
  },
  {
    name: "maskBeforePool",
    why: "gradients of maxima behind a relu are 0 in most places; after transposes, which lie between",
    run: maskBeforePool,
  },
  {
    name: "windowSums",
    why: "gradients of enlarged pictures sum windows, for which some backends have a kernel",
    run: (program, options) => (options.channelsLast ? windowSums(program) : program),
  },
  {
    name: "recognizeLstm",
    why: "engines have a kernel for it; after loops, whose bodies look alike only when they are optimised",
    run: (program, options) => (options.ownLoops ? program : recognizeLstm(program, (body) => optimize(body, options))),
  },
  { name: "sparseUpdates", why: "tables are large, and a step reads few of their rows", run: sparseUpdates },
  { name: "sparseState", why: "likewise, where the optimizer keeps a state of each row", run: sparseState },
  { name: "simplify again", why: "shared values show new neutral operations", run: simplify },
];

export function optimize(program: Program, options: OptimizeOptions = {}): Program {
  let current = program;
  for (const pass of PASSES) {
    current = pass.run(current, options);
    if (options.verify) verifyProgram(current);
  }
  return current;
}
