"""Training of one fold. A run stops and resumes at any epoch."""

from dataclasses import replace
from pathlib import Path

from algorithm.bundle import load_second_stage
from algorithm.errors import AlgorithmError
from training import distributed
from training.checkpoints import LAST
from training.data.folds import Fold
from training.data.read import Data
from training.data.split import Split, split_fold
from training.generators import Generators
from training.optimiser_settings import OptimiserSettings
from training.recipe import AnyRecipe, DetectionRecipe, NucleiRecipe, RestainRecipe, SegmentationRecipe
from training.restain import train_generators
from training.revalidate import test_best
from training.stages import last_stage
from training.systems.segmentation import with_literal_epoch
from training.trainer import Trainer, train
from training.weights.files import Weights


def fit(
    recipe: AnyRecipe,
    data: Data,
    run: Path,
    fold: Fold,
    resume: bool,
    weights: Weights | None = None,
    generators: Generators | None = None,
) -> dict[Path, dict[str, float]]:
    """Train the recipe on all but one fold; the run's folder gets checkpoints, metrics.jsonl and TensorBoard's files.

    Where the recipe keeps several networks each has a folder inside the run's for these, but for the last checkpoint,
    which is of them all; each generator of a recipe that restains has a folder there for a run of its own. Returns what
    the best of each finds in the held-out domain, by the folder of the checkpoint into which it is written; nothing
    where folds are by slide.

    The random numbers of a batch follow from the recipe's seed, the epoch and the batch alone, so a resumed run goes
    on as if it had never stopped. weights: tensors to start from, unless resumed. generators: for unsa=restain.
    Where several processes train (training/distributed.py), all call this, and the first validates and writes while the
    others wait. Raises AlgorithmError where the folder holds another run or nothing to resume, where a batch cannot be
    divided, and where weights or generators have seen what is held out; BundleError where the recipe's second stage is
    none.
    """
    _check_divisible(recipe.optimiser)
    if isinstance(recipe, DetectionRecipe) and recipe.second_stage is not None:
        load_second_stage(recipe.second_stage)  # not asked before the first epoch is over, and better known now
    split = split_fold(data, recipe, fold)
    _check_same_fold(weights, split.fold)
    if isinstance(recipe, SegmentationRecipe):
        recipe = with_literal_epoch(recipe, split)
    if isinstance(recipe, RestainRecipe):
        if weights is not None:
            raise AlgorithmError(f"{recipe.name} trains generators from the start.", "Leave the weights out.")
        train_generators(recipe, split, run, resume)
        return {}
    if isinstance(recipe, NucleiRecipe):
        split = _with_generators(split, recipe, generators)
        trainer = last_stage(recipe, split, run, resume, weights)
        resume = (run / LAST).exists()
    else:
        trainer = Trainer(recipe, split, weights)
    train(trainer, run, resume)
    if distributed.rank() > 0 or not split.tested:
        return {}
    with distributed.alone():
        return {
            folder: test_best(folder, trainer.system, trainer.device)
            for folder in (run / kept.folder for kept in trainer.kept)
        }


def _with_generators(split: Split, recipe: NucleiRecipe, generators: Generators | None) -> Split:
    if generators is not None:
        generators.require_same_fold(recipe, split.fold)
    return replace(split, generators=generators)


def _check_same_fold(weights: Weights | None, fold: Fold) -> None:
    """A run that goes on from another's weights must hold out the same, or it has seen what it is measured on."""
    if weights is not None and weights.record.get("fold", fold) != fold:
        seen = f"held out {weights.record['fold']}, and this run would hold out {fold}, which that one has seen."
        raise AlgorithmError(f"{weights.record['file']} {seen}", "Start from a run of the same fold.")


def _check_divisible(settings: OptimiserSettings) -> None:
    parts = distributed.world_size() * settings.accumulate
    if settings.batch_size % parts:
        raise AlgorithmError(
            f"A batch of {settings.batch_size} tiles cannot be cut into {parts} equal parts, {settings.accumulate} for "
            f"each of {distributed.world_size()} processes.",
            f"Set optimiser.batch_size to a multiple of {parts}, or change optimiser.accumulate or the processes.",
        )
