"""Training of one fold: batches, epochs, validation, checkpoints. A run stops and resumes at any epoch."""

import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from algorithm.errors import AlgorithmError
from training.augment.geometry import window_size
from training.augment.tiles import augmented_tiles
from training.checkpoints import BEST, LAST, load_checkpoint, save_checkpoint
from training.data.folds import Fold
from training.data.read import Data
from training.data.sampling import TileSampler
from training.data.split import Split, split_fold
from training.data.stains import RegionStains
from training.models.build import build_model
from training.recipe import AugmentSettings, OptimiserSettings, Recipe, recipe_from
from training.systems.segmentation import TilePredictor, loss, normalise
from training.validation import best_score, metrics
from training.weights.files import Weights

VALIDATION_BATCHES = 8
UNCHANGED = AugmentSettings(flips_and_turns=False)


def fit(recipe: Recipe, data: Data, run: Path, fold: Fold, resume: bool, weights: Weights | None = None) -> None:
    """Train the recipe on all but one fold; the run's folder gets checkpoints, metrics.jsonl and TensorBoard's files.

    The random numbers of a batch follow from the recipe's seed, the epoch and the batch alone, so a resumed run goes
    on as if it had never stopped. weights: tensors to start from, unless resumed. Raises AlgorithmError where the
    folder holds another run or nothing to resume.
    """
    trainer = Trainer(recipe, split_fold(data, recipe, fold), weights)
    if resume:
        trainer.restore(load_checkpoint(run / LAST))
    elif (run / LAST).exists():
        raise AlgorithmError(f"{run} already holds a run.", "Add --resume to go on with it, or give another folder.")
    run.mkdir(parents=True, exist_ok=True)
    with SummaryWriter(str(run)) as board, Progress() as progress:
        title = f"{recipe.name}, fold {trainer.fold}"
        bar = progress.add_task(title, total=recipe.optimiser.epochs, completed=trainer.epoch)
        while trainer.epoch < recipe.optimiser.epochs:
            batches = progress.add_task(f"epoch {trainer.epoch + 1}", total=recipe.optimiser.batches_per_epoch)
            metrics = trainer.run_epoch(lambda task=batches: progress.advance(task))
            progress.remove_task(batches)
            if trainer.improved:
                save_checkpoint(run / BEST, trainer.state())
            save_checkpoint(run / LAST, trainer.state())  # last: a run killed before it repeats the epoch
            _record(run, board, metrics)
            progress.advance(bar)


class Trainer:
    """A network, its optimiser and where they stand."""

    def __init__(self, recipe: Recipe, split: Split, weights: Weights | None = None) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.fold = recipe, split.fold
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = build_model(recipe.model)
        self.weights = None if weights is None else weights.record
        self.masks = split.masks
        if weights is not None:
            self.model.load_state_dict(weights.tensors, strict=False)  # fits: read_weights has compared them
        self.model.to(self.device)
        self.optimiser = _adamw(self.model, recipe.optimiser)
        tile, resolution = recipe.input.tile_px, recipe.input.resolution_um_px
        stains = RegionStains(recipe.augment.stain_model, recipe.seed)
        self.sampler = TileSampler(split.training, tile, resolution, recipe.sampling, stains)
        self.validation_sampler = TileSampler(split.validation, tile, resolution, recipe.sampling)
        self.validation_regions = split.searched
        self.epoch = 0
        self.best: dict[str, Any] = {}
        self.improved = False

    def run_epoch(self, advance: Any) -> dict[str, Any]:
        """Train for one epoch, then validate: the metrics, one flat dict."""
        total = self.recipe.optimiser.batches_per_epoch
        losses = []
        for number, (tiles, masks) in enumerate(self._batches()):
            losses.append(self._step(self.epoch * total + number, tiles, masks))
            advance()
        self.epoch += 1
        metrics = {"epoch": self.epoch, "training_loss": float(np.mean(losses)), **self._validate()}
        key, sign = ("validation_f1", 1) if self.recipe.select_on == "f1" else ("validation_loss", -1)
        self.improved = not self.best or sign * metrics[key] > sign * self.best[key]
        if self.improved:
            self.best = metrics
        return metrics

    def state(self) -> dict[str, Any]:
        """All that resuming or exporting needs."""
        recipe = self.recipe.model_dump(mode="json")
        parts = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        where = {"fold": self.fold, "epoch": self.epoch, "best": self.best}
        return {"recipe": recipe, **where, "weights": self.weights, "masks": self.masks, **parts}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint of the same recipe, fold and masks."""
        if (recipe_from(state["recipe"], LAST), state["fold"]) != (self.recipe, self.fold):
            raise AlgorithmError("The run was started with another recipe or fold.", "Give the same, or a new folder.")
        if _digests(state.get("masks", [])) != _digests(self.masks):
            raise AlgorithmError("The run was started with other masks.", "Give the same --masks, or a new folder.")
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.best, self.weights = state["epoch"], state["best"], state.get("weights")

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The epoch's batches, each made while the one before it is trained on."""
        count = self.recipe.optimiser.batches_per_epoch
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self._make_batch, 0)
            for number in range(1, count + 1):
                batch = coming.result()
                if number < count:
                    coming = pool.submit(self._make_batch, number)
                yield batch

    def _make_batch(self, number: int) -> tuple[Tensor, Tensor]:
        recipe = self.recipe
        rng = np.random.default_rng([recipe.seed, self.epoch, number])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        side = window_size(recipe.input.tile_px, recipe.augment)
        windows = self.sampler.batch(rng, recipe.optimiser.batch_size, side)
        return augmented_tiles(windows, recipe.input.tile_px, recipe.augment, generator)

    @torch.no_grad()
    def _hardest(self, tiles: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """As many tiles as a batch has: the positives, and the negatives that the network takes most for figures."""
        size = self.recipe.optimiser.batch_size
        if len(tiles) == size:
            return tiles, masks
        positives = self.sampler.positives(size)
        self.model.eval()
        logits = self.model(normalise(tiles[positives:], self.recipe.input))
        hardest = logits.amax((1, 2, 3)).topk(size - positives).indices + positives
        kept = torch.cat([torch.arange(positives, device=tiles.device), hardest])
        return tiles[kept], masks[kept]

    def _step(self, step: int, tiles: Tensor, masks: Tensor) -> float:
        settings = self.recipe.optimiser
        torch.manual_seed(self.recipe.seed * 1_000_003 + step)  # for drop path, so that resuming repeats it
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(settings, step)
        tiles, masks = self._hardest(tiles.to(self.device), masks.to(self.device))
        self.model.train()
        value = loss(self.model(normalise(tiles, self.recipe.input)), masks, self.recipe.loss)
        self.optimiser.zero_grad()
        value.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), settings.gradient_clip)
        if not norm.isfinite():
            raise AlgorithmError(
                f"Training diverged: the gradient of batch {step % settings.batches_per_epoch + 1} of epoch "
                f"{self.epoch + 1} is not finite.",
                "Start anew with a lower optimiser.learning_rate; the checkpoints of earlier epochs are whole.",
            )
        self.optimiser.step()
        return value.item()

    def _validate(self) -> dict[str, float]:
        predict = TilePredictor(self.model, self.recipe.input, self.device)
        score = best_score(predict, self.validation_regions, self.recipe)
        return {"validation_loss": self._validation_loss(), **metrics(score)}

    @torch.inference_mode()
    def _validation_loss(self) -> float:
        """Of the same tiles after every epoch, as they are in the held-out regions."""
        recipe, tile = self.recipe, self.recipe.input.tile_px
        rng, generator = np.random.default_rng(recipe.seed), torch.Generator()
        self.model.eval()
        losses = []
        for _ in range(VALIDATION_BATCHES):
            windows = self.validation_sampler.batch(rng, recipe.optimiser.batch_size, tile)
            tiles, masks = augmented_tiles(windows, tile, UNCHANGED, generator)
            logits = self.model(normalise(tiles.to(self.device), recipe.input))
            losses.append(loss(logits, masks.to(self.device), recipe.loss).item())
        return float(np.mean(losses))


def _digests(masks: list[dict[str, str]]) -> list[str]:
    """Files of masks by what they hold, whatever they are called."""
    return [file["sha256"] for file in masks]


def learning_rate(settings: OptimiserSettings, step: int) -> float:
    """Linear warm-up, then constant or a cosine to zero at the last step."""
    if step < settings.warmup_batches:
        return settings.learning_rate * (step + 1) / settings.warmup_batches
    if settings.schedule == "constant":
        return settings.learning_rate
    last = settings.epochs * settings.batches_per_epoch
    share = (step - settings.warmup_batches) / max(1, last - settings.warmup_batches)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def _adamw(model: nn.Module, settings: OptimiserSettings) -> torch.optim.AdamW:
    """Weight decay on matrices and kernels alone: none on norms, biases and the scan's A and D."""
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        plain = parameter.ndim > 1 and not name.endswith(("A_logs", "Ds", "dt_projs_bias"))
        (decayed if plain else kept).append(parameter)
    groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


def _record(run: Path, board: SummaryWriter, metrics: dict[str, Any]) -> None:
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(metrics) + "\n")
    for key, value in metrics.items():
        if key != "epoch":
            board.add_scalar(key, value, metrics["epoch"])
