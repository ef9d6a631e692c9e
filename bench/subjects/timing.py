"""Clocks of Python Keras's processes."""

import os
import subprocess
import sys
import time
from pathlib import Path


def once(run):
    """Milliseconds of one call."""
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) * 1000


def timed(p, run):
    """Median milliseconds of a call, warmed up."""
    until = time.perf_counter() + p["warmUpMs"] / 1000
    warm_ups = 0
    while warm_ups < p["warmUps"] or time.perf_counter() < until:
        run()
        warm_ups += 1
    return sorted(once(run) for _ in range(p["calls"]))[p["calls"] // 2]


def epoch_recorder():
    import keras

    class EpochRecorder(keras.callbacks.Callback):
        """Notes how long each epoch took and what the process holds after it."""

        def __init__(self):
            super().__init__()
            self.milliseconds, self.rss_mb = [], []

        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.milliseconds.append((time.perf_counter() - self.began) * 1000)
            self.logs = logs
            self.rss_mb.append(rss_mb())

    return EpochRecorder()


def rss_mb():
    if os.path.exists("/proc/self/statm"):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(os.getpid())])) / 2**10


def peak_rss_mb():
    import resource

    # Kibibytes on Linux, bytes on macOS.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
