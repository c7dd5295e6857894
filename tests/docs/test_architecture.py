"""The architecture as facts: which layer may import which, who owns what, how large things are, what may never be committed.

CONTRIBUTING.md tells the same for people; `test_the_layer_table_of_contributing_is_this_one` keeps the two together.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest

from tenxsom.services import registry as services
from tenxsom.services.images import registry as stills
from tenxsom.services.images.base import OWN_PICTURE
from tenxsom.voices import registry as voices

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = (
    "master_orchestrator_v3",
    "claude_video_service",
    "production_video_generator",
    "poll_video_status",
    "manage_jobs",
)

LAUNCHER = ROOT / "tenxsom" / "__main__.py"
"""What the command `tenxsom` runs: a launcher, as the scripts are."""

LAYERS: tuple[tuple[str, ...], ...] = (
    (
        "errors",
        "program",
        "setting_groups",
        "setting_values",
        "clock",
        "bytecode",
        "empty_tick",
        "loading",
        "disk",
        "atomic",
        "safe_files",
        "locks",
        "threads",
        "log",
        "log_file",
        "text",
        "spelling",
        "quantities",
    ),
    ("model/",),
    ("http/", "store/", "media/"),
    ("google/",),
    ("services/", "planning/", "voices/"),
    ("settings",),
    ("pipeline/",),
    ("notify/", "metrics", "plots"),
    ("observers", "health"),
    ("app",),
    ("dashboard/",),
    ("cli/",),
)
"""Bottom up. A module imports from lower layers and from its own folder; the modules of layer 0 may import each other."""


class Import(NamedTuple):
    """One import statement's target, and where it stands."""

    path: PurePosixPath
    line: int
    target: str

    @property
    def where(self) -> str:
        return f"{self.path}:{self.line}"


@cache
def source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(source(path), str(path))


def modules() -> list[Path]:
    return sorted({*(ROOT / "tenxsom").rglob("*.py")} - {LAUNCHER})


def studio_modules() -> list[Path]:
    return sorted((ROOT / "tenxsom_studio").rglob("*.py"))


def scripts() -> list[Path]:
    return [*(ROOT / f"{name}.py" for name in SCRIPTS), LAUNCHER]


def everything() -> list[Path]:
    return [*modules(), *studio_modules(), *scripts()]


def relative(path: Path) -> PurePosixPath:
    return PurePosixPath(path.relative_to(ROOT).as_posix())


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(tree(path)))


@cache
def imports_of(path: Path) -> list[Import]:
    """Every import in a file: at the top, inside functions, and those for type checkers only."""
    return list(_imports_in(path))


def _imports_in(path: Path) -> Iterator[Import]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (Import(relative(path), node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}:{node.lineno} imports relatively; write the whole name"
            package = node.module or ""
            nested = is_package(package)
            yield from (
                Import(relative(path), node.lineno, f"{package}.{alias.name}" if nested else package) for alias in node.names
            )


@cache
def is_package(name: str) -> bool:
    return ROOT.joinpath(*name.split(".")).is_dir()


@cache
def unit_of(module: str) -> str:
    """What the layer table calls a module: `tenxsom.http.client` is `http/`, `tenxsom.clock` is `clock`; else nothing."""
    package, *parts = module.split(".")
    if package != "tenxsom" or not parts or parts[0].startswith("__"):
        return ""
    return f"{parts[0]}/" if (ROOT / "tenxsom" / parts[0]).is_dir() else parts[0]


def layer_of(unit: str) -> int:
    return next(number for number, units in enumerate(LAYERS) if unit in units)


def own_unit(path: PurePosixPath) -> str:
    return unit_of(".".join(path.with_suffix("").parts))


def inside(path: PurePosixPath, places: Iterable[str]) -> bool:
    return any(str(path) == place or str(path).startswith(place) for place in places if place)


# layers


def test_every_module_has_its_layer() -> None:
    units = {own_unit(relative(path)) for path in modules() if relative(path) != PurePosixPath("tenxsom/__init__.py")}
    assert units == {unit for units in LAYERS for unit in units}


@pytest.mark.slow
def test_imports_point_down() -> None:
    wrong = []
    for path in modules():
        mine = own_unit(relative(path))
        for found in imports_of(path):
            theirs = unit_of(found.target)
            if not theirs or theirs == mine:
                continue
            if not (layer_of(theirs) < layer_of(mine) or layer_of(theirs) == layer_of(mine) == 0):
                wrong.append(f"{found.where} imports {found.target}")
    assert wrong == []


def test_no_import_runs_in_a_ring() -> None:
    """At load time, inside functions, or for types: a reader of a module has met what it stands on."""
    graph = {name_of(path): imported_modules(path) for path in everything()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as ring:
        pytest.fail(" → ".join(ring.args[1]))


def name_of(path: Path) -> str:
    return ".".join(relative(path).with_suffix("").parts).removesuffix(".__init__")


@cache
def names_of_everything() -> frozenset[str]:
    return frozenset(map(name_of, everything()))


def imported_modules(path: Path) -> set[str]:
    """Our own modules that a module imports. The package that a module lies in is imported before it, too."""
    ours = names_of_everything()
    named = {found.target for found in imports_of(path)}
    parents = {target.rpartition(".")[0] for target in named | {name_of(path)}}
    return ((named | parents) & ours) - {name_of(path)}


def test_the_studio_knows_nothing_of_the_program_that_calls_it() -> None:
    """A stand-in for a vendor that shared our session, our queue or our model would agree with our mistakes."""
    allowed = {*LAYERS[0], "media/", ""}
    assert {unit_of(found.target) for path in studio_modules() for found in imports_of(path)} <= allowed


def test_one_module_knows_the_studio() -> None:
    users = {str(found.path) for path in modules() for found in imports_of(path) if found.target.startswith("tenxsom_studio")}
    assert users == {"tenxsom/services/local_studio.py", "tenxsom/cli/manage.py"}


def test_the_package_never_imports_a_script() -> None:
    assert [found for path in modules() for found in imports_of(path) if found.target.split(".")[0] in SCRIPTS] == []


def test_the_layer_table_of_contributing_is_this_one() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", source(ROOT / "CONTRIBUTING.md"), re.MULTILINE)
    written = {int(number): tuple(re.findall(r"`([a-z_]+/?)`", units)) for number, units in rows}
    assert written == dict(enumerate(LAYERS))


# owners

LIBRARY_OWNERS: dict[str, tuple[str, ...]] = {
    "requests": ("tenxsom/http/", "tenxsom/google/"),
    "urllib3": ("tenxsom/http/",),
    "tenacity": ("tenxsom/http/",),
    "av": ("tenxsom/media/", "tenxsom_studio/painting/"),
    "PIL": ("tenxsom/media/", "tenxsom_studio/painting/"),
    "numpy": ("tenxsom/media/", "tenxsom/voices/", "tenxsom_studio/painting/"),
    "hibari": ("tenxsom/voices/hibari.py",),
    "onnxruntime": ("tenxsom/voices/hibari.py",),
    "pocketsphinx": ("tenxsom/voices/alignment.py",),
    "ctypes": ("tenxsom/voices/espeak.py", "tenxsom/atomic.py"),
    "fcntl": ("tenxsom/locks.py",),
    "subprocess": (),
    "multiprocessing": (),
    "anthropic": (
        "tenxsom/planning/claude_messages.py",
        "tenxsom/planning/vertex_claude.py",
        "tenxsom/planning/anthropic_api.py",
    ),
    "google": ("tenxsom/google/", "tenxsom/planning/model_garden.py"),
    "httpx": ("tenxsom/google/genai.py",),
    "psycopg": ("tenxsom/store/postgres/",),
    "dotenv": ("tenxsom/setting_groups.py",),
    "flask": ("tenxsom_studio/",),
    "werkzeug": ("tenxsom_studio/",),
    "waitress": ("tenxsom_studio/", "tenxsom/health.py"),
    "rich": ("tenxsom/cli/",),
    "uniseg": ("tenxsom/text.py",),
    "fontTools": ("tenxsom/media/fonts.py",),
    "fontconfig": ("tenxsom/media/fonts.py",),
    "wcwidth": ("tenxsom/text.py",),
    "budoux": ("tenxsom/text.py",),
    "apprise": ("tenxsom/notify/chat.py",),
    "starlette": ("tenxsom/dashboard/",),
    "uvicorn": ("tenxsom/dashboard/server.py",),
    "fastapi": ("tenxsom/dashboard/api.py",),
    "jinja2": ("tenxsom/dashboard/",),
    "itsdangerous": ("tenxsom/dashboard/doorkeeper.py",),
    "zipstream": ("tenxsom/dashboard/media_files.py",),
    "obstore": ("tenxsom/store/objects/bucket.py",),
    "prometheus_client": (),
    "shtab": ("tenxsom/cli/completion.py",),
}
"""One foreign library, one owner: a change of the library is one diff."""

CALL_OWNERS: dict[str, tuple[str, ...]] = {
    "os.environ": ("tenxsom/setting_groups.py", "tenxsom/empty_tick.py"),
    "os.getenv": ("tenxsom/setting_groups.py",),
    "os.replace": ("tenxsom/atomic.py",),
    "os.rename": ("tenxsom/atomic.py",),
    "os.fsync": ("tenxsom/atomic.py",),
    "os.system": (),
    "os.kill": (),
    "time.sleep": ("tenxsom/clock.py",),
    "time.time": ("tenxsom/clock.py",),
    "datetime.now": ("tenxsom/clock.py",),
    "datetime.utcnow": (),
}


@pytest.mark.parametrize("library", LIBRARY_OWNERS)
def test_a_library_is_imported_by_its_owner_only(library: str) -> None:
    users = [found for path in everything() for found in imports_of(path) if found.target.split(".")[0] == library]
    assert [found.where for found in users if not inside(found.path, LIBRARY_OWNERS[library])] == []


@pytest.mark.parametrize("call", CALL_OWNERS)
def test_a_call_is_made_by_its_owner_only(call: str) -> None:
    base, name = call.split(".")
    wrong = []
    for path in everything():
        for node in nodes(path):
            match node:
                case ast.Attribute(attr=attribute, value=value):
                    is_found = attribute == name and _named(value) == base
                case ast.ImportFrom(module=module, names=names):
                    is_found = module == base and name in [alias.name for alias in names]
                case _:
                    continue
            if is_found and not inside(relative(path), CALL_OWNERS[call]):
                wrong.append(f"{relative(path)}:{node.lineno}")
    assert wrong == []


def _named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def test_the_package_prints_in_one_place() -> None:
    wrong = [
        f"{relative(path)}:{node.lineno}"
        for path in modules()
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and _named(node.func) == "print"
        and not inside(relative(path), ["tenxsom/cli/", "tenxsom/empty_tick.py"])
    ]
    assert wrong == []


# habits


VENDOR = re.compile(
    r"useapi|ltx|\bveo|_veo|vertex|flux|gemini|lyria|hibari|espeak|speech_api|google|anthropic|openai", re.IGNORECASE
)
FIXED_NAMES = re.compile("generate_with_useapi|behind the UseAPI contract")
"""What the original system calls its method, and the sentence that says so."""
PLANNER = "planner.py"
"""The file of ClaudeVideoService, which is the original system's name as well."""


def test_no_vendor_is_named_in_the_pipeline() -> None:
    """What is special about a vendor is declared by its service, so that another one is another file."""
    lines = [
        f"{relative(path)}:{number}: {line.strip()}"
        for path in sorted((ROOT / "tenxsom" / "pipeline").glob("*.py"))
        if path.name != PLANNER
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if VENDOR.search(FIXED_NAMES.sub("", line))
    ]
    assert lines == []


def test_every_vendor_is_looked_for_in_the_pipeline() -> None:
    names = {*services.SERVICES, *stills.SOURCES, *voices.VOICES} - {services.PREVIEW, OWN_PICTURE}
    assert [name for name in names if not VENDOR.search(name)] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(relative(path)) for path in everything() if source(path).strip() and not ast.get_docstring(tree(path))]
    assert silent == []


def test_code_that_catches_everything_passes_it_on_or_says_why_not() -> None:
    silent = []
    for path in everything():
        lines = source(path).splitlines()
        for node in nodes(path):
            if not isinstance(node, ast.ExceptHandler) or not _is_broad(node):
                continue
            passes_on = any(isinstance(part, ast.Raise) and part.exc is None for part in ast.walk(node))
            comment = lines[node.lineno - 1].partition("#")[2]
            reason = re.sub(r"noqa(: ?[A-Z0-9, ]+)?", "", comment)
            if not passes_on and len(reason.split()) < 4:
                silent.append(f"{relative(path)}:{node.lineno}")
    assert silent == []


def _is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or _named(kind) in ("Exception", "BaseException") for kind in kinds)


# start-up

HEAVY = (
    "numpy",
    "av",
    "PIL",
    "rich",
    "anthropic",
    "flask",
    "werkzeug",
    "waitress",
    "hibari",
    "onnxruntime",
    "pocketsphinx",
    "apprise",
    "psycopg",
    "starlette",
    "jinja2",
    "obstore",
)
HEAVY_BELOW_GOOGLE = ("google.auth", "google.api_core", "google.cloud.aiplatform_v1", "google.cloud.aiplatform")
"""`google` itself is a namespace package that some installations load at start-up, at no cost."""


def test_importing_the_scripts_loads_no_heavy_library() -> None:
    probe = f"import sys, tenxsom.__main__, {', '.join(SCRIPTS)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert loaded & {*HEAVY, *HEAVY_BELOW_GOOGLE} == set()


@pytest.mark.parametrize("launcher", [("poll_video_status.py",), ("tenxsom/__main__.py", "collect")])
def test_a_tick_over_an_empty_queue_loads_next_to_nothing(tmp_path: Path, launcher: tuple[str, ...]) -> None:
    (tmp_path / "pending_video_jobs").mkdir()
    probe = (
        "import sys, runpy, atexit\n"
        "atexit.register(lambda: print(*[name for name in sys.modules if name.startswith('tenxsom') or name == 'argparse']))\n"
        f"sys.argv = {[*launcher]}\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=ROOT,
        env={"TENXSOM_HOME": str(tmp_path), "PATH": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[0] == "No pending video jobs."
    assert done.stdout.splitlines()[1:] == ["tenxsom tenxsom.bytecode tenxsom.empty_tick"]


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--nope",), 2)])
def test_a_tick_that_is_over_before_tls_is_ready_ends_as_it_should(home: Path, arguments: tuple[str, ...], code: int) -> None:
    """OpenSSL crashes when a process ends while a thread reads its certificates."""
    (home / "pending_video_jobs").mkdir()
    (home / "pending_video_jobs" / "lake.json").write_text('{"schema_version": 99}')  # of a newer version: left alone
    settings = {**os.environ, "TENXSOM_HOME": str(home), "USEAPI_BEARER_TOKEN": "user:1-a"}
    command = [sys.executable, "poll_video_status.py", *arguments]
    ended = {
        subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, timeout=60, check=False).returncode for _ in range(8)
    }
    assert ended == {code}


# what may never be committed

IGNORED = {".git", ".venv", "build", "__pycache__", ".local_studio", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
STATE_FOLDERS = ("pending_video_jobs", "completed_videos")
TEXTS = {".py", ".md", ".json", ".toml", ".txt", ".example", ".svg", ".sh", ".yml", ".yaml", ".cfg", ""}

PRIVATE_PLACES = re.compile(r"(?<![\w.{}-])/(?:work|root|Users|private/var|home/[a-z])(?:/|\b)(?!\.\.\.)")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,})")
TOKENS = re.compile(
    r"user:\d{3,}-[A-Za-z0-9]{12,}"  # UseAPI.net
    r"|\bAIza[0-9A-Za-z_-]{30,}|\bya29\.[0-9A-Za-z_-]{20,}"  # Google
    r"|\bsk-[A-Za-z0-9-]{20,}|\bgh[pousr]_[A-Za-z0-9]{30,}|\bAKIA[0-9A-Z]{16}\b|\bxox[abp]-[0-9A-Za-z-]{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----\s*\n[A-Za-z0-9+/=]{40,}"
)

OBVIOUSLY_MADE_UP = re.compile(r"SECRET|XXXX|EXAMPLE|stub")


@cache
def committed() -> list[Path]:
    """The texts of the project, by their place: the same with and without git."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        ignored = IGNORED | {*STATE_FOLDERS} if folder == str(ROOT) else IGNORED
        folders[:] = [name for name in folders if name not in ignored]
        paths = [Path(folder, name) for name in names if name not in IGNORED]
        found += [
            path
            for path in paths
            if path.suffix in TEXTS and path.is_file() and path.name != "production.env" and not path.name.endswith(".jsonl")
        ]
    return found


def test_no_file_names_a_place_on_a_private_machine() -> None:
    wrong = [(str(relative(path)), found[0]) for path in committed() for found in [PRIVATE_PLACES.search(source(path))] if found]
    assert wrong == []


@pytest.mark.slow
def test_no_file_holds_anything_like_a_token() -> None:
    found = [(str(relative(path)), token) for path in committed() for token in TOKENS.findall(source(path))]
    assert [file for file, token in found if not OBVIOUSLY_MADE_UP.search(token)] == []


def test_every_email_address_belongs_to_nobody() -> None:
    foreign = {
        (str(relative(path)), host)
        for path in committed()
        for host in EMAIL.findall(source(path))
        if not re.fullmatch(r"([a-z0-9-]+\.)*(example\.(com|org|net)|[a-z]+\.example|[a-z0-9-]+\.iam\.gserviceaccount\.com)", host)
    }
    assert foreign == set()
