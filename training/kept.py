"""The networks that a run validates after each epoch and keeps at their best: one, or the raw one and means of it."""

from typing import Any

from torch import nn
from torch.optim.swa_utils import AveragedModel

from training.averaging import exponential_share, hyperbolic_share, mean_of
from training.optimiser_settings import OptimiserSettings


class Kept:
    """The network that trains, or a mean of its weights; where it is kept, and how good it is.

    folder: inside the run's; empty for the only one, which is kept in the run's own. metrics: of the last epoch; best:
    those of the best; improved: whether the last is the best.
    """

    def __init__(self, folder: str, model: nn.Module, mean: AveragedModel | None = None) -> None:
        self.folder, self.model, self.mean = folder, model, mean
        self.metrics: dict[str, Any] = {}
        self.best: dict[str, Any] = {}
        self.improved = False

    @property
    def network(self) -> nn.Module:
        """What is validated and exported."""
        return self.model if self.mean is None else self.mean.module

    def follow(self) -> None:
        """The step that the model has just made."""
        if self.mean is not None:
            self.mean.update_parameters(self.model)

    def take(self, metrics: dict[str, Any], select_on: str) -> None:
        """The metrics of the epoch just trained."""
        self.metrics = metrics
        self.improved = not self.best or _is_better(metrics, self.best, select_on)
        if self.improved:
            self.best = metrics

    def state(self) -> dict[str, Any]:
        """What resuming needs of it, but for the model that it is a mean of."""
        return {"model": self.network.state_dict(), "best": self.best}

    def restore(self, state: dict[str, Any], steps: int) -> None:
        """Go on from what `state` gave after so many steps."""
        self.network.load_state_dict(state["model"])
        self.best = state["best"]
        if self.mean is not None:
            self.mean.n_averaged.fill_(steps)


def kept_networks(model: nn.Module, settings: OptimiserSettings) -> tuple[Kept, ...]:
    """Of a network that is about to train.

    The network and several means of it out of one run, each at its own best, are an ensemble of the "bag of tricks" for
    RTMDet-S (MIDOG 2025, track 1), whose shares are 1e-3, 5e-4 and 2.5e-4.
    """
    first, *others = folders(settings)
    if settings.average:
        return (Kept(first, model, mean_of(model, settings.average, hyperbolic_share)),)
    means = zip(others, settings.averages, strict=True)
    return (
        Kept(first, model),
        *(Kept(folder, model, mean_of(model, share, exponential_share)) for folder, share in means),
    )


def folders(settings: OptimiserSettings) -> list[str]:
    """Inside a run's folder, of every network that is kept."""
    return ["raw", *(f"mean-{share}" for share in settings.averages)] if settings.averages else [""]


def _is_better(metrics: dict[str, Any], best: dict[str, Any], select_on: str) -> bool:
    if select_on == "last":
        return True
    sign = -1 if select_on.endswith("loss") else 1
    return bool(sign * metrics[f"validation_{select_on}"] > sign * best[f"validation_{select_on}"])
