"""The card of a bundle: what its checkpoints cannot say of themselves."""

from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from algorithm.errors import AlgorithmError
from algorithm.manifest import DataSource
from algorithm.settings import Settings, first_problem


class Card(Settings):
    """What the checkpoints cannot say of themselves: a YAML file given to the export."""

    name: str
    version: str
    datasets: tuple[DataSource, ...] = Field(min_length=1)
    intended_use: str


def read_card(path: Path) -> Card:
    """Raises AlgorithmError for a file that cannot be read or lacks something."""
    try:
        return Card.model_validate(yaml.safe_load(path.read_text()))
    except OSError as error:
        raise AlgorithmError(
            f"{path} cannot be read: {error.strerror}.", "Give a card, see docs/training.md."
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise AlgorithmError(
            f"{path} is no YAML file: {problem}.", "Correct the card, see docs/training.md."
        ) from error
    except ValidationError as error:
        raise AlgorithmError(f"{path}: {first_problem(error)}.", "Complete the card, see docs/training.md.") from error
