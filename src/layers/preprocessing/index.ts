/** Layers that prepare data. Every value exported here is a layer class. */
export { CenterCrop, type CenterCropOptions } from "./centerCrop.ts";
export { Rescaling, type RescalingOptions } from "./rescaling.ts";
export { Resizing, type ResizingOptions } from "./resizing.ts";
