"""The learning rate against torch's schedules, and what decays."""

from collections.abc import Callable
from functools import partial

import pytest
import torch

from tests.training.drawing import tiny_recipe
from training.models.build import build_model
from training.optimiser import learning_rate, optimiser_of
from training.optimiser_settings import OptimiserSettings

Schedule = Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.LRScheduler]


def torchs_rates(schedule: Schedule, steps: int) -> list[float]:
    """From a rate of 0.1 on."""
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    running = schedule(optimiser)
    rates = []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        running.step()
    return rates


def test_the_rate_is_torchs_warm_up_and_cosine() -> None:
    settings = OptimiserSettings(learning_rate=0.1, schedule="cosine", warmup_batches=5, epochs=4, batches_per_epoch=10)

    def schedule(optimiser: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
        warm_up = torch.optim.lr_scheduler.LinearLR(optimiser, start_factor=1 / 5, end_factor=1, total_iters=4)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=35)
        return torch.optim.lr_scheduler.SequentialLR(optimiser, [warm_up, cosine], milestones=[5])

    found = [learning_rate(settings, step) for step in range(40)]
    assert found == pytest.approx(torchs_rates(schedule, 40), abs=1e-9)


def test_the_rate_can_go_back_and_forth_above_zero() -> None:
    """torch's cosine of VM-UNet's own training: half of the epochs down, the other half up again."""
    settings = OptimiserSettings(
        learning_rate=0.1, schedule="cosine", cosine_epochs=2, final_learning_rate=0.01, epochs=4, batches_per_epoch=10
    )
    cosine = partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=20, eta_min=0.01)
    found = [learning_rate(settings, step) for step in range(40)]
    assert found == pytest.approx(torchs_rates(cosine, 40), abs=1e-9)


def test_the_betas_are_the_recipes() -> None:
    optimiser = optimiser_of(build_model(tiny_recipe().model), OptimiserSettings(betas=(0.8, 0.99)))
    assert {group["betas"] for group in optimiser.param_groups} == {(0.8, 0.99)}


def test_the_rate_is_constant_unless_asked() -> None:
    assert {learning_rate(OptimiserSettings(learning_rate=0.1), step) for step in (0, 10, 10**6)} == {0.1}


def test_norms_biases_and_the_scans_own_do_not_decay() -> None:
    model = build_model(tiny_recipe().model)
    optimiser = optimiser_of(model, OptimiserSettings())
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decayed, kept = (
        {names[id(parameter)].rsplit(".", 2)[-1] for parameter in group["params"]} for group in optimiser.param_groups
    )
    assert decayed == {"weight", "x_proj_weight", "dt_projs_weight"}
    assert kept == {"weight", "bias", "A_logs", "Ds", "dt_projs_bias"}
    assert [group["weight_decay"] for group in optimiser.param_groups] == [1e-2, 0.0]
    assert all(parameter.ndim > 1 for parameter in optimiser.param_groups[0]["params"])


def test_descent_is_torchs_with_momentum() -> None:
    """Two steps of a gradient of one, and of decay on matrices."""
    model = torch.nn.Linear(1, 1)
    torch.nn.init.ones_(model.weight)
    torch.nn.init.ones_(model.bias)
    settings = OptimiserSettings(method="sgd", learning_rate=0.1, momentum=0.5, weight_decay=0.2)
    optimiser = optimiser_of(model, settings)
    for _ in range(2):
        model.weight.grad, model.bias.grad = torch.ones(1, 1), torch.ones(1)
        optimiser.step()
    first = 1 - 0.1 * 1.2
    second = first - 0.1 * (0.5 * 1.2 + 1 + 0.2 * first)
    assert model.weight.item() == pytest.approx(second)
    assert model.bias.item() == pytest.approx(1 - 0.1 - 0.1 * 1.5)
