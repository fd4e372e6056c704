"""Recipes: what is shipped, what is overridden, what is refused."""

from pathlib import Path

import pytest
import yaml

from algorithm.errors import AlgorithmError
from algorithm.size import Size
from algorithm.stain import StainEstimation
from tests.training.drawing import tiny_tree
from training.mask_settings import MaskSettings
from training.recipe import FOLDER, AugmentSettings, load_recipe, recipe_from

SHIPPED = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def test_recipes_are_shipped() -> None:
    names = ["mitdet", "mitdet_small", "multitask", "multitask_lite", "multitask_small"]
    assert [
        *names,
        "restain",
        "restain_small",
        "rtmdet_s",
        "rtmdet_small",
        "unet",
        "unet_small",
        "vm_unet",
        "vm_unet_small",
    ] == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_recipes_load_and_survive_a_checkpoint(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe_from(recipe.model_dump(mode="json"), "again") == recipe


def test_vm_unet_is_as_published() -> None:
    """Percannella et al. 2025 and the public code of VM-UNet."""
    recipe = load_recipe("vm_unet")
    model, optimiser, loss = recipe.model, recipe.optimiser, recipe.loss
    assert (model.width, model.state_size, model.patch_size, model.drop_path) == (96, 16, 4, 0.2)
    assert (model.depths, model.decoder_depths) == ((2, 2, 2, 2), (2, 2, 2, 1))
    assert (recipe.input.tile_px, recipe.input.overlap, recipe.input.resolution_um_px) == (Size.square(512), 0.8, 0.25)
    assert (recipe.input.mean, recipe.input.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert recipe.input.scale == pytest.approx(1 / 255)
    assert (optimiser.learning_rate, optimiser.batch_size, optimiser.epochs) == (5e-4, 24, 100)
    assert (optimiser.weight_decay, optimiser.schedule, optimiser.gradient_clip) == (1e-2, "constant", 1.0)
    assert (loss.dice, loss.focal, loss.focal_alpha, loss.focal_gamma) == (1, 1, 0.25, 2)
    assert (recipe.sampling.positive_fraction, recipe.select_on, recipe.folds_by) == (0.5, "loss", "domain")
    assert recipe.masks == MaskSettings()
    augment = recipe.augment
    assert (augment.stain_model, augment.stain_pair) == ("vahadane", True)
    assert (augment.stain, augment.stain_gain, augment.stain_shift) == (0.5, 0.4, 0.2)
    assert augment.stain_lightness == 0.85
    assert augment.stain_estimation == StainEstimation(
        pixels=20_000, least_tissue=0.01, least_degrees=5, sparsity=0.1, rounds=100
    )
    assert augment == AugmentSettings(**augment.model_dump(include={name for name in vars(augment) if "stain" in name}))
    assert (recipe.postprocess.blending, recipe.postprocess.centre, recipe.postprocess.fusion) == (
        "uniform",
        "rectangle",
        "mean",
    )
    assert (recipe.postprocess.dilation_radius_um, recipe.postprocess.minimum_area_um2) == (2.5, 1.875)


def test_mitdet_is_as_published() -> None:
    """Wang, Lin, Li et al., and where they are silent the shared defaults: momentum, ranges, epochs."""
    recipe = load_recipe("mitdet")
    model, optimiser, augment = recipe.model, recipe.optimiser, recipe.augment
    assert (model.width, model.units, model.children, model.dropout) == (64, (3, 3, 6, 3), 4, 0.5)
    assert (model.efdmix, model.efdmix_alpha, model.efdmix_detached, model.frozen) == (0.5, 0.1, False, True)
    assert (recipe.input.patch_px, recipe.input.resolution_um_px) == (80, 0.25)
    assert (recipe.input.mean, recipe.input.std) == ((0, 0, 0), (1, 1, 1))
    assert (optimiser.method, optimiser.learning_rate, optimiser.momentum) == ("sgd", 1e-3, 0.9)
    assert (optimiser.weight_decay, optimiser.batch_size, optimiser.epochs) == (5e-4, 150, 30)
    assert (optimiser.patience, load_recipe("mitdet_small").optimiser.patience) == (5, None)
    sampling, loss = recipe.sampling, recipe.loss
    assert (sampling.balance, sampling.clusters, sampling.ratio) == ("both", 10, 5)
    assert (sampling.epsilon, sampling.parts, sampling.pool, sampling.reach_um) == (0.5, 3, "first", 7.5)
    assert sampling.shift_um == 3
    assert (sampling.unsa, load_recipe("mitdet_small").sampling.unsa) == ("template", None)
    assert (loss.focal_gamma, loss.child_weight, loss.centre_weight, loss.centre_rate) == (2, 0.5, 1, 0.5)
    assert (augment.elastic, augment.elastic_px, augment.elastic_sigma_px) == (0.3, 30, 5)
    assert (augment.stain_gain, augment.stain_shift, augment.brightness, augment.contrast) == (0.05, 0.05, 0.2, 0.2)
    assert (augment.blur, augment.blur_sigma_px, augment.flips_and_turns) == (0.3, (0.1, 1.0), True)
    assert (recipe.postprocess.threshold, recipe.postprocess.merge_radius_um) == (0.5, 7.5)


def test_restain_is_what_is_specified_and_takes_the_crops_and_folds_of_mitdet() -> None:
    recipe, mitdet = load_recipe("restain"), load_recipe("mitdet")
    model, loss = recipe.model, recipe.loss
    assert (model.width, model.levels, model.discriminator_width) == (64, 4, 64)
    assert (loss.stain, loss.adversarial) == (1.0, 0.1)
    assert recipe.size == mitdet.size
    assert recipe.input.resolution_um_px == mitdet.input.resolution_um_px
    assert (recipe.folds_by, recipe.folds) == (mitdet.folds_by, mitdet.folds)
    small, crops = load_recipe("restain_small"), load_recipe("mitdet_small")
    assert (small.folds_by, small.input.resolution_um_px) == (crops.folds_by, crops.input.resolution_um_px)


@pytest.mark.parametrize("side", [72, 16])
def test_squares_that_are_restained_fit_both_networks(side: int) -> None:
    with pytest.raises(AlgorithmError, match=r"patch_px should be a multiple of 16, for this network, and at least 32"):
        load_recipe("restain", [f"input.patch_px={side}"])


def test_crops_fit_their_network() -> None:
    with pytest.raises(AlgorithmError, match=r"input\.patch_px should be a multiple of 8"):
        load_recipe("mitdet", ["input.patch_px=84"])


def test_multitask_is_as_published() -> None:
    """The multi-task method of MIDOG 2025's second track, and Vahadane's augmentation as its authors have it."""
    recipe = load_recipe("multitask")
    optimiser, encoder = recipe.optimiser, recipe.model.encoder
    assert (encoder.name, encoder.width, encoder.units, encoder.padding) == (
        "preact_resnet",
        64,
        (3, 4, 6, 3),
        "tf_same",
    )
    assert (recipe.model.head, recipe.model.decoders, recipe.model.dropout) == ((512, 128), True, 0)
    assert (recipe.input.patch_px, recipe.input.resolution_um_px, recipe.select_on) == (128, 0.25, "loss")
    assert (optimiser.learning_rate, optimiser.weight_decay, optimiser.batch_size) == (4e-5, 0, 24)
    assert (optimiser.epochs, optimiser.schedule) == (50, "constant")
    assert (recipe.folds_by, recipe.validate_on) == ("domain", "domain")
    assert (recipe.tasks.segmentation, recipe.tasks.pixel_classes) == (1, 1)
    assert (recipe.postprocess.vote, recipe.postprocess.threshold, recipe.postprocess.rotations) == ("majority", 0.5, 1)
    assert recipe.augment.stain_model == load_recipe("vm_unet").augment.stain_model


def test_a_checkpoint_from_before_stains_were_estimated_has_the_constants() -> None:
    recipe = load_recipe("vm_unet_small")
    tree = recipe.model_dump(mode="json")
    later = {
        "stain_model": "ruifrok",
        "stain_pair": False,
        "stain_estimation": StainEstimation().model_dump(),
        "stain_lightness": 0.85,
    }
    assert {key: tree["augment"].pop(key) for key in later} == later
    assert recipe_from(tree, "before") == recipe


def test_a_file_is_a_recipe(tmp_path: Path) -> None:
    tree = tiny_tree()
    del tree["name"]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(tree))
    assert load_recipe(str(tmp_path / "mine.yaml")).name == "mine"


@pytest.mark.parametrize("size", ["", "_small"])
def test_the_baseline_differs_in_the_network_alone(size: str) -> None:
    unet, vm_unet = (load_recipe(name + size) for name in ("unet", "vm_unet"))
    assert unet == vm_unet.model_copy(update={"name": unet.name, "model": unet.model})
    assert (unet.model.name, vm_unet.model.name) == ("unet", "vm_unet")


def test_a_key_replaces_its_bases_whole(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("base: vm_unet\nfolds: 3\naugment: {jpeg: 0.5}\n")
    recipe, base = load_recipe(str(mine)), load_recipe("vm_unet")
    changed = {"name": "mine", "folds": 3, "augment": AugmentSettings(jpeg=0.5)}
    assert recipe == base.model_copy(update=changed)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("base: nosuch", "There is no recipe nosuch"), ("base: unet", "unet has a base itself. Take that: base: vm_unet")],
)
def test_a_base_is_a_whole_recipe(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(AlgorithmError, match=problem):
        load_recipe(str(tmp_path / "mine.yaml"))


def test_overrides_are_yaml_and_reach_inside() -> None:
    recipe = load_recipe(
        "vm_unet",
        ["optimiser.epochs=3", "seed=7", "model.depths=[1, 1, 2, 1]", "augment.stain=0.5", "select_on=f1"],
    )
    assert (recipe.optimiser.epochs, recipe.seed, recipe.select_on) == (3, 7, "f1")
    assert (recipe.model.depths, recipe.augment.stain) == ((1, 1, 2, 1), 0.5)
    assert recipe.optimiser.batch_size == load_recipe("vm_unet").optimiser.batch_size


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("optimiser.epoch=3", "optimiser: unknown key 'epoch'; the nearest valid key is 'epochs'"),
        ("seeds=3", "unknown key 'seeds'; the nearest valid key is 'seed'"),
        ("input.tile=256", "input: unknown key 'tile'; the nearest valid key is 'tile_px'"),
        ("optimiser.epochs=0", "optimiser.epochs: should be greater than or equal to 1"),
        ("optimiser.accumulate=0", "optimiser.accumulate: should be greater than or equal to 1"),
        ("optimiser.precision=float16", "optimiser.precision: should be 'float32' or 'bfloat16'"),
        ("optimiser.averages=[0.1, 0]", "optimiser.averages.1: should be greater than 0"),
        ("optimiser.averages=[1e-3, 0.001]", "optimiser: averages should be different shares"),
        ("optimiser={average: 0.1, averages: [0.1]}", "optimiser: average keeps one mean in the network's place and"),
        ("optimiser.patience=0", "optimiser.patience: should be greater than or equal to 1"),
        ("optimiser={patience: 3, schedule: cosine}", "optimiser: patience would end a cosine before it is at zero"),
        ("optimiser.epochs=many", "optimiser.epochs: should be a valid integer"),
        ("model.width=30", "model.width: should be a multiple of 4"),
        ("model.stem=[16, 32, 64]", "stem has 3 levels, which do not make patches of 4 px"),
        ("model.stem=[16, 0]", "stem.1: should be greater than or equal to 1"),
        ("augment.stain_model=reinhard", "augment.stain_model: should be 'ruifrok', 'macenko' or 'vahadane'"),
        ("augment.stain_estimation.sparsity=0", "augment.stain_estimation.sparsity: should be greater than 0"),
        ("augment.stain_estimation.sparsity=2", "augment.stain_estimation.sparsity: should be less than or equal to 1"),
        ("augment.stain_estimation.round=9", "augment.stain_estimation: unknown key 'round'; the nearest valid key is"),
        ("augment.stain_lightness=1.5", "augment.stain_lightness: should be less than or equal to 1"),
        ("augment.blur=1.5", "augment.blur: should be less than or equal to 1"),
        ("input.overlap=1", "input.overlap: should be less than 1"),
        ("input.tile_px=[512, 500]", "input.tile_px should be a multiple of 32, for this network"),
        ("input.tile_px=500", "input.tile_px should be a multiple of 32, for this network"),
        ("optimiser.learning_rate=.nan", "optimiser.learning_rate"),
        ("epochs", "epochs is no override. Write key=value"),
        ("system.epochs=3", "system has no settings inside"),
        ("model.depths.first=3", "depths has no settings inside"),
        ("model.depths=[1", "the value is no YAML"),
    ],
)
def test_a_wrong_override_is_named(override: str, named: str) -> None:
    with pytest.raises(AlgorithmError) as raised:
        load_recipe("vm_unet", [override])
    assert named in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "overrides", "named"),
    [
        ("multitask", ["model.encoder.width=0"], "model.encoder.width: should be greater than or equal to 1"),
        ("multitask", ["model={name: vm_unet}"], "model.name: should be 'multitask'"),
        (
            "vm_unet",
            ["optimiser.patience=3", "select_on=last"],
            "optimiser.patience never ends with select_on=last",
        ),
        ("vm_unet", ["model={name: multitask}"], "'vm_unet', 'unet'"),
        (
            "multitask",
            ["system=typing"],
            "system is 'typing'. Give one of: segmentation, boxes, nuclei, classification, restain.",
        ),
        (
            "multitask",
            ["model.encoder={name: timm, model: vit, image_px: 224}"],
            "model.encoder.image_px is 224, but it sees patches of 128 px",
        ),
        (
            "multitask",
            ["model.encoder={name: timm, model: vit, image_px: 128, enlarge: 1.75}"],
            "model.encoder.image_px is 128, but it sees patches of 224 px",
        ),
    ],
)
def test_a_system_has_its_own_keys(name: str, overrides: list[str], named: str) -> None:
    with pytest.raises(AlgorithmError) as raised:
        load_recipe(name, overrides)
    assert named in str(raised.value)


@pytest.mark.parametrize("name", ["vm_unett", "nowhere/mine.yaml"])
def test_an_unknown_recipe_lists_the_known(name: str) -> None:
    with pytest.raises(AlgorithmError) as raised:
        load_recipe(name)
    assert str(raised.value) == f"There is no recipe {name}. Give a YAML file or one of: {', '.join(SHIPPED)}."


@pytest.mark.parametrize("text", ["", "- 1", "model: [", "model: {name: vm_unet}", "\x00"])
def test_a_broken_file_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(AlgorithmError) as raised:
        load_recipe(str(path))
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_recipe_stays_as_it_is() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_recipe("vm_unet").seed = 3
