"""What typing a figure costs: a bundle in ONNX Runtime beside the same networks in torch.

    python benchmarks/classifier_time.py bundles/multitask_small [--patches 64]

Both type the same patches of noise with every member and rotation, from pixels to classes: `Classifier` as `classify`
runs it on a CPU, and networks of the members' recipes in eager torch, whose weights are random, which takes no other
time. Torch takes all patches as one batch. Two threads each. Needs anaphase[cpu,train], and
[pretrained] for members of multitask_lite; the last table is in benchmarks/README.md.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from timing import conditions, median_seconds

from algorithm.bundle import load_classification_bundle
from algorithm.classifier import Classifier, decide, member_probabilities
from training.models.build import build_model
from training.predictor import Predictor
from training.recipe import load_recipe

THREADS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--patches", type=int, default=64)
    options = parser.parse_args()

    torch.set_num_threads(THREADS)
    bundle = load_classification_bundle(options.bundle)
    manifest = bundle.manifest
    classifier = Classifier(bundle, "cpu", THREADS)
    recipes = [load_recipe(member.recipe or manifest.provenance.recipe) for member in manifest.members]
    models = [build_model(recipe.model) for recipe in recipes]
    predictors = [Predictor(model, manifest.input, torch.device("cpu")) for model in models]
    side = manifest.input.patch_px
    patches = np.random.default_rng(0).integers(0, 256, (options.patches, side, side, 3), np.uint8)

    def in_torch() -> None:
        postprocess = manifest.postprocess
        found = [member_probabilities(predictor.logits, patches, postprocess) for predictor in predictors]
        decide(np.concatenate(found, axis=1), postprocess)

    medians = median_seconds({"torch": in_torch, "ONNX Runtime": lambda: classifier.classify(patches)})
    members, rotations = len(manifest.members), manifest.postprocess.rotations
    print(f"{manifest.name} {manifest.version}, {members} members, {rotations} rotations; {conditions()}\n")
    print("| way | ms a patch | times torch |\n|---|---|---|")
    for way, seconds in medians.items():
        print(f"| {way} | {1000 * seconds / len(patches):.1f} | {seconds / medians['torch']:.2f} |")


if __name__ == "__main__":
    main()
