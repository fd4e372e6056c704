"""The command line of training: python -m training fit | export | describe."""

import argparse
import sys
from pathlib import Path

from algorithm.errors import AlgorithmError


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 done, 1 failed with a sentence on stderr, 2 usage."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except AlgorithmError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


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
    return parser


def _fit(options: argparse.Namespace) -> None:
    from training.data.read import read_data
    from training.fit import fit
    from training.recipe import load_recipe

    recipe = load_recipe(options.recipe, options.overrides)
    data = read_data(options.data, options.figure_free, recipe.input.resolution_um_px)
    print("\n".join(data.summary))
    fit(recipe, data, options.output, options.fold, options.resume)


if __name__ == "__main__":
    sys.exit(main())
