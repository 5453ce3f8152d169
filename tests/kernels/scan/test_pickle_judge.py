from holdfast.kernels.scan.allow_list import AllowList
from holdfast.kernels.scan.observation import Place
from holdfast.kernels.scan.pickle_checks import Checker
from holdfast.kernels.scan.pickle_judge import Judge
from holdfast.kernels.scan.record import Record


def test_checker_answers_everything_that_the_machine_asks() -> None:
    checker = Checker(Record(Place(("x",), 0, 0)), AllowList({}))
    asked = {name for name in vars(Judge) if not name.startswith("_")}
    assert asked
    assert all(callable(getattr(checker, name)) for name in asked)
