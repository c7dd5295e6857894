"""One contract for all services: each maker of clips or start frames keeps these facts, asked over its own wire in the real way.

A new service is one line in ROWS, a new source of start frames one line in STILLS; what they are asked is the same for all.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import json
import logging
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, get_args

import av
import pytest
from flask import Flask, request
from PIL import Image

from tenxsom import clock, settings
from tenxsom.errors import (
    AccountError,
    BadSettings,
    BrokenMedia,
    NotFound,
    NotSent,
    ServiceBusy,
    ServiceDown,
    ServiceRefused,
    ServiceRetired,
    SubmitUnclear,
    TenxsomError,
    TryAgainLater,
)
from tenxsom.media.check import check_picture, check_video
from tenxsom.model import money
from tenxsom.model.choices import AspectRatio
from tenxsom.pipeline.prices import Prices
from tenxsom.planning import registry as planners
from tenxsom.services import registry
from tenxsom.services.base import (
    Capabilities,
    GenerationState,
    GenerationStatus,
    StartFrames,
    Submitted,
    Variant,
    VideoOrder,
    VideoService,
)
from tenxsom.services.images import registry as stills_registry
from tenxsom.services.images.base import ImageOrder, StillSource
from tenxsom.setting_values import Secret
from tenxsom.settings import ROOT, SERVICES, Settings
from tenxsom.store.templates import Templates
from tenxsom.voices import registry as voices
from tenxsom_studio.app import create_app
from tenxsom_studio.faults import write_rules
from tenxsom_studio.server import running
from tenxsom_studio.studio import Studio
from tests.belt import PLAIN_FILMS
from tests.net_server import unused_port
from tests.states import new_clip, new_job


class Row(NamedTuple):
    """One service: how the script of faults names the calls of its API, and the settings that point it at a studio at `{url}`."""

    order: str
    """The path of an order; it is POSTed there."""
    status: str = ""
    """The method and the path of a status call; empty where asking goes over no wire."""
    settings: str = ""
    """The one that it cannot do without comes first; none where it answers inside this process."""
    beside: str = ""
    """Of a source of start frames: the service that it works beside."""


ROWS = {
    "local_studio": Row("/videos/ltx-create", "GET /assets/{jobId}"),
    "useapi_ltx": Row("/videos/ltx-create", "GET /assets/{jobId}", "USEAPI_BEARER_TOKEN=user:7-canary USEAPI_BASE_URL={url}/v1"),
    "ltx_api": Row("/v2/*", "GET /v2/*", "LTX_API_KEY=ltx-canary LTX_API_BASE_URL={url}"),
    "vertex_veo": Row("*:predictLongRunning", "* *:fetchPredict*", "VERTEX_AI_PROJECT_ID=a-project VERTEX_GENAI_BASE_URL={url}"),
}
STILLS = {
    "flux of the studio": Row("/images/flux-create", "GET /assets/{jobId}", beside="local_studio"),
    "flux": Row("/images/flux-create", "GET /assets/{jobId}", ROWS["useapi_ltx"].settings, "useapi_ltx"),
    "vertex_image": Row(
        "*:generateContent", "", ROWS["vertex_veo"].settings + " VERTEX_IMAGE_MODEL_ID=gemini-3-pro-image", "vertex_veo"
    ),
}
STORED = {"vertex_veo": {"VERTEX_VEO_OUTPUT_URI": "gs://a-bucket/clips"}}
"""Settings under which a clip lies at a storage host, where it otherwise comes within the answer of a status call."""

FAMILY = ROWS | STILLS
REMOTE = [name for name, row in FAMILY.items() if row.settings]
ASKED = [name for name, row in FAMILY.items() if row.status]
HEAVY = ("google.genai", "anthropic", "flask", "numpy", "av")
NAMES_OF_A_MODULE = ("MODELS", "address", "capabilities", "default_variant", "is_rehearsal", "missing_credentials", "open_service")
EVERY_VARIANT = [
    (name, Variant(model, resolution))
    for name in SERVICES
    for model in importlib.import_module(f"tenxsom.services.{name}").MODELS
    for resolution in registry.capabilities(name, Variant(model)).resolutions or ("",)
]
FROM_WORDS = [name for name in SERVICES if registry.capabilities(name, Variant()).start_frames is StartFrames.OPTIONAL]
FOUND_AGAIN = [name for name in ASKED if registry.capabilities(FAMILY[name].beside or name, Variant()).can_reconcile]
NO_SERVICE: Any = None
"""In the place of a service that must not be needed."""

everybody = pytest.mark.parametrize("name", FAMILY, indirect=True)
everybody_who_is_asked = pytest.mark.parametrize("name", ASKED, indirect=True)


# What the tests stand on


class Call(NamedTuple):
    """What arrived at a studio."""

    method: str
    path: str
    everything: str
    """The address, all headers and the body."""
    authorization: str


class House:
    """A home whose settings hold everybody's credentials, and the two studios: our own, and the vendors'."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.home, remote = folder / "home", folder / "studio"
        self.worlds = {True: self.home / ".local_studio", False: remote}
        for world in self.worlds.values():
            world.mkdir(parents=True)
            (world / "scale").write_text("0.1")
            (world / "accounts.json").write_text('{"studio@example.com": {"maxJobs": 1000}}')
        key_file = {"type": "authorized_user", "client_id": "c", "client_secret": "google-canary", "refresh_token": "google-canary"}
        (folder / "key.json").write_text(json.dumps(key_file))
        self.red = folder / "red.png"
        Image.new("RGB", (320, 180), (200, 20, 20)).save(self.red)
        self.received: list[Call] = []
        stack.enter_context(pytest.MonkeyPatch.context()).setattr("tenxsom_studio.server.create_app", self._watched_app)
        server = stack.enter_context(running(remote))
        self.studio: Studio = server.app.extensions["studio"]
        self.environment = PLAIN_FILMS | {
            "TENXSOM_HOME": str(self.home),
            "GOOGLE_APPLICATION_CREDENTIALS": str(folder / "key.json"),
        }
        for row in FAMILY.values():
            self.environment |= settings_of(row, server.url)

    def settings(self, **changes: str) -> Settings:
        return settings.load(self.environment | changes)

    def secrets(self) -> list[str]:
        return [*self.settings().secrets(), "google-canary"]

    def _watched_app(self, world: Path, **details: Any) -> Flask:
        app = create_app(world, **details)
        app.before_request_funcs.setdefault(None, []).insert(0, self._note)
        return app

    def _note(self) -> None:
        everything = f"{request.url}\n{request.headers}\n{request.get_data(as_text=True)}"
        self.received.append(Call(request.method, request.path, everything, request.headers.get("Authorization", "")))


class Bench:
    """One service or source of start frames, opened as the program opens it, and its studio."""

    def __init__(self, house: House, name: str, **changes: str) -> None:
        self.house, self.name, self.row = house, name, FAMILY[name]
        self.makes_stills = name in STILLS
        self.service = self.row.beside or name
        self.settings = house.settings(**changes)
        self.variant = registry.default_variant(self.service, self.settings)
        self.capabilities = registry.capabilities(self.service, self.variant)
        self.world = house.worlds[not self.row.settings]
        self._video = registry.open_service(self.service, self.settings)
        self.subject: Any = self._video
        if self.makes_stills:
            self.subject = stills_registry.open_source(
                source_of(name), self._video, self.settings, house.home / "stills", house.home.joinpath
            )
        self._before, self._heard = len(self._charges()), len(house.received)

    def order(self, picture: Path | None = None, **changes: Any) -> Submitted:
        """Order a clip, from a picture or from words alone, or a still."""
        details: dict[str, Any] = {"prompt": "A quiet lake at dawn.", "aspect_ratio": "9:16"}
        self.reference = f"ref-{next(_numbers)}"
        if self.makes_stills:
            return self.subject.request_image(ImageOrder(**(details | changes)), self.reference)
        details |= {"seconds": self.capabilities.durations[0], "variant": self.variant, "start_picture": picture}
        details |= {"start_file_id": self.subject.upload_image(picture, "image/png") if picture else None}
        return self.subject.request_video(VideoOrder(**(details | changes)), self.reference)

    def status(self, submitted: Submitted, endpoint: str | None = None) -> GenerationStatus:
        if self.makes_stills:
            return self.subject.image_status({"job_id": submitted.job_id, "generation_id": submitted.generation_id}, endpoint)
        return self.subject.video_status({"job_id": submitted.job_id, "generation_id": submitted.generation_id}, endpoint)

    def finish(self, submitted: Submitted) -> GenerationStatus:
        """Ask until it is over; between two questions wait for the renders of this process, not for the clock."""
        endpoint = submitted.endpoint
        for _ in range(20):
            status = self.status(submitted, endpoint)
            if status.progress is not GenerationState.RUNNING:
                return status
            endpoint = status.endpoint
            self.drain()
        raise AssertionError(f"{self.name} never ended the job")

    def fetch(self, status: GenerationStatus, part: Path, max_bytes: int = 50_000_000) -> Any:
        if self.makes_stills:
            return self.subject.fetch_image(status.url, part, max_bytes, 60)
        return self.subject.fetch(status, part, max_bytes, 60)

    def write_faults(self, *rules: Mapping[str, Any]) -> None:
        write_rules(self.world, rules)

    def doom(self) -> list[dict[str, Any]]:
        """The rule that lets jobs fail, so that nothing has to be rendered; empty where the picture comes within the answer."""
        return [{"on": f"POST {self.row.order}", "do": "fail", "times": None}] if self.row.status else []

    def fault_of_the_order(self, do: str, **details: Any) -> None:
        self.write_faults(*self.doom(), {"on": f"POST {self.row.order}", "do": do, **details})

    def paid(self) -> list[dict[str, Any]]:
        """What was charged since the bench was opened."""
        return self._charges()[self._before :]

    def own_settings(self) -> list[str]:
        return [key.lower() for key in settings_of(self.row, "")]

    def received(self) -> list[Call]:
        return self.house.received[self._heard :]

    def orders_received(self) -> int:
        """How many POSTs came to the path of orders."""
        pattern = re.compile(re.escape(self.row.order).replace(r"\*", ".*") + "$")
        return sum(1 for call in self.received() if call.method == "POST" and pattern.search(call.path))

    def drain(self) -> None:
        self._video.settle(60)
        self.house.studio.drain(60)

    def close(self) -> None:
        self.subject.close()
        self._video.close()

    def _charges(self) -> list[dict[str, Any]]:
        path = self.world / "charges.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class Made(NamedTuple):
    """A clip that was ordered from a red picture, or a still: made and fetched."""

    submitted: Submitted
    path: Path
    sha256: str
    size_bytes: int


_numbers = itertools.count(1)


def settings_of(row: Row, url: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in row.settings.format(url=url).split())


def source_of(name: str) -> str:
    return name.partition(" ")[0]


def needed_by(name: str) -> str:
    return FAMILY[name].settings.partition("=")[0]


def missing_credentials(name: str, given: Settings) -> str | None:
    row = FAMILY[name]
    return (
        stills_registry.missing_credentials(source_of(name), row.beside, given)
        if row.beside
        else registry.missing_credentials(name, given)
    )


def make(bench: Bench, part: Path) -> Made:
    bench.write_faults()
    submitted = bench.order(picture=None if bench.makes_stills else bench.house.red)
    status = bench.finish(submitted)
    assert status.progress is GenerationState.READY, status
    found = bench.fetch(status, part)
    assert found.path == part
    return Made(submitted, part, found.sha256, found.size_bytes)


def first_frame(path: Path) -> tuple[float, float, float]:
    """The mean red, green and blue of a clip's first frame."""
    with av.open(str(path)) as video:
        red, green, blue = next(video.decode(video=0)).to_ndarray(format="rgb24").mean(axis=(0, 1))
    return float(red), float(green), float(blue)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with ExitStack() as stack:
        yield House(tmp_path_factory.mktemp("house"), stack)


@pytest.fixture(scope="module", params=ROWS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def made(name: str, house: House, tmp_path_factory: pytest.TempPathFactory) -> Made:
    bench = Bench(house, name)
    try:
        return make(bench, tmp_path_factory.mktemp("made") / "result.part")
    finally:
        bench.close()


@pytest.fixture
def bench(name: str, house: House) -> Iterator[Bench]:
    """A service that nobody has used yet, as a new process opens it; nothing misbehaves."""
    opened = Bench(house, name)
    opened.write_faults()
    yield opened
    opened.write_faults()
    opened.close()
    opened.drain()


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "sleep", lambda seconds: None)


# What it says of itself


def test_every_service_has_its_line_in_this_table():
    assert list(ROWS) == list(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_its_module_has_the_five_names_and_it_the_whole_protocol(name, bench):
    module = importlib.import_module(f"tenxsom.services.{name}")
    assert [one for one in NAMES_OF_A_MODULE if not hasattr(module, one)] == []
    assert [one for one in vars(VideoService) if not one.startswith("_") and not hasattr(bench.subject, one)] == []
    assert bench.subject.name == name


@pytest.mark.parametrize("name", STILLS, indirect=True)
def test_a_source_of_start_frames_has_the_whole_protocol(name, bench):
    assert [one for one in vars(StillSource) if not one.startswith("_") and not hasattr(bench.subject, one)] == []
    assert bench.subject.name == source_of(name)
    assert 0 < bench.subject.poll_policy.check_seconds <= bench.subject.poll_policy.wait_seconds


@pytest.mark.parametrize(("service", "variant"), EVERY_VARIANT, ids=str)
def test_its_capabilities_make_sense(service, variant):
    found = registry.capabilities(service, variant)
    assert isinstance(found, Capabilities)
    assert found.durations == tuple(sorted(set(found.durations)))
    assert found.durations[0] > 0
    assert found.aspect_ratios
    assert set(found.aspect_ratios) <= set(get_args(AspectRatio))
    assert found.prompt_limit > 0
    assert isinstance(found.start_frames, StartFrames)
    assert found.concurrent_submissions >= 1
    assert found.concurrent_jobs is None or found.concurrent_jobs >= 1
    assert found.upload_hours is None or found.upload_hours > 0
    assert variant.resolution in (found.resolutions or ("",))


@pytest.mark.parametrize(("service", "variant"), EVERY_VARIANT, ids=str)
def test_a_result_lives_longer_than_the_longest_pause_between_two_checks(service, variant):
    found = registry.capabilities(service, variant)
    assert 0 < found.first_check_seconds <= found.longest_check_seconds
    assert found.result_hours is None or found.longest_check_seconds < found.result_hours * 3600


@pytest.mark.parametrize(("service", "variant"), EVERY_VARIANT, ids=str)
def test_every_model_has_a_price_in_every_resolution_it_makes(service, variant):
    prices = Templates(ROOT, ROOT).prices
    for seconds in registry.capabilities(service, variant).durations:
        price = money.clip_price(prices, service, variant.model, variant.resolution, seconds)
        assert price.is_finite()
        assert price >= 0


def test_the_price_list_says_what_services_sources_and_planners_declare():
    written = Templates(ROOT, ROOT).prices
    assert written["services"] == {name: registry.prices(name) for name in SERVICES}
    assert written["stills"] == {name: found for name in stills_registry.SOURCES if (found := stills_registry.prices(name))}
    assert written["voices"] == {name: spoken for name in voices.VOICES if (spoken := voices.prices(name))}
    assert written["planners"] == planners.prices()


def test_a_service_that_an_older_price_list_does_not_name_has_its_declared_price(tmp_path):
    """A price list of one's own overrides what it names, and a service that came later has a price all the same."""
    mine = {"services": {"useapi_ltx": {"clip_usd": "3", "image_usd": "2", "clip_second_usd": "0"}}}
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "prices.json").write_text(json.dumps(mine))
    given = settings.load({"TENXSOM_HOME": str(tmp_path), "VERTEX_IMAGE_MODEL_ID": "gemini-3-pro-image"})
    prices = Prices(Templates(tmp_path, ROOT), given)
    clips = [
        new_clip(0, service="useapi_ltx", start_frame="flux"),
        new_clip(1, service="ltx_api", model="ltx-2-3-pro", resolution="1080p", start_frame="vertex_image"),
    ]
    job = new_job(clips=clips)
    assert [prices.of_clip(job, clip) for clip in clips] == [Decimal(3), Decimal("0.4")]
    assert [prices.of_still(job, clip) for clip in clips] == [Decimal(2), Decimal("0.15")]


def test_its_default_variant_is_one_of_its_own(bench, tmp_path):
    nothing_set = settings.load({"TENXSOM_HOME": str(tmp_path)})
    variant = registry.default_variant(bench.name, nothing_set)
    assert (bench.name, variant) in EVERY_VARIANT
    assert variant.model == importlib.import_module(f"tenxsom.services.{bench.name}").MODELS[0], "the default comes first"


@pytest.mark.parametrize("name", STILLS, indirect=True)
def test_a_still_has_a_price(name, house):
    price = money.still_price(
        Templates(ROOT, ROOT).prices, source_of(name), FAMILY[name].beside, house.settings().vertex_image_model_id
    )
    assert price.is_finite()
    assert price >= 0


@pytest.mark.parametrize("variant", [Variant("no-such-model"), Variant("no-such-model", "720p")], ids=str)
@pytest.mark.parametrize("service", SERVICES)
def test_an_unknown_model_is_bad_settings_that_name_it_and_the_remedy(service, variant):
    with pytest.raises(BadSettings, match=variant.model) as raised:
        registry.capabilities(service, variant)
    models = importlib.import_module(f"tenxsom.services.{service}").MODELS
    assert all(model in str(raised.value) for model in models)
    assert re.search(r"\b(use|set|change|leave)\b", str(raised.value))


@pytest.mark.parametrize("service", SERVICES)
def test_an_unknown_resolution_is_bad_settings_that_name_it_and_the_remedy(service):
    for model in dict.fromkeys(["", *importlib.import_module(f"tenxsom.services.{service}").MODELS]):
        with pytest.raises(BadSettings, match="333p") as raised:
            registry.capabilities(service, Variant(model, "333p"))
        offered = registry.capabilities(service, Variant(model)).resolutions
        assert all(resolution in str(raised.value) for resolution in offered)
        assert re.search(r"\b(use|set|change|leave)\b", str(raised.value))
        assert str(raised.value) == str(raised.value).strip(), "a sentence begins with its first word"


@everybody
def test_what_is_missing_is_named_and_it_is_not_opened_without(name, house, tmp_path):
    nothing_set, needed = settings.load({"TENXSOM_HOME": str(tmp_path)}), needed_by(name)
    assert missing_credentials(name, house.settings()) is None
    if not needed:
        assert missing_credentials(name, nothing_set) is None
        return
    assert needed in (missing_credentials(name, nothing_set) or "")
    is_source = bool(FAMILY[name].beside)
    with pytest.raises(BadSettings, match=needed):
        _ = (
            stills_registry.open_source(source_of(name), NO_SERVICE, nothing_set, tmp_path, tmp_path.joinpath)
            if is_source
            else registry.open_service(name, nothing_set)
        )


_LOOK = """
import importlib, json, sys
from tenxsom import settings
from tenxsom.services import registry
given, loaded = settings.load({"TENXSOM_HOME": sys.argv[1]}), {}
for module in sys.argv[3:]:
    before = set(sys.modules)
    importlib.import_module(module)
    if module.count(".") == 2:
        name = module.rpartition(".")[2]
        registry.missing_credentials(name, given), registry.capabilities(name, registry.default_variant(name, given))
    loaded[module] = [name for name in sys.argv[2].split() if name in sys.modules and name not in before]
print(json.dumps(loaded))
"""


def test_looking_at_what_it_can_do_loads_no_heavy_library(tmp_path):
    modules = [f"tenxsom.services.{name}" for name in SERVICES]
    modules += [f"tenxsom.services.images.{name}" for name in ("flux", "vertex_image", "own_picture")]
    command = [sys.executable, "-c", _LOOK, str(tmp_path), " ".join(HEAVY), *modules]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == {module: [] for module in modules}


# Orders that go well


def test_a_clip_is_fetched_whole_in_the_ordered_length_and_shape(bench, made):
    facts = check_video(made.path)
    assert facts.seconds == pytest.approx(bench.capabilities.durations[0], abs=0.1)
    assert facts.width / facts.height == pytest.approx(9 / 16, abs=0.02)
    assert (facts.audio_codec is not None) == bench.capabilities.sound


@pytest.mark.parametrize("name", STILLS, indirect=True)
def test_a_still_is_fetched_whole_in_the_ordered_shape(bench, made):
    facts = check_picture(made.path)
    assert facts.width / facts.height == pytest.approx(9 / 16, abs=0.02)


@everybody
def test_the_download_says_what_it_wrote(made):
    content = made.path.read_bytes()
    assert (made.size_bytes, made.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_a_start_frame_that_is_handed_over_is_the_first_frame(made):
    red, green, blue = first_frame(made.path)
    assert red > 2 * max(green, blue)


@pytest.mark.parametrize("name", FROM_WORDS, indirect=True)
def test_a_clip_is_made_from_words_alone_where_no_start_frame_is_needed(bench, tmp_path):
    status = bench.finish(bench.order())
    bench.fetch(status, tmp_path / "clip.part")
    assert check_video(tmp_path / "clip.part").seconds == pytest.approx(bench.capabilities.durations[0], abs=0.1)
    red, green, blue = first_frame(tmp_path / "clip.part")
    assert red < 2 * max(green, blue)


@everybody
def test_another_process_can_ask_and_fetch_again_as_often_as_it_likes(bench, made, tmp_path):
    for number in range(2):
        status = bench.status(made.submitted, made.submitted.endpoint)
        assert (status.progress, bool(status.url)) == (GenerationState.READY, True)
        for part in (tmp_path / f"{number}.part", tmp_path / f"{number}-again.part"):
            assert bench.fetch(status, part).sha256 == made.sha256
    assert bench.paid() == []


def test_an_id_that_was_adopted_without_an_endpoint_is_found_and_its_endpoint_is_named(bench, made):
    adopted = made.submitted._replace(endpoint=None, generation_id=None)
    status = bench.status(adopted)
    assert status.progress is GenerationState.READY
    assert status.endpoint
    assert bench.status(adopted, status.endpoint).progress is GenerationState.READY


@everybody
def test_an_unknown_id_is_not_found(bench, made):
    job_id = re.sub(r"[0-9a-f]{12}(?!.*[0-9a-f]{12})", 12 * "0", made.submitted.job_id)
    unknown = Submitted(job_id if job_id != made.submitted.job_id else f"{job_id}0")
    with pytest.raises(NotFound):
        bench.status(unknown)


def test_every_order_within_its_capabilities_is_accepted(bench):
    found = bench.capabilities
    orders = [{"seconds": seconds, "aspect_ratio": shape} for seconds in found.durations for shape in found.aspect_ratios]
    for variant in (variant for service, variant in EVERY_VARIANT if service == bench.name):
        orders.append({"variant": variant, "seconds": registry.capabilities(bench.name, variant).durations[-1]})
    orders.append({"prompt": ("A lake. " * found.prompt_limit)[: found.prompt_limit]})
    bench.write_faults(*bench.doom())
    for order in orders:
        bench.order(bench.house.red if found.start_frames is StartFrames.NEEDED else None, **order)
    assert len(bench.paid()) == len(orders)


@everybody
def test_it_may_be_closed_twice(bench):
    bench.close()
    bench.close()


# Orders that go badly


@everybody
@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, ServiceRefused), (422, ServiceRefused), (401, AccountError), (402, AccountError), (403, AccountError)],
)
def test_an_order_that_is_refused_is_a_certain_no_that_costs_nothing(bench, status, expected):
    bench.fault_of_the_order("status", status=status, message="The vendor's own words.")
    with pytest.raises(TenxsomError) as raised:
        bench.order()
    assert type(raised.value) is expected
    assert isinstance(raised.value, ServiceRefused)
    assert raised.value.status == status
    assert (bench.paid(), bench.orders_received()) == ([], 1)
    assert expected is AccountError or "The vendor's own words" in str(raised.value)


@pytest.mark.parametrize("status", [404, 410])
def test_an_api_that_is_gone_is_retired_and_costs_nothing(bench, status):
    bench.fault_of_the_order("retired", status=status, times=1)
    with pytest.raises(ServiceRetired):
        bench.order()
    assert (bench.paid(), bench.orders_received()) == ([], 1)


@everybody
@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_busy_service_says_how_long_to_wait_and_takes_no_money(bench, status):
    bench.fault_of_the_order("status", status=status, retry_after=17)
    with pytest.raises(ServiceBusy) as raised:
        bench.order()
    assert raised.value.retry_after == 17
    assert (bench.paid(), bench.orders_received()) == ([], 1)


UNCLEAR = [
    {"do": "accept_then_drop"},
    {"do": "accept_then_status", "status": 500},
    {"do": "accept_then_status", "status": 502, "html": True},
    {"do": "accept_then_status", "status": 504},
    {"do": "no_job_id"},
]


@everybody
@pytest.mark.parametrize("fault", UNCLEAR, ids=str)
def test_an_order_that_nobody_saw_accepted_is_unclear_and_is_sent_once(bench, fault):
    bench.fault_of_the_order(**fault)
    with pytest.raises(SubmitUnclear):
        bench.order()
    assert (len(bench.paid()), bench.orders_received()) == (1, 1)


@everybody
def test_an_unclear_order_is_found_again_exactly_where_its_capabilities_say_so(bench):
    bench.fault_of_the_order("accept_then_drop")
    with pytest.raises(SubmitUnclear):
        bench.order()
    found = bench.subject.find_submission(bench.reference)
    assert bench.subject.find_submission(f"{bench.reference}0") is None
    if not bench.capabilities.can_reconcile:
        assert found is None
        return
    assert found is not None
    assert [charge["jobId"] for charge in bench.paid()] == [found.job_id]
    assert bench.finish(found).progress is GenerationState.FAILED  # as the script of faults wants it


@pytest.mark.parametrize("name", FOUND_AGAIN, indirect=True)
def test_an_order_is_found_again_when_its_job_is_finished_too(bench):
    submitted = bench.order(None if bench.makes_stills else bench.house.red)
    assert bench.finish(submitted).progress is GenerationState.READY
    assert bench.subject.find_submission(bench.reference).job_id == submitted.job_id


FREE_TO_ASK = [name for name in REMOTE if name != "vertex_image"]
"""Google charges a picture with its answer; there is nothing free to ask for there."""


@pytest.mark.parametrize("name", FREE_TO_ASK, indirect=True)
@pytest.mark.parametrize("status", [None, 404, 429, 400], ids=str)
def test_a_service_that_answers_anything_gives_a_sign_of_life_and_charges_nothing(bench, status):
    if status:
        bench.write_faults({"on": "* *", "do": "status", "status": status, "times": None})
    bench.subject.ping()
    assert len(bench.received()) >= 1
    assert bench.paid() == []


@pytest.mark.parametrize("name", FREE_TO_ASK, indirect=True)
@pytest.mark.parametrize(("status", "meaning"), [(500, ServiceDown), (503, ServiceDown), (401, AccountError)])
def test_a_service_that_is_down_or_refuses_the_account_gives_none(bench, status, meaning):
    bench.write_faults({"on": "* *", "do": "status", "status": status, "times": None})
    with pytest.raises(meaning):
        bench.subject.ping()


@pytest.mark.parametrize("name", FREE_TO_ASK, indirect=True)
def test_where_nothing_listens_there_is_no_sign_of_life(name, house):
    addresses = [key for key in settings_of(FAMILY[name], "") if key.endswith("_BASE_URL")]
    url = f"http://127.0.0.1:{unused_port()}"
    bench = Bench(house, name, **{key: settings_of(FAMILY[name], url)[key] for key in addresses})
    try:
        with pytest.raises(TryAgainLater):
            bench.subject.ping()
    finally:
        bench.close()


@everybody
def test_it_is_a_rehearsal_wherever_its_address_is_not_the_vendors_own(bench):
    billed_service = {"flux": "useapi_ltx", "flux of the studio": "local_studio"}.get(bench.name, bench.name)
    assert stills_registry.is_rehearsal(billed_service, bench.settings) is True


@pytest.mark.parametrize("name", REMOTE, indirect=True)
def test_where_nothing_listens_nothing_was_sent(name, house):
    addresses = [key for key in settings_of(FAMILY[name], "") if key.endswith("_BASE_URL")]
    url = f"http://127.0.0.1:{unused_port()}"
    bench = Bench(house, name, **{key: settings_of(FAMILY[name], url)[key] for key in addresses})
    try:
        with pytest.raises(NotSent):
            bench.order()
    finally:
        bench.close()
    assert bench.received() == []


# Jobs that go badly


@everybody_who_is_asked
def test_a_failed_job_carries_its_message(bench):
    bench.write_faults({**bench.doom()[0], "message": "The lake would not hold still"})
    status = bench.finish(bench.order())
    assert (status.progress, status.url, status.content) == (GenerationState.FAILED, None, None)
    assert "The lake would not hold still" in status.message


@everybody_who_is_asked
@pytest.mark.parametrize(
    "fault",
    [{"status": 500}, {"status": 502}, {"status": 503}, {"status": 429}, {"status": 522}, {"status": 200, "html": True}],
    ids=str,
)
def test_a_status_call_in_trouble_is_tried_later_and_says_nothing_about_the_job(no_pauses, bench, made, fault):
    bench.write_faults({"on": bench.row.status, "do": "status", "times": None, "retry_after": 0, **fault})
    with pytest.raises((ServiceDown, ServiceBusy)):
        bench.status(made.submitted, made.submitted.endpoint)


@everybody_who_is_asked
def test_a_status_call_that_takes_too_long_is_tried_later(house, name, made):
    bench = Bench(house, name, STATUS_TIMEOUT_SECONDS="0.2")
    bench.write_faults({"on": bench.row.status, "do": "slow", "seconds": 2, "times": None})
    try:
        with pytest.raises(ServiceDown):
            bench.status(made.submitted, made.submitted.endpoint)
    finally:
        bench.write_faults()
        bench.close()


@everybody_who_is_asked
def test_a_status_call_that_refuses_the_account_is_account_trouble(bench, made):
    bench.write_faults({"on": bench.row.status, "do": "status", "status": 401, "times": None})
    with pytest.raises(AccountError):
        bench.status(made.submitted, made.submitted.endpoint)


# Results that go badly


@pytest.fixture(scope="module")
def stored(name: str, house: House, made: Made, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A clip that lies at the storage host."""
    if name not in STORED:
        return made
    bench = Bench(house, name, **STORED[name])
    try:
        return make(bench, tmp_path_factory.mktemp("stored") / "result.part")
    finally:
        bench.close()


BROKEN = [
    {"do": "html", "times": None},
    {"do": "truncate", "bytes": 100, "times": None},
    {"do": "wrong_content", "times": None},
    {"do": "endless", "times": None},
    {"do": "status", "status": 500, "times": None, "retry_after": 0},
]


@everybody_who_is_asked
@pytest.mark.parametrize("fault", BROKEN, ids=lambda fault: fault["do"])
def test_a_broken_result_is_never_left_behind_as_whole(no_pauses, bench, stored, tmp_path, fault):
    status, part = bench.status(stored.submitted, stored.submitted.endpoint), tmp_path / "result.part"
    bench.write_faults({"on": "GET /storage", **fault})
    with pytest.raises((BrokenMedia, TryAgainLater)):
        bench.fetch(status, part, 1_000_000)
    if part.exists():
        with pytest.raises(BrokenMedia):
            (check_picture if bench.makes_stills else check_video)(part)
    bench.write_faults()
    assert bench.fetch(status, part).sha256 == stored.sha256


@everybody
def test_a_result_that_is_larger_than_is_believed_is_broken(bench, made, tmp_path):
    status = bench.status(made.submitted, made.submitted.endpoint)
    with pytest.raises(BrokenMedia):
        bench.fetch(status, tmp_path / "result.part", max_bytes=100)
    assert list(tmp_path.glob("*.part")) == []


# Secrets


@everybody
def test_no_secret_is_told_and_each_goes_only_where_it_belongs(no_pauses, bench, stored, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    own = [value.reveal() for value in map(dict(bench.settings).get, bench.own_settings()) if isinstance(value, Secret)]
    echo, picture = f"You said {own}", None if bench.makes_stills else bench.house.red
    told = [repr(bench.subject), repr(vars(bench.subject)), repr(bench.settings)]
    bench.fetch(bench.status(stored.submitted, stored.submitted.endpoint), tmp_path / "result.part")
    for status in (400, 401, 429, 500):
        bench.fault_of_the_order("status", status=status, message=echo)
        with pytest.raises(TenxsomError) as raised:
            bench.order(picture)
        told += traceback.format_exception(raised.value)
    if bench.row.status:
        bench.write_faults({**bench.doom()[0], "message": echo})
        told.append(bench.finish(bench.order(picture)).message)
    told += [caplog.text, *(record.getMessage() for record in caplog.records)]
    assert bench.orders_received() >= 4
    for secret in bench.house.secrets():
        assert [words for words in told if secret in words] == []
        strangers = [call for call in bench.received() if secret not in own or call.path.startswith("/storage/")]
        assert [call for call in strangers if secret in call.everything] == []
    for secret in own:
        assert any(call.authorization == f"Bearer {secret}" for call in bench.received()), "never used: this would show nothing"


# The user's own picture


def test_ones_own_picture_costs_nothing_is_copied_whole_and_stays(house, tmp_path):
    assert stills_registry.missing_credentials("own_picture", "ltx_api", settings.load({"TENXSOM_HOME": str(tmp_path)})) is None
    assert money.still_price(Templates(ROOT, ROOT).prices, "own_picture", "ltx_api", None) == 0
    source = stills_registry.open_source("own_picture", NO_SERVICE, house.settings(), tmp_path, tmp_path.joinpath)
    for _ in range(2):
        status = source.image_status({"job_id": str(house.red)}, None)
        assert (status.progress, status.url) == (GenerationState.READY, str(house.red))
        assert status.url is not None
        found = source.fetch_image(status.url, tmp_path / "still.part", 1_000_000, 5)
        assert found.path.read_bytes() == house.red.read_bytes()
        source.discard(str(house.red))
    with pytest.raises(NotFound):
        source.image_status({"job_id": str(tmp_path / "nowhere.png")}, None)
    assert source.find_submission("ref-1") is None
    source.close()
    source.close()
