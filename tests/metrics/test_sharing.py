"""The folder of a server's counts: one a server, gone with it, also where it was killed."""

import os
from pathlib import Path

import pytest

from opbx.metrics import sharing


def test_what_killed_servers_left_is_removed_and_what_others_use_is_not(tmp_path: Path) -> None:
    mine, killed = tmp_path / f"opbx-metrics-{os.getpid()}-x", tmp_path / "opbx-metrics-999999999-x"
    for folder in (mine, killed, tmp_path / "something-else"):
        folder.mkdir()
        (folder / "counter_1.db").write_bytes(b"x")
    sharing.sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([mine.name, "something-else"])


def test_a_server_has_one_folder_however_often_it_reads_its_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sharing.VARIABLE, "")
    sharing.share()
    folder = os.environ[sharing.VARIABLE]
    sharing.share()
    assert os.environ[sharing.VARIABLE] == folder
    assert Path(folder).is_dir()
    sharing.unshare()
    assert not Path(folder).exists()
