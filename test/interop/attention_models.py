"""Models with attention and masks that keras-ts loads: those of attentionModels.ts, as Python Keras writes them."""

from common import ints, keras, randn
from keras import layers, ops


def transformer():
    words = keras.Input((7,), dtype="int32", name="words")
    x = layers.Embedding(9, 4, mask_zero=True, name="embedding")(words)
    attended = layers.MultiHeadAttention(2, 3, use_gate=True, name="heads")(x, x, use_causal_mask=True)
    x = layers.LayerNormalization(name="norm")(layers.Add(name="add")([x, attended]))
    x = layers.GlobalAveragePooling1D(name="pooled")(x)
    return keras.Model(words, layers.Dense(2, name="out")(x), name="transformer")


def two_texts():
    a, b = keras.Input((5,), dtype="int32", name="a"), keras.Input((6,), dtype="int32", name="b")
    shared = layers.Embedding(9, 4, mask_zero=True, name="shared")
    x, y = shared(a), shared(b)
    read = layers.Attention(use_scale=True, score_mode="concat", name="read")([x, y])
    added = layers.AdditiveAttention(name="added")([x, y, y])
    grouped = layers.GroupQueryAttention(3, 4, 2, name="grouped")(x, y, key=y)
    joined = layers.Concatenate(name="join")([read, added, grouped])
    projected = layers.EinsumDense("abc,cd->abd", output_shape=(None, 3), bias_axes="d", name="einsum")(joined)
    return keras.Model([a, b], ops.mean(projected, axis=1), name="two_texts")


def scores():
    x, mask = keras.Input((4, 3), name="x"), keras.Input((4, 4), dtype="bool", name="allowed")
    heads = layers.MultiHeadAttention(2, 3, value_dim=2, output_shape=5, name="heads")
    y, parts = heads(x, x, attention_mask=mask, return_attention_scores=True)
    y = layers.Concatenate(name="join")([layers.Flatten()(y), layers.Flatten()(parts)])
    return keras.Model([x, mask], layers.Dense(2, name="out")(y), name="scores")


def archives():
    """As configs.archives: name → (model builder, compile keywords, x, y)."""
    # No Adam: the bias of keys has no gradient but rounding, which Adam would make large.
    sgd = dict(optimizer=lambda: keras.optimizers.SGD(0.05, momentum=0.5), loss=lambda: "mse")
    n = "attention/"
    allowed = ints(n + "allowed", 2, 48, 4, 4).astype(bool)
    return {
        "attention_transformer": (transformer, sgd, ints(n + "words", 9, 48, 7), randn(n + "t", 48, 2)),
        "attention_two_texts": (two_texts, sgd, [ints(n + "a", 9, 48, 5), ints(n + "b", 9, 48, 6)], randn(n + "y", 48, 3)),
        "attention_scores": (scores, sgd, [randn(n + "x", 48, 4, 3), allowed], randn(n + "s", 48, 2)),
    }
