"""A paid voice and a paid composer in memory, which count what they charge."""

from __future__ import annotations

from collections.abc import Callable

from tenxsom.app import App
from tenxsom.media.speech_file import write_wav
from tenxsom.services.music.base import MadeMusic, MusicOrder
from tenxsom.voices.base import Line, Speech
from tests.voices import babble

SOUNDS = {"VOICE_SERVICE": "gemini", "MUSIC_SERVICE": "lyria", "VERTEX_AI_PROJECT_ID": "demo", "PLANNER_SERVICE": "local"}
"""The settings that ask for both."""


class PaperVoice:
    """Says everything in the same few seconds. `dying` strikes inside its call, after the charge."""

    service, name = "gemini", "Kore"

    def __init__(self, seconds: float = 2.6) -> None:
        self.charges: list[str] = []
        self.dying: Callable[[], None] = lambda: None
        self._sound = write_wav(babble(seconds))

    def say(self, line: Line) -> Speech:
        self.charges.append(line.text)
        self.dying()
        return Speech(self._sound, "audio/wav", usage={"input_tokens": 10, "audio_tokens": 65})

    def close(self) -> None:
        """Nothing is open."""


class PaperMusic:
    """Composes the same piece for everybody."""

    name = "lyria"

    def __init__(self) -> None:
        self.charges: list[str] = []
        self._sound = write_wav(babble(4.0))

    def compose(self, order: MusicOrder) -> MadeMusic:
        self.charges.append(order.description)
        return MadeMusic(self._sound, "audio/wav")

    def close(self) -> None:
        """Nothing is open."""


def with_sounds(app: App, voice: PaperVoice, music: PaperMusic) -> App:
    """Let the program's paid voice and music be these, whatever speaker is asked for; another voice that takes over is free."""
    free = PaperVoice()
    app.voice = lambda service, name: voice if service == voice.service else free  # type: ignore[method-assign]
    app._music["lyria"] = music
    return app
