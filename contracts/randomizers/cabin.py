"""Randomizers of the cabin scene family.

Colours are words of `CABIN_COLORS`; each frame varies their lightness and hue a little from the
randomizer's detail seed.
"""

from __future__ import annotations

from typing import Annotated, Literal

from contracts.distributions import NumberDistribution, OneOf, Within, WordDistribution
from contracts.randomizers.common import Randomizer

CABIN_COLORS: dict[str, tuple[float, float, float]] = {
    "black": (0.018, 0.018, 0.019),
    "charcoal": (0.05, 0.051, 0.054),
    "grey": (0.16, 0.16, 0.165),
    "silver": (0.42, 0.42, 0.42),
    "white": (0.74, 0.73, 0.70),
    "beige": (0.46, 0.37, 0.26),
    "blonde": (0.55, 0.44, 0.25),
    "tan": (0.30, 0.17, 0.085),
    "brown": (0.095, 0.05, 0.03),
    "burgundy": (0.13, 0.016, 0.022),
    "red": (0.42, 0.03, 0.025),
    "orange": (0.58, 0.19, 0.03),
    "yellow": (0.62, 0.44, 0.05),
    "olive": (0.11, 0.115, 0.045),
    "green": (0.04, 0.19, 0.075),
    "teal": (0.03, 0.17, 0.18),
    "blue": (0.05, 0.12, 0.38),
    "navy": (0.018, 0.03, 0.085),
    "purple": (0.15, 0.05, 0.22),
    "pink": (0.58, 0.27, 0.31),
}
"""Linear RGB reflectance by name."""

SKIN_COLORS: dict[str, tuple[float, float, float]] = {
    "very_light": (0.68, 0.46, 0.37),
    "light": (0.58, 0.36, 0.27),
    "medium": (0.43, 0.25, 0.165),
    "olive": (0.36, 0.21, 0.125),
    "brown": (0.20, 0.10, 0.06),
    "dark": (0.085, 0.042, 0.028),
}
"""Linear RGB reflectance of skin by name."""

HAIR_COLORS: dict[str, tuple[float, float, float]] = {
    "black": (0.012, 0.010, 0.009),
    "dark_brown": (0.035, 0.019, 0.012),
    "brown": (0.085, 0.045, 0.022),
    "blonde": (0.34, 0.21, 0.085),
    "red": (0.20, 0.055, 0.018),
    "grey": (0.27, 0.27, 0.27),
    "white": (0.62, 0.61, 0.58),
}
"""Linear RGB reflectance of hair by name."""

POSES = (
    "hands_on_lap", "hands_on_thighs", "hands_apart", "reaching", "one_arm_raised", "other_arm_raised", "turned",
    "leaning", "leaning_inboard", "looking_down", "reaching_dash", "arms_crossed", "hand_over_belt", "phone_at_ear",
    "phone_in_hand", "holding_bag", "asleep",
)  # fmt: skip
"""Named poses of the occupant; in some of them the hands hold a telephone or a bag."""

HAIR_STYLES = (
    "short", "medium", "receding", "bald", "cropped", "tousled", "side_part", "bob", "shoulder_length", "long",
    "tied_back",
)  # fmt: skip
"""Hair styles of the occupant."""

GARMENTS = ("pullover", "t_shirt", "shirt", "hoodie", "jacket")
"""Upper garments of the occupant."""

PATTERNS = ("plain", "stripes", "broad_diagonal", "checks", "print")
"""Patterns of the shirt."""

_Color = OneOf(*CABIN_COLORS)


class Occupant(Randomizer):
    """Body and pose of the front passenger."""

    kind: Literal["Occupant"]
    gender: Annotated[NumberDistribution, Within(0, 1)] = 0.5
    """0 male, 1 female, between them a blend."""
    age_years: Annotated[NumberDistribution, Within(12, 80)] = 35.0
    """Age."""
    height: Annotated[NumberDistribution, Within(0.1, 0.65)] = 0.35
    """Body height for the age: 0.1 short, 0.35 common, 0.65 very tall."""
    weight: Annotated[NumberDistribution, Within(0.1, 0.95)] = 0.5
    """0.5 is average."""
    muscle: Annotated[NumberDistribution, Within(0.1, 0.95)] = 0.5
    """0.5 is average."""
    proportions: Annotated[NumberDistribution, Within(0, 1)] = 0.5
    """0 ideal, 1 uncommon."""
    pose: Annotated[WordDistribution, OneOf(*POSES)] = "hands_on_lap"
    """Posture and where the hands are."""
    turn_left_deg: Annotated[NumberDistribution, Within(-12, 12)] = 0.0
    """Of the chest, on top of the pose."""
    lean_left_deg: Annotated[NumberDistribution, Within(-8, 8)] = 0.0
    """Of the chest, on top of the pose."""
    head_turn_left_deg: Annotated[NumberDistribution, Within(-30, 30)] = 0.0
    """Of the head, on top of the pose."""
    head_nod_deg: Annotated[NumberDistribution, Within(-15, 12)] = 0.0
    """Of the head, on top of the pose; positive is chin down."""
    skin_color: Annotated[WordDistribution, OneOf(*SKIN_COLORS)] = "light"
    """Skin."""


class Clothing(Randomizer):
    """Clothes and hair of the occupant."""

    kind: Literal["Clothing"]
    shirt_color: Annotated[WordDistribution, _Color] = "grey"
    """Shirt or pullover."""
    pants_color: Annotated[WordDistribution, _Color] = "navy"
    """Trousers."""
    shoe_color: Annotated[WordDistribution, _Color] = "black"
    """Shoes."""
    hair_color: Annotated[WordDistribution, OneOf(*HAIR_COLORS)] = "brown"
    """Hair and eyebrows."""
    sleeve_length: Annotated[NumberDistribution, Within(0.3, 1.95)] = 1.9
    """0 shoulder, 1 elbow, 2 wrist."""
    trouser_length: Annotated[NumberDistribution, Within(0.7, 1.97)] = 1.93
    """0 hip, 1 knee, 2 ankle."""
    collar: Annotated[WordDistribution, OneOf("crew", "wide", "v_neck", "turtleneck")] = "crew"
    """Neckline."""
    garment: Annotated[WordDistribution, OneOf(*GARMENTS)] = "pullover"
    """Upper garment. The plain `pullover` is smooth; the others have folds where a seated body bends them, seams and
    what is sewn on. A `jacket` is worn open over a T-shirt."""
    pattern: Annotated[WordDistribution, OneOf(*PATTERNS)] = "plain"
    """Of the shirt; broad diagonal stripes are as wide as webbing."""
    pattern_color: Annotated[WordDistribution, _Color] = "white"
    """Of stripes, checks and prints, and of some collars."""
    outer_color: Annotated[WordDistribution, _Color] = "charcoal"
    """Of a jacket."""
    jacket_lies: Annotated[WordDistribution, OneOf("under_belt", "over_belt")] = "under_belt"
    """Whether the belt is worn over an open jacket or under it."""
    looseness_m: Annotated[NumberDistribution, Within(0.004, 0.03)] = 0.011
    """How far the shirt stands off the body."""
    wrinkle_m: Annotated[NumberDistribution, Within(0, 0.01)] = 0.0035
    """Height of wrinkles."""
    hair: Annotated[WordDistribution, OneOf(*HAIR_STYLES)] = "short"
    """Hair style: `short`, `medium` and `receding` are smooth caps, the others but `bald` are made of locks."""
    hair_volume_m: Annotated[NumberDistribution, Within(0.006, 0.03)] = 0.014
    """Thickness of the hair, where it is a cap."""
    hair_length_share: Annotated[NumberDistribution, Within(0, 1)] = 0.5
    """Of locks: 0 the style's shortest, 1 its longest."""
    hair_front: Annotated[WordDistribution, OneOf("behind", "left", "right", "both")] = "behind"
    """Over which shoulder hair that is long enough, or a tied tail, falls to the front, and so over the belt."""
    glasses: Annotated[WordDistribution, OneOf("none", "glasses", "sunglasses")] = "none"
    """Before the eyes."""
    headwear: Annotated[WordDistribution, OneOf("none", "cap")] = "none"
    """On the head; hair lies close under a cap."""
    scarf: Annotated[WordDistribution, OneOf("none", "scarf")] = "none"
    """Around the neck; its ends hang over the chest, and over a belt."""
    accessory_color: Annotated[WordDistribution, _Color] = "navy"
    """Of cap and scarf."""


BELT_STATES = (
    "correct", "loose", "twisted", "off_shoulder", "under_arm", "behind_back", "lap_only", "unbelted",
)  # fmt: skip
"""How a belt is worn: as it should be; with too much webbing; turned over on the chest; slid off the shoulder over the
upper arm; with the shoulder part under the arm; behind the back; put away behind the seat; not at all."""


class Belt(Randomizer):
    """How the belt is worn, and its colour. A `Choice` variant `unbelted` or `empty` overrules the state."""

    kind: Literal["Belt"]
    state: Annotated[WordDistribution, OneOf(*BELT_STATES)] = "correct"
    """Wearing state. One that is impossible for a body in its pose has the frame drawn anew."""
    color: Annotated[WordDistribution, _Color] = "black"
    """Webbing."""
    shoulder_share: Annotated[NumberDistribution, Within(0.25, 0.75)] = 0.5
    """Where it crosses the shoulder: 0 at the neck, 1 at the joint."""
    d_ring_height_m: Annotated[NumberDistribution, Within(0.56, 0.76)] = 0.66
    """Of the D-ring above the H-point."""
    d_ring_behind_m: Annotated[NumberDistribution, Within(0.26, 0.40)] = 0.33
    """Of the D-ring behind the H-point."""
    slack_m: Annotated[NumberDistribution, Within(0.0, 0.04)] = 0.012
    """Bow of a belt that is not worn."""
    extra_webbing_m: Annotated[NumberDistribution, Within(0.03, 0.2)] = 0.1
    """Length beyond tight of a belt that is worn too loose."""
    twist_at: Annotated[NumberDistribution, Within(0, 1)] = 0.3
    """Where a twisted belt begins to turn over: 0 near the shoulder, 1 near the tongue."""
    clearance_m: Annotated[NumberDistribution, Within(0, 0.03)] = 0.0
    """How far off trunk and thighs it is routed, as over a collider coarser than the body."""


class Dummy(Randomizer):
    """Paints the occupant, hair and clothes included, in one colour."""

    kind: Literal["Dummy"]
    color: Annotated[WordDistribution, _Color] = "grey"
    """Of everything but the belt."""


class Cutout(Randomizer):
    """Takes occupant and belt out of the cabin, shrinks and moves them before the panorama, among flying things."""

    kind: Literal["Cutout"]
    scale: Annotated[NumberDistribution, Within(0.2, 1)] = 0.6
    """Size in the picture over the size in the cabin."""
    right_share: Annotated[NumberDistribution, Within(-0.5, 0.5)] = 0.0
    """Shift to the right, as a share of the picture's width."""
    down_share: Annotated[NumberDistribution, Within(-0.5, 0.5)] = 0.0
    """Shift down, as a share of the picture's height."""
    shapes: Annotated[NumberDistribution, Within(0, 30)] = 8.0
    """Flying discs and rectangles, rounded to a whole number."""
    belts: Annotated[NumberDistribution, Within(0, 8)] = 2.0
    """Flying stretches of belt, rounded to a whole number; they are labelled as belts."""


class Interior(Randomizer):
    """Seats and trim."""

    kind: Literal["Interior"]
    seat_color: Annotated[WordDistribution, _Color] = "charcoal"
    """Middle of the seats."""
    seat_side_color: Annotated[WordDistribution, _Color] = "black"
    """Side bolsters and headrests."""
    trim_color: Annotated[WordDistribution, _Color] = "charcoal"
    """Upper doors, pillars, dash and console."""
    door_color: Annotated[WordDistribution, _Color] = "grey"
    """Lower doors and inserts."""
    headliner_color: Annotated[WordDistribution, _Color] = "silver"
    """Roof lining."""
    upholstery: Annotated[WordDistribution, OneOf("cloth", "leather", "plastic")] = "cloth"
    """Cover of the seats."""
    recline_deg: Annotated[NumberDistribution, Within(14, 32)] = 21.0
    """Of the seat back from upright."""
    bolster_m: Annotated[NumberDistribution, Within(0.015, 0.07)] = 0.045
    """Height of the side bolsters."""
    window_transmittance: Annotated[NumberDistribution, Within(0.2, 0.95)] = 0.85
    """Of the window glass."""


CAMERA_FAMILIES = ("free", "dash", "mirror", "a_pillar")
"""Where cameras are built in."""


class CabinCamera(Randomizer):
    """A camera at the dash or the mirror that looks at the front passenger; positions from the seat's H-point."""

    kind: Literal["CabinCamera"]
    forward_m: Annotated[NumberDistribution, Within(0.45, 0.85)] = 0.72
    """Ahead of the H-point; less where the windscreen would be nearer than 5 cm."""
    left_m: Annotated[NumberDistribution, Within(-0.2, 0.6)] = 0.36
    """Left of the passenger's middle; 0.375 is the middle of the vehicle."""
    up_m: Annotated[NumberDistribution, Within(0.36, 0.8)] = 0.64
    """Above the H-point."""
    aim_left_m: Annotated[NumberDistribution, Within(-0.3, 0.4)] = 0.03
    """Point looked at, left of the passenger's middle."""
    aim_up_m: Annotated[NumberDistribution, Within(0.0, 0.6)] = 0.27
    """Point looked at, above the H-point."""
    roll_deg: Annotated[NumberDistribution, Within(-15, 15)] = 0.0
    """Turn about the optical axis."""
    family: Annotated[WordDistribution, OneOf(*CAMERA_FAMILIES)] = "free"
    """`free` stands where the fields above say; `dash` on the dash before the passenger, `mirror` at the foot of the
    inner mirror, `a_pillar` at the driver's A-pillar: at a place of its own from the detail seed, looking where the
    fields say."""
    radial_distortion: Annotated[NumberDistribution, Within(-0.14, 0.05)] = 0.0
    """k1 of the lens; negative is a barrel, less of one where the field of view is so wide that corners would fold."""


class Spectrum(Randomizer):
    """Whether the camera sees colours, or is a monochrome one that sees by a near-infrared lamp beside its lens."""

    kind: Literal["Spectrum"]
    band: Annotated[WordDistribution, OneOf("visible", "near_infrared")] = "visible"
    """Near infrared shows other contrasts: skin of every tone is alike, dark cloth is often bright."""
    lamp_illuminance_lux: Annotated[NumberDistribution, Within(0, 2400)] = 1500.0
    """Of the lamp on a surface that faces it one metre away, in the units of the other light."""
    daylight_share: Annotated[NumberDistribution, Within(0, 1)] = 0.06
    """Of sun and sky that the camera's filter lets through."""


class Outside(Randomizer):
    """What is seen, and shines, through the windows."""

    kind: Literal["Outside"]
    environment: Annotated[WordDistribution, OneOf("busy", "sky", "studio")] = "sky"
    """Kind of panorama; its content comes from the detail seed."""
    heading_deg: Annotated[NumberDistribution, Within(-360, 720)] = 0.0
    """Turn of the panorama about the vertical."""


CabinRandomizer = Occupant | Clothing | Belt | Dummy | Cutout | Interior | CabinCamera | Spectrum | Outside
