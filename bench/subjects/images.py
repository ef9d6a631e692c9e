"""Python Keras's image models. The tasks and their keys are those of images.ts; read both side by side."""

import time
from pathlib import Path

from mnist import mnist
from timing import epoch_recorder, once, peak_rss_mb, timed


def fit_images(p):
    model, x, y = {"resnet": resnet, "autoencoder": autoencoder}[p["model"]](p["data"], p["samples"])
    size = p["batchSize"]
    first_step_ms = once(lambda: model.train_on_batch(x[:size], y[:size]))
    epochs = epoch_recorder()
    model.fit(x, y, batch_size=size, epochs=2, verbose=0, callbacks=[epochs])
    loss = float(epochs.logs["loss"])
    return {"firstStepMs": first_step_ms, "epochMs": epochs.milliseconds[1], "loss": loss, "peakRssMb": peak_rss_mb()}


def train_cifar10(p):
    import time

    import keras

    model, x, y = resnet(p["data"], p["samples"])
    start = time.perf_counter()
    history = model.fit(x, y, batch_size=p["batchSize"], epochs=p["epochs"], verbose=0)
    seconds = time.perf_counter() - start
    x, y = cifar10(p["data"], p["samples"], ("test*.bin",))
    loss, accuracy = model.evaluate(x, keras.utils.to_categorical(y, 10), verbose=0)
    train_accuracy = float(history.history["acc"][-1])
    return {"accuracy": accuracy, "loss": loss, "trainAccuracy": train_accuracy, "seconds": seconds}


def predict_images(p):
    import keras
    import numpy as np

    began = time.perf_counter()
    model = keras.applications.ResNet50(weights=None) if p["model"] == "resnet50" else vgg19_features()
    x = np.random.default_rng(0).random((p["batchSize"], 224, 224, 3), dtype="float32")

    def predict():
        return model.predict(x, batch_size=p["batchSize"], verbose=0)

    def call():
        return keras.tree.map_structure(np.asarray, model(x, training=False))

    predict()
    return {
        "firstMs": (time.perf_counter() - began) * 1000,
        "ms": {
            "predict": timed(p, predict),
            "predictOnBatch": timed(p, lambda: model.predict_on_batch(x)),
            "call": timed(p, call),
        },
        "peakRssMb": peak_rss_mb(),
    }


def resnet(data, samples):
    import keras
    from keras import layers

    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(32, 3, activation="relu")(inputs)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    block = layers.MaxPooling2D(3)(x)
    for _ in range(2):
        x = layers.Conv2D(64, 3, activation="relu", padding="same")(block)
        x = layers.Conv2D(64, 3, activation="relu", padding="same")(x)
        block = layers.add([x, block])
    x = layers.Conv2D(64, 3, activation="relu")(block)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    model = keras.Model(inputs, layers.Dense(10)(x))
    model.compile(
        optimizer=keras.optimizers.RMSprop(1e-3),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["acc"],
    )
    x, y = cifar10(data, samples)
    return model, x, keras.utils.to_categorical(y, 10)


def autoencoder(data, samples):
    import keras
    from keras import layers

    inputs = keras.Input((28, 28, 1))
    x = layers.Conv2D(16, 3, activation="relu")(inputs)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.MaxPooling2D(3)(x)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.Conv2D(16, 3, activation="relu")(x)
    x = layers.GlobalMaxPooling2D()(x)
    x = layers.Reshape((4, 4, 1))(x)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    x = layers.Conv2DTranspose(32, 3, activation="relu")(x)
    x = layers.UpSampling2D(3)(x)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    model = keras.Model(inputs, layers.Conv2DTranspose(1, 3, activation="relu")(x))
    model.compile(optimizer=keras.optimizers.RMSprop(1e-3), loss="mse")
    images = mnist(data, samples)[0].reshape(-1, 28, 28, 1)
    return model, images, images


def vgg19_features():
    import keras

    vgg19 = keras.applications.VGG19(weights=None)
    return keras.Model(vgg19.input, [layer.output for layer in vgg19.layers])


def cifar10(directory, samples, files=("data_batch*.bin", "train*.bin")):
    """The first images of the training set, or of other files: (samples, 32, 32, 3) float32 in [0, 1], and (samples,) labels."""
    import numpy as np

    path = min(path for pattern in files for path in Path(directory).glob(pattern))
    records = np.fromfile(path, dtype="uint8").reshape(-1, 1 + 3 * 32 * 32)[:samples]
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images, dtype="float32") / 255, records[:, 0].astype("int32")
