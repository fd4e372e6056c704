"""The features of a MitDet with and without InCDP: how well they tell figures from other nuclei, and how they look.

    python benchmarks/feature_space.py runs/mitdet --data regions-train [--figure-free tissue] --output features.png

RUN is a run of nuclei with child classes, the data those that it was trained with. Two of its networks see the same
crops: that of two classes, which the parent stage has left, and the joint one, which went on from it with child classes
and centre losses, and so has trained for longer. The crops are those on which the loss of validation is measured,
figures and as many other nuclei of regions that neither network was trained on (they chose the epoch of both).

A panel has the crops along the two principal axes of its network's own features, brought to length 1. Colours are
classes, shades child classes: of each crop that of its class whose centre is nearest in the parent network's features,
where child classes are made, so that a crop has one colour in both panels. The figure is the mean silhouette of the two
classes in all dimensions of these features, from -1 over 0, where the classes lie in each other, to 1 (Rousseeuw,
"Silhouettes", 1987). Needs anaphase[cpu,train,evaluation].
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.metrics import silhouette_score

from training import distributed
from training.checkpoints import BEST, load_checkpoint
from training.data.clusters import of_unit_length
from training.data.crops import Crops
from training.data.read import read_data
from training.data.split import split_fold
from training.models.build import build_model
from training.models.mitdet import CLASSES, FIGURE
from training.pictures.features import features_picture
from training.recipe import NucleiRecipe
from training.revalidate import recipe_of_run
from training.stages import CHILDREN, PARENT, Stages
from training.systems.nuclei import CropPredictor, Nuclei, features_of

Features = NDArray[np.floating]
Numbers = NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--figure-free", type=Path, nargs="+", default=[])
    parser.add_argument("--spacing-um", type=float, help="the pixel size of images that do not say theirs")
    parser.add_argument("--output", type=Path, required=True, metavar="PNG")
    options = parser.parse_args()

    run, recipe = options.run, recipe_of_run(options.run, [])
    if not isinstance(recipe, NucleiRecipe) or not recipe.model.children:
        parser.error(f"{run} has no child classes: give a run of nuclei with model.children")
    data = read_data(options.data, options.figure_free, recipe.input.resolution_um_px, options.spacing_um)
    split = split_fold(data, recipe, load_checkpoint(run / BEST)["fold"])
    stages = Stages(recipe, split, run, None)
    stages.crops()  # refuses data that the run was not trained with
    crops = Nuclei(recipe, stages.split, stages.device).validation_crops

    networks = {"without InCDP": run / PARENT, "with InCDP": run}
    features = {name: network_features(folder, crops, recipe) for name, folder in networks.items()}
    with np.load(run / CHILDREN) as file:
        labels = nearest_children(features["without InCDP"], crops.classes, file["child_centres"])
    found = {name: separation(of, crops.classes) for name, of in features.items()}
    titles = {f"{name}, silhouette {found[name]:.3f}": of for name, of in features.items()}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    features_picture(titles, labels, recipe.model.children).save(options.output)

    print("| network | dimensions | silhouette of the classes |\n|---|---|---|")
    for name, of in features.items():
        print(f"| {name} | {of.shape[1]} | {found[name]:.3f} |")
    figures = np.count_nonzero(crops.classes == FIGURE)
    print(f"\n{recipe.name}, seed {recipe.seed}; {figures} mitotic figures and {len(crops) - figures} other nuclei.")


def network_features(folder: Path, crops: Crops, recipe: NucleiRecipe) -> Features:
    """(N, C), of the best network of a run or of one of its stages."""
    model = build_model(recipe_of_run(folder, []).model, load_checkpoint(folder / BEST)["model"])
    device = distributed.device()
    return features_of(CropPredictor(model.to(device), recipe.input, device), crops, recipe.input.patch_px)


def nearest_children(features: Features, classes: Numbers, centres: Features) -> Numbers:
    """(N,), of the child classes of each crop's own class the one whose centre, a row of centres, is nearest."""
    class_of_centre = np.repeat(np.arange(CLASSES), len(centres) // CLASSES)
    distances = np.where(classes[:, None] == class_of_centre, cdist(features, centres), np.inf)
    return distances.argmin(axis=1)


def separation(features: Features, classes: Numbers) -> float:
    """The mean silhouette of the classes (N,) in features (N, C) brought to length 1."""
    return float(silhouette_score(of_unit_length(features), classes))


if __name__ == "__main__":
    main()
