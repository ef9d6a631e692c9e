/** Which direction of a logged number is better. */
import type { Trainer } from "../trainers/trainer.ts";

/**
 * @param mode - `"auto"` asks the metric of that name.
 * @throws RangeError when auto cannot tell, asking for a mode.
 */
export function monitorDirection(
  where: string,
  monitor: string,
  mode: "auto" | "min" | "max",
  model: Trainer,
): "min" | "max" {
  if (mode !== "auto") return mode;
  const name = monitor.replace(/^val_/, "");
  if (name === "loss") return "min";
  const direction = model.metricDirections()[name];
  if (direction) return direction;
  throw new RangeError(
    `${where}: cannot tell whether a larger "${monitor}" is better. Pass \`mode: "min"\` or \`mode: "max"\``,
  );
}
