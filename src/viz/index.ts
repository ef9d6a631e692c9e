/** Models for the eye: the table of layers and the picture of the graph. */
export { type ModelToDotOptions, modelToDot } from "./modelToDot.ts";
export { type ModelToSvgOptions, modelToSvg, type Plot, type PlotModelOptions, plotModel } from "./plotModel.ts";
export { printSummary, type SummaryOptions, summaryText } from "./summary.ts";
