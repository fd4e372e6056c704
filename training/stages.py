"""The stages of a run of nuclei, each of which leaves a file or a run of its own in the run's folder.

    crops.npz                   all figures and nuclei of the training regions
    first.npz, clusters/        the first draw of nuclei without a figure, and pictures of what it is drawn from
    difficulty-0/ and so on     networks that judge this draw, each the part that it was not trained on
    second.npz                  what of the draw stays
    parent/                     the network of two classes
    children.npz, children.png  the classes within them, and the features that they are made of

In the run's own folder is the last stage: the joint one, or without child classes the network of two classes. A resumed
run makes what is missing.

Source: MitDet (Wang, Lin, Li et al.), sections 3.2 and 3.4.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from torch import nn

from algorithm.errors import AlgorithmError
from training import distributed
from training.checkpoints import BEST, LAST, load_checkpoint
from training.data.clusters import drawn, k_means, principal_axes
from training.data.colour_domains import ColourDomains
from training.data.crops import Crops
from training.data.diverse_balanced import Numbers, first_sample, scored_by, second_sample
from training.data.split import Split
from training.data.stain_template import split_as_template
from training.models.build import build_model
from training.models.mitdet import FIGURE, Answers, MitDet
from training.pictures.clusters import write_clusters
from training.pictures.features import features_picture
from training.recipe import NucleiRecipe
from training.systems.incdp import Children, buffers, divide
from training.systems.nuclei import CropPredictor, Nuclei, features_of, find_crops, judged
from training.trainer import Trainer, starting_network, train
from training.weights.files import Weights, read_weights, write_weights

Arrays = dict[str, NDArray[Any]]
START, CROPS, FIRST, SECOND, CHILDREN = "start.safetensors", "crops.npz", "first.npz", "second.npz", "children.npz"
CLUSTERS, DIFFICULTY, PARENT, PICTURE = "clusters", "difficulty", "parent", "children.png"
NOBODY = -1


def last_stage(recipe: NucleiRecipe, split: Split, run: Path, resume: bool, weights: Weights | None) -> Trainer:
    """Runs all stages but the last, or those of them that are left, and gives what trains the last one.

    weights: to start from, unless resumed. Raises AlgorithmError where the folder holds another run or nothing to
    resume, and where what no weights bring is to be frozen; InputError where a class of crops is missing.
    """
    if not resume and (run / CROPS).exists():
        raise AlgorithmError(f"{run} already holds a run.", "Add --resume to go on with it, or give another folder.")
    if resume and not run.exists():
        raise AlgorithmError(f"There is no run {run}.", "Leave --resume out.")
    if not resume and recipe.model.frozen and weights is None:
        fix = "Give --weights, or set model.frozen=false."
        raise AlgorithmError(f"{recipe.name} freezes what weights bring, and there are none.", fix)
    if not resume and weights is not None and distributed.rank() == 0:
        source = {key: str(value) for key, value in weights.record.items()}
        write_weights(run / START, weights.tensors, source)
    distributed.wait()
    start = read_weights(run / START, recipe.model) if (run / START).exists() else None
    return Stages(recipe, split, run, start).last()


class Stages:
    """Of one run; start: the weights with which every network begins but the last, which goes on from the parent."""

    def __init__(self, recipe: NucleiRecipe, split: Split, run: Path, start: Weights | None) -> None:
        self.recipe, self.split, self.run, self.start = recipe, split_as_template(split, recipe), run, start
        self.device = distributed.device()
        changes = {"model": recipe.model.model_copy(update={"children": 0}), "select_on": "loss"}
        self.two_classes = recipe.model_copy(update=changes)

    def last(self) -> Trainer:
        """What trains the last stage, after all others."""
        crops = self.chosen(self.crops())
        if not self.recipe.model.children:
            return Trainer(self.recipe, self.split, self.start, self._system(self.recipe, crops))
        parent = self._trained(self.two_classes, crops, PARENT)
        children = self.children(parent, crops)
        begun = read_weights(self.run / PARENT, self.recipe.model)
        weights = Weights({**begun.tensors, **buffers(children)}, begun.record)
        return Trainer(self.recipe, self.split, weights, self._system(self.recipe, crops, children.labels))

    def crops(self) -> Crops:
        """All of the training regions."""
        regions = [region for regions in self.split.training for region in regions]
        names = np.array([region.name for region in regions])
        # refuses what cannot be shown in other colours before nuclei are sought
        ColourDomains(regions, self.recipe.sampling, self.recipe.seed, self.split.generators)

        def make() -> Arrays:
            with Progress() as progress:
                bar = progress.add_task("nuclei", total=len(regions))
                found = find_crops(self.recipe, regions, lambda: progress.advance(bar))
            return {"names": names, "region": found.region, "points": found.points, "classes": found.classes}

        kept = self._kept(CROPS, make)
        if not np.array_equal(kept["names"], names):
            raise AlgorithmError("The run was started with other data or another fold.", "Give the same.")
        return Crops(regions, kept["region"], kept["points"], kept["classes"])

    def chosen(self, crops: Crops) -> Crops:
        """All figures, all look-alikes where the recipe wants them, and the nuclei that its balance takes."""
        settings, rng = self.recipe.sampling, np.random.default_rng(self.recipe.seed)
        figures = np.flatnonzero(crops.classes == FIGURE)
        look_alikes = crops.of_look_alikes() if settings.look_alikes else figures[:0]
        others = np.setdiff1d(np.flatnonzero(crops.classes != FIGURE), look_alikes)
        if settings.balance == "none":
            count = min(math.ceil(settings.ratio * len(figures)), len(others))
            taken = np.sort(rng.choice(others, count, replace=False))
        else:
            clusters, taken = self._first(crops, figures, others)
        if settings.balance == "both":
            taken = self._second(crops, figures, others, clusters, taken)
        return crops.taken(np.concatenate([figures, look_alikes, taken]))

    def children(self, parent: MitDet, crops: Crops) -> Children:
        """The child classes of the crops, by the features that the parent network has of them."""

        def make() -> Arrays:
            number, features = self.recipe.model.children, self._features(parent, crops)
            found = divide(features, crops.classes, number, self.recipe.seed)
            features_picture({"": features}, found.labels, number).save(self.run / PICTURE)
            return found._asdict()

        return Children(**self._kept(CHILDREN, make))

    def _first(self, crops: Crops, figures: Numbers, others: Numbers) -> tuple[Numbers, Numbers]:
        """The clusters of the nuclei without a figure, and those of them that are drawn from all clusters alike."""
        settings, seed = self.recipe.sampling, self.recipe.seed

        def make() -> Arrays:
            model = starting_network(self.two_classes, self.start).to(self.device)
            fitted = crops.taken(others[drawn(len(others), seed)])
            axes = principal_axes(self._features(model, fitted))
            told = self._judged(model, crops.taken(others))
            points = np.concatenate([axes.reduced(of_batch.features.numpy()) for of_batch in told])
            clusters = k_means(points, settings.clusters, seed).labels
            sample = first_sample(clusters, len(figures), settings.ratio, np.random.default_rng(seed))
            side = self.recipe.input.patch_px
            write_clusters(
                self.run / CLUSTERS, points[sample], clusters[sample], lambda n: crops.pixels(others[sample[n]], side)
            )
            return {"clusters": clusters, "taken": others[sample]}

        kept = self._kept(FIRST, make)
        return kept["clusters"], kept["taken"]

    def _second(self, crops: Crops, figures: Numbers, others: Numbers, clusters: Numbers, taken: Numbers) -> Numbers:
        """Of the nuclei without a figure those that are hard for networks that were not trained on them."""
        settings, seed = self.recipe.sampling, self.recipe.seed
        if (self.run / SECOND).exists():
            return self._kept(SECOND, dict)["taken"]
        parts = scored_by(len(taken), settings.parts, np.random.default_rng(seed))
        networks = [self._difficulty(crops, figures, taken[parts != part], part) for part in range(settings.parts)]
        pool = taken if settings.pool == "first" else others

        def make() -> Arrays:
            own = dict(zip(taken.tolist(), parts.tolist(), strict=True))
            trained_on = np.array([own.get(number, NOBODY) for number in pool.tolist()])
            judges = np.stack([self._probabilities(network, crops.taken(pool)) for network in networks])
            may = (trained_on == np.arange(len(networks))[:, None]) | (trained_on == NOBODY)
            probabilities = (judges * may).sum(axis=0) / may.sum(axis=0)
            of_pool = clusters[np.searchsorted(others, pool)]
            return {"taken": pool[second_sample(probabilities, of_pool, len(figures), settings.epsilon)]}

        return self._kept(SECOND, make)["taken"]

    def _difficulty(self, crops: Crops, figures: Numbers, others: Numbers, part: int) -> MitDet:
        """A network trained on some of the nuclei without a figure."""
        length = {"epochs": self.recipe.sampling.difficulty_epochs, "patience": None}  # all judges learn for as long
        optimiser = self.recipe.optimiser.model_copy(update=length)
        changes = {"optimiser": optimiser, "seed": self.recipe.seed + part, "select_on": "last"}
        recipe = self.two_classes.model_copy(update=changes)
        return self._trained(recipe, crops.taken(np.concatenate([figures, others])), f"{DIFFICULTY}-{part}")

    def _trained(self, recipe: NucleiRecipe, crops: Crops, folder: str) -> MitDet:
        """The best network of a run inside the run's folder, which is finished where it has begun."""
        run = self.run / folder
        trainer = Trainer(recipe, self.split, self.start, self._system(recipe, crops, searches=False))
        train(trainer, run, resume=(run / LAST).exists())
        model = build_model(recipe.model, load_checkpoint(run / BEST)["model"]).to(self.device)
        assert isinstance(model, MitDet)
        return model

    def _system(
        self, recipe: NucleiRecipe, crops: Crops, children: Numbers | None = None, searches: bool = True
    ) -> Nuclei:
        return Nuclei(recipe, self.split, self.device, crops, children, searches)

    def _judged(self, model: nn.Module, crops: Crops) -> Iterator[Answers]:
        return judged(self._predictor(model), crops, self.recipe.input.patch_px)

    def _features(self, model: nn.Module, crops: Crops) -> NDArray[np.float32]:
        return features_of(self._predictor(model), crops, self.recipe.input.patch_px)

    def _predictor(self, model: nn.Module) -> CropPredictor:
        return CropPredictor(model, self.recipe.input, self.device)

    def _probabilities(self, model: nn.Module, crops: Crops) -> NDArray[np.float64]:
        """(N,), of the figure."""
        answers = [
            torch.softmax(of_batch.parents.double(), dim=1)[:, FIGURE] for of_batch in self._judged(model, crops)
        ]
        return torch.cat(answers).numpy()

    def _kept(self, name: str, make: Callable[[], Arrays]) -> Arrays:
        """The arrays of a file in the run's folder, which the first process makes where it is missing."""
        path = self.run / name
        if distributed.rank() == 0 and not path.exists():
            self.run.mkdir(parents=True, exist_ok=True)
            with distributed.alone():
                arrays = make()
            beside = path.with_suffix(".partial.npz")
            np.savez_compressed(beside, allow_pickle=False, **arrays)
            beside.replace(path)
        distributed.wait()
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
