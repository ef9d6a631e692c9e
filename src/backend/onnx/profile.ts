/** Times of every node of every session, for who asks where the time goes. */
import type { InferenceSession } from "onnxruntime-common";
import type { OrtModule } from "./session.ts";

/**
 * A package whose sessions write `<number>-<label>_<time>.json` into a folder. The engine writes when a session is freed: here when
 * the process exits at the latest.
 */
export function profiled(ort: OrtModule, folder: string): OrtModule {
  const open = new Set<InferenceSession>();
  let count = 0;
  process.once("exit", () => {
    for (const session of open) void session.release();
  });
  return {
    ...ort,
    InferenceSession: {
      async create(bytes, options) {
        const label = (options?.logId ?? "program").replace(/\W+/g, "_");
        const profileFilePrefix = `${folder}/${count++}-${label}`;
        const session = await ort.InferenceSession.create(bytes, {
          ...options,
          enableProfiling: true,
          profileFilePrefix,
        });
        const release = session.release.bind(session);
        session.release = () => {
          open.delete(session);
          return release();
        };
        open.add(session);
        return session;
      },
    },
  };
}
