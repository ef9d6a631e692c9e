/** The image models of Keras's guide to the functional API, drawn and summarised: character for character Keras's text. */
import { describe, expect, it } from "vitest";
import type { ModelBase } from "../models/model.ts";
import { deserializeObject } from "../serialization/serialize.ts";
import { camelCased, withTerminal } from "../testing/exampleModels.ts";
import { loadFixture } from "../testing/fixtures.ts";
import { type ModelToDotOptions, modelToDot } from "./modelToDot.ts";
import { type SummaryOptions, summaryText } from "./summary.ts";

interface GuideModel {
  readonly name: string;
  readonly config: Record<string, unknown>;
  readonly summaries: readonly { readonly options: Record<string, unknown>; readonly text: string }[];
  readonly dots: readonly { readonly options: Record<string, unknown>; readonly dot: string }[];
}

const { models } = loadFixture<{ models: GuideModel[] }>("guide_models");
const revived = (model: GuideModel): ModelBase => deserializeObject(model.config) as ModelBase;

describe.each(models.map((model) => [model.name, model] as const))("the guide's model %s", (_, model) => {
  it.each(model.summaries.map((c) => [JSON.stringify(c.options), c] as const))("summaryText with %s", (_options, c) => {
    const options = camelCased(c.options) as SummaryOptions;
    const columns = Math.max(80, options.lineLength ?? 0);
    withTerminal({ columns }, () => expect(summaryText(revived(model), options)).toBe(c.text));
  });

  it.each(model.dots.map((c) => [JSON.stringify(c.options), c] as const))("modelToDot with %s", (_options, c) => {
    expect(modelToDot(revived(model), camelCased(c.options) as ModelToDotOptions)).toBe(c.dot);
  });
});
