"""Small folders in the formats that data sets are published in."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from tests.training.drawing import drawn_pixels

Point = tuple[float, float]

# As SlideRunner's Database.create makes them, and as databases were before annotations could be marked as deleted.
SCHEMA = """
    CREATE TABLE `Annotations_label` (`uid` INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, `person` INTEGER,
        `class` INTEGER, `exact_id` INTEGER, `annoId` INTEGER);
    CREATE TABLE `Annotations_coordinates` (`uid` INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, `coordinateX` INTEGER,
        `coordinateY` INTEGER, `coordinateZ` INTEGER DEFAULT 0, `slide` INTEGER, `annoId` INTEGER, `orderIdx` INTEGER);
    CREATE TABLE `Annotations` (`uid` INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, `slide` INTEGER, `guid` TEXT,
        `lastModified` REAL DEFAULT 1562284800.0, `deleted` INTEGER DEFAULT 0, `type` INTEGER, `agreedClass` INTEGER,
        `description` TEXT);
    CREATE TABLE `Classes` (`uid` INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, `name` TEXT, `color` TEXT);
    CREATE TABLE `Persons` (`uid` INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, `name` TEXT,
        `isExactUser` INTEGER DEFAULT 0);
    CREATE TABLE `Slides` (`uid` INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, `filename` TEXT, `width` INTEGER,
        `height` INTEGER, `directory` TEXT, `uuid` TEXT, `exactImageID` TEXT);
    CREATE TABLE `Log` (`uid` INTEGER PRIMARY KEY AUTOINCREMENT, `dateTime` FLOAT, `labelId` INTEGER);
    PRAGMA user_version = 1;
"""
OLD_SCHEMA = SCHEMA.replace(
    "`guid` TEXT,\n        `lastModified` REAL DEFAULT 1562284800.0, `deleted` INTEGER DEFAULT 0,", ""
)
SPOT, AREA, POLYGON, SPECIAL_SPOT, CIRCLE = 1, 2, 3, 4, 5

CCMCT = {1: "Granulocyte", 2: "mitotic figure", 3: "Tumor cell", 4: "Ambiguous", 7: "Mitotic figure look-alike"}
CMC = {1: "Mitotic cell look-alike", 2: "Mitotic figure", 4: "Tumor region", 5: "Exclude from tumor region"}
TUPAC = {1: "Mitose", 2: "Non-mitotic cell"}


@dataclass(frozen=True)
class Marked:
    """An annotation: on which slide, of which class, at which points, of which type; deleted or not."""

    slide: int
    of_class: int | None
    points: Sequence[Point]
    kind: int = SPOT
    deleted: bool = False


def write_database(
    path: Path, classes: dict[int, str], slides: dict[int, str], annotations: Sequence[Marked], schema: str = SCHEMA
) -> None:
    """A database of SlideRunner with two experts who agree on every class."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(schema)
        database.executemany("INSERT INTO Persons (name) VALUES (?)", [("first",), ("second",)])
        database.executemany("INSERT INTO Classes (uid, name, color) VALUES (?, ?, '#00FF00')", classes.items())
        database.executemany("INSERT INTO Slides (uid, filename, directory) VALUES (?, ?, '')", slides.items())
        for number, marked in enumerate(annotations, start=1):
            columns, values = "uid, slide, type, agreedClass", [number, marked.slide, marked.kind, marked.of_class]
            if schema == SCHEMA:
                columns, values = f"{columns}, deleted", [*values, int(marked.deleted)]
            marks = ", ".join("?" * len(values))
            database.execute(f"INSERT INTO Annotations ({columns}) VALUES ({marks})", values)
            for order, (x, y) in enumerate(marked.points, start=1):
                database.execute(
                    "INSERT INTO Annotations_coordinates (coordinateX, coordinateY, slide, annoId, orderIdx) "
                    "VALUES (?, ?, ?, ?, ?)",
                    (x, y, marked.slide, number, order),
                )
            for person in (1, 2):
                database.execute(
                    "INSERT INTO Annotations_label (person, class, annoId) VALUES (?, ?, ?)",
                    (person, marked.of_class, number),
                )


def write_svs(path: Path, pixels: NDArray[np.uint8]) -> None:
    """As Aperio's scanners write slides: JPEG in tiles, then a thumbnail, and no resolution tags."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = pixels.shape[:2]
    about = f"Aperio Image Library v12.0.15\r\n{width}x{height} (240x240) JPEG/RGB Q=70|AppMag = 40|MPP = 0.2533"
    with tifffile.TiffWriter(path) as file:
        settings = {"photometric": "rgb", "compression": "jpeg", "metadata": None, "software": False}
        file.write(pixels, tile=(240, 240), description=about, compressionargs={"level": 90}, **settings)
        file.write(np.ascontiguousarray(pixels[::4, ::4]), description="Aperio Image Library v12.0.15", **settings)


def write_tupac16(folder: Path, tables: dict[str, tuple[list[Point], list[Point]]]) -> Path:
    """The tables of TUPAC_AL: CASE/IMAGE to figures and look-alikes, x then y."""
    for name, of_kinds in tables.items():
        for kind, points in zip(("mitoses_ground_truth", "nonmitoses_ground_truth"), of_kinds, strict=True):
            path = folder / kind / f"{name}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{y},{x}\n" for x, y in points))
    return folder


def write_amida13(folder: Path, images: dict[str, list[Point]], tables: str = ".") -> Path:
    """AMIDA13's images CASE/IMAGE.tif with figures, x then y, and their tables; an image without figures has none."""
    for name, figures in images.items():
        image, table = folder / f"{name}.tif", folder / tables / f"{name}.csv"
        image.parent.mkdir(parents=True, exist_ok=True)
        table.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(image, drawn_pixels(128, 96, figures, []), photometric="rgb")
        if figures:
            table.write_text("".join(f"{y:.0f},{x:.0f}\n" for x, y in figures))
    return folder


def write_mitos_atypia14(folder: Path, images: dict[str, tuple[list[Point], list[Point]]]) -> Path:
    """MITOS-ATYPIA 14's images with figures and look-alikes, x then y, by name, as A03_00Aa; both have tables."""
    for name, of_kinds in images.items():
        case = folder / name[:3]
        for inner in ("frames/x40", "mitosis"):
            (case / inner).mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(case / "frames" / "x40" / f"{name}.tiff", drawn_pixels(128, 96, *of_kinds), photometric="rgb")
        for kind, points, confidence in zip(("mitosis", "not_mitosis"), of_kinds, (1.0, 0.2), strict=True):
            lines = (f"{x:.0f},{y:.0f},{confidence}\n" for x, y in points)
            (case / "mitosis" / f"{name}_{kind}.csv").write_text("".join(lines))
    return folder


def write_spider(folder: Path, patches: Sequence[dict[str, str]], seed: int = 0) -> Path:
    """An organ of SPIDER: slide_id, class and split of every patch, and where wanted file ("no": not written)."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    records = []
    for number, patch in enumerate(patches):
        context = {f"{row}_{column}": f"c{number}_{row}{column}.png" for row in range(5) for column in range(5)}
        del context["2_2"]
        record = {"slide_id": patch["slide_id"], "image_name": f"{number}.png", "context_info": context}
        records.append({**record, "class": patch["class"], "split": patch["split"]})
        if patch.get("file") != "no":
            write_patch(folder / "images" / f"{number}.png", rng)
        write_patch(folder / "images" / context["0_0"], rng)
    (folder / "metadata.json").write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    return folder


def write_nct_crc(folder: Path, counts: dict[str, int], seed: int = 0) -> Path:
    """Folders of classes with so many patches each."""
    rng = np.random.default_rng(seed)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            write_patch(folder / name / f"{name}-AAAA{number:04}.tif", rng)
    return folder


def write_patch(path: Path, rng: np.random.Generator, side_px: int = 224) -> None:
    """A square of pale grain, without a spacing."""
    pixels = rng.integers(120, 220, (side_px, side_px, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
