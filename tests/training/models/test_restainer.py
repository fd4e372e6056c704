"""The network that restains and its discriminator: their sizes, and what each of them sees."""

import torch
from torch import nn

from training.models.restainer import PatchDiscriminator, Restainer, grey


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def generator_parameters(width: int, levels: int) -> int:
    """By hand: no biases before a norm, two numbers a channel in it; one channel in, three out."""

    def double(before: int, after: int) -> int:
        return 9 * before * after + 9 * after * after + 4 * after

    widths = [width * 2**level for level in range(levels + 1)]
    down = sum(double(before, after) for before, after in zip([1, *widths], widths, strict=False))
    up = sum(4 * wide * (wide // 2) + wide // 2 + double(wide, wide // 2) for wide in widths[1:])
    return down + up + 3 * (width + 1)


def test_parameters_are_those_of_the_layers() -> None:
    with torch.device("meta"):
        model, small = Restainer(), Restainer(8, 3, 16)
    assert count(model.generator) == generator_parameters(64, 4) == 31_036_611
    assert count(small.generator) == generator_parameters(8, 3)
    layers = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1)]
    assert count(model.discriminator) == sum((16 * before + 1) * after for before, after in layers) == 2_764_737
    assert count(small.discriminator) == sum(
        (16 * a + 1) * b for a, b in [(3, 16), (16, 32), (32, 64), (64, 128), (128, 1)]
    )


def untrained(width: int, levels: int) -> Restainer:
    """With last weights that are not 0, as training will leave them."""
    torch.manual_seed(0)
    model = Restainer(width, levels, 4)
    nn.init.normal_(model.generator.final_conv.weight)
    return model


def test_pictures_keep_their_size_and_become_colours() -> None:
    found = untrained(4, 3)(torch.rand(2, 3, 24, 40))
    assert found.shape == (2, 3, 24, 40)
    assert 0 < found.min() < found.max() < 1
    assert (found[:, 0] - found[:, 1]).abs().max() > 0.1


def test_a_picture_begins_as_its_grey_but_for_what_is_nearly_black_or_white() -> None:
    pictures = torch.rand(2, 3, 16, 16)
    pictures[0, :, 0, 0], pictures[0, :, 0, 1] = 0, 1
    expected = grey(pictures).clamp(0.02, 0.98).expand(-1, 3, -1, -1)
    torch.testing.assert_close(Restainer(4, 2, 4)(pictures), expected)


def test_only_the_grey_of_a_picture_is_seen() -> None:
    model, pictures = untrained(4, 2), torch.rand(2, 3, 16, 16)
    brightness = 0.299 * pictures[:, 0] + 0.587 * pictures[:, 1] + 0.114 * pictures[:, 2]
    torch.testing.assert_close(grey(pictures)[:, 0], brightness)
    torch.testing.assert_close(model(brightness[:, None].expand(-1, 3, -1, -1)), model(pictures), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(model(pictures.flip(1)), model(pictures), atol=1e-3)


def test_the_discriminator_judges_squares_of_70_px() -> None:
    """Without its norms, which see the whole picture."""
    torch.manual_seed(0)
    model = PatchDiscriminator(4)
    for number, layer in enumerate(model):
        if isinstance(layer, nn.InstanceNorm2d):
            model[number] = nn.Identity()
    picture = torch.rand(1, 3, 160, 160, requires_grad=True)
    judged = model(picture)
    assert judged.shape == (1, 1, 18, 18)
    judged[0, 0, 9, 9].backward()
    assert picture.grad is not None
    seen = picture.grad.abs().sum((0, 1)) > 0
    assert [int(side.nonzero().max() - side.nonzero().min()) + 1 for side in (seen.any(0), seen.any(1))] == [70, 70]
