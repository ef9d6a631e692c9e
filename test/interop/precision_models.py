"""Models that compute in 16 bits: `precision_models.py make DIR` or `precision_models.py check DIR`.

precisionModels.ts has the same models.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "fixtures"))

import check_ours
import configs
from common import keras, randn
from keras import layers, optimizers

check_ours.PREDICTION_TOLERANCE = check_ours.LOSS_TOLERANCE = check_ours.TRAINED_TOLERANCE = 1e-2
check_ours.STATE_TOLERANCE = 1e-6


def mlp(policy, last="float32"):
    keras.config.set_dtype_policy(policy)
    x = keras.Input((8,), name="x")
    hidden = layers.Dense(6, activation="tanh", name="hidden")(x)
    middle = layers.Dense(5, activation="relu", name="middle")(hidden)
    model = keras.Model(x, layers.Dense(2, name="out", dtype=last)(middle), name="half")
    keras.config.set_dtype_policy("float32")
    return model


def by_path():
    entries = {"hid.*": "mixed_bfloat16", "middle": "bfloat16"}
    return keras.dtype_policies.DTypePolicyMap("float32", {key: keras.DTypePolicy(name) for key, name in entries.items()})


def archives():
    scale, x, y = optimizers.LossScaleOptimizer, randn("half/x", 48, 8), randn("half/y", 48, 2)
    mixed = lambda: mlp("mixed_float16")  # noqa: E731
    compiled = lambda optimizer: dict(optimizer=optimizer, loss="mse")  # noqa: E731
    return {
        "scaled_adam": (mixed, compiled(lambda: scale(optimizers.Adam(0.01), initial_scale=1024.0, dynamic_growth_steps=3)), x, y),
        "scaled_by_compile": (mixed, compiled(lambda: optimizers.SGD(0.05, momentum=0.9)), x, y),
        "scaled_rmsprop": (mixed, compiled(lambda: scale(optimizers.RMSprop(0.01), initial_scale=1024.0)), x, y),
        "by_path": (lambda: mlp(by_path(), None), compiled(lambda: optimizers.SGD(0.05)), x, y),
    }


def overflow(model):
    """A step without a finite gradient: the scale halves, and nothing else changes."""
    weights, state = model.trainable_variables, model.optimizer.variables
    gradients = [keras.ops.full(w.shape, float("inf")) for w in weights]
    after = model.optimizer.stateless_apply([v.value for v in state], gradients, [w.value for w in weights])
    for variable, value in zip([*weights, *state], [*after[0], *after[1]]):
        variable.assign(value)


def set_policy(name):
    """`compile` puts the scaling around an optimizer also when a file is opened: there the policy of the model is the global one."""
    keras.config.set_dtype_policy("mixed_float16" if name == "scaled_by_compile" else "float32")


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("make", "check"):
        sys.exit("usage: python precision_models.py make|check DIR")
    if sys.argv[1] == "check":
        check_ours.check_folder(sys.argv[2], set_policy)
    for name, spec in archives().items():
        before_save = overflow if name == "scaled_rmsprop" else None
        configs.make_archive(name, spec, pathlib.Path(sys.argv[2]), before_save, lambda: set_policy(name))  # noqa: B023


if __name__ == "__main__":
    main()
