import numpy as np
import pytest

from training.data.three_levels import imbalances, sample_probabilities

# Data sets as the paper's six are: slides with many samples of both classes, and two of one look-alike an image.
LAYOUT = {0: (20, 30, 40), 1: (5, 200, 300), 2: (6, 100, 160), 3: (8, 10, 12), 4: (60, 0, 1), 5: (120, 0, 1)}
"""Of each data set its images, and the figures and look-alikes in each of them."""


@pytest.fixture
def samples() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data_sets, images, figures = [], [], []
    image = 0
    for data_set, (count, with_figure, without) in LAYOUT.items():
        for _ in range(count):
            data_sets += [data_set] * (with_figure + without)
            images += [image] * (with_figure + without)
            figures += [True] * with_figure + [False] * without
            image += 1
    return np.array(data_sets), np.array(images), np.array(figures)


def masses(groups: np.ndarray, probabilities: np.ndarray) -> list[float]:
    return [float(probabilities[groups == group].sum()) for group in np.unique(groups)]


def test_data_sets_and_classes_come_equally_often(samples: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    data_sets, images, figures = samples
    found = sample_probabilities(*samples)
    assert found.sum() == pytest.approx(1)
    assert masses(data_sets, found) == pytest.approx([1 / 6] * 6)
    assert masses(figures, found) == pytest.approx([1 / 2] * 2)
    in_the_first = (data_sets == 0) & figures
    assert masses(images[in_the_first], found[in_the_first]) == pytest.approx([0.75 / 6 / 20] * 20)


def test_as_printed_neither_data_set_nor_image_matters(samples: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    data_sets, _, figures = samples
    found = sample_probabilities(*samples, mode="printed")
    assert masses(figures, found) == pytest.approx([1 / 2] * 2)
    assert len(set(found[figures].tolist())) == len(set(found[~figures].tolist())) == 1
    assert max(masses(data_sets, found)) > 10 * min(masses(data_sets, found))


def test_the_product_of_inverse_frequencies_leaves_figures_out(
    samples: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    data_sets, _, figures = samples
    found = sample_probabilities(*samples, mode="product")
    assert sum(masses(data_sets, found)[4:]) > 0.9
    assert masses(figures, found)[1] < 0.05


def test_where_figures_cannot_be_half_a_sentence_says_so() -> None:
    data_sets, images = np.array([0, 0, 1, 2, 3]), np.arange(5)
    figures = np.array([True, False, False, False, False])
    found = sample_probabilities(data_sets, images, figures)
    assert masses(data_sets, found) == pytest.approx([1 / 4] * 4)
    assert masses(figures, found)[1] == pytest.approx(1 / 4)
    (sentence,) = imbalances(found, data_sets, figures)
    assert sentence.startswith("Figures are 25% of what is drawn")


def test_data_sets_of_one_class_each_make_up_for_each_other() -> None:
    data_sets, figures = np.array([0, 1]), np.array([True, False])
    found = sample_probabilities(data_sets, np.array([0, 1]), figures)
    assert found.tolist() == [0.5, 0.5]
    assert imbalances(found, data_sets, figures) == []


def test_a_small_data_set_that_is_drawn_again_and_again_is_named() -> None:
    data_sets = np.array([0] * 1000 + [1] * 7)
    images, figures = np.arange(1007), np.arange(1007) < 500
    balanced = sample_probabilities(data_sets, images, figures)
    (sentence,) = imbalances(balanced, data_sets, figures)
    assert sentence.startswith("A data set of 7 annotations is 50% of what is drawn")
    assert imbalances(sample_probabilities(data_sets, images, figures, "printed"), data_sets, figures) == []
