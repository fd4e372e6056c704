"""Trains as the command line does, and writes down what the first step takes for its gradient, before it is clipped.

python -m tests.training.gradients FOLDER ...: each process writes FOLDER/RANK.pt, all parameters' gradients in a row.
"""

import sys
from pathlib import Path

import torch
from torch import nn

from training import distributed
from training.__main__ import main


def run(folder: Path, words: list[str]) -> int:
    whole = distributed.sum_gradients

    def noted(model: nn.Module) -> None:
        whole(model)
        file = folder / f"{distributed.rank()}.pt"
        if not file.exists():
            gradients = [parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None]
            torch.save(torch.cat(gradients), file)

    distributed.sum_gradients = noted
    try:
        return main(words)
    finally:
        distributed.sum_gradients = whole


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))
