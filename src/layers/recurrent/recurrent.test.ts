/** Recurrent layers of one output against real Keras: outputs, gradients, weights, shapes, configs. */
import { describeLayerCases } from "../../testing/layerCases.ts";

describeLayerCases("recurrent");
