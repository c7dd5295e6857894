"""The names of a job's files. Every store uses the same names; a name is a key, never a path.

All files of a job begin with its content_id. Files that a job has several times, and files that are needed only on its way,
have a `~` behind it: no content_id contains one, so that no file has a name of another job's file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def video(content_id: str) -> str:
    return f"{content_id}.mp4"


def thumbnail(content_id: str) -> str:
    """Return the name of the thumbnail; `lake_sheet.jpg` is the contact sheet of `lake`, not the thumbnail of `lake_sheet`."""
    return f"{content_id}~thumbnail.jpg" if content_id.endswith("_sheet") else f"{content_id}.jpg"


def contact_sheet(content_id: str) -> str:
    return f"{content_id}_sheet.jpg"


def subtitles(content_id: str) -> str:
    """Return the name of the subtitles as SubRip."""
    return f"{content_id}.srt"


def web_subtitles(content_id: str) -> str:
    """Return the name of the subtitles as WebVTT."""
    return f"{content_id}.vtt"


def blueprint(content_id: str) -> str:
    return f"{content_id}.blueprint.json"


def plan(content_id: str) -> str:
    """Return the name of a plan that waits for a user's approval, and may be edited until then."""
    return f"{content_id}~plan.json"


def completion_report(content_id: str) -> str:
    return f"{content_id}_completion_report.json"


def failure_report(content_id: str) -> str:
    return f"{content_id}_failure_report.json"


def film_note(content_id: str) -> str:
    """Return the name of what a person has said about the film; it stays with the film."""
    return f"{content_id}~note.json"


def clip(content_id: str, index: int) -> str:
    """Return the name of one of several clips; `index` begins with 0."""
    return f"{content_id}~clip{index + 1:02}.mp4"


def clip_target(content_id: str, index: int, clips: int) -> str:
    """Return the name under which a downloaded clip is published: the video's own if it is the only one."""
    return video(content_id) if clips == 1 else clip(content_id, index)


def refused(content_id: str, index: int) -> str:
    """Return the name of a refused clip, which is kept for a user's decision."""
    return f"{content_id}~refused{index + 1:02}.mp4"


def still(content_id: str, index: int) -> str:
    """Return the name of a clip's still, which exists from its download to the job's end, and longer where the clip failed."""
    return f"{content_id}~still{index + 1:02}"


def start_picture(content_id: str) -> str:
    """Return the name of the user's own start picture, which exists from a job's acceptance to its end."""
    return f"{content_id}~start"


def voice(content_id: str, index: int) -> str:
    """Return the name of the narration of one segment; `index` begins with 0."""
    return f"{content_id}~voice-{index + 1:02}.wav"


def paid_sound(content_id: str, reference: str) -> str:
    """Return the name of what a paid call for a sound returned; `reference` is our reference of the call."""
    return f"{content_id}~sound-{reference}"


def music(content_id: str) -> str:
    return f"{content_id}~music.wav"


def music_source(content_id: str) -> str:
    """Return the name of the user's own music, as it was when the job was accepted."""
    return f"{content_id}~music-source"


def given_music(content_id: str) -> str:
    """Return the name of the user's own music between a job's acceptance and its first step, when earlier runs are set aside."""
    return f"{content_id}~music-given"


def brand_file(content_id: str, mark: str) -> str:
    """Return the name of a copy of a brand's file, as it was when the job was accepted; `mark` tells its content."""
    return f"{content_id}~brand-{mark}"


def film_sound(content_id: str) -> str:
    """Return the name of the mixed sound of a film, which goes into the film."""
    return f"{content_id}~film-sound.wav"


def stretch(content_id: str, index: int) -> str:
    """Return the name of an encoded stretch of a film, which exists until the film is joined; `index` begins with 0."""
    return f"{content_id}~picture-{index + 1:02}.mp4"


_FIRST = re.compile(r"~(still\d+|clip\d+\.mp4|refused\d+\.mp4|voice-\d+\.wav|sound-[A-Za-z0-9._-]+|music\.wav|music-source)")


_PART = re.compile(
    r"([^~]+)~(?:clip\d+\.mp4|picture-\d+\.mp4|voice-\d+\.wav|sound-[A-Za-z0-9._-]+|music\.wav|music-source|brand-[0-9a-f]+)"
)


def is_part(name: str) -> bool:
    """Return whether a file is a part of a job's last run, from which its film is made.

    That is a clip, a voice, music, a paid sound as it came, a file of the brand, or a stretch of the film.
    """
    return _PART.fullmatch(name) is not None


def owner_of_part(name: str) -> str:
    """Return the content_id of a job by the name of one of its parts."""
    return name.partition("~")[0]


_ENDINGS = ("_completion_report.json", "_failure_report.json", "_sheet.jpg", ".blueprint.json", ".mp4", ".jpg", ".srt", ".vtt")


def owner(name: str) -> str:
    """Return the content_id of a job by the name of any of its files; another name is returned as it is."""
    if "~" in name:
        return owner_of_part(name)
    ending = next((each for each in _ENDINGS if name.endswith(each)), "")
    return name.removesuffix(ending) or name


def is_note(name: str) -> bool:
    """Return whether a file is what a person has said about a film, of this run or of an earlier one."""
    return name.endswith("~note.json")


def is_report(name: str) -> bool:
    """Return whether a file is a final report, of this run or of an earlier one."""
    return name.endswith(_ENDINGS[:2])


def kept_files(content_id: str, names: Iterable[str]) -> list[str]:
    """Return those of `names` that a job leaves behind: parts first, then the video and its side files, reports last.

    In this order moving them can be interrupted: a run is known as long as its report has its name.
    """
    present = set(names)
    parts = [name for name in present if name.startswith(content_id) and _FIRST.fullmatch(name, len(content_id))]
    makers = (
        video,
        thumbnail,
        contact_sheet,
        subtitles,
        web_subtitles,
        blueprint,
        film_note,
        completion_report,
        failure_report,
    )
    return sorted(parts) + [name for name in (maker(content_id) for maker in makers) if name in present]


def run_number(content_id: str, names: Iterable[str]) -> int:
    """Return the first number that no earlier run's files have (`<content_id>~1.mp4`, …)."""
    pattern = re.compile(rf"{re.escape(content_id)}~(\d+)[._~].*", re.DOTALL)
    taken = {int(found[1]) for found in map(pattern.fullmatch, names) if found}
    return next(number for number in range(1, len(taken) + 2) if number not in taken)


def of_earlier_run(content_id: str, number: int, name: str) -> str:
    """Return the name that a file gets when its run is set aside: `lake~1.mp4` for `lake.mp4`."""
    return f"{content_id}~{number}{name[len(content_id) :]}"
