"""Packing and reading the store."""

import json
import tracemalloc
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from emfm.acquire.pack import pack
from emfm.acquire.simulate import SimulatedSource
from emfm.core.block_floats import decode, encode
from emfm.core.errors import DataError
from emfm.core.grid import Geometry, Grid
from emfm.core.sample import Sample
from emfm.core.store import Store, fingerprint, shard_files
from scene_params import scene_params
from small_store import SingleElements, packed

GEOMETRY = Geometry(5e9, Grid(-1e-3, -1e-3, 1e-3, 1e-3, 3, 3, 1e-3), Grid(-2e-3, -2e-3, 1e-3, 1e-3, 5, 4, 5e-3))
COUNT = 23
SHARD = 5


@dataclass
class NumberedSource:
    """Samples whose values say which row they are; refuses row ``fails_at``."""

    fails_at: int = -1
    asked: list[int] = field(default_factory=list)

    parameter_names = ("number", "half")

    def __len__(self):
        return COUNT

    def sample(self, row):
        if row == self.fails_at:
            raise KeyboardInterrupt
        self.asked.append(row)
        rng = np.random.default_rng(row)
        return Sample(
            id=f"c{row}",
            family=f"f{row // 3}",
            source_h=rng.normal(size=(4, 3, 3)).astype(np.float32),
            target=rng.normal(size=(12, 4, 5)).astype(np.float32),
            parameters=np.array([row, np.nan if row % 2 else row / 2]),
        )


def pack_to(folder, source=None, workers=1, work=None):
    work = work or folder.with_name("work")
    return pack(source or NumberedSource(), GEOMETRY, "test", folder, work, SHARD, workers)


def contents(folder: Path):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_packed_is_read_back_in_any_order(tmp_path):
    pack_to(tmp_path / "store")
    store = Store(tmp_path / "store")
    source = NumberedSource()
    rows = np.random.default_rng(0).permutation(COUNT)
    assert len(store) == COUNT
    assert store.geometry == GEOMETRY
    np.testing.assert_array_equal(store.source_h(rows), [source.sample(row).source_h for row in rows])
    targets = np.stack([source.sample(row).target for row in rows])
    np.testing.assert_array_equal(store.target(rows), decode(*encode(targets)))
    np.testing.assert_allclose(store.target(rows), targets, rtol=0, atol=2**-15 * np.abs(targets).max())
    np.testing.assert_array_equal(store.parameters, [source.sample(row).parameters for row in range(COUNT)])
    assert list(store.table["family"][:4]) == ["f0", "f0", "f0", "f1"]
    np.testing.assert_array_equal(store.rows_of(["c7", "c0"], "list"), [7, 0])


def test_the_arrays_can_be_read_with_numpy_alone(tmp_path):
    pack_to(tmp_path / "store")
    shards = sorted((tmp_path / "store").glob("target-*.npy"))
    assert [len(np.load(shard)) for shard in shards] == [5, 5, 5, 5, 3]
    exponents = np.load(tmp_path / "store" / "target_exponent-00001.npy").astype(int)
    values = np.ldexp(np.load(shards[1]).astype(np.float32), exponents[..., None])
    np.testing.assert_array_equal(values, Store(tmp_path / "store").target(range(SHARD, 2 * SHARD)))


def test_what_is_read_and_packed_again_gives_the_same_files(tmp_path):
    class Again(NumberedSource):
        def sample(self, row):
            return replace(super().sample(row), target=first.target([row])[0])

    pack_to(tmp_path / "store")
    first = Store(tmp_path / "store")
    pack_to(tmp_path / "again", Again())
    for name in ("target-00002.npy", "target_exponent-00002.npy"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "store" / name).read_bytes()


def test_the_bytes_do_not_depend_on_the_number_of_processes(tmp_path):
    params = scene_params(num_samples=COUNT, max_elements=3, half_width_mm=1.0, duplicate_share=0.05)
    pack_to(tmp_path / "one", SimulatedSource(GEOMETRY, params, 0), workers=1)
    pack_to(tmp_path / "two", SimulatedSource(GEOMETRY, params, 0), workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_stopped_run_goes_on_where_it_was_and_ends_with_the_same_bytes(tmp_path):
    pack_to(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        pack_to(tmp_path / "store", NumberedSource(fails_at=12))
    assert not (tmp_path / "store").exists()
    again = NumberedSource()
    pack_to(tmp_path / "store", again)
    assert again.asked == list(range(10, COUNT))
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")
    assert not (tmp_path / "work").exists()


def test_a_stop_while_the_shards_are_joined_loses_nothing(tmp_path, monkeypatch):
    pack_to(tmp_path / "whole")
    calls = []

    def stop(path, value):
        calls.append(path)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("emfm.acquire.pack.write_json", stop)
        with pytest.raises(KeyboardInterrupt):
            pack_to(tmp_path / "store")
    again = NumberedSource()
    pack_to(tmp_path / "store", again)
    assert calls
    assert again.asked == []
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")


def test_packing_holds_few_samples_in_memory_at_a_time(tmp_path):
    width = 1000

    def peak(count):
        source = SingleElements(
            [f"f{row}" for row in range(count)],
            parameter_names=tuple(f"p{place}" for place in range(width)),
            parameters=((0.5,) * width,) * count,
        )
        tracemalloc.start()
        packed(source, tmp_path / str(count))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(16)
    assert peak(80) - peak(16) < 64 * width * 8 / 2


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize(("part", "name"), [("source_h", "source H"), ("target", "target")])
def test_a_sample_that_cannot_be_stored_is_refused_by_name(tmp_path, part, name, value):
    class Broken(NumberedSource):
        def sample(self, row):
            sample = super().sample(row)
            if row == 3:
                getattr(sample, part)[2, 1, 1] = value
            return sample

    with pytest.raises(DataError, match=f"sample c3, {name}: holds NaN, Inf or a number too large"):
        pack_to(tmp_path / "store", Broken())
    assert not (tmp_path / "store").exists()


def test_an_empty_source_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(NumberedSource, "__len__", lambda self: 0)
    with pytest.raises(DataError, match="test: no samples there"):
        pack_to(tmp_path / "store")


def test_the_fingerprint_tells_a_field_from_its_mirror_image_and_its_negative():
    rng = np.random.default_rng(0)
    source_h, target = rng.normal(size=(4, 3, 3)), rng.normal(size=(12, 4, 5))
    original = fingerprint(source_h, target)
    for other in ((source_h[..., ::-1], target), (-source_h, target), (source_h, np.roll(target, 1, axis=0))):
        assert np.abs(fingerprint(*other) - original).max() > 1e-3
    np.testing.assert_allclose(fingerprint(source_h * (1 + 1e-9), target), original, rtol=1e-8)


def damage_header(folder):
    (folder / "store.json").write_text('{"format": 1}')


def damage_format(folder):
    header = json.loads((folder / "store.json").read_text()) | {"format": 99}
    (folder / "store.json").write_text(json.dumps(header))


def truncate_shard(folder):
    path = folder / shard_files(1)[1]
    path.write_bytes(path.read_bytes()[:-100])


def pickle_shard(folder):
    np.save(folder / shard_files(0)[0], np.array([{}], dtype=object), allow_pickle=True)


def shorten_table(folder):
    path = folder / "samples.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (damage_header, "store.json: damaged"),
        (damage_format, "store.json: another format"),
        (truncate_shard, "target-00001.npy: cannot be read as an array"),
        (pickle_shard, "source_H-00000.npy: cannot be read as an array"),
        (shorten_table, "samples.csv: must hold the columns id,family and 23 lines"),
        (lambda folder: (folder / "store.json").unlink(), "no packed store there"),
        (lambda folder: (folder / shard_files(4)[0]).unlink(), "source_H-00004.npy: cannot be read"),
        (lambda folder: (folder / shard_files(4).exponent).unlink(), "target_exponent-00004.npy: cannot be read"),
    ],
)
def test_a_damaged_store_is_refused_with_the_remedy(tmp_path, damage, sentence):
    pack_to(tmp_path / "store")
    damage(tmp_path / "store")
    with pytest.raises(DataError, match=f"{sentence}.*dvc repro acquire.*dvc pull"):
        Store(tmp_path / "store")


def test_an_unknown_id_is_refused_with_its_line(tmp_path):
    pack_to(tmp_path / "store")
    with pytest.raises(DataError, match=r"ids.txt: line 2: the store .* has no sample 'x'"):
        Store(tmp_path / "store").rows_of(["c1", "x"], "ids.txt")


def test_a_row_beyond_the_end_is_refused(tmp_path):
    pack_to(tmp_path / "store")
    with pytest.raises(IndexError, match="rows must be within 0 and 22"):
        Store(tmp_path / "store").target([COUNT])
