"""Python Keras as a subject: `pythonKeras.py TASK PARAMETERS`, where KERAS_BACKEND picks JAX or TensorFlow.

Answers with one line of JSON. The tasks and their keys are those of kerasTs.ts; read both side by side.
"""

import importlib.metadata
import json
import os
import sys
import time

from images import fit_images, predict_images, train_cifar10
from mnist import mnist
from sequences import fit_sequences, predict_sequences, train_imdb
from timing import epoch_recorder, peak_rss_mb, timed

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
    return {"epochMs": epochs.milliseconds[1:], "accuracy": float(epochs.logs["accuracy"]), "peakRssMb": peak_rss_mb()}


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
    return {
        "earlyRssMb": epochs.rss_mb[early - 1],
        "halfwayRssMb": epochs.rss_mb[count // 2 - 1],
        "lateRssMb": epochs.rss_mb[-1],
        "steps": count * p["stepsPerEpoch"],
    }


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


TASKS = {f.__name__: f for f in (version, fit, predict, startup, memory)}
TASKS |= {"fitImages": fit_images, "predictImages": predict_images, "trainCifar10": train_cifar10}
TASKS |= {"fitSequences": fit_sequences, "predictSequences": predict_sequences, "trainImdb": train_imdb}

print(json.dumps(TASKS[sys.argv[1]](json.loads(sys.argv[2]))), flush=True)
