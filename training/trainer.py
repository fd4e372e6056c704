"""A network in training: its steps, what is kept of it, and the epochs from where it stands to the end."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from algorithm.errors import AlgorithmError
from training import distributed
from training.checkpoints import BEST, LAST, load_checkpoint, save_checkpoint
from training.data.split import Split
from training.kept import Kept, kept_networks
from training.models.build import build_model
from training.optimiser import learning_rate, optimiser_of
from training.recipe import AnyRecipe, recipe_from
from training.systems.base import Batch, System
from training.systems.build import build_system
from training.weights.files import Weights


def train(trainer: "Trainer", run: Path, resume: bool) -> None:
    """All epochs, or those that the run's last checkpoint still lacks, into the run's folder; fewer by `patience`.

    The first process alone validates, so it says to all when the run has ended. Raises AlgorithmError where the folder
    holds another run or nothing to resume.
    """
    recipe = trainer.recipe
    if resume:
        trainer.restore(load_checkpoint(run / LAST))
    elif (run / LAST).exists():
        raise AlgorithmError(f"{run} already holds a run.", "Add --resume to go on with it, or give another folder.")
    first = distributed.rank() == 0
    folders = [run / kept.folder for kept in trainer.kept]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    with _boards(folders if first else []) as boards, Progress(disable=not first) as progress:
        title = f"{recipe.title}, fold {trainer.fold}"
        bar = progress.add_task(title, total=recipe.optimiser.epochs, completed=trainer.epoch)
        while not distributed.first_says(trainer.ended):
            batches = progress.add_task(f"epoch {trainer.epoch + 1}", total=recipe.optimiser.batches_per_epoch)
            training_loss = trainer.run_epoch(lambda task=batches: progress.advance(task))
            progress.remove_task(batches)
            if first:
                with distributed.alone():
                    trainer.validate(training_loss)
                trainer.save(run)
                for folder, board, kept in zip(folders, boards, trainer.kept, strict=True):
                    _record(folder, board, kept.metrics)
            progress.advance(bar)
        if first and trainer.epoch < recipe.optimiser.epochs:
            waited = f"no better epoch since {trainer.epoch_of_best}, so it ended after {trainer.epoch}."
            progress.console.print(f"{title}: {waited}", soft_wrap=True)


class Trainer:
    """A network, its optimiser, what is kept of it, and where they stand.

    system: the recipe's own over the split, unless it is given.
    """

    def __init__(
        self, recipe: AnyRecipe, split: Split, weights: Weights | None = None, system: System | None = None
    ) -> None:
        self.recipe, self.fold = recipe, split.fold
        self.device = distributed.device()
        self.model = starting_network(recipe, weights).to(self.device)
        self.weights = None if weights is None else weights.record
        generators = [] if split.generators is None else split.generators.record
        self.used = {"masks": split.masks, "mined": split.mined, "generators": generators}
        self.kept = kept_networks(self.model, recipe.optimiser)
        self.optimiser = optimiser_of(self.model, recipe.optimiser)
        self.system = system or build_system(recipe, split, self.device)
        self.epoch = 0

    @property
    def epoch_of_best(self) -> int:
        """The last in which a network that is kept became better; 0 before any."""
        return max(kept.best.get("epoch", 0) for kept in self.kept)

    @property
    def ended(self) -> bool:
        """Whether all epochs are trained, or as many without a better one as the recipe has patience for."""
        settings = self.recipe.optimiser
        waited = self.epoch - self.epoch_of_best
        return self.epoch >= settings.epochs or (settings.patience is not None and waited >= settings.patience)

    def run_epoch(self, advance: Any) -> float:
        """Train for one epoch: the mean loss of its batches."""
        total = self.recipe.optimiser.batches_per_epoch
        losses = []
        for number, batch in enumerate(self.system.batches(self.epoch)):
            losses.append(self._step(self.epoch * total + number, batch))
            advance()
        self.epoch += 1
        return float(np.mean(losses))

    def validate(self, training_loss: float) -> None:
        """Every kept network after the epoch just trained."""
        for kept in self.kept:
            found = self.system.validate(kept.network)
            kept.take({"epoch": self.epoch, "training_loss": training_loss, **found}, self.recipe.select_on)

    def save(self, run: Path) -> None:
        """The best checkpoints of the networks that are better than before, and the last of all together."""
        for kept in self.kept:
            if kept.improved:
                save_checkpoint(run / kept.folder / BEST, self.state_with(kept))
        save_checkpoint(run / LAST, self.state())  # last: a run killed before it repeats the epoch

    def state(self) -> dict[str, Any]:
        """All that resuming needs."""
        state = self.state_with(self.kept[0])
        if len(self.kept) > 1:
            state["means"] = {kept.folder: kept.state() for kept in self.kept[1:]}
        return state

    def state_with(self, kept: Kept) -> dict[str, Any]:
        """All that exporting this network needs, and resuming, were it the only one kept."""
        parts = {**kept.state(), "optimiser": self.optimiser.state_dict()}
        if kept.mean is not None:
            parts["trained"] = self.model.state_dict()
        if kept.folder:
            parts["kept"] = kept.folder
        where = {"fold": self.fold, "epoch": self.epoch}
        recipe = self.recipe.model_dump(mode="json")
        return {"recipe": recipe, **where, "weights": self.weights, **self.used, **parts}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint of the same recipe, fold and files beside the data."""
        if (recipe_from(state["recipe"], LAST), state["fold"]) != (self.recipe, self.fold):
            raise AlgorithmError("The run was started with another recipe or fold.", "Give the same, or a new folder.")
        for key, what in (("masks", "masks"), ("mined", "mined look-alikes"), ("generators", "generators")):
            if _digests(state.get(key, [])) != _digests(self.used[key]):
                raise AlgorithmError(
                    f"The run was started with other {what}.", f"Give the same --{key}, or a new folder."
                )
        self.epoch, self.weights = state["epoch"], state.get("weights")
        for kept, of_kept in zip(self.kept, [state, *state.get("means", {}).values()], strict=True):
            kept.restore(of_kept, self.epoch * self.recipe.optimiser.batches_per_epoch)
        if "trained" in state:
            self.model.load_state_dict(state["trained"])
        self.optimiser.load_state_dict(state["optimiser"])

    def _step(self, step: int, batch: Batch) -> float:
        settings = self.recipe.optimiser
        # for drop path: resuming repeats it, and each process has its own
        torch.manual_seed((self.recipe.seed * 1_000_003 + step) * distributed.world_size() + distributed.rank())
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(settings, step)
        self.model.train()
        value = self.system.loss(self.model, batch)
        self.optimiser.zero_grad()
        value.backward()
        distributed.sum_gradients(self.model)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), settings.gradient_clip)
        if not norm.isfinite():
            raise AlgorithmError(
                f"Training diverged: the gradient of batch {step % settings.batches_per_epoch + 1} of epoch "
                f"{self.epoch + 1} is not finite.",
                "Start anew with a lower optimiser.learning_rate; the checkpoints of earlier epochs are whole.",
            )
        self.optimiser.step()
        for kept in self.kept:
            kept.follow()
        return value.item()


def _digests(files: list[dict[str, str]]) -> list[str]:
    """Files by what they hold, whatever they are called."""
    return [file["sha256"] for file in files]


def starting_network(recipe: AnyRecipe, weights: Weights | None) -> nn.Module:
    """The recipe's network as training begins with it: by its seed, and the weights that there are."""
    torch.manual_seed(recipe.seed)
    model = build_model(recipe.model)
    if weights is not None:
        model.load_state_dict(weights.tensors, strict=False)  # fits: read_weights has compared them
    return model


@contextmanager
def _boards(folders: Sequence[Path]) -> Iterator[list[SummaryWriter]]:
    """TensorBoard's files, one in each folder."""
    with ExitStack() as stack:
        yield [stack.enter_context(SummaryWriter(str(folder))) for folder in folders]


def _record(folder: Path, board: SummaryWriter, metrics: dict[str, Any]) -> None:
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(metrics) + "\n")
    for key, value in metrics.items():
        if key != "epoch":
            board.add_scalar(key, value, metrics["epoch"])
