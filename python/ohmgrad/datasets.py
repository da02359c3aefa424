"""Datasets: digits that need no file, and MNIST and its kin."""

from ohmgrad._ohmgrad import load_digits, load_idx, load_mnist

__all__ = ["load_digits", "load_idx", "load_mnist"]
