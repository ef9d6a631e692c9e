"""IMDB reviews as rows of word ids: the same numbers as imdb.mjs."""

import gzip
import re
from collections import Counter
from pathlib import Path

WORD = re.compile(r"[a-z0-9']+")


def reviews(directory, name):
    text = gzip.decompress((Path(directory) / f"imdb_{name}.tsv.gz").read_bytes()).decode()
    for line in text.rstrip("\n").split("\n"):
        label, _, _, review = line.split("\t")
        yield int(label), WORD.findall(review.lower().replace("<br />", " "))


def imdb(directory, samples, length, vocabulary_size, name="train"):
    """The last `length` words of the first reviews (samples, length), zeros before, and labels (samples,)."""
    import numpy as np

    training = list(reviews(directory, "train"))
    counts = Counter(word for _, words in training for word in words)
    frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[: vocabulary_size - 2]
    ids = {word: i + 2 for i, (word, _) in enumerate(frequent)}
    chosen = (training if name == "train" else list(reviews(directory, name)))[:samples]
    x = np.zeros((len(chosen), length), dtype="int32")
    for row, (_, words) in enumerate(chosen):
        last = words[-length:]
        x[row, length - len(last) :] = [ids.get(word, 1) for word in last]
    return x, np.array([label for label, _ in chosen], dtype="int32")
