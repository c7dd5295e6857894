"""Adds subtitles to an MP4 as a track that players can turn on (MPEG-4 timed text, `mov_text`), without another encode."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import cast

from av.container import OutputContainer
from av.packet import Packet
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import SubtitleSet

from tenxsom import clock
from tenxsom.media.encode import new_mp4, told_as_broken
from tenxsom.media.subtitles import Cue
from tenxsom.media.video_file import open_video, picture_track, sound_track

_TICK = Fraction(1, 1000)
_STYLES = (
    "[Script Info]\nScriptType: v4.00+\nPlayResX: 384\nPlayResY: 288\n\n[V4+ Styles]\n"
    "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, "
    "StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n"
    "Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0\n\n"
    "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)
"""What FFmpeg's encoder of timed text begins with; players use their own font."""


_LANGUAGES = (
    "ar:ara bg:bul bn:ben ca:cat cs:ces da:dan de:deu el:ell en:eng es:spa et:est fa:fas fi:fin fr:fra gu:guj he:heb hi:hin "
    "hr:hrv hu:hun id:ind is:isl it:ita ja:jpn ka:kat km:khm kn:kan ko:kor lo:lao lt:lit lv:lav ml:mal mr:mar ms:msa my:mya "
    "nb:nob nl:nld no:nor pa:pan pl:pol pt:por ro:ron ru:rus sk:slk sl:slv sr:srp sv:swe sw:swa ta:tam te:tel th:tha tl:tgl "
    "tr:tur uk:ukr ur:urd vi:vie zh:zho am:amh"
)
_ISO_639_2 = dict(pair.split(":") for pair in _LANGUAGES.split())
"""The three letters by which an MP4 names a language (https://www.loc.gov/standards/iso639-2/php/code_list.php)."""


def add_subtitle_track(
    film: Path, cues: Iterable[Cue], language: str, target: Path, deadline: clock.Deadline | None = None
) -> None:
    """Write `film` with its pictures and sound as they are, and cues as a track in `language` (a tag such as `pt-BR`).

    The track is enabled, as FFmpeg marks the only one of its kind: a disabled track counts as absent (ISO/IEC 14496-12, 'tkhd').
    Players show it as their users have chosen. Raises BrokenMedia when the film cannot be read, OutOfTime after the deadline,
    OSError when `target` cannot be written.
    """
    with told_as_broken("The subtitle track cannot be added"), open_video(film) as source, new_mp4(target) as container:
        sound = sound_track(source)
        streams = [picture_track(source, film.name), *([sound] if sound else [])]
        copies = {stream.index: container.add_stream_from_template(stream) for stream in streams}
        track = _Track(container, language, cues)
        for packet in source.demux(streams):
            if packet.dts is None:
                continue
            clock.check_stop()
            if deadline:
                deadline.check("Adding the subtitle track")
            track.write_until(float(packet.dts * packet.time_base))
            packet.stream = copies[packet.stream.index]
            container.mux(packet)
        track.write_until(math.inf)


class _Track:
    """Cues on their way into a container, written between its other packets."""

    def __init__(self, container: OutputContainer, language: str, cues: Iterable[Cue]) -> None:
        self._container = container
        self._cues = sorted(cues)
        self._stream = container.add_stream("mov_text")
        self._stream.codec_context.subtitle_header = _STYLES.encode()
        self._stream.codec_context.time_base = self._stream.time_base = _TICK
        self._stream.metadata["language"] = _iso_639_2(language)

    def write_until(self, seconds: float) -> None:
        """Write the cues that begin up to a moment."""
        while self._cues and self._cues[0].start <= seconds:
            self._container.mux(self._packet(self._cues.pop(0)))

    def _packet(self, cue: Cue) -> Packet[SubtitleStream]:
        start, end = round(cue.start * 1000), round(cue.end * 1000)
        text = cue.text.replace("\\", "\u29f5").replace("{", "(").replace("}", ")").replace("\n", "\\N")  # no codes of styles
        subtitle = SubtitleSet.create(f"0,0,Default,,0,0,0,,{text}".encode(), 0, end - start, pts=start * 1000)
        packet = self._stream.codec_context.encode_subtitle(subtitle)
        packet.stream, packet.time_base = self._stream, _TICK
        packet.pts = packet.dts = start
        packet.duration = end - start
        return cast("Packet[SubtitleStream]", packet)


def _iso_639_2(language: str) -> str:
    first = language.partition("-")[0].lower()
    return first if len(first) == 3 else _ISO_639_2.get(first, "und")
