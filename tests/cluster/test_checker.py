"""The checker finds each kind of broken promise in logs made by hand, and finds nothing in good ones."""
from checker import check, numbers
from history import Event, History, ListenerLog, Publication

HEALED = 100.0


def published(count, channel="c", unacked=(), first_fresh=None):
    """Messages 1..count, one a second; the last one (or those from first_fresh) after the fault."""
    first_fresh = first_fresh or count
    return [Publication(channel, n, "u%d" % n, at, None if n in unacked else at + 0.1)
            for n in range(1, count + 1) for at in [HEALED + n if n >= first_fresh else float(n)]]


def log_of(text, kind="sse", **more):
    """"+ 1 2 gap 4 +p": `+` connects without a position, `+p` with one, `s` is a start, `x` an end."""
    events = []
    for word in text.split():
        at = HEALED + 1 if word.isdigit() else 0.5
        if word.isdigit():
            events.append(Event(at, "message", "g1", "c", int(word), "u" + word))
        elif word in ("+", "+p"):
            events.append(Event(at, "connect", "g1", position="h1.x" if word == "+p" else None))
        else:
            events.append(Event(at, {"s": "started", "x": "end"}.get(word, word), "g1", text="history_lost"))
    return ListenerLog("l1", kind, "c", events, told_by_end=kind == "raw", **more)


def rules(log, publications=None, **more):
    violations, _ = check(History({"c": published(5) if publications is None else publications}, [log], **{"touched": set(), "healed": HEALED, **more}))
    return [v.rule for v in violations]


def test_a_whole_run_is_good():
    assert rules(log_of("+ s 1 2 3 4 5")) == []


def test_a_resumed_run_is_good():
    assert rules(log_of("+ 1 2 x +p 3 4 5"), touched={"g1"}) == []


def test_what_was_not_acknowledged_may_be_missing_or_there():
    assert rules(log_of("+ 1 2 4 5"), published(5, unacked={3})) == []
    assert rules(log_of("+ 1 2 3 4 5"), published(5, unacked={3})) == []


def test_a_listener_that_began_late_misses_nothing():
    assert rules(log_of("+ 3 4 5")) == []


def test_disorder_is_found():
    assert "I1" in rules(log_of("+ 1 3 2 4 5"))


def test_a_message_that_comes_twice_is_found():
    assert rules(log_of("+ 1 2 2 3 4 5")) == ["I2"]
    assert rules(log_of("+ 1 2 3 x +p 3 4 5"), touched={"g1"}) == ["I2"]


def test_a_message_may_come_again_behind_a_boundary():
    assert rules(log_of("+ 1 2 3 gap 2 3 4 5", may_gap=True)) == []


def test_a_missing_message_is_found():
    assert rules(log_of("+ 1 2 4 5")) == ["I3"]


def test_a_message_that_is_missing_after_a_resume_is_found():
    assert rules(log_of("+ 1 2 x +p 4 5"), touched={"g1"}) == ["I3"]


def test_a_boundary_covers_what_is_missing():
    assert rules(log_of("+ 1 2 gap 4 5", may_gap=True)) == []
    assert rules(log_of("+ 1 2 x + 4 5", "raw"), touched={"g1"}) == []


def test_a_boundary_that_is_told_late_covers_nothing():
    assert rules(log_of("+ 1 2 4 gap 5", may_gap=True)) == ["I3"]


def test_a_boundary_covers_only_one_hole():
    assert rules(log_of("+ 1 gap 2 4 5", may_gap=True)) == ["I3"]
    assert rules(log_of("+ 1 2 3 gap 2 5", may_gap=True)) == ["I3"]


def test_a_message_missing_right_after_the_start_is_found():
    assert rules(log_of("+ s 2 3 4 5")) == ["I3"]
    assert rules(log_of("+ s x + 2 3 4 5"), touched={"g1"}) == []


def test_a_false_alarm_is_found():
    assert rules(log_of("+ 1 2 gap 3 4 5")) == ["I4"]


def test_a_gap_that_is_told_again_and_again_is_found():
    assert rules(log_of("+ 1 2 gap gap gap gap 4 5", may_gap=True)) == ["I4"]


def test_a_connection_that_ends_for_nothing_is_found():
    assert rules(log_of("+ 1 2 x +p 3 4 5")) == ["I4"]
    assert rules(log_of("+ 1 2 x + 3 4 5", "raw")) == ["I4"]
    assert rules(log_of("+ 1 2 x + 3 4 5", "raw", may_gap=True)) == []


def test_a_listener_that_gets_nothing_new_is_found():
    assert rules(log_of("+ 1 2 3 4")) == ["I5"]
    assert rules(log_of("+ 1 2 3 4 gap", may_gap=True)) == ["I5"]
    assert rules(log_of("")) == ["I5"]


def test_a_listener_that_stops_short_of_the_top_is_found():
    assert rules(log_of("+ 1 2 3 4"), published(5, first_fresh=4)) == ["I5"]


def test_the_newest_may_lie_on_the_other_side_of_a_last_boundary():
    text = "+ 1 2 3 4 x +"
    late = log_of(text, kind="raw", may_gap=True)
    late.events[-1] = Event(HEALED + 9, "connect", "g1")
    assert rules(late, published(5, first_fresh=4)) == []
    early = log_of(text, kind="raw", may_gap=True)
    assert rules(early, published(5, first_fresh=4)) == ["I5"]


def test_a_slow_listener_is_found():
    assert rules(log_of("+ 1 2 3 4 5"), patience=0.5) == ["I5", "I5"]  # it, and its publisher


def test_a_publisher_that_is_not_served_after_the_fault_is_found():
    assert "I5" in rules(log_of("+ 1 2 3 4 5"), published(5, unacked={5}))


def test_a_foreign_message_is_found():
    log = log_of("+ 1 2 3 4 5")
    log.events.insert(3, Event(HEALED + 1, "message", "g1", "other", 1, "u1"))
    assert rules(log) == ["I6"]


def test_a_message_that_nobody_published_is_found():
    log = log_of("+ 1 2 3 4 5")
    log.events.append(Event(HEALED + 1, "message", "g1", "c", 6, "u6"))
    assert rules(log) == ["I6"]


def test_totals_count_what_the_table_shows():
    log = log_of("+ 1 2 x +p gap 2 4 5", may_gap=True)
    log.events.insert(6, Event(HEALED, "gap", "g1"))
    _, totals = check(History({"c": published(5)}, [log], {"g1"}, HEALED))
    assert (totals.published, totals.acked, totals.delivered, totals.missed) == (5, 5, 5, 1)
    assert (totals.gaps, totals.reconnects, totals.replayed) == (2, 1, 1)
    assert totals.catch_up == 1.0


def test_a_violation_shows_the_log_around_it():
    violations, _ = check(History({"c": published(5)}, [log_of("+ 1 2 4 5")], set(), HEALED))
    text = str(violations[0])
    assert "l1 (sse) on c: 3 missing before 4" in text and "> " in text and "message c 2" in text


def test_numbers_are_written_as_ranges():
    assert numbers([3, 4, 5, 8]) == "3-5, 8"
