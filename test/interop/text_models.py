"""A model for text and tables between keras-ts and real Keras: `python test/interop/text_models.py make|check DIR`.

`make` writes DIR/text.keras and DIR/text.json by Keras; `check` loads what keras-ts wrote there and compares. The JSON holds
`inputs`, `predictions` and the `vocabularies` by layer. Strings need the TensorFlow backend.
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

layers = keras.layers

TEXTS = ["The quick brown fox", "jumps over the lazy dog!", "a dog, a fox & é", "", "quick quick unknown"]
COLORS = ["red", "blue", "red", "green", "?"]
CITIES = ["Oslo", "Rome", "Oslo", "東京", "Lima"]
IDS = [7, 1000000, 7, -3, 5]
NUMBERS = [[1.0, 10.0], [2.0, 20.0], [4.0, -5.0], [8.0, 0.5], [16.0, 3.0]]


def inputs():
    column = lambda values: tf.constant([[v] for v in values])
    return {
        "text": tf.constant(TEXTS),
        "color": column(COLORS),
        "city": column(CITIES),
        "id": tf.constant([[v] for v in IDS], "int64"),
        "numbers": tf.constant(NUMBERS),
    }


def build():
    keras.utils.set_random_seed(1)
    # For texts of shape (batch, 1), Keras declares vectors of shape (batch, 1, words), and gives (batch, words).
    text = keras.Input((), dtype="string", name="text")
    color, city = [keras.Input((1,), dtype="string", name=name) for name in ("color", "city")]
    ident = keras.Input((1,), dtype="int64", name="id")
    numbers = keras.Input((2,), name="numbers")
    terms = layers.TextVectorization(max_tokens=12, output_mode="tf_idf", name="terms")
    terms.adapt(TEXTS)
    pairs = layers.TextVectorization(ngrams=2, output_sequence_length=5, name="pairs")
    pairs.adapt(TEXTS)
    cities = layers.StringLookup(num_oov_indices=2, name="cities")
    cities.adapt(CITIES[:3])
    ids = layers.IntegerLookup(output_mode="one_hot", name="ids")
    ids.adapt(IDS[:3])
    scale = layers.Normalization(name="scale")
    scale.adapt(np.array(NUMBERS))
    bins = layers.Discretization(num_bins=3, output_mode="one_hot", name="bins")
    bins.adapt(np.array(NUMBERS))
    features = [
        terms(text),
        layers.GlobalAveragePooling1D(name="mean")(layers.Embedding(60, 4, name="table")(pairs(text))),
        layers.StringLookup(vocabulary=["red", "green"], output_mode="one_hot", name="colors")(color),
        layers.CategoryEncoding(4, name="city_vector")(cities(city)),
        layers.Hashing(6, salt=[3, 4], output_mode="one_hot", name="hashed")(city),
        layers.HashedCrossing(7, output_mode="one_hot", name="crossed")([color, city]),
        ids(ident),
        scale(numbers),
        layers.Flatten(name="flat")(bins(numbers)),
    ]
    # What a model with TensorFlow gives for indices is of their dtype.
    x = layers.Concatenate(name="all")([layers.Rescaling(1.0, name=f"feature_{i}")(f) for i, f in enumerate(features)])
    outputs = layers.Dense(3, activation="softmax", name="out")(x)
    return keras.Model({"text": text, "color": color, "city": city, "id": ident, "numbers": numbers}, outputs, name="tables")


VOCABULARIES = ("terms", "pairs", "cities", "ids", "colors")


def vocabularies(model):
    plain = lambda v: v if isinstance(v, str) and type(v) is str else (int(v) if not isinstance(v, str) else str(v))
    return {name: [plain(v) for v in model.get_layer(name).get_vocabulary()] for name in VOCABULARIES}


def make(folder):
    model = build()
    predictions = np.asarray(model(inputs()))
    model.save(folder / "text.keras")
    facts = {"predictions": predictions.tolist(), "vocabularies": vocabularies(model)}
    (folder / "text.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")


def check(folder):
    facts = json.loads((folder / "text.json").read_text(encoding="utf-8"))
    model = keras.models.load_model(folder / "text.keras")
    got = vocabularies(model)
    if got != facts["vocabularies"]:
        raise AssertionError(f"vocabularies: {got} in Keras, {facts['vocabularies']} in the JSON")
    predictions = np.asarray(model(inputs()))
    np.testing.assert_allclose(predictions, facts["predictions"], rtol=1e-5, atol=1e-5)


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("make", "check"):
        sys.exit("usage: python text_models.py make|check DIR")
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    if sys.argv[1] == "make":
        make(folder)
        return
    try:
        check(folder)
    except Exception as error:
        print(f"FAIL  text.keras: {type(error).__name__}: {error}")
        print("0 passed, 1 failed")
        sys.exit(1)
    print("ok    text.keras: vocabularies, predictions")
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
