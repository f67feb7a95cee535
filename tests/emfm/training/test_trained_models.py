"""Models with a closed form, through the training loop: from a store to a checkpoint and back."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch

from emfm.core.field_errors import FieldErrors
from emfm.training.dataset import FieldSamples
from measurements import ALL, NONE
from programs import need_compiler, need_module
from small_fields import POD_NET, relative_errors
from small_training import LINEAR, OPERATOR, UNET, small_config, write_store
from torch_threads import torch_threads
from ttt.engine.assemble import assemble
from ttt.engine.checkpoint import load_checkpoint, load_model
from ttt.engine.journal import epoch_records
from ttt.engine.loop import fit
from ttt.engine.start import NewRun, Resume
from ttt.engine.task import DrawnEachEpoch
from ttt.memo import Memo


@pytest.fixture(autouse=True)
def one_thread():
    with torch_threads(1):
        yield


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A folder with a store and lists of IDs of each kind."""
    folder = tmp_path_factory.mktemp("stores")
    for kind in ("elements", "aperture"):
        write_store(folder, kind)
    return folder


@pytest.fixture
def config_of(stores):
    return partial(small_config, stores)


def train(config, folder, start=None, memo=None):
    return fit(assemble(config), config, folder, start or NewRun(), memo)


def val_of(config):
    samples = assemble(config).val
    return samples.__getitems__(list(range(len(samples))))


def test_an_untrained_pod_net_is_judged_first_and_training_improves_it(tmp_path, config_of):
    outcome = train(config_of(epochs=6), tmp_path)
    records = epoch_records(outcome.journal)
    assert [record["epoch"] for record in records] == list(range(7))
    assert records[-1]["train_loss"] < records[1]["train_loss"]
    assert outcome.best_score == min(record["val_loss"] for record in records)


def test_a_pod_net_goes_on_from_its_last_checkpoint_bit_for_bit(tmp_path, config_of):
    train(config_of(), tmp_path / "whole")
    train(config_of(epochs=1), tmp_path / "parts")
    train(config_of(), tmp_path / "parts", Resume())
    assert (tmp_path / "parts/last.pth").read_bytes() == (tmp_path / "whole/last.pth").read_bytes()
    parts, whole = (load_checkpoint(tmp_path / name / "best.pth") for name in ("parts", "whole"))
    assert parts.place == whole.place
    assert all(torch.equal(parts.model[name], whole.model[name]) for name in whole.model)
    one, other = (epoch_records(tmp_path / name / "metrics.jsonl") for name in ("whole", "parts"))
    assert str(one) == str(other)


@pytest.mark.parametrize("model", [POD_NET, POD_NET | {"prior": "none"}, LINEAR], ids=["pod_net", "no prior", "linear"])
def test_a_checkpoint_holds_the_model_with_its_trust(tmp_path, config_of, model):
    config = config_of(model, epochs=1)
    task = assemble(config)
    outcome = fit(task, config, tmp_path, NewRun())
    loaded, checkpoint = load_model(outcome.best)
    batch = val_of(config)
    task.model.eval()
    with torch.no_grad():
        torch.testing.assert_close(loaded(batch.x), task.model(batch.x), rtol=0, atol=0)
        said = loaded.trust(loaded.descriptors(batch.x))
        again = task.model.trust(task.model.descriptors(batch.x))
        errors = FieldErrors()
        errors.update(loaded(batch.x), batch.y)
    torch.testing.assert_close(said, again, rtol=0, atol=0, equal_nan=True)
    expected, bound, distance = said
    assert torch.isfinite(distance).all()
    for numbers in (expected, bound):
        assert torch.equal(numbers.isfinite().all(1), distance <= 1)
    assert (distance <= 1).any()
    record = epoch_records(outcome.journal)[outcome.best_epoch]
    assert record["val_loss"] == checkpoint.place.best_score
    assert errors.compute()["rel_l2_e"] == pytest.approx(record["val_rel_l2_e"], rel=1e-3)


def test_the_expected_error_of_the_best_model_is_the_typical_one_of_the_validation_samples(tmp_path, config_of):
    config = config_of(epochs=1)
    model, _ = load_model(train(config, tmp_path).best)
    batch = val_of(config)
    with torch.no_grad():
        expected, _, _ = model.trust(model.descriptors(batch.x))
        ratio = (expected / relative_errors(model(batch.x), batch.y)).log().nanmedian(0).values
    assert ratio.abs().max() < 0.3


@pytest.mark.parametrize("model", [POD_NET, UNET], ids=["pod_net", "U-Net"])
def test_training_in_bfloat16_learns_what_it_learns_in_float32(tmp_path, config_of, model):
    single, mixed = (
        epoch_records(train(config_of(model, epochs=4, amp={"enabled": on}), tmp_path / str(on)).journal)
        for on in (False, True)
    )
    losses = [[record["val_loss"] for record in records] for records in (single, mixed)]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch's compiler warns of its own code
@pytest.mark.parametrize("model", [POD_NET, UNET], ids=["pod_net", "U-Net"])
def test_a_compiled_training_learns_what_one_that_is_not_compiled_learns(tmp_path, config_of, model):
    need_compiler()
    torch.compiler.reset()
    plain, compiled = (
        epoch_records(train(config_of(model, compute={"compile": mode}), tmp_path / mode).journal)
        for mode in ("none", "default")
    )
    losses = [[record["val_loss"] for record in records] for records in (plain, compiled)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_a_linear_operator_is_trained_without_a_step(tmp_path, config_of):
    config = config_of(LINEAR, "aperture")
    outcome = train(config, tmp_path)
    assert (outcome.epochs_run, outcome.best_epoch) == (0, 0)
    (record,) = epoch_records(outcome.journal)
    assert record["best_score"] == outcome.best_score
    model, _ = load_model(outcome.best)
    batch = val_of(config)
    assert relative_errors(model(batch.x), batch.y).median(0).values.max() < 1e-3
    assert train(config, tmp_path, Resume()) == dataclasses.replace(outcome, epochs_run=0)


def test_remembered_samples_change_no_bit(tmp_path, config_of):
    train(config_of(), tmp_path / "plain")
    memo = tmp_path / "memo"
    for name in ("first", "second"):
        train(config_of(), tmp_path / name, memo=Memo(memo))
        assert len(list(memo.iterdir())) == 2  # training samples with targets, validation samples
        for file in ("last.pth", "best.pth", "metrics.jsonl"):
            assert (tmp_path / name / file).read_bytes() == (tmp_path / "plain" / file).read_bytes()


def test_training_and_validation_scans_are_read_as_measured_and_statistics_are_those_of_the_stored(config_of):
    clean, measured = (assemble(config_of(LINEAR, measurement=errors)) for errors in (None, ALL))
    for one, other in ((clean.train, measured.train), (clean.val, measured.val)):
        assert one.fingerprint != other.fingerprint
        assert not torch.equal(one.__getitems__([0, 1]).x, other.__getitems__([0, 1]).x)
        assert torch.equal(one.__getitems__([0, 1]).y, other.__getitems__([0, 1]).y)
    assert measured.spec == clean.spec


@pytest.mark.parametrize(("redraw", "kind"), [(True, DrawnEachEpoch), (False, FieldSamples)])
def test_training_scans_are_drawn_anew_each_epoch_and_validation_scans_are_not(config_of, redraw, kind):
    task = assemble(config_of(LINEAR, measurement=ALL | {"redraw": redraw}))
    assert isinstance(task.train, kind)
    assert not isinstance(task.val, DrawnEachEpoch)
    assert not isinstance(assemble(config_of(LINEAR)).train, DrawnEachEpoch)


def test_errors_of_zero_train_the_same_model_bit_for_bit_as_no_measurement(tmp_path, config_of):
    weights = [
        load_checkpoint(train(config_of(UNET, epochs=1, measurement=errors), tmp_path / str(place)).last).model
        for place, errors in enumerate((None, NONE))
    ]
    torch.testing.assert_close(*weights, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("model", [UNET, POD_NET], ids=["unet", "pod_net"])
def test_a_training_on_measured_scans_goes_on_bit_for_bit(tmp_path, config_of, model):
    train(config_of(model, measurement=ALL), tmp_path / "whole")
    train(config_of(model, epochs=1, measurement=ALL), tmp_path / "parts")
    train(config_of(model, measurement=ALL), tmp_path / "parts", Resume())
    assert (tmp_path / "parts/last.pth").read_bytes() == (tmp_path / "whole/last.pth").read_bytes()


def test_a_network_that_reads_scans_sees_other_draws_in_the_second_epoch(tmp_path, config_of):
    losses = []
    for redraw in (True, False):
        errors = NONE | {"snr_db": [0.0, 0.0], "redraw": redraw}
        records = epoch_records(train(config_of(UNET, measurement=errors), tmp_path / str(redraw)).journal)
        losses.append([record["train_loss"] for record in records])
    assert all(one != other for one, other in zip(*losses, strict=True))


def test_a_pod_net_computes_once_a_sample_from_the_one_draw(tmp_path, config_of):
    memo = tmp_path / "memo"
    weights = []
    for redraw in (True, False):
        config = config_of(measurement=ALL | {"redraw": redraw})
        outcome = train(config, tmp_path / str(redraw), memo=Memo(memo))
        assert len(list(memo.iterdir())) == 2
        weights.append(load_checkpoint(outcome.last).model)
    torch.testing.assert_close(*weights, rtol=0, atol=0, equal_nan=True)


@pytest.mark.filterwarnings("ignore")  # the package's own
def test_a_neural_operator_is_built_by_its_seed_and_goes_on_bit_for_bit(tmp_path, config_of):
    need_module("neuralop.models", "neuraloperator")
    one, again = (assemble(config_of(OPERATOR)).model.state_dict() for _ in range(2))
    torch.testing.assert_close(one, again, rtol=0, atol=0, equal_nan=True)  # trust is NaN before it is calibrated
    whole = train(config_of(OPERATOR), tmp_path / "whole")
    train(config_of(OPERATOR, epochs=1), tmp_path / "parts")
    train(config_of(OPERATOR), tmp_path / "parts", Resume())
    assert (tmp_path / "parts/last.pth").read_bytes() == (tmp_path / "whole/last.pth").read_bytes()
    records = epoch_records(whole.journal)
    assert records[-1]["train_loss"] < records[0]["train_loss"]
    model, _ = load_model(whole.best)
    with torch.no_grad():
        _, expected, _, distance = model.predict_with_trust(val_of(config_of(OPERATOR)).x)
    assert torch.isfinite(expected[distance <= 1]).all()
    assert (distance <= 1).any()


def test_the_identity_of_samples_is_their_content_and_order(config_of):
    elements, aperture = (assemble(config_of(kind=kind)).train for kind in ("elements", "aperture"))
    identities = [
        elements.identity([0, 1]),
        elements.identity([1, 0]),
        elements.identity([0]),
        aperture.identity([0, 1]),
    ]
    assert len(set(identities)) == 4
    assert elements.identity([0, 1]) == identities[0]
    assert np.array_equal(elements.__getitems__([1, 0]).x[0], elements.__getitems__([1]).x[0])
