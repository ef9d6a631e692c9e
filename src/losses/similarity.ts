/** Losses of overlap (segmentation) and of embeddings. */
import { defineLoss } from "./define.ts";
import { positive } from "./functionOptions.ts";
import * as fn from "./functions.ts";

type Axis = number | readonly number[] | null;

/** 1 − 2 |Y ∩ P| / (|Y| + |P|). */
export const Dice = defineLoss<{
  /** Axes of one mask; `null` takes the whole batch as one. @defaultValue `null` */
  axis?: Axis;
}>("Dice", fn.dice, "dice", { axis: { key: "axis", default: null } });
export type Dice = InstanceType<typeof Dice>;

/** Dice with weights for what was missed and what is too much: 1 − I / (I + α · missed + β · excess). */
export const Tversky = defineLoss<{
  /** Weight of what was missed (so in Keras's code, whatever its documentation says). @defaultValue `0.5` */
  alpha?: number;
  /** Weight of what is too much. @defaultValue `0.5` */
  beta?: number;
  /** Axes of one mask; `null` takes the whole batch as one. @defaultValue `null` */
  axis?: Axis;
}>("Tversky", fn.tversky, "tversky", {
  alpha: { key: "alpha", default: 0.5 },
  beta: { key: "beta", default: 0.5 },
  axis: { key: "axis", default: null },
});
export type Tversky = InstanceType<typeof Tversky>;

/** Pulls normalised embeddings of one class together and pushes those of others away. */
export const Circle = defineLoss<Pick<fn.CircleOptions, "gamma" | "margin" | "removeDiagonal">>(
  "Circle",
  fn.circle,
  "circle",
  {
    gamma: { key: "gamma", default: 80, expected: positive },
    margin: { key: "margin", default: 0.4 },
    removeDiagonal: { key: "remove_diagonal", default: true },
  },
);
export type Circle = InstanceType<typeof Circle>;
