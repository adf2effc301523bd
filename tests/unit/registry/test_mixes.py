"""Mixes: read as people write them, kept as documents that never change, and drawn as they say."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry_homes import manifest

from contracts.document import parse_json, validate
from contracts.errors import ConfigurationError, ConflictError, NotFoundError
from contracts.frame import FrameRecord
from contracts.ids import VersionReference, canonical_json, digest_of
from contracts.mix import DataPlan, Mix, MixSource, parse_mix, share_of
from registry.catalog import Catalog
from registry.deletion import delete_version
from registry.mixes import create_mix, find_mix, list_mixes, remove_mix, resolve_mix
from registry.splits import subset

DIGESTS = {"parts@3": digest_of(b"parts"), "belt-g6@2": digest_of(b"belt")}
TEXT = "0.7 of parts@3 train + 512 of belt-g6@2, nested, seed 4"
VALIDATION = {"validation": {"dataset": "parts@1", "reserve": 2}, "test": {"dataset": "parts@1", "split": "test"}}

names = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
amounts = st.one_of(
    st.builds(lambda images: {"images": images}, st.integers(1, 10**9 - 1)),
    st.builds(lambda share: {"share": share / 10**4}, st.integers(1, 10**4)),
)
sources = st.builds(
    lambda dataset, number, split, amount: {
        "dataset": f"{dataset}@{number}",
        "split": split,
        "digest": digest_of(f"{dataset}@{number}".encode()),
        **amount,
    },
    names,
    st.integers(1, 10**6),
    st.none() | names,
    amounts,
)
mixes = st.builds(
    lambda chosen, subsets, seed: Mix.model_validate({"sources": chosen, "subsets": subsets, "seed": seed}),
    st.lists(sources, min_size=1, max_size=5, unique_by=lambda item: item["dataset"]),
    st.sampled_from(["nested", "independent"]),
    st.integers(0, 2**53 - 1),
)


class TestReading:
    def test_the_form_that_people_write(self) -> None:
        mix = parse_mix(TEXT, DIGESTS.__getitem__)
        assert [(item.dataset, item.split, item.share, item.images) for item in mix.sources] == [
            ("parts@3", "train", 0.7, None),
            ("belt-g6@2", None, None, 512),
        ]
        assert (mix.subsets, mix.seed, str(mix)) == ("nested", 4, TEXT)

    @given(mixes)
    def test_a_mix_reads_as_it_is_written_and_keeps_its_digest(self, mix: Mix) -> None:
        again = parse_mix(str(mix), lambda version: digest_of(version.encode()))
        assert again == mix
        assert canonical_json(parse_json(Mix, canonical_json(mix))) == canonical_json(mix)

    @pytest.mark.parametrize(
        ("text", "shares"),
        [("70% of parts@3", [0.7]), ("all of parts@3, seed 1", [1.0]), ("  .5  of  parts@3 ,independent", [0.5])],
    )
    def test_other_ways_to_say_it(self, text: str, shares: list[float]) -> None:
        assert [item.share for item in parse_mix(text, DIGESTS.__getitem__).sources] == shares

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "'' is not understood"),
            ("512 belt-g6@2", "'512 belt-g6@2' is not understood"),
            ("512 of belt-g6", "'belt-g6' is not understood"),
            ("512 of belt-g6@latest", "aliases move"),
            ("0 of belt-g6@2", "source 1: '0'"),
            ("1.5 of belt-g6@2", "'1.5' is not understood"),
            ("0.0 of belt-g6@2", "a share over 0"),
            ("101% of belt-g6@2", "'101%'"),
            ("all of belt-g6@2 ../etc", "a split is a safe name"),
            ("all of belt-g6@2, nestled", "'nestled'"),
            ("all of belt-g6@2, seed 1, seed 2", "'seed 2'"),
            ("all of belt-g6@2, nested, independent", "'independent'"),
            ("all of parts@3 + 5 of parts@3 train", r"sources\.1: parts@3 comes twice"),
            ("5 of parts@3 train + 6 of parts@3 train", r"sources\.1: parts@3 comes twice"),
            ("all of belt-g6@2, seed 9999999999999999", "less than or equal to"),
            (" + ".join(["1 of belt-g6@2"] * 65), "at most 64"),
        ],
    )
    def test_anything_else_is_refused(self, text: str, message: str) -> None:
        with pytest.raises(ConfigurationError, match=message) as caught:
            parse_mix(text, DIGESTS.__getitem__)
        assert caught.value.code == "invalid_mix"
        assert caught.value.hint

    @given(st.integers(1, 10**4), st.integers(0, 10**6))
    def test_shares_are_exact_in_the_digits_written(self, ten_thousandths: int, available: int) -> None:
        share = ten_thousandths / 10**4
        assert share_of(share, available) == available * ten_thousandths // 10**4
        assert MixSource(dataset="a@1", digest=DIGESTS["parts@3"], share=share).count(available) <= available


def records(count: int) -> list[FrameRecord]:
    files = {"image": digest_of(b"image"), "mask": digest_of(b"mask")}
    return [FrameRecord(index=index, files=files, size=(8, 8)) for index in range(count)]


FRAMES = records(60)


class TestSubsets:
    @given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 2**53 - 1), st.permutations(range(60)))
    def test_nested_ones_contain_the_smaller(self, one: int, other: int, seed: int, order: list[int]) -> None:
        small, large = sorted((one, other))
        shuffled = [FRAMES[place] for place in order]
        chosen = [{record.index for record in subset(shuffled, take, seed)} for take in (small, large)]
        assert chosen[0] <= chosen[1]
        assert (len(chosen[0]), len(chosen[1])) == (small, large)
        assert chosen[1] == {record.index for record in subset(FRAMES, large, seed)}, "the order given plays no part"

    @given(st.integers(0, 60), st.integers(0, 2**53 - 1))
    def test_independent_ones_are_a_function_of_number_and_seed(self, take: int, seed: int) -> None:
        chosen = subset(FRAMES, take, seed, subsets="independent")
        assert len({record.index for record in chosen}) == take
        assert chosen == subset(FRAMES[::-1], take, seed, subsets="independent")

    def test_independent_ones_overlap_as_chance_has_it(self) -> None:
        """Of 20 and 30 in 60, 10 are shared on average (hypergeometric, variance 3.39); nested ones share 20."""
        shared = [
            len(
                {record.index for record in subset(FRAMES, 20, seed, subsets="independent")}
                & {record.index for record in subset(FRAMES, 30, seed, subsets="independent")}
            )
            for seed in range(300)
        ]
        assert sum(shared) / len(shared) == pytest.approx(10, abs=4 * (3.39 / 300) ** 0.5)


@pytest.fixture
def catalog(database_url: str) -> Iterator[Catalog]:
    with Catalog(database_url) as opened:
        opened.add("parts", manifest(1).model_copy(update={"frame_count": 10, "splits": {"train": 7, "test": 3}}))
        opened.add("belt", manifest(2).model_copy(update={"frame_count": 5, "splits": {}, "license": "internal"}))
        yield opened


class TestKeeping:
    def test_a_mix_stays_what_it_is(self, catalog: Catalog) -> None:
        kept = create_mix(catalog, "both", "0.5 of parts@1 train + 2 of belt@1, seed 3")
        assert kept.images == (3, 2)
        assert kept.digest == digest_of(canonical_json(kept.mix))
        assert [item.license for item in kept.terms] == ["internal"]
        assert create_mix(catalog, "both", "50% of parts@1 train + 2 of belt@1, nested, seed 3") == kept
        with pytest.raises(ConflictError, match=r"'both' is another mix: 0\.5 of parts@1 train"):
            create_mix(catalog, "both", "0.5 of parts@1 train")
        assert find_mix(catalog, "both") == find_mix(catalog, kept.digest) == kept
        assert list_mixes(catalog) == [kept]

    def test_what_cannot_be_drawn_is_not_kept(self, catalog: Catalog) -> None:
        for text, code in (
            ("6 of belt@1", "mix_too_large"),
            ("8 of parts@1 train", "mix_too_large"),
            ("0.1 of belt@1", "mix_too_small"),
            ("all of belt@1 train", "unknown_split"),
            ("all of belt@2", "unknown_version"),
            ("all of bell@1", "unknown_dataset"),
        ):
            with pytest.raises((ConfigurationError, NotFoundError)) as caught:
                create_mix(catalog, "bad", text)
            assert caught.value.code == code, text
        assert list_mixes(catalog) == []

    def test_versions_stay_as_long_as_a_mix_names_them(self, catalog: Catalog) -> None:
        create_mix(catalog, "one", "1 of belt@1")
        create_mix(catalog, "two", "2 of belt@1")
        with pytest.raises(ConflictError, match="belt@1 is needed by mix one, mix two"):
            delete_version(catalog, VersionReference("belt", 1))
        remove_mix(catalog, "one")
        with pytest.raises(ConflictError, match="needed by mix two"):
            delete_version(catalog, VersionReference("belt", 1))
        remove_mix(catalog, "two")
        assert delete_version(catalog, VersionReference("belt", 1)).version == 1
        with pytest.raises(NotFoundError, match="no mix 'two'"):
            find_mix(catalog, "two")


class TestInARun:
    def test_its_sources_come_in_its_place(self, catalog: Catalog) -> None:
        kept = create_mix(catalog, "both", "0.5 of parts@1 train + all of belt@1, independent, seed 3")
        for named in ("both", kept.digest):
            plan = resolve_mix(catalog, validate(DataPlan, {"mix": named, **VALIDATION}))
            assert plan.mix == kept.digest
            assert [(item.dataset, item.split, item.take, item.share) for item in plan.train] == [
                ("parts@1", "train", "all", 0.5),
                ("belt@1", None, "all", None),
            ]
            assert {(item.subsets, item.seed) for item in plan.train} == {("independent", 3)}
            weights = [Fraction(item.weight) for item in plan.train]
            assert weights == [3, 5], "each image is as likely as any other"

    def test_it_stands_alone(self, catalog: Catalog) -> None:
        create_mix(catalog, "both", "all of belt@1")
        plan = validate(DataPlan, {"mix": "both", "train": [{"dataset": "belt@1"}], **VALIDATION})
        with pytest.raises(ConfigurationError, match="train and mix are both given"):
            resolve_mix(catalog, plan)
        with pytest.raises(ConfigurationError, match="at least one source, or a mix"):
            validate(DataPlan, VALIDATION)

    def test_what_earlier_documents_said_is_written_as_it_was(self) -> None:
        plan = validate(DataPlan, {"train": [{"dataset": "belt@1", "take": 3}], **VALIDATION})
        assert plan.model_dump(mode="json")["train"] == [
            {"dataset": "belt@1", "split": None, "take": 3, "weight": 1.0, "seed": 0}
        ]
        assert "mix" not in plan.model_dump(mode="json")
