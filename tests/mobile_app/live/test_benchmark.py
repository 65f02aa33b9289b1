"""What the app measures is what the command line reads."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.pack import Pack, read_pack
from mobile_app.android.device import AndroidDevice
from mobile_app.live.benchmark import BenchmarkOptions, Desktop, benchmark, write_benchmark
from mobile_app.live.phone_interpreter import install

PACK = Path(__file__).parents[3] / "mobile_app" / "packs" / "default"
FEW = BenchmarkOptions(runs=7, threads=(1, 2))


@pytest.fixture(scope="module")
def pack():
    return read_pack(PACK)


@pytest.fixture
def phone(java):
    """Android's classes around a phone of the test's choosing: its API level, thermal status and battery."""
    state = SimpleNamespace(api=23, status=2, tenths=314)

    class Activity:
        def getSystemService(self, name):
            assert name == "power"
            return SimpleNamespace(getCurrentThermalStatus=lambda: state.status)

        def registerReceiver(self, receiver, wanted):
            assert receiver is None and wanted == "filter of BATTERY_CHANGED"
            if state.tenths is None:
                return None
            return SimpleNamespace(getIntExtra=lambda name, other: state.tenths if name == "temperature" else other)

    def classes():
        java.classes.update(
            {
                "android.os.Build": SimpleNamespace(MANUFACTURER="samsung", MODEL="SM-G900F"),
                "android.os.Build$VERSION": SimpleNamespace(RELEASE="6.0.1", SDK_INT=state.api),
                "android.content.Context": SimpleNamespace(POWER_SERVICE="power"),
                "android.content.Intent": SimpleNamespace(ACTION_BATTERY_CHANGED="BATTERY_CHANGED"),
                "android.content.IntentFilter": lambda action: f"filter of {action}",
                "android.os.PowerManager": SimpleNamespace,
                "org.kivy.android.PythonActivity": SimpleNamespace(mActivity=Activity()),
            }
        )
        return AndroidDevice()

    return state, classes


def test_the_commands_own_reader_takes_it(tflite, phone, pack, tmp_path):
    reading = pytest.importorskip("export.phone")
    _, device = phone
    asked = []
    found = benchmark(pack, device(), FEW, {"tflite": install()}, lambda done, of: asked.append((done, of)) is None)
    write_benchmark(tmp_path / "phone.json", found)
    artefacts = {kind: (name, pack.files[name]) for kind, name in pack.artefacts().items()}
    read = reading.read_phone(tmp_path / "phone.json", artefacts)
    assert read.device == "samsung SM-G900F"
    assert read.versions["android"] == "6.0.1" and read.versions["tflite"] == "2.11.0"
    assert [(row.runtime, row.kind, row.threads, row.runs) for row in read.artefacts] == [
        ("tflite-java", "tflite-int8", 1, 7),
        ("tflite-java", "tflite-int8", 2, 7),
    ]
    assert asked == [(0, 7), (5, 7), (7, 7)]


def test_the_command_itself_sets_it_beside(tflite, phone, pack, tmp_path):
    pytest.importorskip("export.phone")
    runner = pytest.importorskip("typer.testing").CliRunner()
    from edge_wbc.cli.main import app

    found = benchmark(pack, phone[1](), FEW, {"tflite": install()}, lambda done, of: True)
    write_benchmark(tmp_path / "phone.json", found)
    ran = runner.invoke(app, ["bench", str(PACK), "--runs", "5", "--phone", str(tmp_path / "phone.json"), "--json"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["phone"]["device"] == "samsung SM-G900F"


def test_heat_of_an_old_phone_is_its_batterys(phone):
    state, device = phone
    assert device().heat() == {"thermal_status": None, "battery_c": 31.4}
    state.tenths = None
    assert device().heat() == {"thermal_status": None, "battery_c": None}


def test_heat_of_a_newer_phone_is_androids_word(phone):
    state, device = phone
    state.api = 29
    assert device().heat() == {"thermal_status": "moderate", "battery_c": 31.4}
    state.status = 9
    assert device().heat()["thermal_status"] == "9"


def test_heat_is_noted_before_and_after(tflite, phone, pack):
    state, device = phone

    def warmer(done, of):
        state.tenths += 10
        return True

    heat = benchmark(pack, device(), FEW, {}, warmer)["heat"]
    assert heat["before"]["battery_c"] == 31.4 and heat["after"]["battery_c"] == 34.4


def test_on_a_desktop(tflite, pack):
    found = benchmark(pack, Desktop(), BenchmarkOptions(3, (1,)), {}, lambda done, of: True)
    assert found["artefacts"][0]["runtime"] == "litert" and found["device"]


def test_it_can_be_ended(tflite, pack):
    with pytest.raises(BadInput, match="benchmark: was ended before it was done"):
        benchmark(pack, Desktop(), FEW, {}, lambda done, of: done < 5)


def test_a_pack_without_a_tflite(pack):
    bare = Pack(pack.path, pack.manifest, {"MODEL_CARD.md": b""})
    with pytest.raises(BadInput, match="holds no .tflite; export it with"):
        benchmark(bare, Desktop(), FEW, {}, lambda done, of: True)
