"""Checkpoint files: what is in them, and what is refused."""

import io
import pickle
import random
import zipfile

import pytest
import torch

from ttt.engine.checkpoint import Checkpoint, load_checkpoint, load_model, to_bytes
from ttt.engine.errors import CheckpointError
from ttt.files import write_bytes


@pytest.fixture
def trained(tmp_path, train):
    return train(tmp_path / "run", {"train.epochs": 1})


def test_a_checkpoint_holds_tensors_and_plain_values_only(trained):
    content = torch.load(trained.best, weights_only=True)
    plain = (str, int, float, bool, type(None), torch.Tensor)

    def check(value):
        if isinstance(value, dict):
            [check(item) for pair in value.items() for item in pair]
        elif isinstance(value, list | tuple):
            [check(item) for item in value]
        else:
            assert type(value) in plain

    check(content)


def test_a_checkpoint_describes_itself(trained):
    checkpoint = load_checkpoint(trained.best)
    assert checkpoint.config["model"] == {"name": "mlp", "hidden": [8], "dropout": 0.1}
    assert checkpoint.spec == {"inputs": 4, "outputs": 2}
    assert checkpoint.shapes == {"x": [4], "y": [2]}
    assert (checkpoint.place.epoch, checkpoint.place.step, checkpoint.place.batch) == (1, 6, 0)
    assert checkpoint.place.best_score == trained.best_score
    assert set(checkpoint.code) == {"engine_sha256", "torch"}


def test_the_best_checkpoint_that_is_the_last_too_is_written_once(trained):
    assert trained.last.samefile(trained.best)


def test_where_files_cannot_have_two_names_the_last_checkpoint_is_a_copy_of_the_best(tmp_path, train, monkeypatch):
    def refuse(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("os.link", refuse)
    outcome = train(tmp_path, {"train.epochs": 1})
    assert not outcome.last.samefile(outcome.best)
    assert outcome.last.read_bytes() == outcome.best.read_bytes()


def test_a_model_is_made_from_the_file_alone(trained):
    model, checkpoint = load_model(trained.best)
    assert not model.training
    assert model(torch.zeros(3, *checkpoint.shapes["x"])).shape == (3, *checkpoint.shapes["y"])


def test_the_bytes_depend_on_values_and_not_on_which_objects_hold_them(trained):
    checkpoint = load_checkpoint(trained.best)
    assert to_bytes(checkpoint) == trained.best.read_bytes()
    again = load_checkpoint(trained.best)
    for group in again.optimizer["param_groups"]:
        renamed = {"".join(list(key)): value for key, value in group.items()}  # equal strings, other objects
        group.clear()
        group.update(renamed)
    assert to_bytes(again) == trained.best.read_bytes()


def test_the_bytes_hold_no_path(trained, tmp_path):
    content = trained.last.read_bytes()
    for part in tmp_path.parts[1:]:
        assert part.encode() not in content


def test_a_state_that_could_not_be_loaded_again_is_not_saved(trained):
    checkpoint = load_checkpoint(trained.best)
    broken = Checkpoint(**vars(checkpoint) | {"schedule": {"shape": lambda step: step}})
    with pytest.raises(TypeError, match="tensors and plain values, but part of the state is a function"):
        to_bytes(broken)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="last.pth: cannot be read .No such file or directory."):
        load_checkpoint(tmp_path / "last.pth")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(trained, share):
    content = trained.best.read_bytes()
    trained.best.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match="best.pth: is damaged"):
        load_checkpoint(trained.best)


def test_a_flipped_bit_in_any_tensor_is_found(trained):
    content = trained.best.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = [entry for entry in archive.infolist() if "/data/" in entry.filename and entry.file_size]
    dice = random.Random(0)
    for entry in entries:
        # after the entry's header of 30 bytes, its name and its padding
        lengths = content[entry.header_offset + 26 : entry.header_offset + 30]
        name, extra = int.from_bytes(lengths[:2], "little"), int.from_bytes(lengths[2:], "little")
        place = entry.header_offset + 30 + name + extra + dice.randrange(entry.file_size)
        flipped = bytearray(content)
        flipped[place] ^= 1 << dice.randrange(8)
        trained.best.write_bytes(bytes(flipped))
        with pytest.raises(CheckpointError, match="best.pth: is damaged"):
            load_checkpoint(trained.best)


def test_damage_anywhere_is_an_error_for_the_user_or_harmless(trained):
    content = trained.best.read_bytes()
    sound = load_checkpoint(trained.best)
    dice = random.Random(1)
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(dice.choice([1, 8, 64])):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        trained.best.write_bytes(bytes(damaged))
        try:
            loaded = load_checkpoint(trained.best)
        except CheckpointError:
            continue
        assert to_bytes(loaded) == to_bytes(sound)


class _Malice:
    def __reduce__(self):
        return (print, ("code was run",))


def test_code_in_a_file_is_not_run(tmp_path, capsys):
    path = tmp_path / "best.pth"
    torch.save({"format": _Malice()}, path)
    with pytest.raises(CheckpointError, match="is refused, it holds more than tensors and plain values"):
        load_checkpoint(path)
    path.write_bytes(pickle.dumps(_Malice()))
    with pytest.raises(CheckpointError, match="is damaged or no checkpoint"):
        load_checkpoint(path)
    assert capsys.readouterr().out == ""


def test_a_foreign_file_is_refused(tmp_path):
    path = tmp_path / "best.pth"
    torch.save({"model": {}}, path)
    with pytest.raises(CheckpointError, match="is no checkpoint of this template"):
        load_checkpoint(path)


def test_a_model_that_is_no_longer_registered_is_named(trained):
    checkpoint = load_checkpoint(trained.best)
    checkpoint.config["model"]["name"] = "mpl"
    write_bytes(trained.best, to_bytes(checkpoint))
    with pytest.raises(CheckpointError, match="model.name 'mpl': unknown; did you mean 'mlp'?"):
        load_model(trained.best)
