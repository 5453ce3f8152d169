from holdfast.kernels.scan.pickle_limits import MARK_LIMIT, ROOM, SHORT_TEXT, STACK_LIMIT, Broken, Finished, Unexamined


def test_what_is_kept_stays_far_below_the_memory_allowed() -> None:
    smallest_object = 100
    assert (STACK_LIMIT + MARK_LIMIT + ROOM) * smallest_object < 100e6


def test_names_that_matter_are_shorter_than_what_is_dropped() -> None:
    assert len("_attach_argparser_methods") < SHORT_TEXT


def test_ways_to_stop_are_told_apart() -> None:
    assert not issubclass(Broken, Unexamined)
    assert not issubclass(Unexamined, Finished)
