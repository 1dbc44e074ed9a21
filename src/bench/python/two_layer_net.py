#!/usr/bin/env python3
"""What submit/bench compares Lockstep with: the same training in plain NumPy, float32, one process.

    two_layer_net.py --data DIR [--hidden H] [--batch-size B] [--iterations N] [--learning-rate X] [--seed N]
    two_layer_net.py --version

784-H-10, sigmoid, softmax, mean cross-entropy, plain SGD, mini-batches drawn with replacement: the textbook's loop, which
makes of each batch a few matrix products. Prints one JSON object:

    ms_per_step, ms_per_step_p50    mean and median of single steps: drawing, gradient and update, not reading, not evaluating
    training_seconds                sum of all steps
    test_accuracy                   of the trained network
    images_per_second               images a second through the trained network, in batches of 10,000, classes taken
    numpy, blas, threads            versions, and how many threads the process has: NumPy's BLAS starts its own
"""
import argparse
import gzip
import json
import os
import time
from pathlib import Path

import numpy as np

CLASSES = 10
EVALUATION_ROWS = 10_000


def read_idx(directory, name, header_bytes):
    """The bytes behind the header of an IDX file, plain or gzip."""
    for path, opener in ((Path(directory, name + ".gz"), gzip.open), (Path(directory, name), open)):
        if path.exists():
            with opener(path, "rb") as file:
                return np.frombuffer(file.read(), np.uint8, offset=header_bytes)
    raise SystemExit(f"no {name} or {name}.gz in {directory}")


def read_set(directory, stem):
    """Images [examples, pixels] as float32 from 0 to 1, and labels [examples]."""
    labels = read_idx(directory, stem + "-labels-idx1-ubyte", 8)
    images = read_idx(directory, stem + "-images-idx3-ubyte", 16).reshape(len(labels), -1)
    return images.astype(np.float32) / np.float32(255), labels


class Network:
    """W1 [pixels, hidden], b1 [hidden], W2 [hidden, classes], b2 [classes]."""

    def __init__(self, pixels, hidden, rng):
        self.w1 = (0.01 * rng.randn(pixels, hidden)).astype(np.float32)
        self.b1 = np.zeros(hidden, np.float32)
        self.w2 = (0.01 * rng.randn(hidden, CLASSES)).astype(np.float32)
        self.b2 = np.zeros(CLASSES, np.float32)

    def forward(self, x):
        """Activations of the hidden layer [rows, hidden] and scores of the classes [rows, classes]."""
        z = 1 / (1 + np.exp(-(x @ self.w1 + self.b1)))
        return z, z @ self.w2 + self.b2

    def step(self, x, t, learning_rate):
        """One update by the gradient of a batch x [rows, pixels] with targets t [rows, classes], one-hot."""
        z, scores = self.forward(x)
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        y = e / e.sum(axis=1, keepdims=True)
        d2 = (y - t) / np.float32(len(x))
        d1 = d2 @ self.w2.T * (z * (1 - z))
        self.w2 -= learning_rate * (z.T @ d2)
        self.b2 -= learning_rate * d2.sum(axis=0)
        self.w1 -= learning_rate * (x.T @ d1)
        self.b1 -= learning_rate * d1.sum(axis=0)

    def classify(self, x):
        """The class of each row."""
        parts = [x[i : i + EVALUATION_ROWS] for i in range(0, len(x), EVALUATION_ROWS)]
        return np.concatenate([self.forward(part)[1].argmax(axis=1) for part in parts])


def versions():
    try:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    except TypeError:  # NumPy before 1.26 only prints it
        blas = {}
    a = np.ones((256, 256), np.float32)
    a @ a  # whatever starts threads has started them now
    tasks = Path("/proc/self/task")
    return {
        "numpy": np.__version__,
        "blas": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip(),
        "threads": len(list(tasks.iterdir())) if tasks.is_dir() else os.cpu_count(),
    }


def train(options):
    x_train, y_train = read_set(options.data, "train")
    x_test, y_test = read_set(options.data, "t10k")
    targets = np.eye(CLASSES, dtype=np.float32)[y_train]
    rng = np.random.RandomState(options.seed)
    network = Network(x_train.shape[1], options.hidden, rng)
    learning_rate = np.float32(options.learning_rate)
    seconds = np.zeros(options.iterations)
    for i in range(options.iterations):
        begin = time.perf_counter()
        batch = rng.choice(len(x_train), options.batch_size)
        network.step(x_train[batch], targets[batch], learning_rate)
        seconds[i] = time.perf_counter() - begin
    begin = time.perf_counter()
    network.classify(x_train)
    evaluation_seconds = time.perf_counter() - begin
    return {
        "steps": options.iterations,
        "batch_size": options.batch_size,
        "hidden": options.hidden,
        "ms_per_step": seconds.mean() * 1e3,
        "ms_per_step_p50": float(np.median(seconds)) * 1e3,
        "training_seconds": seconds.sum(),
        "test_accuracy": float((network.classify(x_test) == y_test).mean()),
        "images_per_second": len(x_train) / evaluation_seconds,
    }


def main():
    parser = argparse.ArgumentParser(description="Trains the textbook's network in NumPy and tells how long it took.")
    parser.add_argument("--version", action="store_true", help="only print the versions")
    parser.add_argument("--data")
    parser.add_argument("--hidden", type=int, default=50)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--iterations", type=int, default=10_000)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not options.version and options.data is None:
        parser.error("expected --data DIR")
    print(json.dumps(versions() if options.version else train(options) | versions()))


main()
