"""The subtitles of a film that is joined from its clips."""

from __future__ import annotations

from tenxsom.media.subtitles import Cue, Setting, set_cues, to_srt
from tenxsom.model.job import VideoJob


def subtitles_of(job: VideoJob) -> str:
    """Return the script as SubRip text, on the film's real time line: every cue stays within its delivered clip."""
    ordered = [clip.asked_seconds if clip.trim else clip.seconds for clip in job.clips]
    delivered = [clip.delivered_seconds or seconds for clip, seconds in zip(job.clips, ordered, strict=True)]
    film = (job.media.seconds if job.media else 0) or sum(delivered)  # joining may change a frame a clip
    cues, start, setting = [], 0.0, Setting(language=job.definition.language)
    for clip, asked, came in zip(job.clips, ordered, delivered, strict=True):
        end = start + came * film / sum(delivered)
        pace = min(1.0, (end - start) / asked)  # a shorter clip is spoken faster
        script = [Cue(start + cue.start * pace, start + cue.end * pace, cue.text) for cue in clip.cues]
        cues += set_cues(script, start, end, setting)
        start = end
    return to_srt(cues)
