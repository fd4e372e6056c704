"""EFDMix: the published vector, what stays as it is, where gradients flow, and who is mixed with whom."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.models.efdmix import EFDMix, mixed, partners


def row(*values: float) -> torch.Tensor:
    """(1, 1, 1, n)."""
    return torch.tensor([[[values]]], dtype=torch.float64)


def test_values_of_equal_rank_are_mixed() -> None:
    found = mixed(row(3, 1, 2), row(10, 30, 20), torch.tensor([0.25]))
    assert found.flatten().tolist() == [23.25, 7.75, 15.5]


@given(st.integers(0, 2**31), st.floats(0, 1))
def test_ranks_stay_and_the_distribution_is_the_others(seed: int, share: float) -> None:
    """With nothing of its own, a channel has exactly the other's values; all images and channels go by themselves."""
    generator = torch.Generator().manual_seed(seed)
    maps, others = torch.randn(2, 3, 2, 4, 5, generator=generator)
    found = mixed(maps, others, torch.tensor([share, 0.0, 1.0]))
    order = maps.flatten(2).argsort(-1)
    assert (found.flatten(2).gather(-1, order).diff() >= -1e-6).all()
    torch.testing.assert_close(found[1].flatten(1).sort(-1).values, others[1].flatten(1).sort(-1).values)
    torch.testing.assert_close(found[2], maps[2])


def test_the_gradient_flows_whole_into_the_maps_and_by_its_share_into_the_others() -> None:
    maps, others = row(3, 1, 2).requires_grad_(), row(10, 30, 20).requires_grad_()
    (mixed(maps, others, torch.tensor([0.25])) * row(1, 2, 4)).sum().backward()
    assert maps.grad is not None
    assert others.grad is not None
    assert maps.grad.flatten().tolist() == [1, 2, 4]
    assert others.grad.flatten().tolist() == [1.5, 0.75, 3.0]


def test_the_others_are_detached_by_option() -> None:
    """What is left in the gradient is then that of the maps themselves."""
    torch.manual_seed(0)
    maps = torch.randn(4, 2, 3, 3, requires_grad=True)
    EFDMix(probability=1.0, detached=True)(maps).sum().backward()
    assert maps.grad is not None
    assert (maps.grad == 1).all()
    maps.grad = None
    EFDMix(probability=1.0)(maps).sum().backward()
    assert not torch.allclose(maps.grad, torch.ones(()))


def test_it_does_nothing_outside_training_or_without_probability() -> None:
    maps = torch.randn(4, 2, 3, 3)
    assert EFDMix(probability=1.0).eval()(maps) is maps
    assert EFDMix(probability=0.0)(maps) is maps


def test_it_is_applied_to_half_of_the_calls() -> None:
    torch.manual_seed(0)
    mix, maps = EFDMix(), torch.randn(4, 2, 3, 3)
    applied = sum(mix(maps) is not maps for _ in range(400))
    assert 160 < applied < 240


def test_shares_are_mostly_extreme() -> None:
    """Of Beta(0.1, 0.1) four fifths lie within 0.1 of 0 or 1; of a channel 0, 1 and another's 10, 11 they are read."""
    torch.manual_seed(0)
    maps = torch.stack([row(0, 1)[0], row(10, 11)[0]]).repeat(200, 1, 1, 1)
    domains = torch.tensor([0, 1]).repeat(200)
    found = EFDMix(probability=1.0)(maps, domains)
    moved = (found - maps).abs().amax(dim=(1, 2, 3)) / 10
    assert ((moved < 0.1) | (moved > 0.9)).float().mean().item() == pytest.approx(0.8, abs=0.06)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(0, 2**31))
def test_partners_are_of_another_domain_where_there_is_one(domains: list[int], seed: int) -> None:
    torch.manual_seed(seed)
    found = partners(len(domains), torch.tensor(domains))
    assert len(found) == len(domains)
    if len(set(domains)) > 1:
        assert all(domains[other] != own for own, other in zip(domains, found.tolist(), strict=True))


def test_without_domains_partners_are_a_permutation() -> None:
    assert sorted(partners(9).tolist()) == list(range(9))


def test_all_of_the_other_domains_come_up() -> None:
    torch.manual_seed(0)
    domains = torch.tensor([0, 1, 1, 2])
    assert {int(partners(4, domains)[0]) for _ in range(60)} == {1, 2, 3}
