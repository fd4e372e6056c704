"""The command line of training: python -m training fit | validate | export | describe."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from algorithm.errors import AlgorithmError


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 done, 1 failed with a sentence on stderr, 2 usage."""
    options = _parse(arguments)
    try:
        options.command(options)
    except AlgorithmError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    """As argparse does, but with overrides before and after the options: argparse alone takes them in one place."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    foreign = [word for word in rest if "overrides" not in options or word.startswith("-") or "=" not in word]
    if foreign:
        parser.error(f"unrecognized arguments: {' '.join(foreign)}")
    if rest:
        options.overrides = [*options.overrides, *rest]
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Train detectors and export them.")
    commands = parser.add_subparsers(required=True)

    fit = commands.add_parser("fit", help="train one fold of a recipe")
    fit.add_argument("recipe", help="a recipe's name or a YAML file")
    fit.add_argument("overrides", nargs="*", metavar="key=value", help="settings to change, as optimiser.epochs=3")
    fit.add_argument("--data", type=Path, nargs="+", required=True, help="annotated data sets: MIDOG++ layout, AMi-Br")
    fit.add_argument("--figure-free", type=Path, nargs="+", default=[], help="folders of pictures without figures")
    fit.add_argument("--output", type=Path, required=True, metavar="RUN", help="the run's folder")
    fit.add_argument("--fold", type=int, default=0, help="the fold that is held out")
    fit.add_argument("--resume", action="store_true", help="go on from the run's last checkpoint")
    fit.set_defaults(command=_fit)

    validate = commands.add_parser("validate", help="measure a run on its held-out fold with other tiles or thresholds")
    validate.add_argument("run", type=Path, metavar="RUN", help="the run's folder")
    validate.add_argument(
        "overrides", nargs="*", metavar="key=value", help="as input.overlap=0.5, postprocess.centre=box"
    )
    validate.add_argument("--data", type=Path, nargs="+", required=True, help="the data sets of the run")
    validate.add_argument("--keep", action="store_true", help="export with these settings from now on")
    validate.set_defaults(command=_validate)

    export = commands.add_parser("export", help="make a bundle of one run, or an ensemble of several")
    export.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folders of runs of one recipe")
    export.add_argument("--output", type=Path, required=True, metavar="BUNDLE", help="the bundle's folder, new")
    export.add_argument("--card", type=Path, required=True, help="YAML: name, version, datasets, intended_use")
    export.set_defaults(command=_export)

    describe = commands.add_parser("describe", help="what a recipe's network costs")
    describe.add_argument("recipe", help="a recipe's name or a YAML file")
    describe.add_argument("overrides", nargs="*", metavar="key=value", help="settings to change")
    describe.add_argument("--json", action="store_true", help="print one JSON object")
    describe.set_defaults(command=_describe)
    return parser


def _fit(options: argparse.Namespace) -> None:
    from training.data.read import read_data
    from training.fit import fit
    from training.recipe import load_recipe

    recipe = load_recipe(options.recipe, options.overrides)
    data = read_data(options.data, options.figure_free, recipe.input.resolution_um_px)
    print("\n".join(data.summary))
    fit(recipe, data, options.output, options.fold, options.resume)


def _validate(options: argparse.Namespace) -> None:
    from training.data.read import read_data
    from training.revalidate import recipe_of_run, revalidate

    recipe = recipe_of_run(options.run, options.overrides)
    data = read_data(options.data, [], recipe.input.resolution_um_px)
    score = revalidate(options.run, recipe, data, options.keep)
    counts = score.counts
    parts = f"precision {counts.precision:.3f}, recall {counts.recall:.3f}"
    print(f"F1 {counts.f1:.3f} ({parts}) at threshold {score.threshold}")


def _export(options: argparse.Namespace) -> None:
    from training.export import export, read_card

    difference = export(options.runs, read_card(options.card), options.output)
    print(f"{options.output}: {len(options.runs)} members, logits within {difference:.1e} of the checkpoints")


def _describe(options: argparse.Namespace) -> None:
    from training.models.describe import describe
    from training.recipe import load_recipe

    found = describe(load_recipe(options.recipe, options.overrides))
    if options.json:
        print(json.dumps(dataclasses.asdict(found)))
        return
    products = f"{found.multiply_accumulates / 1e9:.2f} G multiply-accumulates"
    print(f"{found.recipe}: {found.parameters:,} parameters in {found.tensors} tensors")
    print(f"{products} (convolutions and linear layers) a {found.tile_px}-px tile")
    for name, shape in found.shapes.items():
        print(f"  {name:<16} {' x '.join(str(size) for size in shape[1:])}")


if __name__ == "__main__":
    sys.exit(main())
