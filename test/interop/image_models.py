"""Models of images, sequences and volumes that keras-ts loads: those of models.ts, as Python Keras writes them."""

from common import ints, keras, randn
from keras import layers


def autoencoder():
    i = keras.Input((8, 8, 2), name="image")
    x = layers.Conv2D(4, 3, activation="relu", padding="same", name="narrow")(i)
    x = layers.MaxPooling2D(2, name="half")(x)
    x = layers.Conv2D(3, (3, 2), strides=2, padding="same", kernel_regularizer="l2", name="code")(x)
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu", name="wide")(x)
    x = layers.UpSampling2D(2, name="double")(x)
    return keras.Model(i, layers.Conv2DTranspose(2, 3, padding="same", name="image_again")(x), name="autoencoder")


def residual():
    i = keras.Input((8, 8, 3), name="image")
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3, use_bias=False)(i)))
    block = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", use_bias=False)(x)))
    x = layers.Add()([layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", groups=2)(block)), x])
    x = layers.AveragePooling2D(2, strides=1, padding="same")(layers.ReLU()(x))
    return keras.Model(i, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)), name="residual")


def windows():
    steps, image = keras.Input((9, 3), name="steps"), keras.Input((3, 6, 6), name="image")
    a = layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="tanh")(steps)
    a = layers.SeparableConv1D(3, 2, depth_multiplier=2)(a)
    a = layers.AveragePooling1D(2)(layers.DepthwiseConv1D(2, padding="same")(a))
    a = layers.GlobalMaxPooling1D()(layers.Conv1DTranspose(3, 3, strides=2, output_padding=1)(a))
    first = dict(data_format="channels_first")
    b = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", **first)(image)
    b = layers.SeparableConv2D(4, 2, pointwise_constraint="max_norm", **first)(b)
    b = layers.GlobalAveragePooling2D(**first)(layers.AdaptiveMaxPooling2D((2, 3), **first)(b))
    return keras.Model([steps, image], layers.Concatenate()([a, b]), name="windows")


def volumes():
    i = keras.Input((4, 5, 4, 2), name="scan")
    x = layers.Conv3D(3, (2, 3, 2), kernel_initializer="he_normal")(i)
    x = layers.MaxPooling3D((1, 2, 1), padding="same")(x)
    x = layers.Conv3DTranspose(2, 2, strides=(1, 2, 1))(x)
    x = layers.AdaptiveAveragePooling3D(2)(layers.ZeroPadding3D(1)(x))
    return keras.Model(i, layers.Flatten()(x), name="volumes")


def archives():
    """As configs.archives: name → (model builder, compile keywords, x, y)."""
    def mse():
        return dict(optimizer=lambda: keras.optimizers.Adam(0.01), loss=lambda: "mse")

    sgd = dict(
        optimizer=lambda: keras.optimizers.SGD(0.05, momentum=0.9),
        loss=lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    image = randn("image/a", 48, 8, 8, 2)
    return {
        "autoencoder": (autoencoder, mse(), image, image),
        "residual": (residual, sgd, randn("image/r", 48, 8, 8, 3), ints("image/y", 4, 48)),
        "windows": (windows, mse(), [randn("image/s", 48, 9, 3), randn("image/i", 48, 3, 6, 6)], randn("image/w", 48, 7)),
        "volumes": (volumes, mse(), randn("image/v", 48, 4, 5, 4, 2), randn("image/t", 48, 16)),
    }
