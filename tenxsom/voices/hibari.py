"""Hibari: an English voice that runs on this machine, free and without a network (https://github.com/MMWilliams/hibari).

The default speaker is inside the wheel (`pip install -r requirements-voice.txt`). The times of the words are the model's own: its
graph computes at which frame each phoneme ends, and one more output of the graph, appended to the model's bytes, shows it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tenxsom.errors import BadSettings, ServiceRefused
from tenxsom.media.speech_file import Samples, Sound, write_wav
from tenxsom.setting_groups import SettingsGroup
from tenxsom.voices.base import DURATIONS, Line, Speech, WordTime

NAME = "hibari"
INSTALL = "install it with: .venv/bin/pip install -r requirements-voice.txt"

_ENDS = "/CumSum_output_0"
"""The tensor of hibari-tts 0.2 with the frame at which each phoneme ends."""
_ONSET_SECONDS = 0.045
"""Sound is heard that much before the model's frame for it (measured)."""
_LONGEST_SENTENCE = 400
"""Phonemes that the model was trained for in one sentence."""


class _Piece(NamedTuple):
    """A part of a sentence that the model says at once: its phoneme ids, and for each the index of its token, or -1."""

    ids: list[int]
    owners: list[int]


class HibariVoice:
    """One speaker. Thread-safe; a segment takes about a fiftieth of its own length on one core."""

    service = NAME

    def __init__(self, name: str | None = None) -> None:
        self.name = name or _default()
        self._lock = threading.Lock()
        self._engine: Any = None
        self._tells_ends = False

    def say(self, line: Line) -> Speech:
        """Speak a line; the same line and seed give the same bits. Raises ServiceRefused for a text without English sounds."""
        with self._lock:  # the library's tokenizer keeps caches that are not made for threads
            engine = self._opened()
            noise = np.random.default_rng(line.seed)
            sounds: list[Samples] = []
            words: list[WordTime] = []
            at = 0.0
            for sentence in engine.split_sentences(line.text):
                tokens = _tokens(engine, sentence)
                if not any(token.phonemes and re.search("[A-Za-z0-9]", token.text) for token in tokens):
                    continue
                for piece in _pieces(engine.vocab, tokens):
                    sound, ends = self._synthesized(piece, line.speed, noise)
                    words += _word_times(tokens, piece, ends, len(sound) / engine.sample_rate, at)
                    sounds.append(sound)
                    at += len(sound) / engine.sample_rate
        if not sounds:
            raise ServiceRefused(f"{NAME} finds nothing in {line.text[:60]!r} that it can say.")
        wav = write_wav(Sound(np.concatenate(sounds), engine.sample_rate))
        return Speech(wav, words=tuple(words), timing=DURATIONS if words else "")

    def close(self) -> None:
        """Do nothing: there are no connections."""

    def _opened(self) -> Any:
        if self._engine is None:
            from hibari import Hibari

            self._engine = Hibari(voice=self.name, threads=1)
            if session := _session_with_ends(Path(self._engine.model_path)):
                self._engine.sess, self._tells_ends = session, True
        return self._engine

    def _synthesized(self, piece: _Piece, speed: float, noise: np.random.Generator) -> tuple[Samples, list[float]]:
        """Return the sound of a piece, and when each phoneme ends, in seconds; no times where the model tells none."""
        from hibari import SAMPLE_RATE, dsp

        fed = {"ids": np.asarray([piece.ids], np.int64), "speed": np.asarray([speed], np.float32)}
        *spectrum, last = self._engine.sess.run(None, fed)
        parts = spectrum if self._tells_ends else [*spectrum, last]
        sound: Samples = dsp.synth(*(part[0] for part in parts), noise)
        ends = last.ravel() if self._tells_ends else np.zeros(0)
        if len(ends) != len(piece.ids) or not ends[-1]:
            return sound, []
        return sound, [float(end) for end in ends * (len(sound) / SAMPLE_RATE / ends[-1])]


def is_paid(settings: SettingsGroup) -> bool:  # noqa: ARG001  (the protocol of every voice)
    """Return False: it costs nothing."""
    return False


def model_of(settings: SettingsGroup) -> str:  # noqa: ARG001
    """Return nothing: each speaker is its own model."""
    return ""


def is_rehearsal(settings: SettingsGroup) -> bool:  # noqa: ARG001
    """Return False: there is no address."""
    return False


def speakers(settings: SettingsGroup) -> tuple[str, ...]:  # noqa: ARG001
    """Return the names of the speakers; none where the package is not installed."""
    return tuple(_voices()) if _is_installed() else ()


def language_problem(settings: SettingsGroup, language: str) -> str | None:  # noqa: ARG001
    """Return why it does not speak a language; None for English."""
    return None if language.lower().split("-")[0] == "en" else f"{NAME} speaks English only"


def missing(settings: SettingsGroup, name: str | None = None) -> str | None:  # noqa: ARG001
    """Return what a speaker needs before it can be used; None if nothing."""
    if not _is_installed():
        return f"{NAME} is not installed; {INSTALL}"
    speaker = _voices().get(name or _default())
    if speaker is None or speaker.get("bundled"):
        return None
    from hibari.voices import cache_dir

    if (Path(cache_dir()) / str(speaker["file"])).exists():
        return None
    return (
        f"the speaker {name!r} of {NAME} is not on this machine yet; fetch it once with: hibari Hello --voice {name} -o /dev/null"
    )


def open_voice(settings: SettingsGroup, name: str | None = None) -> HibariVoice:
    """Return the voice. Raises BadSettings when it is not installed."""
    if complaint := missing(settings, name):
        raise BadSettings(f"{complaint[0].upper()}{complaint[1:]}.")
    return HibariVoice(name)


@cache
def _is_installed() -> bool:
    return all(find_spec(package) is not None for package in ("hibari", "onnxruntime"))


def _voices() -> dict[str, Any]:
    from hibari.voices import VOICES

    found: dict[str, Any] = VOICES
    return found


def _default() -> str:
    from hibari.voices import DEFAULT

    return str(DEFAULT)


def _session_with_ends(model: Path) -> Any:
    """Return a session of the model that also tells when each phoneme ends; None for a model without that tensor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # an unknown tensor is no error of the user
    output = _field(1, _ENDS.encode()) + _field(2, _field(1, b"\x08\x07"))  # a tensor of int64
    try:
        return onnxruntime.InferenceSession(
            model.read_bytes() + _field(7, _field(12, output)), options, providers=["CPUExecutionProvider"]
        )
    except Exception:  # noqa: BLE001  whichever error a changed model raises, the voice speaks without times of its own
        return None


def _field(number: int, payload: bytes) -> bytes:
    """Return a length-delimited field of a protobuf message; a repeated message is merged with the one before it."""
    size, out = len(payload), bytes([number << 3 | 2])
    while size > 127:
        out, size = out + bytes([size & 127 | 128]), size >> 7
    return out + bytes([size]) + payload


def _tokens(engine: Any, sentence: str) -> list[Any]:
    """Return the words of a sentence as the voice reads them ("7:30" is "seven thirty"), with their phonemes."""
    from hibari.g2p.normalize import normalize

    found: list[Any] = engine.g2p.phonemize_tokens(engine.g2p.tokenize(normalize(sentence)))
    return found


def _pieces(vocabulary: dict[str, int], tokens: list[Any]) -> Iterator[_Piece]:
    """Yield the parts of a sentence that the model says at once; a very long sentence is divided after a comma."""
    ids: list[int] = []
    owners: list[int] = []
    for number, token in enumerate(tokens):
        for letter in (token.phonemes or "") + (" " if token.whitespace and number < len(tokens) - 1 else ""):
            if letter in vocabulary:
                ids.append(vocabulary[letter])
                owners.append(-1 if letter == " " else number)
        is_clause = bool(re.search(r"[,;:—]$", token.text))
        if len(ids) >= _LONGEST_SENTENCE or (is_clause and len(ids) > _LONGEST_SENTENCE * 0.7):
            yield _Piece([0, *ids, 0], [-1, *owners, -1])
            ids, owners = [], []
    if ids:
        yield _Piece([0, *ids, 0], [-1, *owners, -1])


def _word_times(tokens: list[Any], piece: _Piece, ends: list[float], seconds: float, offset: float) -> Iterator[WordTime]:
    """Yield the times of the words in a piece, which begins at `offset`."""
    if not ends:
        return
    starts = [0.0, *ends]
    owned = [(owner, index) for index, owner in enumerate(piece.owners) if owner >= 0]
    firsts = [index for index, (owner, _) in enumerate(owned) if index == 0 or owned[index - 1][0] != owner]
    for first, after in pairwise([*firsts, len(owned)]):
        token = tokens[owned[first][0]]
        if re.search(r"\w", token.text):
            start, end = starts[owned[first][1]], ends[owned[after - 1][1]]
            yield WordTime(
                token.text, offset + max(0.0, start - _ONSET_SECONDS), offset + min(seconds, max(0.0, end - _ONSET_SECONDS))
            )
