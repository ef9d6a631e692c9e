/** Concrete data of a tensor: host storage, an engine's buffer, or both; each side is made from the other on demand. */

import type { Backend, BackendBuffer } from "../backend/contract.ts";
import { backend as startBackend } from "../backend/registry.ts";
import type { DType, TypedArray } from "../core/dtype.ts";
import { DTypeError, invariant } from "../core/errors.ts";
import type { StaticShape } from "../core/shape.ts";
import type { BufferHandle } from "../ir/value.ts";

export class TensorBuffer implements BufferHandle {
  readonly shape: StaticShape;
  readonly dtype: DType;
  #host: TypedArray | null;
  #device: BackendBuffer | null;
  /** Makes the host data at first use. */
  #make: (() => TypedArray) | null = null;

  private constructor(shape: StaticShape, dtype: DType, host: TypedArray | null, device: BackendBuffer | null) {
    this.shape = shape;
    this.dtype = dtype;
    this.#host = host;
    this.#device = device;
  }

  /** Data that `make` gives when it is first needed: initial weights that a file may replace before. */
  static fromFunction(make: () => TypedArray, shape: StaticShape, dtype: DType): TensorBuffer {
    const buffer = new TensorBuffer([...shape], dtype, null, null);
    buffer.#make = make;
    return buffer;
  }

  #hostData(): TypedArray | null {
    if (this.#make) {
      this.#host = this.#make();
      this.#make = null;
    }
    return this.#host;
  }

  static fromHost(data: TypedArray, shape: StaticShape, dtype: DType): TensorBuffer {
    return new TensorBuffer([...shape], dtype, data, null);
  }

  static fromDevice(buffer: BackendBuffer): TensorBuffer {
    return new TensorBuffer(buffer.shape, buffer.dtype, null, buffer);
  }

  /** Host data if it is at hand without waiting. */
  peek(backend: Backend | null): TypedArray | null {
    const host = this.#hostData();
    if (host) return host;
    return this.#device && backend?.name === this.#device.backend ? backend.peek(this.#device) : null;
  }

  async host(): Promise<TypedArray> {
    const host = this.#hostData();
    if (host) return host;
    const device = this.#owned();
    const owner = await startBackend(device.backend);
    this.#host = await owner.download(device);
    return this.#host;
  }

  #owned(): BackendBuffer {
    invariant(this.#device, "a buffer has its data on the host or on an engine");
    return this.#device;
  }

  /** The part in the memory of the named engine, if there is one. */
  device(backend: string): BackendBuffer | null {
    return this.#device?.backend === backend ? this.#device : null;
  }

  /** Whether `on` has to download from another engine first. */
  needsMove(backend: Backend): boolean {
    return this.#hostData() === null && this.#owned().backend !== backend.name;
  }

  /** The data in the memory of `backend`. Call `host()` before when `needsMove` says so. */
  on(backend: Backend): BackendBuffer {
    if (this.dtype === "string") {
      throw new DTypeError(
        "strings live on the host: no op computes with them. Turn them into numbers first, with layers.TextVectorization, " +
          'StringLookup or Hashing; in a model such a layer comes right after `Input({ dtype: "string" })`',
      );
    }
    if (this.#device?.backend === backend.name) return this.#device;
    const host = this.#hostData();
    if (!host) return this.#owned();
    this.#device = backend.upload(host, this.shape, this.dtype);
    return this.#device;
  }
}
