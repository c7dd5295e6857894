"""The names of a job's files: no two files share one, and the order in which they are moved."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tenxsom.model import file_names

ONCE = (
    file_names.video,
    file_names.thumbnail,
    file_names.contact_sheet,
    file_names.subtitles,
    file_names.web_subtitles,
    file_names.blueprint,
    file_names.completion_report,
    file_names.failure_report,
    file_names.start_picture,
    file_names.music,
)
SEVERAL = (file_names.clip, file_names.refused, file_names.still, file_names.voice)

IDS = st.from_regex(r"[a-b][._-]?(sheet|mp4|jpg|vtt|blueprint|completion_report|part|1)?(_sheet|\.x)?", fullmatch=True)


def all_names(content_id: str) -> list[str]:
    return [maker(content_id) for maker in ONCE] + [maker(content_id, index) for maker in SEVERAL for index in (0, 1, 99)]


@given(st.sets(IDS, min_size=2, max_size=6))
def test_no_file_of_a_job_has_the_name_of_another(content_ids):
    names = [name for content_id in content_ids for name in all_names(content_id)]
    assert len(names) == len(set(names))


def test_a_contact_sheet_is_not_the_thumbnail_of_a_job_with_that_name():
    assert file_names.contact_sheet("lake") == "lake_sheet.jpg"
    assert file_names.thumbnail("lake_sheet") == "lake_sheet~thumbnail.jpg"
    assert file_names.thumbnail("lake") == "lake.jpg"


def test_names_that_earlier_versions_used_stay():
    assert [file_names.clip("lake", 0), file_names.refused("lake", 11), file_names.still("lake", 1)] == [
        "lake~clip01.mp4",
        "lake~refused12.mp4",
        "lake~still02",
    ]
    assert file_names.start_picture("lake") == "lake~start"


def test_the_only_clip_of_a_job_is_its_video():
    assert file_names.clip_target("lake", 0, 1) == file_names.video("lake")
    assert file_names.clip_target("lake", 0, 2) == file_names.clip("lake", 0)


@given(st.sets(IDS, min_size=2, max_size=4))
def test_every_kept_file_of_a_job_is_found_and_none_of_another(content_ids):
    names = [name for content_id in content_ids for name in all_names(content_id)]
    passing = (file_names.start_picture,)
    for content_id in content_ids:
        wanted = {maker(content_id) for maker in ONCE if maker not in passing}
        wanted |= {maker(content_id, index) for maker in SEVERAL for index in (0, 1, 99)}
        assert set(file_names.kept_files(content_id, names)) == wanted


def test_the_reports_of_a_job_come_last_among_its_files():
    kept = file_names.kept_files("lake", sorted(all_names("lake")))
    assert kept[-2:] == ["lake_completion_report.json", "lake_failure_report.json"]


def test_an_earlier_run_gets_the_first_free_number():
    assert file_names.run_number("lake", []) == 1
    assert file_names.run_number("lake", ["lake.mp4", "lake~clip01.mp4", "lake2~1.mp4", "lake.x~1.mp4"]) == 1
    assert file_names.run_number("lake", ["lake~1.mp4", "lake~2~clip01.mp4", "lake~3_completion_report.json"]) == 4
    assert file_names.run_number("lake", ["lake~2.mp4"]) == 1
