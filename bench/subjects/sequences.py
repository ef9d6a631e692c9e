"""Python Keras's models of sequences. The tasks and their keys are those of sequences.ts; read both side by side."""

from imdb import imdb
from timing import epoch_recorder, once, peak_rss_mb, timed

LENGTH, VOCABULARY = 200, 20_000


def fit_sequences(p):
    make = {"ticket": ticket, "bilstm": bilstm, "transformer": transformer, "words": words}[p["model"]]
    model, x, y = make(p.get("data"), p["samples"])
    size = p["batchSize"]

    def part(arrays):
        return [array[:size] for array in arrays] if isinstance(arrays, list) else arrays[:size]

    first_step_ms = once(lambda: model.train_on_batch(part(x), part(y)))
    epochs = epoch_recorder()
    model.fit(x, y, batch_size=size, epochs=2, verbose=0, callbacks=[epochs])
    loss = float(epochs.logs["loss"])
    return {"firstStepMs": first_step_ms, "epochMs": epochs.milliseconds[1], "loss": loss, "peakRssMb": peak_rss_mb()}


def train_imdb(p):
    import time

    model, x, y = {"bilstm": bilstm, "transformer": transformer}[p["model"]](p["data"], p["samples"])
    start = time.perf_counter()
    history = model.fit(x, y, batch_size=p["batchSize"], epochs=p["epochs"], verbose=0)
    seconds = time.perf_counter() - start
    x, y = reviews(p["data"], p["testSamples"], "test")
    loss, accuracy = model.evaluate(x, y, batch_size=p["batchSize"], verbose=0)
    train_accuracy = float(history.history["accuracy"][-1])
    return {"accuracy": float(accuracy), "loss": float(loss), "trainAccuracy": train_accuracy, "seconds": seconds}


def predict_sequences(p):
    import keras
    import numpy as np

    inputs = keras.Input((100, 32))
    model = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.LSTM(128)(inputs)))
    x = np.random.default_rng(0).random((p["batchSize"], 100, 32), dtype="float32")

    def predict():
        return model.predict(x, batch_size=p["batchSize"], verbose=0)

    return {
        "firstMs": once(predict),
        "ms": {
            "predict": timed(p, predict),
            "predictOnBatch": timed(p, lambda: model.predict_on_batch(x)),
            "call": timed(p, lambda: np.asarray(model(x, training=False))),
        },
        "peakRssMb": peak_rss_mb(),
    }


def ticket(_, samples):
    import keras
    import numpy as np
    from keras import layers

    title = keras.Input((None,), name="title")
    body = keras.Input((None,), name="body")
    tags = keras.Input((12,), name="tags")
    title_features = layers.LSTM(128)(layers.Embedding(10_000, 64)(title))
    body_features = layers.LSTM(32)(layers.Embedding(10_000, 64)(body))
    x = layers.concatenate([title_features, body_features, tags])
    priority = layers.Dense(1, name="priority")(x)
    department = layers.Dense(4, name="department")(x)
    model = keras.Model([title, body, tags], [priority, department])
    model.compile(
        optimizer=keras.optimizers.RMSprop(1e-3),
        loss=[keras.losses.BinaryCrossentropy(from_logits=True), keras.losses.CategoricalCrossentropy(from_logits=True)],
        loss_weights=[1.0, 0.2],
    )
    rng = np.random.default_rng(0)
    x = [
        rng.integers(0, 10_000, (samples, 10), dtype="int32"),
        rng.integers(0, 10_000, (samples, 100), dtype="int32"),
        rng.integers(0, 2, (samples, 12)).astype("float32"),
    ]
    labels = keras.utils.to_categorical(rng.integers(0, 4, samples), 4)
    return model, x, [rng.integers(0, 2, (samples, 1)).astype("float32"), labels]


def words(_, samples):
    import keras
    import numpy as np
    from keras import layers

    inputs = keras.Input((20,), dtype="int32")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(100_000, 64)(inputs))
    model = keras.Model(inputs, layers.Dense(1)(x))
    model.compile(optimizer="adagrad", loss="mse")
    rng = np.random.default_rng(0)
    x = rng.integers(0, 100_000, (samples, 20), dtype="int32")
    return model, x, rng.integers(0, 2, (samples, 1)).astype("float32")


def reviews(data, samples, name="train"):
    x, y = imdb(data, samples, LENGTH, VOCABULARY, name)
    return x, y.astype("float32")[:, None]


def bilstm(data, samples):
    import keras
    from keras import layers

    inputs = keras.Input((None,), dtype="int32")
    x = layers.Embedding(VOCABULARY, 128)(inputs)
    x = layers.Bidirectional(layers.LSTM(64, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(64))(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model, *reviews(data, samples)


def transformer(data, samples):
    import keras
    from keras import layers, ops

    class TokenAndPosition(layers.Layer):
        def __init__(self):
            super().__init__()
            self.words = layers.Embedding(VOCABULARY, 32)
            self.places = layers.Embedding(LENGTH, 32)

        def call(self, x):
            return self.words(x) + self.places(ops.arange(x.shape[-1]))

    inputs = keras.Input((LENGTH,), dtype="int32")
    tokens = TokenAndPosition()(inputs)
    attended = layers.MultiHeadAttention(num_heads=2, key_dim=32)(tokens, tokens)
    attended = layers.LayerNormalization(epsilon=1e-6)(layers.add([tokens, layers.Dropout(0.1)(attended)]))
    x = layers.Dense(32)(layers.Dense(32, activation="relu")(attended))
    x = layers.LayerNormalization(epsilon=1e-6)(layers.add([attended, layers.Dropout(0.1)(x)]))
    x = layers.Dropout(0.1)(layers.GlobalAveragePooling1D()(x))
    x = layers.Dropout(0.1)(layers.Dense(20, activation="relu")(x))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, *reviews(data, samples)
