"""The models of examples/ between keras-ts and real Keras: `python test/interop/example_models.py make|check DIR`.

`make` writes DIR/<name>.keras and DIR/<name>.json by Keras; `check` loads what keras-ts wrote there and compares. The JSON holds
`predictions` of the saved model, and of sentiment and transformer the `losses` of steps that follow; of sentiment the
`vocabulary`. The writer keeps its state: its predictions are those of three calls after each other. exampleModels.ts has the
same models. Strings need the TensorFlow backend.
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
import pathlib
import sys
import traceback

import keras
import numpy as np
import tensorflow as tf

layers, ops = keras.layers, keras.ops

TEXTS = ["A wonderful film!", "The worst of all: boring, boring.", "I loved it; a superb story", "", "A waste of É and time"]
LABELS = [1.0, 0.0, 1.0, 0.0, 0.0]
LETTERS = [[[1, 4, 2]], [[0]], [[3, 3]]]
TOKENS = [[(row * 5 + place * 3) % 11 if place < 9 - row else 0 for place in range(9)] for row in range(6)]
CLASSES = [row % 3 for row in range(6)]


@keras.saving.register_keras_serializable(package="Examples")
class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, vocabulary, max_length, dim, **kwargs):
        super().__init__(**kwargs)
        self.options = {"vocabulary": vocabulary, "max_length": max_length, "dim": dim}
        self.tokens = layers.Embedding(vocabulary, dim, mask_zero=True)
        self.positions = layers.Embedding(max_length, dim)

    def call(self, ids):
        return self.tokens(ids) + self.positions(ops.arange(ids.shape[1]))

    def compute_mask(self, ids, previous_mask=None):
        return self.tokens.compute_mask(ids)

    def get_config(self):
        return {**super().get_config(), **self.options}


@keras.saving.register_keras_serializable(package="Examples")
class TransformerBlock(layers.Layer):
    def __init__(self, dim, heads, hidden, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.options = {"dim": dim, "heads": heads, "hidden": hidden, "dropout": dropout}
        self.attention = layers.MultiHeadAttention(heads, dim)
        self.expand = layers.Dense(hidden, activation="relu")
        self.contract = layers.Dense(dim)
        self.norms = [layers.LayerNormalization(epsilon=1e-6), layers.LayerNormalization(epsilon=1e-6)]
        self.dropouts = [layers.Dropout(dropout), layers.Dropout(dropout)]
        self.supports_masking = True

    def call(self, x):
        attended = self.norms[0](x + self.dropouts[0](self.attention(x, x)))
        return self.norms[1](attended + self.dropouts[1](self.contract(self.expand(attended))))

    def get_config(self):
        return {**super().get_config(), **self.options}


def sgd():
    # No Adam: the bias of keys has no gradient but rounding, which Adam would make large.
    return keras.optimizers.SGD(0.1, momentum=0.5)


def sentiment():
    vectorize = layers.TextVectorization(max_tokens=20, output_sequence_length=8, name="vectorize")
    vectorize.adapt(TEXTS)
    ids = keras.Input((None,), dtype="int64", name="ids")
    x = layers.Embedding(20, 6, mask_zero=True, name="words")(ids)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="first")(x)
    x = layers.Bidirectional(layers.LSTM(3), name="second")(x)
    inner = keras.Model(ids, layers.Dense(1, activation="sigmoid", name="out")(x), name="sentiment")
    text = keras.Input((), dtype="string", name="text")
    model = keras.Model(text, inner(vectorize(text)), name="sentiment_from_text")
    model.compile(optimizer=sgd(), loss="binary_crossentropy", metrics=["accuracy"])
    return model


def writer():
    letters = keras.Input(batch_shape=(1, None), dtype="int32", name="letters")
    x = layers.Embedding(5, 3, name="table")(letters)
    x = layers.GRU(4, return_sequences=True, stateful=True, name="gru")(x)
    return keras.Model(letters, layers.Dense(5, name="logits")(x), name="writer")


def transformer():
    ids = keras.Input((9,), dtype="int32", name="tokens")
    x = TokenAndPositionEmbedding(11, 9, 4, name="embedded")(ids)
    # Dropout draws other numbers there.
    x = TransformerBlock(4, 2, 6, dropout=0.0, name="block")(x)
    x = layers.GlobalAveragePooling1D(name="pooled")(x)
    model = keras.Model(ids, layers.Dense(3, activation="softmax", name="class")(x), name="transformer")
    model.compile(optimizer=sgd(), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


MODELS = {"sentiment": sentiment, "writer": writer, "transformer": transformer}


def data(name):
    """Inputs and targets of a step, or the inputs of calls after each other."""
    if name == "writer":
        return [np.array(x, "int32") for x in LETTERS], None
    if name == "sentiment":
        return tf.constant(TEXTS), tf.constant([[label] for label in LABELS])
    return np.array(TOKENS, "int32"), np.array(CLASSES, "int32")


def describe(name, model):
    """What the JSON holds; trains the model on."""
    x, y = data(name)
    if name == "writer":
        return {"predictions": [np.asarray(model(part)).tolist() for part in x]}
    facts = {"predictions": np.asarray(model(x)).tolist()}
    if name == "sentiment":
        facts["vocabulary"] = [str(word) for word in model.get_layer("vectorize").get_vocabulary()]
    facts["losses"] = [float(model.train_on_batch(x, y)[0]) for _ in range(3)]
    return facts


def make(name, folder):
    keras.utils.set_random_seed(1)
    model = MODELS[name]()
    if name != "writer":
        x, y = data(name)
        model.train_on_batch(x, y)
        model.train_on_batch(x, y)
    model.save(folder / f"{name}.keras")
    (folder / f"{name}.json").write_text(json.dumps(describe(name, model), ensure_ascii=False), encoding="utf-8")


def check(name, folder):
    facts = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    found = describe(name, keras.models.load_model(folder / f"{name}.keras"))
    if found.get("vocabulary") != facts.get("vocabulary"):
        raise AssertionError(f"vocabulary: {found['vocabulary']} in Keras, {facts['vocabulary']} in the JSON")
    for part, tolerance in (("predictions", 1e-5), ("losses", 1e-4)):
        for mine, theirs in zip(found.get(part, []), facts.get(part, []), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance, err_msg=part)
    return ", ".join(facts)


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("make", "check"):
        sys.exit("usage: python example_models.py make|check DIR")
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in MODELS:
        if sys.argv[1] == "make":
            make(name, folder)
            continue
        keras.backend.clear_session()
        try:
            print(f"ok    {name}.keras: {check(name, folder)}", flush=True)
        except Exception as error:  # whatever Keras raises on a bad archive is this file's failure, not the run's
            failed += 1
            last = traceback.extract_tb(error.__traceback__)[-1]
            print(f"FAIL  {name}.keras: {type(error).__name__}: {error} ({pathlib.Path(last.filename).name}:{last.lineno})", flush=True)
    if sys.argv[1] == "check":
        print(f"{len(MODELS) - failed} passed, {failed} failed")
        sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
