"""The system that restains: its losses, who learns from which, and which tissue it is shown."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from algorithm.errors import AlgorithmError
from algorithm.stain import RUIFROK, concentrations, optical_density
from tests.training.crops import data_of_nuclei
from tests.training.restaining import tiny_restain_recipe
from training.data.regions import Pixels, Region
from training.data.split import Split, split_fold
from training.models.build import build_model
from training.recipe import RestainRecipe
from training.restain_settings import RestainLossSettings
from training.systems.restaining import Restaining
from training.systems.restaining_loss import Answers, colour_loss, restaining_loss, stain_amounts

CPU = torch.device("cpu")
VECTORS = torch.from_numpy(RUIFROK.vectors).float()


def split_of(recipe: RestainRecipe) -> Split:
    return split_fold(data_of_nuclei(), recipe, 0)


def system_of(recipe: RestainRecipe) -> Restaining:
    return Restaining(recipe, split_of(recipe), CPU)


def network_of(recipe: RestainRecipe) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_model(recipe.model)


def stained_alike(haematoxylin: float, eosin: float) -> torch.Tensor:
    """(1, 3, 4, 4), of one colour."""
    return torch.exp(-(haematoxylin * VECTORS[0] + eosin * VECTORS[1])).view(1, 3, 1, 1).expand(1, 3, 4, 4)


def test_amounts_of_stain_are_the_algorithms() -> None:
    pixels = np.random.default_rng(0).integers(1, 256, (2, 5, 4, 3), np.uint8)
    found = stain_amounts(torch.from_numpy(pixels).permute(0, 3, 1, 2).double() / 255)
    expected = concentrations(optical_density(pixels), RUIFROK.vectors)
    np.testing.assert_allclose(found.permute(0, 2, 3, 1).numpy(), expected, atol=1e-6)


def test_the_loss_of_colours_is_that_of_red_green_and_blue_and_of_both_stains() -> None:
    white, wanted = torch.ones(1, 3, 4, 4), stained_alike(0.5, 0.3)
    of_colours = float((1 - wanted).mean())
    for weight in (0.0, 1.0, 2.0):
        found = colour_loss(white, wanted, RestainLossSettings(stain=weight)).item()
        assert found == pytest.approx(of_colours + weight * (0.5 + 0.3), abs=1e-5)
    assert colour_loss(wanted, wanted, RestainLossSettings()).item() == 0


def test_the_discriminator_is_to_say_one_of_pictures_and_nought_of_what_is_made() -> None:
    picture, maps = stained_alike(0.5, 0.3), torch.ones(1, 1, 2, 2)
    answers = Answers(picture, sought=0.5 * maps, real=0.25 * maps, made=0.5 * maps)
    expected = 0.1 * 0.25 + (0.75**2 + 0.25) / 2
    assert restaining_loss(answers, picture, RestainLossSettings()).item() == pytest.approx(expected)


def gradients(adversarial: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Of one batch, of the generator and of the discriminator."""
    recipe = tiny_restain_recipe(domain="a", loss={"adversarial": adversarial})
    system, model = system_of(recipe), network_of(recipe)
    system.loss(model, system.make(0, 0)).backward()
    found = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert found.keys() == dict(model.named_parameters()).keys()
    parts = [torch.cat([of.flatten() for name, of in found.items() if name.startswith(p)]) for p in ("gen", "disc")]
    return parts[0], parts[1]


def test_each_network_learns_from_its_own_loss_alone() -> None:
    (generator, discriminator), (urged, as_before) = gradients(0.0), gradients(5.0)
    assert torch.equal(discriminator, as_before)
    assert discriminator.abs().sum() > 0
    assert not torch.allclose(generator, urged, rtol=1e-2)


def test_a_batch_in_parts_has_the_same_loss() -> None:
    values = []
    for parts in (1, 2):
        optimiser = {"batch_size": 4, "batches_per_epoch": 2, "accumulate": parts}
        recipe = tiny_restain_recipe(domain="a", optimiser=optimiser)
        system, model = system_of(recipe), network_of(recipe)
        value = system.loss(model, system.make(0, 0))
        value.backward()
        values.append((value.item(), [parameter.grad.abs().sum().item() for parameter in model.parameters()]))
    assert values[0][0] == pytest.approx(values[1][0], rel=1e-5)
    assert values[0][1] == pytest.approx(values[1][1], rel=1e-3, abs=1e-6)


def test_batches_are_tissue_of_the_domain_that_is_trained_on_and_come_again() -> None:
    reads: set[str] = set()

    def watched(region: Region) -> Region:
        def read(x: int, y: int, width: int, height: int) -> Pixels:
            reads.add(region.name)
            return region.read(x, y, width, height)

        return replace(region, read=read)

    recipe = tiny_restain_recipe(domain="b")
    data = data_of_nuclei()
    split = split_fold(replace(data, annotated=[[watched(of) for of in data.annotated[0]]]), recipe, 0)
    system = Restaining(recipe, split, CPU)
    (squares,), (again,), (other,) = (system.make(0, number) for number in (0, 0, 1))
    assert squares.shape == (4, 3, 24, 24)
    assert torch.equal(squares, again)
    assert not torch.equal(squares, other)
    held_out = {region.name for regions in split.validation for region in regions}
    of_domain = {region.name for region in data.annotated[0] if region.domain == "b"}
    assert reads == of_domain - held_out


def test_validation_is_of_the_domain_and_always_the_same() -> None:
    """Where none of it validates there is nothing to say."""
    recipe = tiny_restain_recipe(domain="a")
    system, model = system_of(recipe), network_of(recipe)
    assert {region.domain for region in system.validation_regions} == {"a"}
    found = system.validate(model)
    assert found == system.validate(model)
    squares = system._validation_squares
    with torch.inference_mode():
        expected = colour_loss(model.eval()(squares), squares, recipe.loss).item()
    assert found == {"validation_loss": pytest.approx(expected, rel=1e-5)}
    alone = Restaining(recipe, replace(split_of(recipe), validation=[]), CPU)
    assert alone.validate(model) == {}
    assert alone.tested(model, {}) == {}


def test_an_unknown_domain_is_refused() -> None:
    with pytest.raises(AlgorithmError, match=r"no colour domain c\. Give one of these, or none for all: a; b\."):
        system_of(tiny_restain_recipe(domain="c"))
