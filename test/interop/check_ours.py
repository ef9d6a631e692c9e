"""Loads with real Keras every archive that keras-ts saved, and compares: `python test/interop/check_ours.py DIR`.

Beside DIR/<name>.keras lies DIR/<name>.json:
  inputs, predictions        what the model was given and gave
  optimizer_variables        the optimizer's state when saved, in order (null: not compiled)
  train                      null, or {x, y, batch_size, losses}: the losses of the next steps, batch by batch, after saving;
                             optional: optimizer_variables, the optimizer's state after them
  weights                    optional: the weights in model.weights order
Arrays are nested JSON numbers or {shape, dtype, b64}; several inputs or outputs are a list or an object.
One line per file; the last line says how many passed and failed; the exit code is 1 when one failed.
"""

import base64
import json
import os
import pathlib
import sys
import traceback

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

PREDICTION_TOLERANCE = 1e-5
STATE_TOLERANCE = 1e-5
LOSS_TOLERANCE = 1e-4
TRAINED_TOLERANCE = 1e-5


class Mismatch(Exception):
    """A comparison that failed; its words are the line's end."""


def array(value, dtype=None):
    if isinstance(value, dict) and "b64" in value:
        a = np.frombuffer(base64.b64decode(value["b64"]), value["dtype"]).reshape(value["shape"])
    else:
        a = np.asarray(value)
        if a.dtype.kind == "f":
            a = a.astype("float32")
        elif a.dtype.kind == "i":
            a = a.astype("int32")
    return a if dtype is None else a.astype(dtype)


def structure(value, count):
    """A JSON value as one array, a list of `count` arrays, or a dict of arrays."""
    if isinstance(value, dict) and "b64" not in value:
        return {k: array(v) for k, v in value.items()}
    if count > 1:
        return [array(v) for v in value]
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return array(value[0])
    return array(value)


def wide(a):
    a = np.asarray(a)
    return a.astype("float32") if a.dtype.name in ("float16", "bfloat16") else a


def close(what, got, expected, tolerance):
    got, expected = wide(got), wide(expected)
    if got.shape != expected.shape:
        raise Mismatch(f"{what}: shape {got.shape} in Keras, {expected.shape} in the JSON")
    bad = ~np.isclose(got, expected, rtol=tolerance, atol=tolerance, equal_nan=True)
    if bad.any():
        worst = np.unravel_index(np.argmax(np.abs(got - expected)), got.shape) if got.shape else ()
        raise Mismatch(f"{what}: {int(bad.sum())} of {bad.size} differ by more than {tolerance}; at {tuple(map(int, worst))} Keras has {got[worst]}, the JSON {expected[worst]}")


def close_structures(what, got, expected, tolerance):
    if isinstance(expected, dict):
        if not isinstance(got, dict) or set(got) != set(expected):
            raise Mismatch(f"{what}: Keras gives {sorted(got) if isinstance(got, dict) else type(got).__name__}, the JSON {sorted(expected)}")
        for key in expected:
            close(f"{what}[{key}]", got[key], expected[key], tolerance)
        return
    got = keras.tree.flatten(got)
    expected = keras.tree.flatten(expected)
    if len(got) != len(expected):
        raise Mismatch(f"{what}: {len(got)} arrays in Keras, {len(expected)} in the JSON")
    for i, (g, e) in enumerate(zip(got, expected)):
        close(f"{what}[{i}]", g, e, tolerance)


def same_path(got, expected):
    """A layer inside another one is revived first, and builds itself: then the paths of its weights start at itself."""
    *folder, name = expected.split("/")
    *here, last = got.split("/")
    return got == expected or expected.endswith("/" + got) or (here == folder and name.endswith("_" + last))


def compare_variables(what, variables, expected, tolerance):
    if len(variables) != len(expected):
        raise Mismatch(f"{what}: {len(variables)} in Keras ({[v.path for v in variables]}), {len(expected)} in the JSON")
    for v, e in zip(variables, expected):
        named = isinstance(e, dict) and "value" in e
        if named and "path" in e and not same_path(v.path, e["path"]):
            raise Mismatch(f"{what}: {v.path} in Keras stands where the JSON has {e['path']}")
        close(f"{what} {v.path}", v, array(e["value"] if named else e), tolerance)


def part(data, start, stop):
    return keras.tree.map_structure(lambda a: a[start:stop], data)


def check(path, before_load):
    facts = json.loads(path.with_suffix(".json").read_text())
    keras.backend.clear_session()
    if before_load:
        before_load(path.stem)
    model = keras.models.load_model(path)
    ins, outs = len(model.inputs), len(model.outputs)
    done = ["predictions"]
    predictions = model.predict(structure(facts["inputs"], ins), verbose=0)
    close_structures("predictions", predictions, structure(facts["predictions"], outs), PREDICTION_TOLERANCE)
    if facts.get("weights") is not None:
        compare_variables("weights", model.weights, facts["weights"], STATE_TOLERANCE)
        done.append("weights")
    if facts.get("optimizer_variables") is not None:
        if model.optimizer is None:
            raise Mismatch("optimizer variables: Keras loaded no optimizer")
        compare_variables("optimizer variables", model.optimizer.variables, facts["optimizer_variables"], STATE_TOLERANCE)
        done.append("optimizer state")
    train = facts.get("train")
    if train:
        x, y, size = structure(train["x"], ins), structure(train["y"], outs), train["batch_size"]
        rows = len(keras.tree.flatten(x)[0])
        starts = list(range(0, rows, size))
        losses = []
        for step in range(len(train["losses"])):
            a = starts[step % len(starts)]
            logs = model.train_on_batch(part(x, a, a + size), part(y, a, a + size), return_dict=True)
            losses.append(float(logs["loss"]))
        close("losses of further steps", losses, train["losses"], LOSS_TOLERANCE)
        if train.get("optimizer_variables") is not None:
            compare_variables("optimizer after training", model.optimizer.variables, train["optimizer_variables"], TRAINED_TOLERANCE)
        done.append(f"{len(losses)} further steps")
    return done


def check_folder(folder, before_load=None):
    files = sorted(pathlib.Path(folder).glob("*.keras"))
    passed = failed = 0
    for path in files:
        try:
            print(f"ok    {path.name}: {', '.join(check(path, before_load))}", flush=True)
            passed += 1
        except Mismatch as error:
            print(f"FAIL  {path.name}: {error}", flush=True)
            failed += 1
        except Exception as error:  # whatever Keras raises on a bad archive is this file's failure, not the run's
            last = traceback.extract_tb(error.__traceback__)[-1]
            print(f"FAIL  {path.name}: {type(error).__name__}: {error} ({pathlib.Path(last.filename).name}:{last.lineno})", flush=True)
            failed += 1
    if not files:
        print(f"no .keras file in {folder}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(0 if passed and not failed else 1)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: python check_ours.py DIR")
    check_folder(sys.argv[1])


if __name__ == "__main__":
    main()
