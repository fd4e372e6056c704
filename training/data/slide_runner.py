"""A folder with a database of SlideRunner and the slides that it names: CCMCT, CMC, TUPAC16 with alternative labels.

Sources: Aubreville et al., "SlideRunner", BVM 2018, whose `Database.create` makes the tables; Bertram et al., "A
large-scale dataset for mitotic figure assessment on whole slide images of canine cutaneous mast cell tumor", Scientific
Data 2019; Aubreville et al., "A completely annotated whole slide image dataset of canine breast cancer to aid human
breast cancer research", Scientific Data 2020; Bertram et al., "Are pathologist-defined labels reproducible?", iMIMIC
2020.
"""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from training.data.cases import Case
from training.data.regions import Region
from training.data.slide_images import inside, slide_region
from training.data.slide_runner_tables import AnnotatedSlide, database_of, read_slides

IMAGE_FOLDERS = (".", "WSI", "stitched", "images")
"""Where the slides lie beside the database; the published notebooks read them from WSI/ and stitched/."""


@dataclass(frozen=True)
class Source:
    """A published data set, by what its database's file name begins with. spacing_um: of slides that do not say it."""

    start: str
    domain: str
    scanner: str
    spacing_um: float | None = 0.25


SOURCES = (
    Source("MITOS_WSI_CCMCT", "canine cutaneous mast cell tumor", "Aperio CS2"),
    Source("MITOS_WSI_CMC", "canine mammary carcinoma", "Aperio CS2"),
    Source("TUPAC", "TUPAC16", ""),
)


@dataclass(frozen=True)
class Annotations:
    """What the database says without a pixel. cases: the annotated slides, there or not; slides: theirs, in this order.

    unlabelled_slides: how many have no cell annotated: nobody may have looked. missing_slides: of how many cases the
    image is not there. deleted, others: annotations left out, the latter by class.
    """

    cases: list[Case]
    slides: list[AnnotatedSlide]
    unlabelled_slides: int
    missing_slides: int
    deleted: int
    others: Counter[str]

    @property
    def left_out(self) -> str:
        """What is no region, figure or hard negative, for the user."""
        other = ", ".join(f"{count} {name}" for name, count in sorted(self.others.items())) or "none of other classes"
        slides = f"{self.unlabelled_slides} slides without annotations and {self.missing_slides} missing ones left out"
        return f"{slides}; of the annotations {self.deleted} deleted ones and {other} left out"


@dataclass(frozen=True)
class SlideRunner(Annotations):
    """With pixels. regions: of the cases whose slides are there. outside: how many annotations lie off their slide."""

    regions: list[Region]
    outside: int


def is_one(folder: Path) -> bool:
    """Whether a folder holds a database."""
    return any(folder.glob("*.sqlite"))


def read_cases(folder: Path) -> Annotations:
    """The annotated slides of a folder, which need not be there.

    Raises InputError for a folder with several databases, one that is not SlideRunner's, and an unknown class.
    """
    path = database_of(folder)
    source = _source(path, folder)
    found = read_slides(path)
    labelled = [slide for slide in found.slides if slide.cells]
    cases = [
        Case(
            data_set=folder.name,
            name=slide.file_name,
            slide=Path(slide.file_name).stem,
            domain=source.domain,
            scanner=source.scanner,
            figures=len(slide.figures),
            hard_negatives=len(slide.hard_negatives),
        )
        for slide in labelled
    ]
    missing = sum(image_path(folder, slide.file_name) is None for slide in labelled)
    unlabelled = len(found.slides) - len(labelled)
    return Annotations(cases, labelled, unlabelled, missing, found.deleted, found.others)


def read_slide_runner(folder: Path, spacing_um: float | None = None) -> SlideRunner:
    """The cases and regions of a folder, a region a slide; annotations that lie off it are dropped and counted.

    spacing_um: um/px of the slides that do not say theirs; 0.25 for the published sets if not given. Raises InputError
    as `read_cases` does, and for a slide that cannot be read.
    """
    found = read_cases(folder)
    published_um = _source(database_of(folder), folder).spacing_um
    regions, outside = [], 0
    for case, slide in zip(found.cases, found.slides, strict=True):
        path = image_path(folder, case.name)
        if path is None:
            continue
        region = slide_region(path, case, spacing_um or published_um)
        kept = [inside(region, points) for points in (slide.figures, slide.hard_negatives)]
        outside += sum(int((~of).sum()) for of in kept)
        figures, look_alikes = slide.figures[kept[0]], slide.hard_negatives[kept[1]]
        regions.append(replace(region, figures=figures, hard_negatives=look_alikes))
    return SlideRunner(**vars(found), regions=regions, outside=outside)


def image_path(folder: Path, file_name: str) -> Path | None:
    """Where a slide lies, beside the database or in one of the folders there; None if it is not there."""
    paths = (folder / inner / file_name for inner in IMAGE_FOLDERS)
    return next((path for path in paths if path.is_file()), None)


def _source(path: Path, folder: Path) -> Source:
    """The published set, or for another database a domain that the folder is called, of no known spacing."""
    own = Source("", folder.resolve().name, "", spacing_um=None)
    return next((source for source in SOURCES if path.name.startswith(source.start)), own)
