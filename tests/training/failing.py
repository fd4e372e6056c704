"""Trains as the command line does, but the process of a rank fails: python -m tests.training.failing RANK METHOD ..."""

import sys

from algorithm.errors import AlgorithmError
from training.__main__ import main
from training.distributed import rank
from training.trainer import Trainer


def run(failing_rank: int, method: str, words: list[str]) -> int:
    whole = getattr(Trainer, method)

    def fails(self: Trainer, *given: object) -> object:
        if rank() == failing_rank:
            raise AlgorithmError("This process fails.", "It was told to.")
        return whole(self, *given)

    setattr(Trainer, method, fails)
    return main(words)


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
