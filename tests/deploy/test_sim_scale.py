"""The simulation of a fleet: no film is lost or ended twice, and its sentences follow from its figures."""

import math
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sim():
    """The program, which lies outside the package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        import sim_scale

        yield sim_scale


@pytest.mark.parametrize("seed", range(3))
def test_every_film_ends_once_although_workers_die_all_the_time(sim, seed):
    load = sim.Load(2_000, 30, hours=1.0)
    simulated = sim.Simulation(load, sim.fixed(4), seed=seed, fleet=sim.Fleet(hours_between_deaths=0.1), least=4)
    found = simulated.run()
    assert found.repeated > 0
    assert found.arrived == found.finished > 50
    assert simulated._open == 0
    assert all(film.ended is not None and film.ended >= film.arrived for film in simulated._films)


def test_the_same_seed_gives_the_same_outcome(sim):
    load = sim.Load(2_000, 20, hours=1.0)
    assert sim.Simulation(load, sim.by_due(3)).run() == sim.Simulation(load, sim.by_due(3)).run()


def test_a_service_never_makes_more_clips_at_a_time_than_it_has_places(sim):
    simulated = sim.Simulation(sim.Load(2_000, 7, hours=0.2), sim.fixed(5), least=5)
    free = simulated._free_place
    seen = []

    def watched():
        seen.append(simulated._places_taken)
        free()

    simulated._free_place = watched
    simulated.run()
    assert max(seen) == 7
    assert simulated._places_taken == 0


@pytest.mark.slow
def test_where_places_are_missing_workers_do_not_help_and_only_the_queues_length_starts_them(sim):
    load = sim.Load(20_000, 50, hours=1.0)
    few, many = (sim.Simulation(load, sim.fixed(count), least=count).run() for count in (5, 20))
    assert many.minutes_95 == pytest.approx(few.minutes_95, rel=0.1)
    useful = sim.useful_workers(load)
    by_due, by_length = (sim.Simulation(load, policy).run() for policy in (sim.by_due(useful), sim.by_length(100)))
    assert by_due.minutes_95 == pytest.approx(by_length.minutes_95, rel=0.1)
    assert by_length.worker_hours > 4 * by_due.worker_hours


def test_what_is_due_starts_workers_for_a_burst_and_stops_them_after_it(sim):
    load = sim.Load(20_000, 220, hours=1.0)
    useful = sim.useful_workers(load)
    scaled, whole, half = (
        sim.Simulation(load, policy, least=least).run()
        for policy, least in ((sim.by_due(useful), 1), (sim.fixed(useful), useful), (sim.fixed(useful // 2), useful // 2))
    )
    assert scaled.most_workers > 5
    assert scaled.minutes_95 < half.minutes_95
    assert scaled.worker_hours < 0.7 * whole.worker_hours


def test_the_useful_number_grows_with_the_places_and_is_at_least_one(sim):
    numbers = [sim.useful_workers(sim.Load(1, places)) for places in (1, 5, 50, 500, 5_000)]
    assert numbers == sorted(numbers)
    assert numbers[0] == 1
    assert numbers[-1] == math.ceil(1.25 * 5_000 / (4 * 120) * 63 / 2)


def test_more_workers_are_called_no_help_where_the_next_fleet_waits_as_long(sim):
    def row(workers, minutes):
        outcome = sim.Outcome(10, 10, 0, minutes / 2, minutes, workers, 1.0)
        return sim.Row(sim.LOADS[0], f"{workers} fixed", outcome, 1.0)

    assert sim.enough([row(1, 90.0), row(2, 30.2), row(4, 30.0)]).outcome.most_workers == 2
    assert sim.enough([row(1, 90.0), row(2, 40.0), row(4, 30.0)]).outcome.most_workers == 4


def test_the_committed_page_and_picture_are_of_these_loads(sim):
    page, picture = sim.PAGE.read_text(encoding="utf-8"), sim.PICTURE.read_text(encoding="utf-8")
    for load in sim.LOADS:
        words = f"{load.films_a_day:,} films a day with {load.places:,} places"
        assert words in page
        assert words.replace(" with", ",") in picture
