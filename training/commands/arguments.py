"""Arguments that several commands have."""

import argparse
from pathlib import Path
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
DATA = (
    "annotated data sets: MIDOG++ layout, AMi-Br, SlideRunner database with its slides, TUPAC16 layout, AMIDA13, "
    "MITOS-ATYPIA 14"
)


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """The recipe, by name or file."""
    parser.add_argument("recipe", help="a recipe's name or a YAML file")


def add_overrides(parser: argparse.ArgumentParser, text: str = "settings to change, as optimiser.epochs=3") -> None:
    """`key=value` words, which may stand before and after the options."""
    parser.add_argument("overrides", nargs="*", metavar="key=value", help=text)


def add_data(parser: argparse.ArgumentParser, text: str = DATA, required: bool = True) -> None:
    """The data sets, and the spacing of images without one."""
    parser.add_argument("--data", type=Path, nargs="+", required=required, help=text)
    parser.add_argument("--spacing-um", type=float, metavar="X", help="um per pixel of images that do not say it")
