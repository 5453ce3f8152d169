import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def field(number: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def node(operator: str) -> bytes:
    return field(1, field(1, b"n") + field(2, operator.encode()))


def saved_model(graph: bytes, **more: bytes) -> bytes:
    return b"\x08\x01" + field(2, field(1, b"") + field(2, graph) + more.get("meta", b""))


def test_operators_that_compute_pass(scan_file) -> None:  # type: ignore[no-untyped-def]
    result = scan_file(saved_model(node("MatMul") + node("Softmax")))
    assert (result.verdict, result.format) == ("pass", "tensorflow-saved-model")


@pytest.mark.parametrize("operator", ["PyFunc", "ReadFile", "WriteFile", "Evil>Op", "DebugIdentityV2"])
def test_operator_that_may_do_anything_is_unknown(scan_file, rules, operator) -> None:  # type: ignore[no-untyped-def]
    assert "unknown tensorflow.operator" in rules(scan_file(saved_model(node("MatMul") + node(operator))))


def test_operator_inside_a_function_is_seen(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    function = field(1, field(1, b"f")) + field(3, field(1, b"n") + field(2, b"WriteFile"))
    library = field(2, field(1, function))
    assert "unknown tensorflow.operator" in rules(scan_file(saved_model(library + node("f"))))


def test_model_that_reads_a_file_is_found(scan_file, sample, rules) -> None:  # type: ignore[no-untyped-def]
    result = scan_file(sample("reads_file.saved_model.pb"))
    assert {one.detail for one in result.observations if one.kind == "unknown"} == {"ReadFile"}


def test_function_is_known_only_in_the_graph_that_defines_it(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    named_so = field(2, field(1, field(1, field(1, b"WriteFile"))))
    one, other = (field(2, field(1, b"") + field(2, graph)) for graph in (named_so, node("WriteFile")))
    assert rules(scan_file(saved_model(named_so + node("WriteFile")))) == set()
    assert rules(scan_file(b"\x08\x01" + one + other)) == {"unknown tensorflow.operator"}


@pytest.mark.parametrize("name", [b'"Lambda"', b'"\\u004cambda"', b'               "Lambda"'])
def test_layer_of_code_in_the_form_of_older_versions_executes(scan_file, rules, name) -> None:  # type: ignore[no-untyped-def]
    layer = field(4, field(3, b'{"class_name": ' + name + b', "config": {}}'))
    data = saved_model(node("MatMul"), meta=field(7, field(1, layer)))
    assert "executes keras.code" in rules(scan_file(data))


def test_checkpoint_operators_are_not_examined(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    assert rules(scan_file(saved_model(node("RestoreV2")))) == {"not_examined tensorflow.checkpoint"}


def test_graph_without_a_model_around_it_is_walked(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    result = scan_file(node("Const") + node("PyFuncStateless"))
    assert (result.format, rules(result)) == ("tensorflow-graph", {"unknown tensorflow.operator"})


def test_asset_outside_the_folder_is_suspicious(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    data = saved_model(node("MatMul"), meta=field(6, field(2, b"../../etc/passwd")))
    assert "suspicious tensorflow.asset" in rules(scan_file(data))


@settings(max_examples=100)
@given(st.data())
def test_any_damage_is_walked(scan_file, draw) -> None:  # type: ignore[no-untyped-def]
    data = bytearray(saved_model(node("MatMul") + node("PyFunc")))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    scan_file(bytes(data))
