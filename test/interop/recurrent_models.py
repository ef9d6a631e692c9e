"""Recurrent models that keras-ts loads: those of recurrentModels.ts, as Python Keras writes them."""

from common import ints, keras, randn
from keras import layers


def reader():
    words = keras.Input((7,), dtype="int32", name="words")
    x = layers.Embedding(9, 4, mask_zero=True, name="embedding")(words)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True), merge_mode="sum", name="both")(x)
    x = layers.GRU(4, return_sequences=True, name="gru")(x)
    x = layers.SimpleRNN(3, go_backwards=True, kernel_regularizer="l2", name="simple")(x)
    return keras.Model(words, layers.Dense(2, name="out")(x), name="reader")


def translator():
    source, target = keras.Input((None, 3), name="source"), keras.Input((None, 2), name="target")
    _, h, c = layers.LSTM(4, return_state=True, name="encoder")(source)
    y = layers.LSTM(4, return_sequences=True, name="decoder")(target, initial_state=[h, c])
    return keras.Model([source, target], layers.TimeDistributed(layers.Dense(2, name="each"), name="words")(y), name="translator")


def cells():
    x = keras.Input((5, 3), name="x")
    masked = layers.Masking(name="masking")(x)
    stack = layers.RNN([layers.LSTMCell(4), layers.GRUCell(3, reset_after=False)], name="stack")(masked)
    forward, backward = layers.Bidirectional(layers.RNN(layers.SimpleRNNCell(2), name="loop"), merge_mode=None, name="both")(masked)
    return keras.Model(x, layers.Dense(1, name="out")(layers.Concatenate(name="join")([stack, forward, backward])), name="cells")


def video():
    x = keras.Input((3, 5, 5, 1), name="video")
    y = layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True, name="conv_lstm")(x)
    y = layers.TimeDistributed(layers.Flatten(name="flat"), name="each")(y)
    y = layers.GRU(3, unroll=True, recurrent_activation="hard_sigmoid", name="gru")(y)
    return keras.Model(x, layers.Dense(2, name="out")(y), name="video")


def archives():
    """As configs.archives: name → (model builder, compile keywords, x, y)."""
    adam = dict(optimizer=lambda: keras.optimizers.Adam(0.01), loss=lambda: "mse")
    n = "recurrent/"
    return {
        "recurrent_reader": (reader, adam, ints(n + "words", 9, 48, 7), randn(n + "r", 48, 2)),
        "recurrent_translator": (translator, adam, [randn(n + "s", 48, 6, 3), randn(n + "t", 48, 4, 2)], randn(n + "y", 48, 4, 2)),
        "recurrent_cells": (cells, adam, randn(n + "x", 48, 5, 3), randn(n + "c", 48, 1)),
        "recurrent_video": (video, adam, randn(n + "v", 48, 3, 5, 5, 1), randn(n + "w", 48, 2)),
    }
