"""A training run that is broken off."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from training.trainer import Trainer


@contextmanager
def interrupted_in_the_second_epoch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Training inside is stopped as by Ctrl-C when its second epoch begins, and fails the test if it is not."""
    with monkeypatch.context() as patch:
        whole = Trainer.run_epoch

        def until_the_second(self: Trainer, advance: object) -> float:
            if self.epoch == 1:
                raise KeyboardInterrupt
            return whole(self, advance)

        patch.setattr(Trainer, "run_epoch", until_the_second)
        with pytest.raises(KeyboardInterrupt):
            yield
