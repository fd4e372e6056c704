"""Which threshold a classifier should have: one half, or the one that is best on the slides at hand.

    python benchmarks/classifier_threshold.py bundles/multitask_small --patches AMi-Br

The figures of AMi-Br's training part, each typed by the members of the bundle that were not trained on its slide. The
slides are halved at random, many times; one half chooses the temperature and a threshold, the other says what they are
worth. Nothing of the test part is read. Needs anaphase[cpu,train]; the table is in docs/results.md.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algorithm.bundle import load_classification_bundle
from evaluation.classification import scores
from training.bundles.calibration import unseen_figures
from training.bundles.classification import ClassificationBundles
from training.data.typed import read_typed
from training.recipe import ClassificationRecipe, load_recipe

THRESHOLDS = np.linspace(0.2, 0.8, 61)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--patches", type=Path, required=True, help="AMi-Br's folder")
    parser.add_argument("--halves", type=int, default=300, help="how many times the slides are halved")
    options = parser.parse_args()

    manifest = load_classification_bundle(options.bundle).manifest
    recipe = load_recipe(manifest.members[0].recipe or manifest.provenance.recipe)
    assert isinstance(recipe, ClassificationRecipe)
    data = read_typed([options.patches], recipe.input.resolution_um_px)
    folds = [member.held_out for member in manifest.members if member.held_out is not None]
    unseen = unseen_figures(ClassificationBundles(recipe).logits(options.bundle), recipe, folds, data)

    slides, random = np.unique(unseen.slides), np.random.default_rng(0)
    found: dict[str, list[float]] = {"one half": [], "the best on the first half": []}
    for _ in range(options.halves):
        first, second = (unseen.of(half) for half in np.array_split(random.permutation(slides), 2))
        temperature = first.temperature()
        chosen_on, typed = first.probabilities(temperature), second.probabilities(temperature)
        found["one half"].append(balanced_accuracy(second.atypical, typed, 0.5))
        reached = [balanced_accuracy(first.atypical, chosen_on, threshold) for threshold in THRESHOLDS]
        best = THRESHOLDS[int(np.argmax(reached))]
        found["the best on the first half"].append(balanced_accuracy(second.atypical, typed, best))
    print("| threshold | balanced accuracy on the other half, mean (standard deviation) |\n|---|---|")
    for name, values in found.items():
        print(f"| {name} | {np.mean(values):.3f} ({np.std(values):.3f}) |")
    worse = np.mean(np.array(found["the best on the first half"]) < np.array(found["one half"]))
    print(f"\n{len(slides)} slides, {options.halves} times halved; one half is the better in {worse:.0%} of them.")


def balanced_accuracy(atypical: NDArray[np.bool_], probabilities: NDArray[np.float64], threshold: float) -> float:
    """Of figures' probabilities (N,) at a threshold."""
    found = scores(atypical, probabilities >= threshold, probabilities)["balanced_accuracy"]
    assert found is not None
    return found


if __name__ == "__main__":
    main()
