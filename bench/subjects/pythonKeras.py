"""Python Keras as a subject: `pythonKeras.py TASK PARAMETERS`, where KERAS_BACKEND picks JAX or TensorFlow.

Answers with one line of JSON. The tasks and their keys are those of kerasTs.ts; read both side by side.
"""

import gzip
import importlib.metadata
import json
import os
import subprocess
import sys
import time
from pathlib import Path

BACKEND_PACKAGE = {"jax": "jax", "tensorflow": "tensorflow-cpu"}[os.environ["KERAS_BACKEND"]]


def version(_):
    names = ["keras", BACKEND_PACKAGE]
    text = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return {"version": f"{text}, Python {sys.version.split()[0]}"}


def fit(p):
    model = mlp()
    x, y = mnist(p["data"], p["samples"])
    epochs = epoch_recorder()
    model.fit(x, y, batch_size=p["batchSize"], epochs=1 + p["epochs"], verbose=0, callbacks=[epochs])
    return {"epochMs": epochs.milliseconds[1:], "accuracy": epochs.accuracy, "peakRssMb": peak_rss_mb()}


def predict(p):
    import numpy as np

    model = mlp()
    x = np.random.default_rng(0).random((p["samples"], 784), dtype="float32")
    batches = [x[i : i + p["batchSize"]] for i in range(0, len(x), p["batchSize"])]
    return {
        "ms": {
            "predict": timed(p, lambda: model.predict(x, batch_size=p["batchSize"], verbose=0)),
            "predictOnBatch": timed(p, lambda: [model.predict_on_batch(batch) for batch in batches]),
            "call": timed(p, lambda: [np.asarray(model(batch, training=False)) for batch in batches]),
        }
    }


def startup(p):
    import numpy as np

    model = mlp()
    rng = np.random.default_rng(0)
    x, y = rng.random((p["batchSize"], 784), dtype="float32"), rng.integers(0, 10, p["batchSize"])
    model.train_on_batch(x, y)
    return {"endedAt": time.time() * 1000}


def memory(p):
    model = mlp()
    x, y = mnist(p["data"], p["stepsPerEpoch"] * p["batchSize"])
    epochs = epoch_recorder()
    count = p["steps"] // p["stepsPerEpoch"]
    model.fit(x, y, batch_size=p["batchSize"], epochs=count, verbose=0, callbacks=[epochs])
    early = p["earlySteps"] // p["stepsPerEpoch"]
    return {"earlyRssMb": epochs.rss_mb[early - 1], "lateRssMb": epochs.rss_mb[-1], "steps": count * p["stepsPerEpoch"]}


def mlp():
    import keras

    inputs = keras.Input((784,))
    x = keras.layers.Dense(64, activation="relu")(inputs)
    x = keras.layers.Dense(64, activation="relu")(x)
    model = keras.Model(inputs, keras.layers.Dense(10)(x))
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=keras.optimizers.RMSprop(1e-3),
        metrics=["accuracy"],
    )
    return model


def mnist(directory, samples):
    """The first digits of the training set: (samples, 784) float32 in [0, 1], and (samples,) labels."""
    import numpy as np

    def idx(name, header):
        path = Path(directory) / name
        raw = gzip.decompress(path.with_name(name + ".gz").read_bytes()) if not path.exists() else path.read_bytes()
        return np.frombuffer(raw, dtype="uint8", offset=header)

    images = idx("train-images-idx3-ubyte", 16).reshape(-1, 784)[:samples]
    return images.astype("float32") / 255, idx("train-labels-idx1-ubyte", 8)[:samples].astype("int32")


def epoch_recorder():
    import keras

    class EpochRecorder(keras.callbacks.Callback):
        """Notes how long each epoch took and what the process holds after it."""

        def __init__(self):
            super().__init__()
            self.milliseconds, self.rss_mb = [], []

        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.milliseconds.append((time.perf_counter() - self.began) * 1000)
            self.accuracy = float(logs["accuracy"])
            self.rss_mb.append(rss_mb())

    return EpochRecorder()


def timed(p, run):
    """Median milliseconds of a call, warmed up."""
    for _ in range(p["warmUps"]):
        run()
    taken = []
    for _ in range(p["calls"]):
        began = time.perf_counter()
        run()
        taken.append((time.perf_counter() - began) * 1000)
    return sorted(taken)[len(taken) // 2]


def rss_mb():
    if os.path.exists("/proc/self/statm"):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(os.getpid())])) / 2**10


def peak_rss_mb():
    import resource

    # Kibibytes on Linux, bytes on macOS.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


TASKS = {f.__name__: f for f in (version, fit, predict, startup, memory)}

print(json.dumps(TASKS[sys.argv[1]](json.loads(sys.argv[2]))), flush=True)
