/** The first layers against real Keras: numbers, gradients, names, losses and configs, from test/fixtures/layers.json. */
import { describeLayerCases } from "../testing/layerCases.ts";

describeLayerCases("layers");
