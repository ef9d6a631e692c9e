"""Writes fresh archives by real Keras for keras-ts to load: `python test/interop/make_theirs.py DIR`.

The models are those of test/fixtures/keras, image_models.py, recurrent_models.py and attention_models.py, the JSON beside each archive is as there (see tools/fixtures/README.md):
inputs, predictions, weights, optimizer_variables, and `train`, three further steps with their losses and the state after them.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "fixtures"))

import attention_models
import configs
import image_models
import recurrent_models


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: python make_theirs.py DIR")
    folder = pathlib.Path(sys.argv[1])
    for name, spec in {**configs.archives(), **image_models.archives(), **recurrent_models.archives(), **attention_models.archives()}.items():
        configs.make_archive(name, spec, folder)


if __name__ == "__main__":
    main()
