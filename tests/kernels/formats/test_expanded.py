from holdfast.kernels.formats.expanded import Expanded


def test_error_is_empty_unless_something_broke() -> None:
    assert Expanded(bytearray(b"a"), 3, "complete").error == ""
