"""Models with layers and models of the user: `custom_models.py make DIR` or `custom_models.py check DIR`.

customModels.ts has the same classes and models.
"""

import json
import os
import sys

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package="Guide")
class CustomDense(layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(input_shape[-1], self.units), initializer="random_normal")
        self.b = self.add_weight(name="b", shape=(self.units,), initializer="random_normal")

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class RunningMean(layers.Layer):
    def build(self, input_shape):
        self.mean = self.add_weight(name="mean", shape=(input_shape[-1],), initializer="zeros", trainable=False)
        self.count = self.add_weight(name="count", shape=(), initializer="zeros", trainable=False)

    def call(self, inputs, training=False):
        if training:
            self.count.assign(self.count + 1)
            self.mean.assign(self.mean + (ops.mean(inputs, axis=0) - self.mean) / self.count)
        return inputs - self.mean


class Containers(layers.Layer):
    """Layers in fields, lists, dicts, and layers that hold layers."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = CustomDense(4)
        self.steps = [layers.Dense(3, activation="tanh"), CustomDense(3), layers.Dense(4)]
        self.by_name = {"left": layers.Dense(2), "right": layers.Dense(2)}
        self.inner = Pair()

    def call(self, inputs):
        x = self.first(inputs)
        for step in self.steps:
            x = step(x)
        return self.inner(ops.concatenate([self.by_name["left"](x), self.by_name["right"](x)], axis=-1))


class Pair(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.a = layers.Dense(2)
        self.b = CustomDense(2)

    def call(self, inputs):
        return self.a(inputs) * self.b(inputs)


class Mix(layers.Layer):
    def call(self, inputs, other=None, scale_by=1.0, mode="add"):
        return (inputs + other if mode == "add" else inputs - other) * scale_by


class Named(layers.Layer):
    def call(self, inputs, scale_by=1.0, _p=0.0, offset=0.0, power_of=1):
        return (inputs * scale_by + _p + offset) ** power_of


class MLP(keras.Model):
    def __init__(self, hidden=8, **kwargs):
        super().__init__(**kwargs)
        self.hidden = hidden
        self.dense_1 = layers.Dense(hidden, activation="relu")
        self.tail = keras.Sequential([CustomDense(3), layers.Dense(2)])

    def call(self, inputs):
        return self.tail(self.dense_1(inputs))

    def get_config(self):
        return {**super().get_config(), "hidden": self.hidden}


X = np.linspace(-1, 1, 24).reshape(6, 4).astype("float32")
CUSTOM_OBJECTS = {cls.__name__: cls for cls in (RunningMean, Containers, Pair, Mix, Named, MLP)}


def custom_dense():
    inputs = keras.Input((4,), name="x")
    return keras.Model(inputs, CustomDense(3, name="mine")(inputs), name="custom_dense")


def running_mean():
    return keras.Sequential([keras.Input((4,)), RunningMean(), layers.Dense(2)], name="running_mean")


def containers():
    inputs = keras.Input((4,), name="x")
    return keras.Model(inputs, Containers(name="containers")(inputs), name="with_containers")


def mix():
    inputs = keras.Input((4,), name="x")
    other = layers.Dense(4, name="other")(inputs)
    x = Mix(name="mix")(inputs, other=other, scale_by=3.0, mode="sub")
    x = Mix(name="shift")(x, other=ops.convert_to_tensor(np.array([[1.0, 2.0, 3.0, 4.0]], "float32")))
    return keras.Model(inputs, x, name="mixed")


def named():
    inputs = keras.Input((4,), name="x")
    x = Named(name="named")(inputs, scale_by=3.0, _p=2.0, offset=0.5, power_of=2)
    x = Named(name="plain")(x, power_of=3)
    return keras.Model(inputs, layers.Dense(2, name="out")(x), name="with_names")


def mlp():
    model = MLP(hidden=5, name="mlp")
    model(X[:1])
    return model


def mlp_inside():
    inputs = keras.Input((4,), name="x")
    x = MLP(hidden=6, name="inside")(inputs)
    return keras.Model(inputs, layers.Dense(1, name="out")(x), name="around")


def slices():
    inputs = keras.Input((4,), name="x")
    x = layers.Concatenate(name="join")([inputs[..., 1:], inputs[:, ::-1], inputs[:, None, -1]])
    return keras.Model(inputs, layers.Dense(2, name="out")(x), name="slices")


FAMILIES = {f.__name__: f for f in (custom_dense, running_mean, containers, mix, named, mlp, mlp_inside, slices)}


def save(folder):
    os.makedirs(folder, exist_ok=True)
    for name, make in FAMILIES.items():
        keras.utils.clear_session()
        keras.utils.set_random_seed(1)
        model = make()
        if name != "custom_dense":
            model.compile(optimizer="sgd", loss="mse")
            model.fit(X, np.ones_like(model(X)), verbose=0)
        model.save(os.path.join(folder, f"{name}.keras"))
        with open(os.path.join(folder, f"{name}.json"), "w") as file:
            json.dump({"x": X.tolist(), "y": np.asarray(model(X)).tolist()}, file)


def check(folder):
    passed = failed = 0
    for name in FAMILIES:
        keras.utils.clear_session()
        try:
            model = keras.models.load_model(os.path.join(folder, f"{name}.keras"), custom_objects=CUSTOM_OBJECTS)
            with open(os.path.join(folder, f"{name}.json")) as file:
                facts = json.load(file)
            np.testing.assert_allclose(np.asarray(model(np.array(facts["x"], "float32"))), facts["y"], rtol=1e-4, atol=1e-5)
            print(f"ok    {name}.keras: predictions")
            passed += 1
        except Exception as error:
            print(f"FAIL  {name}.keras: {type(error).__name__}: {error}")
            failed += 1
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    {"make": save, "check": check}[sys.argv[1]](sys.argv[2])
