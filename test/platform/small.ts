/** A page that only builds models, to see what its bundle holds. */
import { Input, layers, Model } from "../../src/browser.ts";

const inputs = Input({ shape: [784] });
export const model = Model({ inputs, outputs: layers.Dense(10)(inputs) });
