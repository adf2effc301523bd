"""Class tables that datasets publish apart from their files: names, numbers and colours.

Cityscapes: https://github.com/mcordts/cityscapesScripts (labels); BDD100K: https://doc.bdd100k.com/format.html;
CamVid: Brostow, Fauqueur and Cipolla, "Semantic object classes in video" (2009), table 1; VIPER: `classes.csv` of
https://github.com/srrichter/viper. Labels of "Playing for Data" (GTAV) are those of Cityscapes.
"""

from __future__ import annotations

from dataclasses import dataclass

Color = tuple[int, int, int]


@dataclass(frozen=True)
class KnownClass:
    """A class of a published table."""

    number: int
    name: str
    color: Color
    is_thing: bool = False
    """Whether its objects are told apart."""


CITYSCAPES = (
    KnownClass(0, "background", (0, 0, 0)),
    KnownClass(1, "ego vehicle", (0, 0, 0)),
    KnownClass(2, "rectification border", (0, 0, 0)),
    KnownClass(3, "out of roi", (0, 0, 0)),
    KnownClass(4, "static", (0, 0, 0)),
    KnownClass(5, "dynamic", (111, 74, 0)),
    KnownClass(6, "ground", (81, 0, 81)),
    KnownClass(7, "road", (128, 64, 128)),
    KnownClass(8, "sidewalk", (244, 35, 232)),
    KnownClass(9, "parking", (250, 170, 160)),
    KnownClass(10, "rail track", (230, 150, 140)),
    KnownClass(11, "building", (70, 70, 70)),
    KnownClass(12, "wall", (102, 102, 156)),
    KnownClass(13, "fence", (190, 153, 153)),
    KnownClass(14, "guard rail", (180, 165, 180)),
    KnownClass(15, "bridge", (150, 100, 100)),
    KnownClass(16, "tunnel", (150, 120, 90)),
    KnownClass(17, "pole", (153, 153, 153)),
    KnownClass(18, "polegroup", (153, 153, 153)),
    KnownClass(19, "traffic light", (250, 170, 30)),
    KnownClass(20, "traffic sign", (220, 220, 0)),
    KnownClass(21, "vegetation", (107, 142, 35)),
    KnownClass(22, "terrain", (152, 251, 152)),
    KnownClass(23, "sky", (70, 130, 180)),
    KnownClass(24, "person", (220, 20, 60), True),
    KnownClass(25, "rider", (255, 0, 0), True),
    KnownClass(26, "car", (0, 0, 142), True),
    KnownClass(27, "truck", (0, 0, 70), True),
    KnownClass(28, "bus", (0, 60, 100), True),
    KnownClass(29, "caravan", (0, 0, 90), True),
    KnownClass(30, "trailer", (0, 0, 110), True),
    KnownClass(31, "train", (0, 80, 100), True),
    KnownClass(32, "motorcycle", (0, 0, 230), True),
    KnownClass(33, "bicycle", (119, 11, 32), True),
)
"""`unlabeled` (0) is background here."""

BDD = tuple(
    KnownClass(number, name, color, True)
    for number, (name, color) in enumerate(
        (
            ("pedestrian", (220, 20, 60)),
            ("rider", (255, 0, 0)),
            ("car", (0, 0, 142)),
            ("truck", (0, 0, 70)),
            ("bus", (0, 60, 100)),
            ("train", (0, 80, 100)),
            ("motorcycle", (0, 0, 230)),
            ("bicycle", (119, 11, 32)),
            ("traffic light", (250, 170, 30)),
            ("traffic sign", (220, 220, 0)),
            ("person", (240, 60, 90)),
            ("motor", (40, 40, 250)),
            ("bike", (150, 40, 60)),
            ("other person", (200, 80, 120)),
            ("other vehicle", (60, 60, 170)),
            ("trailer", (0, 0, 110)),
        ),
        1,
    )
)
"""1 to 10 are the numbers of the 2020 release and of its bitmasks; then come the names of the 2018 release (`person`,
`motor`, `bike`), and those that evaluation ignores."""

CAMVID = tuple(
    KnownClass(number, name, color)
    for number, (name, color) in enumerate(
        (
            ("Animal", (64, 128, 64)),
            ("Archway", (192, 0, 128)),
            ("Bicyclist", (0, 128, 192)),
            ("Bridge", (0, 128, 64)),
            ("Building", (128, 0, 0)),
            ("Car", (64, 0, 128)),
            ("CartLuggagePram", (64, 0, 192)),
            ("Child", (192, 128, 64)),
            ("Column_Pole", (192, 192, 128)),
            ("Fence", (64, 64, 128)),
            ("LaneMkgsDriv", (128, 0, 192)),
            ("LaneMkgsNonDriv", (192, 0, 64)),
            ("Misc_Text", (128, 128, 64)),
            ("MotorcycleScooter", (192, 0, 192)),
            ("OtherMoving", (128, 64, 64)),
            ("ParkingBlock", (64, 192, 128)),
            ("Pedestrian", (64, 64, 0)),
            ("Road", (128, 64, 128)),
            ("RoadShoulder", (128, 128, 192)),
            ("Sidewalk", (0, 0, 192)),
            ("SignSymbol", (192, 128, 128)),
            ("Sky", (128, 128, 128)),
            ("SUVPickupTruck", (64, 128, 192)),
            ("TrafficCone", (0, 0, 64)),
            ("TrafficLight", (0, 64, 64)),
            ("Train", (192, 64, 128)),
            ("Tree", (128, 128, 0)),
            ("Truck_Bus", (192, 128, 192)),
            ("Tunnel", (64, 0, 64)),
            ("VegetationMisc", (192, 192, 0)),
            ("Wall", (64, 192, 0)),
        ),
        1,
    )
)
"""Without `Void` (black), whose pixels are to be ignored."""

VIPER = (
    KnownClass(0, "background", (0, 0, 0)),
    KnownClass(1, "ambiguous", (111, 74, 0)),
    KnownClass(2, "sky", (70, 130, 180)),
    KnownClass(3, "road", (128, 64, 128)),
    KnownClass(4, "sidewalk", (244, 35, 232)),
    KnownClass(5, "railtrack", (230, 150, 140)),
    KnownClass(6, "terrain", (152, 251, 152)),
    KnownClass(7, "tree", (87, 182, 35)),
    KnownClass(8, "vegetation", (35, 142, 35)),
    KnownClass(9, "building", (70, 70, 70)),
    KnownClass(10, "infrastructure", (153, 153, 153)),
    KnownClass(11, "fence", (190, 153, 153)),
    KnownClass(12, "billboard", (150, 20, 20)),
    KnownClass(13, "trafficlight", (250, 170, 30), True),
    KnownClass(14, "trafficsign", (220, 220, 0)),
    KnownClass(15, "mobilebarrier", (180, 180, 100)),
    KnownClass(16, "firehydrant", (173, 153, 153), True),
    KnownClass(17, "chair", (168, 153, 153), True),
    KnownClass(18, "trash", (81, 0, 21)),
    KnownClass(19, "trashcan", (81, 0, 81), True),
    KnownClass(20, "person", (220, 20, 60), True),
    KnownClass(21, "animal", (255, 0, 0)),
    KnownClass(22, "bicycle", (119, 11, 32)),
    KnownClass(23, "motorcycle", (0, 0, 230), True),
    KnownClass(24, "car", (0, 0, 142), True),
    KnownClass(25, "van", (0, 80, 100), True),
    KnownClass(26, "bus", (0, 60, 100), True),
    KnownClass(27, "truck", (0, 0, 70), True),
    KnownClass(28, "trailer", (0, 0, 90)),
    KnownClass(29, "train", (0, 80, 100)),
    KnownClass(30, "plane", (0, 100, 100)),
    KnownClass(31, "boat", (50, 0, 90)),
)
"""`unlabeled` (0) is background here."""


def names_of(table: tuple[KnownClass, ...]) -> dict[int, str]:
    """Names by number."""
    return {item.number: item.name for item in table}


def colors_of(table: tuple[KnownClass, ...]) -> dict[int, Color]:
    """Colours by number."""
    return {item.number: item.color for item in table}
