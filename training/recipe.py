"""A recipe: everything that decides what a training run does, read from training/recipes/NAME.yaml or a file."""

import copy
import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from algorithm.boxes_manifest import BoxesPostprocess
from algorithm.classification_manifest import ClassificationInput, ClassificationPostprocess
from algorithm.errors import AlgorithmError
from algorithm.manifest import InputSettings, Postprocess, Thresholds, check_turns
from algorithm.nuclei_manifest import CandidateSettings, NucleiInput, NucleiPostprocess
from algorithm.settings import Settings, first_problem
from algorithm.size import Size
from algorithm.stain import USUAL, StainEstimation, StainModel
from training.data.folds import FoldsBy
from training.data.three_levels import Mode
from training.loss_settings import BoxLossSettings, LossSettings, TaskSettings
from training.mask_settings import MaskSettings
from training.model_settings import (
    MitDetSettings,
    ModelSettings,
    MultitaskSettings,
    Positive,
    RestainerSettings,
    RTMDetSettings,
    SegmentationModel,
    Share,
    TimmSettings,
)
from training.nuclei_settings import InCDPSettings, NucleiSampling
from training.optimiser_settings import OptimiserSettings
from training.restain_settings import RestainInput, RestainLossSettings

FOLDER = Path(__file__).with_name("recipes")
Range = tuple[float, float]
ValidateOn = Literal["slides", "domain"]
LEAST_JUDGED_PX = 24
"""The side of the least square that a discriminator of patches has an answer to."""


class SamplingSettings(Settings):
    """Which tiles make a batch, and how many batches an epoch (systems of segmentation).

    epoch: "balanced" has `optimiser.batches_per_epoch`, and in them every figure in turn, the data sets in equal
    shares; "literal" has as many as show every tile of detection's grid that holds a figure once. Of `negatives_drawn`
    times the negatives that a batch holds, those are kept that the network takes most for figures. least_tissue: the
    share of a negative tile.
    """

    epoch: Literal["balanced", "literal"] = "balanced"
    positive_fraction: Share = 0.5
    hard_negative_fraction: Share = 0.5
    negatives_drawn: int = Field(1, ge=1)
    least_tissue: Share = 0.25


class AnchorSamplingSettings(Settings):
    """Which tiles make a batch (systems of boxes): about an annotated figure or look-alike each (data/three_levels.py).

    empty_fraction: of a batch from anywhere in regions without figures, where there are such. box_um: the side of the
    boxes about figures and look-alikes. mosaic: the share of tiles that are put together of parts of four (Bochkovskiy
    et al., "YOLOv4", 2020), which the "bag of tricks" found to be of no use.
    """

    mode: Mode = "hierarchical"
    empty_fraction: Share = 0.1
    box_um: Positive = 16.0
    mosaic: Share = 0.0


class AugmentSettings(Settings):
    """How tiles are changed in training; every probability may be 0.

    `flips_and_turns` shows a tile in any of the eight ways in which a square lies in its place, or the four of another
    rectangle. The settings of negatives are for tiles without a figure: made darker, they teach that a dark nucleus
    alone is none. `stain_model` says whose stain vectors are changed, the constants of Ruifrok and Johnston or those
    estimated from each region, as `stain_estimation` says. With `stain_pair` haematoxylin and eosin change both or
    neither, on tissue alone, and what is neither of them is dropped; without it they and that rest change each by
    itself. That tissue is darker than `stain_lightness` (augment/tissue.py). `hue` is in shares of the full circle.
    `elastic` is the probability that a tile is bent: by noise of -1 to 1, smoothed by `elastic_sigma_px`, times
    `elastic_px`.
    """

    flips_and_turns: bool = True
    rotation: Share = 0.0
    rotation_degrees: Annotated[float, Field(gt=0, le=180)] = 180.0
    scale: Range = (1.0, 1.0)
    scale_negatives: Range = (1.0, 1.0)
    elastic: Share = 0.0
    elastic_px: Positive = 30.0
    elastic_sigma_px: Positive = 5.0
    stain: Share = 0.0
    stain_model: StainModel = "ruifrok"
    stain_estimation: StainEstimation = USUAL
    stain_pair: bool = False
    stain_lightness: Annotated[float, Field(gt=0, le=1)] | None = 0.85
    stain_gain: float = 0.0
    stain_gain_negatives: Range = (1.0, 1.0)
    stain_shift: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    hue: Share = 0.0
    saturation: Share = 0.0
    value: Share = 0.0
    blur: Share = 0.0
    blur_sigma_px: Range = (0.5, 1.5)
    coarser: Share = 0.0
    coarser_factor: Range = (1.5, 2.5)
    jpeg: Share = 0.0
    jpeg_quality: tuple[int, int] = (40, 90)


class Recipe(Settings):
    """One system at one size: what all systems have.

    folds: how many by slide; by domain there are as many as domains. validate_on: where folds are by domain, what
    chooses the epoch: one in `folds` of the other domains' slides, or all of the domain after the one held out.
    select_on: what decides which epoch is kept; each system says of what.
    """

    READING: ClassVar[tuple[str, ...]]
    """Keys that say how answers are read: training does not know them, so a run may be read again with others."""
    OWN: ClassVar[tuple[str, ...]] = ("seed",)
    """Keys that the members of one bundle may have each for itself."""

    name: str
    seed: int = 0
    folds: int = Field(5, ge=2)
    folds_by: FoldsBy = "slide"
    validate_on: ValidateOn = "slides"
    select_on: str
    model: ModelSettings
    input: InputSettings | NucleiInput | ClassificationInput | RestainInput
    augment: AugmentSettings = AugmentSettings()
    optimiser: OptimiserSettings = OptimiserSettings()

    @model_validator(mode="after")
    def _patience_has_an_end(self) -> Self:
        if self.optimiser.patience is not None and self.select_on == "last":
            raise ValueError("optimiser.patience never ends with select_on=last, by which every epoch is better")
        return self

    @property
    def size(self) -> Size:
        """Of what the network takes."""
        return self.input.tile_px if isinstance(self.input, InputSettings) else Size.square(self.input.patch_px)

    @property
    def title(self) -> str:
        """What is trained, for a person who watches."""
        return self.name


class DetectionRecipe(Recipe):
    """A detector: what all ways of detecting have.

    select_on: what decides which epoch is kept; "last" keeps the last, which a schedule that ends at zero leads up to.
    threshold_cost: how much of the best F1 on the held-out fold may be given for a higher threshold, since figures are
    rarer in tissue than in annotated regions. stain_normalisation: the method that finds the stains of each region,
    which training and validation then see as if it were stained as one template is (training/data/stain_template.py).
    It was of no use to the "bag of tricks", and the algorithm does not do it: such runs measure, and make no bundle.
    second_stage: the folder of a bundle that judges crops (training/second_stage.py): what both take for a figure is
    one, in validation, and in detection by the run's bundle, which takes that one along.
    """

    READING: ClassVar[tuple[str, ...]] = ("postprocess", "threshold_cost", "second_stage")

    select_on: Literal["loss", "f1", "last"] = "loss"
    threshold_cost: Share = 0.0
    stain_normalisation: Literal["macenko", "vahadane"] | None = None
    second_stage: Path | None = None
    model: SegmentationModel | RTMDetSettings | MitDetSettings
    input: InputSettings | NucleiInput
    postprocess: Thresholds

    @model_validator(mode="after")
    def _sides_fit_the_network(self) -> Self:
        step = self.model.tiles_are_multiples_of_px
        if any(side % step for side in self.size):
            name = "patch_px" if isinstance(self.input, NucleiInput) else "tile_px"
            raise ValueError(f"input.{name} should be a multiple of {step}, for this network")
        return self


class TileRecipe(DetectionRecipe):
    """A detector that looks at tiles."""

    READING = ("input.overlap", *DetectionRecipe.READING)

    input: InputSettings


class SegmentationRecipe(TileRecipe):
    """A detector that segments.

    masks: how those that it learns from were made.
    """

    system: Literal["segmentation"]
    model: Annotated[SegmentationModel, Field(discriminator="name")]
    postprocess: Postprocess
    sampling: SamplingSettings = SamplingSettings()
    masks: MaskSettings = MaskSettings()
    loss: LossSettings = LossSettings()

    @model_validator(mode="after")
    def _tiles_can_be_turned(self) -> Self:
        check_turns(self.input, self.postprocess)
        return self


class BoxesRecipe(TileRecipe):
    """A detector that finds boxes."""

    system: Literal["boxes"]
    model: RTMDetSettings
    postprocess: BoxesPostprocess
    sampling: AnchorSamplingSettings = AnchorSamplingSettings()
    loss: BoxLossSettings = BoxLossSettings()

    @property
    def box_px(self) -> float:
        """The side of a box."""
        return self.sampling.box_um / self.input.resolution_um_px


class NucleiRecipe(DetectionRecipe):
    """A detector that judges nuclei; with child classes (model.children) it trains in stages (training/stages.py).

    candidates: how nuclei are found, in training as in detection.
    """

    system: Literal["nuclei"]
    model: MitDetSettings
    input: NucleiInput
    candidates: CandidateSettings = CandidateSettings()
    postprocess: NucleiPostprocess = NucleiPostprocess()
    sampling: NucleiSampling = NucleiSampling()
    loss: InCDPSettings = InCDPSettings()

    @model_validator(mode="after")
    def _stages_keep_one_network(self) -> Self:
        if self.optimiser.averages:
            raise ValueError("optimiser.averages keeps several networks, of which the next stage could take only one")
        return self

    @property
    def shift_px(self) -> float:
        """How far off its nucleus a crop may lie in training."""
        return self.sampling.shift_um / self.input.resolution_um_px


class ClassificationRecipe(Recipe):
    """A classifier of mitotic figures, normal or atypical.

    masks: as a segmenting detector's. select_on: as a detector's; "loss" is that of all tasks together. expert_votes:
    learn the share of experts who call a figure atypical, where a data set says it, in place of their majority, which
    is all that is measured against.
    """

    READING = ("postprocess",)
    OWN = ("seed", "name", "select_on", "model", "augment", "optimiser", "masks", "tasks", "expert_votes")

    system: Literal["classification"]
    select_on: Literal["loss", "main_loss", "balanced_accuracy", "auroc", "last"] = "loss"
    model: MultitaskSettings
    input: ClassificationInput
    postprocess: ClassificationPostprocess = ClassificationPostprocess()
    masks: MaskSettings = MaskSettings()
    tasks: TaskSettings = TaskSettings()
    expert_votes: bool = False

    @model_validator(mode="after")
    def _patches_fit_the_encoder(self) -> Self:
        encoder = self.model.encoder
        if isinstance(encoder, TimmSettings):
            seen_px = self.input.patch_px * encoder.enlarge
            if encoder.image_px not in (None, seen_px):
                raise ValueError(f"model.encoder.image_px is {encoder.image_px}, but it sees patches of {seen_px:g} px")
        return self


class RestainRecipe(Recipe):
    """Networks that show tissue in the colours of other domains (sampling.unsa=restain), one for each domain.

    domain: whose colours are learnt, a tumour by a scanner; None: of all domains, one after the other.
    """

    system: Literal["restain"]
    select_on: Literal["last"] = "last"
    domain: str | None = None
    model: RestainerSettings
    input: RestainInput
    loss: RestainLossSettings = RestainLossSettings()

    @property
    def title(self) -> str:
        """With the domain."""
        return f"{self.name}, {self.domain}"

    @model_validator(mode="after")
    def _squares_are_halved_and_kept_once(self) -> Self:
        step = self.model.tiles_are_multiples_of_px
        least = max(2 * step, LEAST_JUDGED_PX)
        if self.input.patch_px % step or self.input.patch_px < least:
            raise ValueError(f"input.patch_px should be a multiple of {step}, for this network, and at least {least}")
        if self.optimiser.averages:
            raise ValueError("optimiser.averages keeps several networks, and a domain has one")
        return self


AnyRecipe = SegmentationRecipe | BoxesRecipe | NucleiRecipe | ClassificationRecipe | RestainRecipe
SYSTEMS: dict[str, type[AnyRecipe]] = {
    "segmentation": SegmentationRecipe,
    "boxes": BoxesRecipe,
    "nuclei": NucleiRecipe,
    "classification": ClassificationRecipe,
    "restain": RestainRecipe,
}


def load_recipe(name: str, overrides: list[str] | None = None) -> AnyRecipe:
    """The recipe of that name or at that path, with `key.inner=value` overrides (values in YAML).

    A recipe with `base: NAME` is that one but for the keys it names; a key is taken whole. Raises AlgorithmError for an
    unknown recipe, an unknown key or a value out of range.
    """
    path = _path_of(name)
    tree = _mapping(path)
    if "base" in tree:
        base = _path_of(str(tree.pop("base")))
        tree = {**_mapping(base), **tree}
        if "base" in tree:
            raise AlgorithmError(f"{path}: {base.stem} has a base itself.", f"Take that: base: {tree['base']}.")
    return recipe_from(with_overrides({"name": path.stem, **tree}, overrides or []), str(path))


def _path_of(name: str) -> Path:
    path = Path(name) if name.endswith(".yaml") else FOLDER / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.yaml")))
        raise AlgorithmError(f"There is no recipe {name}.", f"Give a YAML file or one of: {known}.")
    return path


def with_overrides(tree: dict[str, Any], overrides: list[str]) -> dict[str, Any]:
    """A copy of a recipe's tree with `key.inner=value` overrides. Raises AlgorithmError for one that is none."""
    changed = copy.deepcopy(tree)
    for override in overrides:
        _apply(changed, override)
    return changed


def _mapping(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise AlgorithmError(f"{path} cannot be read: {' '.join(str(error).split())}.", "Give a YAML file.") from error
    if not isinstance(tree, dict):
        raise AlgorithmError(f"{path} holds no settings.", "Write them as the recipes of the project do.")
    return tree


def recipe_from(tree: dict[str, Any], where: str) -> AnyRecipe:
    """The recipe of a parsed tree; `where` is named in errors."""
    system = tree.get("system")
    if system not in SYSTEMS:
        raise AlgorithmError(f"{where}: system is {system!r}.", f"Give one of: {', '.join(SYSTEMS)}.")
    try:
        return SYSTEMS[system].model_validate(tree)
    except ValidationError as error:
        # pydantic puts the networks' names into the way to their settings; in a recipe they are not there
        problem = re.sub(r"^(model\.(?:encoder\.)?)(?:vm_unet|unet|preact_resnet|timm)\.", r"\1", first_problem(error))
        raise AlgorithmError(f"{where}: {problem}.", "Correct that key.") from error


def _apply(tree: dict[str, Any], override: str) -> None:
    key, sign, value = override.partition("=")
    if not sign:
        raise AlgorithmError(f"{override} is no override.", "Write key=value, as optimiser.epochs=3.")
    *outer, last = key.split(".")
    for part in outer:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise AlgorithmError(f"{override}: {part} has no settings inside.", "Give a key of the recipe.")
    try:
        tree[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise AlgorithmError(f"{override}: the value is no YAML.", "Quote it, or correct it.") from error
