"""Writes small variants of keras.applications with seeded weights for keras-ts to load: `python test/interop/make_applications.py DIR`.

Per family NAME.h5 (the layout of the published files), for the small ones NAME.weights.h5 (Keras 3) as well, and NAME.json: function,
arguments, images, outputs.
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "fixtures"))

import h5py
import numpy as np
from common import array, keras, rng
from keras.src.legacy.saving import legacy_h5_format

VARIANTS = {
    "vgg16": ("VGG16", {"include_top": False, "input_shape": [32, 32, 3], "pooling": "max"}),
    "vgg19": ("VGG19", {"include_top": False, "input_shape": [32, 48, 3]}),
    "resnet50": ("ResNet50", {"input_shape": [32, 32, 3], "classes": 10, "classifier_activation": None}),
    "resnet50v2": ("ResNet50V2", {"include_top": False, "input_shape": [65, 64, 3], "pooling": "avg"}),
    "mobilenet": ("MobileNet", {"alpha": 0.25, "input_shape": [64, 64, 3], "classes": 10}),
    "mobilenet_v2": ("MobileNetV2", {"alpha": 0.35, "input_shape": [97, 96, 3], "classes": 10}),
    "mobilenet_v3_small": ("MobileNetV3Small", {"input_shape": [64, 64, 3], "classes": 10, "classifier_activation": None}),
    "mobilenet_v3_large": ("MobileNetV3Large", {"minimalistic": True, "alpha": 0.75, "include_top": False, "pooling": "avg", "input_shape": [64, 64, 3]}),
}


def fill(model, name):
    """Weights under which signals neither die nor explode on their way through many layers."""
    random = rng(name)
    for w in model.weights:
        kind = w.path.rsplit("/", 1)[-1]
        if kind in ("gamma", "moving_variance"):
            value = random.uniform(0.5, 1.5, w.shape) * (0.5 if kind == "gamma" else 1)
        elif len(w.shape) == 1:
            value = random.standard_normal(w.shape) * 0.1
        else:
            fan_in = np.prod(w.shape[:-1]) if "depthwise" not in w.path and "conv_dw" not in w.path else np.prod(w.shape[:2])
            value = random.standard_normal(w.shape) * np.sqrt(2.0 / fan_in)
        w.assign(value.astype("float32"))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: python make_applications.py DIR")
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, (function, arguments) in VARIANTS.items():
        keras.backend.clear_session()
        given = {k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}
        model = getattr(keras.applications, function)(weights=None, **given)
        fill(model, name)
        images = rng(f"{name}/images").uniform(-1, 1, (2, *arguments["input_shape"])).astype("float32")
        if function.startswith("MobileNetV3"):
            images = (images + 1) * 127.5
        if model.count_params() < 5e6:
            model.save_weights(folder / f"{name}.weights.h5")
        with h5py.File(folder / f"{name}.h5", "w") as f:
            legacy_h5_format.save_weights_to_hdf5_group(f, model)
        facts = {"function": function, "arguments": arguments, "images": array(images), "outputs": array(model.predict(images, verbose=0))}
        (folder / f"{name}.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
