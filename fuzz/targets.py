"""What is fuzzed: every parser of files that a user hands in or finds damaged, with whole files to start from."""

import copy
import io
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from case_files import E_FIELD, GEOMETRY, H_FIELD, SOURCE, csv_text, random_case, solver_text, wanted
from emfm.acquire.readers.csv_cases import CsvCases
from emfm.acquire.readers.sample_table import read_sample_table
from emfm.compute_norm_stats.moments import compute_norm_stats
from emfm.core.norm_stats import read_norm_stats
from emfm.core.sample_lists import read_ids
from emfm.core.store import Store
from emfm.evaluate.reference_cases import read_reference_cases
from emfm.results.ledger import read_ledger
from emfm.results.sample_errors import read_error_table
from emfm.results.schema import read_milestone_results, read_val_results
from emfm.settings import load_params
from emfm.use.field_files import read_source_h
from small_store import SingleElements, packed
from ttt.config import UserError
from ttt.engine.assemble import assemble
from ttt.engine.checkpoint import load_model
from ttt.engine.errors import TrainingError
from ttt.engine.journal import read_records
from ttt.engine.loop import fit
from ttt.engine.start import NewRun
from ttt.memo import Memo
from ttt.samples import read_samples
from ttt.settings import parse_config

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"
SOURCE_H, TARGET = random_case(0)
GRID = GEOMETRY.source
FREQUENCY = GEOMETRY.frequency
HFSS_WITH_FREQUENCY = b"Freq='5GHz'\n" + (DATA / "hfss/board_1/source_H.fld").read_bytes()
TRAINING = {
    "seed": 3,
    "device": "cpu",
    "compute": {"threads": 1, "instruction_set": "native"},
    "data": {"name": "synthetic_regression", "num_train": 16, "num_val": 16, "inputs": 4},
    "model": {"name": "mlp", "hidden": [2], "dropout": 0.1},
    "loss": {"name": "mse"},
    "metrics": {"names": ["mse"]},
    "train": {"epochs": 1, "batch_size": 16, "eval_batch_size": 16, "log_every": 1},
    "optim": {"name": "sgd", "lr": 0.01},
    "scheduler": {"name": "none"},
}


@dataclass(frozen=True)
class Target:
    """One parser: the file's name, what reads it, whole contents, and the errors that it documents."""

    file: str
    read: Callable[[Path], object]
    seeds: tuple[bytes, ...]
    refusals: tuple[type[Exception], ...] = (UserError, TrainingError)


def make_targets(work: Path) -> dict[str, Target]:
    """All targets by name; ``work`` is an empty folder for what a parser needs beside the fuzzed file."""
    three = np.concatenate([SOURCE_H, SOURCE_H[:2]])
    store = work / "store"
    packed(SingleElements(["a", "b", "b"], ("p",), ((0.0,), (1.0,), (2.0,))), store)
    run = work / "run"
    config = parse_config(copy.deepcopy(TRAINING), "fuzz")
    fit(assemble(config), config, run, NewRun())
    memo = work / "memo"
    Memo(memo).array("one", lambda: np.ones((2, 3), np.float32))
    (memo_file,) = memo.glob("*.array")
    stats = compute_norm_stats([(np.stack([SOURCE_H] * 2), np.stack([TARGET, 2 * TARGET]))], True, 1e-6)
    return {
        "csv": Target("a.csv", _source_h, _spellings(csv_text(SOURCE, SOURCE_H, GRID))),
        "csv_target": Target("a.csv", _target_e, (csv_text(E_FIELD, TARGET[:6], GEOMETRY.target).encode(),)),
        "solver_ascii": Target("a.txt", _source_h, _spellings(solver_text(H_FIELD, three, GRID))),
        "feko": Target("a.hfe", _source_h, ((DATA / "feko/board_1/source.hfe").read_bytes(),)),
        "hfss": Target("a.fld", _source_h, ((DATA / "hfss/board_1/source_H.fld").read_bytes(), HFSS_WITH_FREQUENCY)),
        "npy": Target("a.npy", _source_h, (_npy(SOURCE_H), _npy(SOURCE_H.astype(object)))),
        "npz": Target(
            "a.npz",
            _source_h,
            (_npz(x=SOURCE_H, y=TARGET), _npz_deflated(SOURCE_H), _npz(x=SOURCE_H, f_hz=np.array(FREQUENCY))),
        ),
        "samples_csv": Target("samples.csv", _sample_table, _spellings("id,family,p,q\na,f,1,x\nb,f,2.5e-3,y\n")),
        "ids": Target("ids.txt", read_ids, (b"a\nb\nc\n",)),
        "params": Target(
            "params.yaml",
            load_params,
            ((ROOT / "params.yaml").read_bytes(), b"a: &a [1, 1]\nb: [*a, *a]\n? [1]\n: 2001-01-01\n"),
        ),
        "norm_stats": Target("y_norm_stats.json", read_norm_stats, (stats.model_dump_json().encode(),)),
        "store": Target("store.json", _store(store), ((store / "store.json").read_bytes(),)),
        "store_table": Target("samples.csv", _store(store), ((store / "samples.csv").read_bytes(),)),
        "store_array": Target("parameters.npy", _store(store), ((store / "parameters.npy").read_bytes(),)),
        "val_results": Target("val.json", read_val_results, ((ROOT / "reports/val_fixed.json").read_bytes(),)),
        "val_errors": Target("errors.csv", read_error_table, (b"id,family,content,a_e,a_h\ns0,f0,c0,0.1,0.25\n",)),
        "test_results": Target("test.json", read_milestone_results, ((ROOT / "reports/test_final.json").read_bytes(),)),
        "ledger": Target("ledger.jsonl", read_ledger, ((ROOT / "reports/test_final_ledger.jsonl").read_bytes(),)),
        "checkpoint": Target("best.pth", load_model, ((run / "best.pth").read_bytes(), _pickled())),
        "journal": Target(
            "metrics.jsonl",
            read_records,
            ((run / "metrics.jsonl").read_bytes(),),
            (ValueError,),
        ),
        "memo": Target(memo_file.name, _memo, (memo_file.read_bytes(),), ()),
        "template_csv": Target("a.csv", _samples, (b"a,b\n1,2\n3,4\n",)),
        "template_npy": Target("a.npy", _samples, (_npy(np.ones((3, 2))),)),
        "template_npz": Target("a.npz", _samples, (_npz(x=np.ones((3, 2))),)),
        "reference_cases": Target("cases.npz", read_reference_cases, (_npz(x=np.ones(2)),)),
    }


def _spellings(text: str) -> tuple[bytes, ...]:
    """A table as several programs write it."""
    quoted = "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()) + "\n"
    excel = "sep=;\n" + text.replace(",", ";").replace(".", ",")
    return text.encode(), quoted.encode(), excel.encode("utf-16"), text.replace("\r", "").replace("\n", "\r").encode()


def _source_h(path: Path) -> object:
    return read_source_h(path, GRID, FREQUENCY)


def _target_e(path: Path) -> object:
    return CsvCases().read_plane(path, wanted(E_FIELD, GEOMETRY.target))


def _sample_table(path: Path) -> object:
    return read_sample_table(path, ["a", "b"])


def _samples(path: Path) -> object:
    return read_samples(path, [2])


def _memo(path: Path) -> object:
    return Memo(path.parent).array("one", lambda: np.ones((2, 3), np.float32))


def _store(whole: Path) -> Callable[[Path], object]:
    """Opens a store of which one file is the fuzzed one."""

    def read(path: Path) -> object:
        for file in whole.iterdir():
            if file.name != path.name and not (path.parent / file.name).exists():
                shutil.copy(file, path.parent / file.name)
        store = Store(path.parent)
        return store.parameters, store.fingerprints, store.source_h([0])

    return read


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def _npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def _npz_deflated(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", _npy(array))
    return stream.getvalue()


def _pickled() -> bytes:
    stream = io.BytesIO()
    torch.save({"path": Path("a")}, stream)
    return stream.getvalue()
