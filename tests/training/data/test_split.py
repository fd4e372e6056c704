"""What a run holds out is nowhere that its training can reach."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from algorithm.errors import AlgorithmError
from algorithm.size import Size
from tests.training.drawing import drawn_data, drawn_pixels, drawn_region, tiny_recipe
from training.data.cases import Case
from training.data.folds import Fold
from training.data.read import Data, read_cases
from training.data.regions import Pixels, Region, in_memory
from training.data.split import Split, searched, split_fold
from training.trainer import Trainer

FIGURES = [(12.0, 16.0), (40.0, 30.0)]
PIXELS = drawn_pixels(64, 48, FIGURES, [])
BY_DOMAIN = tiny_recipe(folds_by="domain", augment={"stain": 0.5, "stain_model": "vahadane", "stain_gain": 0.2})


def region_of(case: Case) -> Region:
    """The case as a small picture with two figures, and a look-alike where the case has some."""
    region = in_memory(case.name, case.slide, case.domain, PIXELS, 0.25, np.array(FIGURES))
    look_alikes = np.array([(30.0, 10.0)] if case.hard_negatives else []).reshape(-1, 2)
    return replace(region, scanner=case.scanner, hard_negatives=look_alikes)


def published(folders: list[Path]) -> Data:
    """The published cases with drawn pixels, a list a data set."""
    cases, _ = read_cases(folders)
    sets = [[region_of(case) for case in cases if case.data_set == folder.name] for folder in folders]
    return Data(sets, [drawn_region("free")], [], cases)


def watched(data: Data, read: list[str]) -> Data:
    """The same data; whatever region is read puts its name on the list."""

    def watch(region: Region) -> Region:
        def note(x: int, y: int, width: int, height: int) -> Pixels:
            read.append(region.name)
            return region.read(x, y, width, height)

        return replace(region, read=note)

    return replace(data, annotated=[[watch(region) for region in regions] for regions in data.annotated])


def reachable(thing: object, seen: set[int] | None = None) -> list[Region]:
    """Every region that an object holds, through its attributes, lists and dicts."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return []
    seen.add(id(thing))
    if isinstance(thing, Region):
        return [thing]
    if isinstance(thing, dict):
        parts: list[object] = [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set):
        parts = list(thing)
    else:
        parts = list(getattr(thing, "__dict__", {}).values())
    return [region for part in parts for region in reachable(part, seen)]


@pytest.mark.parametrize("names", [["MIDOGpp"], ["AMi-Br"], ["AMi-Br", "MIDOGpp"], ["MIDOGpp", "AMi-Br"]])
def test_no_case_and_no_slide_is_in_two_folds(shared_data: Path, names: list[str]) -> None:
    data = published([shared_data / name for name in names])
    domains = {case.domain for case in data.cases}
    folds: list[Split] = []
    for domain in sorted(domains):
        split = split_fold(data, BY_DOMAIN, domain)
        if split.fold not in [fold.fold for fold in folds]:
            folds.append(split)
    held_out = [[region for regions in fold.tested for region in regions] for fold in folds]
    cases = [(region.name, region.slide) for regions in held_out for region in regions]
    assert len(cases) == len(set(cases)) == len(data.cases)
    for one in range(len(folds)):
        slides = {region.slide for region in held_out[one]}
        for other in range(one):
            assert slides.isdisjoint(region.slide for region in held_out[other])
    assert len(folds) == {("MIDOGpp",): 7, ("AMi-Br",): 4}.get(tuple(names), 8)


@pytest.mark.parametrize(
    ("names", "fold"),
    [
        (["MIDOGpp"], "canine lymphoma"),
        (["MIDOGpp"], "human breast cancer"),
        (["MIDOGpp"], 5),
        (["AMi-Br"], "TUPAC16"),
        (["MIDOGpp", "AMi-Br"], "human breast cancer"),
        (["AMi-Br", "MIDOGpp"], "Hamamatsu XR"),
    ],
)
def test_the_held_out_domain_is_out_of_trainings_reach(shared_data: Path, names: list[str], fold: Fold) -> None:
    """Out of all that the sampler holds, stain vectors included, and of all that 300 windows of it read."""
    read: list[str] = []
    data = watched(published([shared_data / name for name in names]), read)
    split = split_fold(data, BY_DOMAIN, fold)
    held_out = [region for regions in split.tested for region in regions]
    validating = [region for regions in split.validation for region in regions]
    assert held_out
    assert validating
    domains, slides = {region.domain for region in held_out}, {region.slide for region in held_out}
    sampler = Trainer(BY_DOMAIN, split).system.sampler
    rng = np.random.default_rng(0)
    windows = [window for _ in range(30) for window in sampler.batch(rng, 10, Size.square(32))]
    assert len(windows) == 300
    assert len(set(read)) > 30
    assert set(read).isdisjoint(region.name for region in [*held_out, *validating])
    within = reachable(sampler)
    assert len({id(region) for region in within}) == len(data.cases) - len(held_out) - len(validating) + 1
    assert domains.isdisjoint(region.domain for region in [*within, *validating])
    assert slides.isdisjoint(region.slide for region in [*within, *validating])
    assert {region.slide for region in validating}.isdisjoint(region.slide for region in within)


def test_a_leak_would_be_seen(shared_data: Path) -> None:
    """The held-out region, put into training: `reachable` finds it."""
    split = split_fold(published([shared_data / "AMi-Br"]), BY_DOMAIN, "TUPAC16")
    split.training[0].append(split.tested[0][0])
    assert "TUPAC16" in {region.domain for region in reachable(Trainer(BY_DOMAIN, split).system.sampler)}


@pytest.mark.parametrize("fold", [0, 1, 2])
def test_no_slide_is_on_both_sides(fold: int) -> None:
    """Nor where two data sets hold it."""
    first = [drawn_region(f"slide {number}") for number in range(7)]
    second = [drawn_region(f"slide {number}", "other") for number in range(4, 12)]
    split = split_fold(Data([first, second], [drawn_region("free")], []), tiny_recipe(folds=3), fold)
    training = [{region.slide for region in regions} for regions in split.training]
    held_out = [{region.slide for region in regions} for regions in split.validation]
    assert set().union(*training).isdisjoint(set().union(*held_out))
    assert [len(training[k]) + len(held_out[k]) for k in (0, 1)] == [7, 8]
    assert training[2] == {"free"}
    assert 2 <= len(held_out[0]) <= 3


def test_every_slide_is_held_out_once() -> None:
    data, recipe = drawn_data(), tiny_recipe(folds=3)
    held_out = [region.slide for fold in range(3) for region in split_fold(data, recipe, fold).validation[0]]
    assert sorted(held_out) == sorted(region.slide for region in data.annotated[0])


def test_a_missing_image_moves_no_other() -> None:
    """The second of four images is missing: the others are in the folds they would be in with it."""
    regions = [drawn_region(f"slide {number}") for number in range(4)]
    cases = [Case("drawn", region.name, region.slide, region.domain, "", 2, 0) for region in regions]
    whole, partial = Data([regions], [], [], cases), Data([[regions[0], *regions[2:]]], [], [], cases)
    for fold in (0, 1):
        split, other = (split_fold(data, tiny_recipe(), fold) for data in (whole, partial))
        assert other.validation[0] == [region for region in split.validation[0] if region is not regions[1]]


@pytest.mark.parametrize("fold", [-1, 2])
def test_a_fold_that_is_not_there_is_refused(fold: int) -> None:
    with pytest.raises(AlgorithmError, match=rf"There is no fold {fold} of 2\. Give --fold 0 to 1\."):
        split_fold(drawn_data(), tiny_recipe(), fold)


def test_whole_regions_of_every_data_set_are_searched() -> None:
    """Sheets of patches only where nothing else is held out."""
    whole, other = ([drawn_region(f"{name} {number}") for number in range(2)] for name in "ab")
    sheets = [replace(drawn_region(f"c {number}"), whole=False) for number in range(2)]
    assert searched([whole, sheets, other]) == [*whole, *other]
    assert searched([[], sheets]) == sheets


def test_a_held_out_domain_chooses_nothing() -> None:
    """A fifth of the other domains' slides, of each its share, chooses the epoch and the threshold in its place."""
    regions = [drawn_region(f"{domain} {k}", domain, k) for domain in "abc" for k in range(10)]
    split = split_fold(Data([regions], [], []), tiny_recipe(folds_by="domain", folds=5), "b")
    assert [region.domain for region in split.tested[0]] == ["b"] * 10
    assert [region.name for region in split.validation[0]] == ["a 0", "a 5", "c 0", "c 5"]
    assert len(split.training[0]) == 16
    by_slide = split_fold(Data([regions], [], []), tiny_recipe(), 0)
    assert by_slide.tested == []


@pytest.mark.parametrize("slides", [1, 4, 5, 7])
def test_no_run_trains_on_the_slides_that_validate(slides: int) -> None:
    """Whatever it holds out: so an ensemble of such runs has slides that all of its members have not seen."""
    regions = [drawn_region(f"{domain} {k}", domain, k) for domain in "abc" for k in range(slides)]
    splits = [split_fold(Data([regions], [], []), tiny_recipe(folds_by="domain", folds=5), domain) for domain in "abc"]
    trained = {region.slide for split in splits for region in split.training[0]}
    validating = {region.slide for split in splits for region in split.validation[0]}
    first = {f"{domain} {k}" for domain in "abc" for k in range(0, slides, 5)}
    assert validating == first
    assert trained == {region.slide for region in regions} - first


def data_of(*domains: str) -> Data:
    return Data([[drawn_region(f"{domain} {k}", domain, k) for domain in domains for k in range(2)]], [], [])


@pytest.mark.parametrize(
    ("fold", "fix"),
    [("c", 'Give --fold 0 to 1 or a domain: "a", "b".'), (2, "Give --fold 0 to 1"), (-1, "or a domain")],
)
def test_a_domain_that_is_not_there_is_refused(fold: Fold, fix: str) -> None:
    with pytest.raises(AlgorithmError) as raised:
        split_fold(data_of("a", "b"), BY_DOMAIN, fold)
    assert f"There is no fold {fold} of 2." in str(raised.value)
    assert fix in str(raised.value)


def test_a_name_where_folds_are_by_slide_is_refused() -> None:
    with pytest.raises(AlgorithmError, match="Folds are by slide"):
        split_fold(data_of("a", "b"), tiny_recipe(), "a")


def test_a_single_domain_leaves_nothing_to_train_on() -> None:
    with pytest.raises(AlgorithmError, match=r"one fold by domain \(a\).*make folds by slide"):
        split_fold(data_of("a"), BY_DOMAIN, 0)


def test_a_run_remembers_the_domain_by_name() -> None:
    assert {split_fold(data_of("a", "b"), BY_DOMAIN, fold).fold for fold in (1, "b")} == {"b"}
    assert split_fold(drawn_data(), tiny_recipe(), 1).fold == 1
