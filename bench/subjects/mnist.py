"""MNIST's training digits from the files of its authors (IDX, gzipped or not), for the subjects that run in Python."""

import gzip
from pathlib import Path


def mnist(directory, samples):
    """The first digits of the training set: (samples, 784) float32 in [0, 1], and (samples,) labels."""
    import numpy as np

    def idx(name, header):
        path = Path(directory) / name
        raw = gzip.decompress(path.with_name(name + ".gz").read_bytes()) if not path.exists() else path.read_bytes()
        return np.frombuffer(raw, dtype="uint8", offset=header)

    images = idx("train-images-idx3-ubyte", 16).reshape(-1, 784)[:samples]
    return images.astype("float32") / 255, idx("train-labels-idx1-ubyte", 8)[:samples].astype("int32")
