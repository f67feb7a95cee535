"""Metrics in the Prometheus text format, and a real Prometheus that raises the alerts."""

import functools
import http.server
import json
import socket
import subprocess
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from programs import need
from ttt.engine.logger import Run
from ttt.engine.run_folder import RunFolder
from ttt.watch.gauges import Gauges

RULES = Path(__file__).parents[2] / "configs" / "ttt_alert_rules.yml"
STUCK = {"optim.name": "sgd", "optim.lr": 1e-30, "optim.sgd.momentum": 0.0, "train.epochs": 5}


def gauges_in(path):
    return {
        sample.name: sample for family in text_string_to_metric_families(path.read_text()) for sample in family.samples
    }


def test_a_training_writes_its_figures(tmp_path, train):
    outcome = train(tmp_path / "exp" / "001", STUCK)
    gauges = gauges_in(tmp_path / "exp" / "001" / "metrics.prom")
    assert gauges["ttt_best_score"].value == outcome.best_score
    assert gauges["ttt_lr"].value == 1e-30
    assert gauges["ttt_epoch"].value == 5
    assert gauges["ttt_epochs_since_best"].value == 4
    assert {sample.labels["run"] for sample in gauges.values()} == {"exp/001"}
    assert "ttt_val_loss" in gauges


def test_promtool_accepts_the_rules():
    done = subprocess.run(
        [need(["promtool"], "prometheus"), "check", "rules", RULES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "3 rules found" in done.stdout


class OnlyGauges(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def guess_type(self, _):
        return "text/plain; version=0.0.4"


@contextmanager
def serving(folder):
    handler = functools.partial(OnlyGauges, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@contextmanager
def prometheus(folder, scraped_port):
    """A Prometheus of our own on loopback that reads ``metrics.prom`` of several runs and has the rules."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    runs = [
        {
            "job_name": name,
            "metrics_path": f"/{name}/metrics.prom",
            "static_configs": [{"targets": [f"127.0.0.1:{scraped_port}"]}],
        }
        for name in ("stuck", "diverged", "well")
    ]
    every = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    (folder / "prometheus.yml").write_text(
        json.dumps({"global": every, "rule_files": [str(RULES)], "scrape_configs": runs})
    )
    options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb"]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [need(["prometheus"], "prometheus"), *options, f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log,
            stderr=log,
        )
        try:
            yield port
        finally:
            process.terminate()
            process.wait(20)


def firing(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/alerts", timeout=5) as answer:
        alerts = json.load(answer)["data"]["alerts"]
    return {(alert["labels"]["alertname"], alert["labels"]["run"]) for alert in alerts if alert["state"] == "firing"}


@pytest.mark.slow
def test_a_real_prometheus_raises_the_alerts_of_the_runs_that_deserve_them(tmp_path, train, tiny_config):
    need(["prometheus"], "prometheus")
    served = tmp_path / "runs"
    train(served / "stuck", STUCK)
    train(served / "well", {"train.epochs": 2})
    (served / "diverged").mkdir()
    gauges = Gauges()
    gauges.start(Run(tiny_config(), RunFolder(served / "diverged"), 90, 0))
    gauges.epoch({"epoch": 1, "step": 6, "lr": 0.0, "train_loss": 0.5, "best_score": 0.5, "best_epoch": 1})
    gauges.alert({"alert": "not_finite", "epoch": 2, "step": 8, "message": "the training loss became nan"})
    expected = {
        ("TrainingNotImproving", "runs/stuck"),
        ("TrainingLossNotFinite", "runs/diverged"),
        ("TrainingLearningRateZero", "runs/diverged"),
    }
    with serving(served) as scraped_port, prometheus(tmp_path, scraped_port) as port:
        deadline, found = time.monotonic() + 60, set()
        while time.monotonic() < deadline and found != expected:
            time.sleep(0.5)
            try:
                found = firing(port)
            except OSError:
                continue
        assert found == expected, (tmp_path / "prometheus.log").read_text()
