/** The package in a web worker: computes one number and posts it. */
import * as keras from "../../src/browser.ts";

const data = await keras.tensor([20]).add(1).mul(2).data();
globalThis.postMessage(String(data));
