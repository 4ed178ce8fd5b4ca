"""Published weights: from torch's cache, downloaded once, refused where they are not as published.

The files are made here; their names hold the digits of their own SHA-256, as published ones do.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from torch import Tensor, nn

from toolkit import pretrained, weights
from toolkit.errors import REFUSED, MissingError, SpecError, UsageError, WeightsError
from toolkit.events import Progress
from toolkit.hashing import file_sha256, state_dict_sha256
from toolkit.spec import ModelSpec, Port, Pretrained


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.norm(x))


SPEC = ModelSpec("net", Net, (Port("x", ("batch", 4)),), document="A: a document")


class _Code:
    """Unpickled, it would touch a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def published_state(seed: int = 7) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return Net().state_dict()


def publish(folder: Path, state: object, *, digits: str | None = None) -> Path:
    """Write a file under a name with the first digits of its hash, or with other digits."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "partial.pth"
    torch.save(state, partial)
    return partial.rename(folder / f"net-{digits or file_sha256(partial)[:8]}.pth")


@dataclass
class Host:
    """A host of files on this machine; `answer` may be turned off."""

    folder: Path
    address: str = ""
    asked: list[str] = field(default_factory=list)
    answers: bool = True
    over: threading.Event = field(default_factory=threading.Event)

    def source(self, file: Path) -> Pretrained:
        return Pretrained(f"{self.address}/{file.name}")


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torch's cache, empty, and no host known to be silent."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("TOOLKIT_HOME", str(tmp_path / "toolkit"))
    monkeypatch.setattr(pretrained, "_UNREACHABLE", {})
    monkeypatch.setattr(pretrained, "POLL_S", 0.01)
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    (tmp_path / "host").mkdir()
    found = Host(tmp_path / "host")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, found))
    found.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    yield found
    found.over.set()
    server.shutdown()
    server.server_close()


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, told: Host, *given: Any) -> None:
        self.told = told
        super().__init__(*given, directory=str(told.folder))

    def do_GET(self) -> None:
        self.told.asked.append(self.path)
        if not self.told.answers:
            self.told.over.wait()
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


def built(source: Pretrained, **options: Any) -> weights.Built:
    return weights.materialize(replace(SPEC, pretrained=source), **options)


def test_published_weights_are_downloaded_once_and_then_found(host: Host, hub: Path) -> None:
    state = published_state()
    source = host.source(publish(host.folder, state))
    first, second = built(source), built(source)
    assert len(host.asked) == 1
    for each in (first, second):
        assert (each.weights.origin, each.weights.data) == ("pretrained", source.weights)
        assert (each.weights.seed, each.weights.note) == (None, None)
        assert each.weights.sha256 == state_dict_sha256(state)
        assert not each.module.training
    assert [file.name for file in hub.iterdir()] == [Path(source.weights).name]


def test_what_lies_in_torchs_cache_is_taken_without_a_network(hub: Path) -> None:
    file = publish(hub, published_state())
    found = built(Pretrained(f"http://localhost:1/{file.name}"))
    assert found.weights.sha256 == state_dict_sha256(published_state())


def test_a_file_in_the_cache_that_is_not_the_published_one_is_refused(hub: Path) -> None:
    file = publish(hub, published_state(), digits="0123abcd")
    with pytest.raises(WeightsError, match="not the published file") as refused:
        built(Pretrained(f"http://localhost:1/{file.name}"), fallback=True)
    assert (refused.value.exit_code, refused.value.model) == (REFUSED, "net")


def test_a_download_with_another_hash_is_refused_and_not_kept(host: Host, hub: Path) -> None:
    file = publish(host.folder, published_state(), digits="0123abcd")
    with pytest.raises(WeightsError, match="another net-0123abcd"):
        built(host.source(file), fallback=True)
    assert list(hub.iterdir()) == []


def test_nothing_in_a_published_pickle_is_executed(hub: Path, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    file = publish(hub, {"fc.weight": _Code(witness)})
    with pytest.raises(WeightsError, match="plain weights"):
        built(Pretrained(f"http://localhost:1/{file.name}"))
    assert not witness.exists()


def test_weights_that_cannot_be_had_are_refused_with_what_to_do(host: Host) -> None:
    with pytest.raises(MissingError, match="404") as refused:
        built(Pretrained(f"{host.address}/net-0123abcd.pth"))
    assert (refused.value.exit_code, refused.value.model) == (REFUSED, "net")
    assert "--weights random" in str(refused.value.hint)


def test_random_weights_take_their_place_where_that_is_allowed_and_say_so(host: Host) -> None:
    source = Pretrained(f"{host.address}/net-0123abcd.pth")
    found = built(source, seed=3, fallback=True)
    asked_for = built(source, seed=3, choice="random")
    assert (found.weights.origin, found.weights.seed) == ("random", 3)
    assert found.weights.sha256 == asked_for.weights.sha256
    assert (found.weights.substituted, asked_for.weights.substituted) == (True, False)
    assert found.weights.note == f"random: the published weights {source.weights} cannot be had"
    assert asked_for.weights.note is None


def test_published_weights_that_were_asked_for_have_no_replacement(host: Host) -> None:
    with pytest.raises(MissingError):
        built(Pretrained(f"{host.address}/net-0123abcd.pth"), choice="pretrained", fallback=True)


def test_a_model_without_published_weights_says_so_when_they_are_asked_for() -> None:
    with pytest.raises(UsageError, match="no published weights"):
        weights.materialize(SPEC, choice="pretrained")


def test_a_host_that_gives_nothing_is_left_and_not_asked_again(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "STALL_S", 0.1)
    host.answers = False
    for name in ("net-0123abcd.pth", "other-0123abcd.pth"):
        with pytest.raises(MissingError, match="gave nothing"):
            built(Pretrained(f"{host.address}/{name}"))
    assert host.asked == ["/net-0123abcd.pth"]


def test_a_host_that_is_not_there_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        with pytest.raises(MissingError, match="cannot be had"):
            built(Pretrained("http://127.0.0.1:1/net-0123abcd.pth"))
        monkeypatch.setattr(torch.hub, "download_url_to_file", _never)


@pytest.mark.parametrize(
    "failure",
    [URLError("no such host"), TimeoutError("timed out")],
)
def test_a_host_that_cannot_be_reached_is_known_for_other_files(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "download_url_to_file", raising(failure))
    with pytest.raises(MissingError):
        built(Pretrained("http://weights.invalid/net-0123abcd.pth"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", _never)
    with pytest.raises(MissingError, match=str(getattr(failure, "reason", failure))):
        built(Pretrained("http://weights.invalid/other-0123abcd.pth"))


@pytest.mark.parametrize(
    "failure", [OSError(28, "No space left on device"), ConnectionResetError(104, "reset by peer")]
)
def test_a_download_that_breaks_off_is_no_fault_of_the_host(
    failure: OSError, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = host.source(publish(host.folder, published_state()))
    with monkeypatch.context() as broken:
        broken.setattr(torch.hub, "download_url_to_file", raising(failure))
        with pytest.raises(MissingError, match=str(failure.strerror)):
            built(source)
    assert built(source).weights.origin == "pretrained"


def test_a_cache_that_cannot_be_used_is_no_fault_of_the_host(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = host.source(publish(host.folder, published_state()))
    file = tmp_path / "file"
    file.touch()
    with monkeypatch.context() as unusable:
        unusable.setenv("TORCH_HOME", str(file))
        with pytest.raises(MissingError, match="cannot be had") as refused:
            built(source)
        substitute = built(source, fallback=True).weights
    assert (refused.value.exit_code, refused.value.model) == (REFUSED, "net")
    assert str(tmp_path) not in refused.value.message
    assert substitute.note == f"random: the published weights {source.weights} cannot be had"
    assert built(source).weights.origin == "pretrained"


def raising(failure: Exception) -> Callable[..., None]:
    def fetch(*_: object, **__: object) -> None:
        raise failure

    return fetch


def _never(*_: object, **__: object) -> None:
    raise AssertionError("asked again")


def test_a_download_tells_how_far_it_is(
    host: Host, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The download is one that grows while it is watched, and ends when it was told of."""
    seen: list[Progress] = []
    told = threading.Event()
    file = publish(host.folder, published_state())

    def slow(_: str, place: str, *__: object, **___: object) -> None:
        partial = Path(f"{place}.0.partial")
        partial.write_bytes(bytes(3 << 20))
        told.wait()
        partial.unlink()
        Path(place).write_bytes(file.read_bytes())

    def observe(event: Progress) -> None:
        seen.append(event)
        told.set()

    monkeypatch.setattr(torch.hub, "download_url_to_file", slow)
    built(host.source(file), observe=observe)
    assert (seen[0].model, seen[0].stage) == ("net", "build")
    assert seen[0].detail == f"downloading {file.name}: 3 MB"


def test_a_file_whose_name_holds_no_hash_cannot_be_trusted() -> None:
    with pytest.raises(SpecError, match=r"net\.pth"):
        built(Pretrained("http://localhost:1/net.pth"))


def test_weights_that_torchvision_does_not_publish_are_named() -> None:
    with pytest.raises(SpecError, match="ResNet51"):
        built(Pretrained("ResNet51_Weights.IMAGENET1K_V1"))


# What fits


def without_head(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    return {name: value for name, value in state.items() if not name.startswith("fc.")}


def test_a_new_head_stays_seeded_and_is_named(hub: Path) -> None:
    state = published_state()
    file = publish(hub, state)
    source = Pretrained(f"http://localhost:1/{file.name}", adapt=without_head)
    found = built(source, seed=5)
    seeded = weights.materialize(SPEC, seed=5).module.state_dict()
    held = found.module.state_dict()
    assert torch.equal(held["norm.weight"], state["norm.weight"])
    assert torch.equal(held["fc.weight"], seeded["fc.weight"])
    assert (found.weights.origin, found.weights.seed) == ("pretrained", 5)
    assert found.weights.note == "seeded, not published: fc.weight, fc.bias"


def test_an_older_file_without_counters_of_batches_fits(hub: Path) -> None:
    state = published_state()
    del state["norm.num_batches_tracked"]
    file = publish(hub, state)
    found = built(Pretrained(f"http://localhost:1/{file.name}"))
    assert (found.weights.origin, found.weights.note) == ("pretrained", None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fc.weight": None}, "missing: fc.weight"),
        ({"head.weight": torch.zeros(1)}, "unexpected: head.weight"),
        ({"fc.bias": torch.zeros(4)}, "of another shape"),
    ],
)
def test_published_weights_of_another_network_are_named(
    change: dict[str, Tensor | None], said: str, hub: Path
) -> None:
    changed = {**published_state(), **change}
    file = publish(hub, {name: held for name, held in changed.items() if held is not None})
    with pytest.raises(WeightsError, match=said):
        built(Pretrained(f"http://localhost:1/{file.name}"))
