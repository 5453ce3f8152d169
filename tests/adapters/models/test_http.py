"""A model behind an endpoint: both protocols, the limits, and servers that fail in every way."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from holdfast.adapters.models.http import HttpModel, open_endpoint
from holdfast.core.endpoint import Endpoint, EndpointRequest, EndpointResponse
from holdfast.core.errors import BudgetError, EndpointError, InputError, ModelError
from tests.model_server import Reply, Served, columns_of, serving, tensor, v2_answer, v2_output

FAST: dict[str, Any] = {"timeout_s": 5.0, "retries": 2, "backoff_s": 0.01}


def rising(columns: dict[str, list[Any]]) -> list[float]:
    """The score is the first column, as the table has it in [0, 1]."""
    return list(next(iter(columns.values())))


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(rising) as server:
        yield server


@pytest.fixture
def table() -> pl.DataFrame:
    return pl.DataFrame({"p": np.linspace(0.01, 0.99, 50), "b": np.arange(50.0)})


@pytest.fixture
def connect() -> Iterator[Any]:
    opened: list[HttpModel] = []

    def opener(url: str, environment: dict[str, str] | None = None, **settings: Any) -> HttpModel:
        model = open_endpoint(url, Endpoint(**{**FAST, **settings}), environment=environment or {})
        opened.append(model)
        return model

    yield opener
    for model in opened:
        model.close()


def failing(replies: dict[int, Reply]) -> Any:
    return lambda number: replies.get(number)


# Open Inference Protocol


def test_mixed_columns_arrive_in_the_types_the_server_states(served: Served, connect: Any, mixed: pl.DataFrame) -> None:
    served.stated = {
        "platform": "sklearn",
        "versions": ["3"],
        "inputs": [tensor("pay", "FP32", -1, 1), tensor("job", "BYTES", -1, 1), tensor("age", "INT32", -1)],
        "outputs": [tensor("probabilities", "FP64", -1, 2)],
    }
    served.score = lambda columns: [0.5] * len(columns["job"])
    model = connect(served.model)
    model.predict(mixed.with_columns(extra=pl.lit(1)))
    assert model.info.inputs == ("pay", "job", "age")
    assert model.info.description == f"endpoint {served.model} (sklearn, 3)"
    inputs = served.asked[0]["inputs"]
    assert [(item["name"], item["datatype"], item["shape"]) for item in inputs] == [
        ("pay", "FP32", [200, 1]),
        ("job", "BYTES", [200, 1]),
        ("age", "INT32", [200]),
    ]
    assert columns_of(served.asked[0]) == {name: mixed[name].to_list() for name in ("pay", "job", "age")}


def test_probabilities_come_back_in_row_order(served: Served, connect: Any, table: pl.DataFrame) -> None:
    model = connect(served.model, batch_rows=7)
    scores = model.predict(table).scores
    np.testing.assert_allclose(scores[:, 1], table["p"].to_numpy(), rtol=0, atol=0)
    assert model.info.capabilities == {"query", "scores"}
    assert model.info.digest is None
    assert model.queries == 50


def test_one_input_of_two_dimensions_gets_the_whole_matrix(served: Served, connect: Any, table: pl.DataFrame) -> None:
    served.stated = {"inputs": [tensor("x", "FP32", -1, 2)], "outputs": []}
    scores = connect(served.model).predict(table).scores
    sent = served.asked[0]["inputs"]
    assert (sent[0]["name"], sent[0]["shape"]) == ("x", [50, 2])
    np.testing.assert_array_equal(np.reshape(sent[0]["data"], (50, 2)), table.to_numpy())
    np.testing.assert_array_equal(scores[:, 1], table["p"].to_numpy())


@pytest.mark.parametrize(("layout", "tensors"), [("auto", ["input"]), ("columns", ["p", "b"])])
def test_numbers_go_as_one_tensor_where_nothing_is_stated(
    served: Served, connect: Any, table: pl.DataFrame, layout: Any, tensors: list[str]
) -> None:
    connect(served.model, request=EndpointRequest(layout=layout)).predict(table)
    assert [item["name"] for item in served.asked[0]["inputs"]] == tensors


def test_text_goes_as_a_tensor_per_column_where_nothing_is_stated(
    served: Served, connect: Any, mixed: pl.DataFrame
) -> None:
    served.score = lambda columns: [0.5] * 200
    connect(served.model).predict(mixed)
    sent = [(item["name"], item["datatype"]) for item in served.asked[0]["inputs"]]
    assert sent == [("job", "BYTES"), ("age", "INT64"), ("pay", "FP64")]


def test_matrix_of_another_width_is_refused(served: Served, connect: Any, table: pl.DataFrame) -> None:
    served.stated = {"inputs": [tensor("x", "FP32", -1, 3)], "outputs": []}
    with pytest.raises(InputError, match="takes 3 columns"):
        connect(served.model).predict(table)


@pytest.mark.parametrize(
    ("datatype", "data", "expected"),
    [("BYTES", ["no", "yes"], "U"), ("INT64", [0, 1], "i"), ("BOOL", [False, True], "b"), ("INT8", [0, 1], "i")],
)
def test_labels_keep_their_type(served: Served, connect: Any, datatype: str, data: list[Any], expected: str) -> None:
    served.answer = lambda scores: {"outputs": [v2_output("label", datatype, [2], data)]}
    model = connect(served.model)
    answer = model.predict(pl.DataFrame({"p": [0.1, 0.9]}))
    assert answer.labels.tolist() == data
    assert answer.labels.dtype.kind == expected
    assert model.info.capabilities == {"query", "labels"}


def test_labels_and_probabilities_are_told_apart_by_name(served: Served, connect: Any) -> None:
    outputs = [
        v2_output("output_label", "BYTES", [2, 1], ["a", "b"]),
        v2_output("output_probability", "FP32", [2, 2], [[0.9, 0.1], [0.2, 0.8]]),
    ]
    served.answer = lambda scores: {"outputs": outputs}
    model = connect(served.model)
    answer = model.predict(pl.DataFrame({"p": [0.1, 0.9]}))
    assert answer.labels.tolist() == ["a", "b"]
    assert answer.scores.tolist() == [[0.9, 0.1], [0.2, 0.8]]
    assert model.info.capabilities == {"query", "labels", "scores"}


def test_output_that_is_asked_for_by_name_is_requested(served: Served, connect: Any, table: pl.DataFrame) -> None:
    model = connect(served.model, response=EndpointResponse(scores="probabilities"))
    model.predict(table)
    assert served.asked[0]["outputs"] == [{"name": "probabilities"}]


def test_outputs_without_telling_names_are_listed(served: Served, connect: Any) -> None:
    served.stated = {"outputs": [tensor("alpha", "FP32", -1, 2), tensor("beta", "INT64", -1)]}
    with pytest.raises(InputError, match="'alpha', 'beta'") as caught:
        connect(served.model)
    assert "endpoint: {response: {scores: NAME}}" in caught.value.hint


def test_numbers_outside_the_unit_interval_are_values(served: Served, connect: Any) -> None:
    served.answer = lambda scores: {"outputs": [v2_output("predict", "FP64", [2, 1], [3.5, -1])]}
    model = connect(served.model)
    assert model.predict(pl.DataFrame({"p": [0.1, 0.9]})).labels.tolist() == [3.5, -1.0]
    assert model.info.capabilities == {"query", "values"}


def test_text_for_a_number_is_refused_with_the_column(served: Served, connect: Any, mixed: pl.DataFrame) -> None:
    served.stated = {"inputs": [tensor("job", "FP32", -1, 1), tensor("age", "FP32", -1, 1)], "outputs": []}
    with pytest.raises(InputError, match="FP32 in the column 'job'"):
        connect(served.model).predict(mixed)


@pytest.mark.parametrize(("value", "datatype"), [(3.5, "INT64"), (300.0, "UINT8"), (2.0, "BOOL"), (-1.0, "UINT64")])
def test_number_that_its_type_would_change_is_refused(
    served: Served, connect: Any, value: float, datatype: str
) -> None:
    served.stated = {"inputs": [tensor("p", datatype, -1, 1)], "outputs": []}
    with pytest.raises(InputError, match=f"{datatype} in the column 'p', which holds {value} in row 1"):
        connect(served.model).predict(pl.DataFrame({"p": [1.0, value]}))


@pytest.mark.parametrize(("missing", "sent"), [("null", None), ("nan", float("nan"))])
def test_missing_cells_are_sent_as_the_configuration_says(
    served: Served, connect: Any, missing: Any, sent: Any
) -> None:
    served.score = lambda columns: [0.5, 0.5, 0.5]
    connect(served.model, request=EndpointRequest(missing=missing)).predict(pl.DataFrame({"p": [1.0, None, np.nan]}))
    np.testing.assert_equal(columns_of(served.asked[0])["p"], [1.0, sent, sent])


def test_missing_cell_is_refused_with_its_place(served: Served, connect: Any) -> None:
    with pytest.raises(InputError, match="column 'p' has no value in row 1"):
        connect(served.model, request=EndpointRequest(missing="refuse")).predict(pl.DataFrame({"p": [1.0, None]}))


def test_infinite_cell_is_refused_with_its_place(served: Served, connect: Any) -> None:
    with pytest.raises(InputError, match="column 'p' is infinite in row 1"):
        connect(served.model).predict(pl.DataFrame({"p": [1.0, np.inf]}))


# Plain JSON


def test_rows_go_as_objects_and_probabilities_come_back(served: Served, connect: Any, table: pl.DataFrame) -> None:
    model = connect(served.url + "/predict")
    np.testing.assert_array_equal(model.predict(table).scores[:, 1], table["p"].to_numpy())
    assert served.asked[0]["instances"][1] == table.row(1, named=True)


def test_template_and_paths_describe_another_service(served: Served, connect: Any, table: pl.DataFrame) -> None:
    body = {"dataframe_split": {"columns": "$columns", "data": "$rows"}, "version": 2}
    served.answer = lambda scores: {"out": [{"label": "yes", "proba": {"yes": 0.75, "no": 0.25}}] * 50}
    response = EndpointResponse(labels="out.*.label", scores="out.*.proba")
    model = connect(served.url, request=EndpointRequest(layout="lists", body=body), response=response)
    answer = model.predict(table)
    rows = [list(row) for row in table.iter_rows()]
    assert served.asked == [{"dataframe_split": {"columns": ["p", "b"], "data": rows}, "version": 2}]
    assert answer.labels.tolist() == ["yes"] * 50
    assert answer.scores[0].tolist() == [0.25, 0.75]
    assert model.info.classes == ("no", "yes")


def test_dates_and_categories_are_text(served: Served, connect: Any) -> None:
    table = pl.DataFrame(
        {"p": [0.5], "day": [datetime(2026, 3, 1).date()], "kind": pl.Series(["a"], dtype=pl.Categorical)}
    )
    connect(served.url).predict(table)
    assert served.asked[0]["instances"] == [{"p": 0.5, "day": "2026-03-01", "kind": "a"}]


def test_template_without_a_place_for_rows_is_refused(served: Served, connect: Any) -> None:
    with pytest.raises(InputError, match=r"\$rows"):
        connect(served.url, request=EndpointRequest(body={"instances": "rows"}))


def test_path_that_is_not_there_lists_what_is(served: Served, connect: Any, table: pl.DataFrame) -> None:
    with pytest.raises(ModelError, match=r"no 'scores'.*there: predictions"):
        connect(served.url, response=EndpointResponse(scores="scores")).predict(table)


def test_classes_that_change_between_answers_are_refused(served: Served, connect: Any) -> None:
    names = iter(["ab", "ac"])
    served.answer = lambda scores: {"predictions": [dict.fromkeys(next(names), 0.5)]}
    model = connect(served.url, response=EndpointResponse(scores="predictions"))
    model.predict(pl.DataFrame({"p": [0.5]}))
    with pytest.raises(ModelError, match="classes"):
        model.predict(pl.DataFrame({"p": [0.5]}))


# What comes back is parsed strictly


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ([v2_output("y", "FP64", [2], [0.1, 0.2])], r"expected the shape \(3,\)"),
        ([v2_output("y", "FP64", [3], [0.1, 0.2])], "expected 3 cells"),
        ([v2_output("y", "FP64", [3, 1, 1], [0.1, 0.2, 0.3])], "expected the shape"),
        ([v2_output("y", "FP64", [3], [0.1, "0.2", 0.3])], "expected FP64 in the output 'y'.*str in row 1"),
        ([v2_output("y", "FP64", [3], [0.1, True, 0.3])], "bool in row 1"),
        ([v2_output("y", "INT64", [3], [1, 2, 3.0])], "expected INT64.*float in row 2"),
        ([v2_output("y", "INT64", [3], [1, 2, 1 << 70])], "64 bits"),
        ([v2_output("y", "BYTES", [3], ["a", "b", "c" * 5000])], "at most 2048 characters"),
        ([v2_output("y", "FP128", [3], [0.1, 0.2, 0.3])], "known datatype"),
        ([v2_output("y", "FP64", [3], [0.1, None, 0.3])], "got .*nan.* in row 1"),
        ([v2_output("y", "FP64", [3], [0.1, 0.2, float("nan")])], "got .*nan.* in row 2"),
        ([v2_output("y", "FP64", [3, 2], [0.5, 0.5, 0.5, 0.5, float("inf"), 0.5])], "got .* in row 2"),
        ([{"name": "y"}], "expected a shape"),
        (["y"], "list of outputs"),
        (None, "list of outputs"),
    ],
)
def test_wrong_answers_name_what_is_wrong(served: Served, connect: Any, outputs: Any, message: str) -> None:
    served.answer = lambda scores: {"outputs": outputs}
    with pytest.raises(ModelError, match=message):
        connect(served.model).predict(pl.DataFrame({"p": [0.1, 0.2, 0.3]}))


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        ([0.1, 0.2], "expected one answer per row, 3 in all.*got 2"),
        ({"0": 0.1}, "got dict"),
        ([[0.1, 0.9], [0.2], [0.3, 0.7]], "same number of cells"),
        ([[], [], []], "at least one number per row"),
        ([0.1, "x", 0.3], "str in row 1"),
        ([{"a": 0.5, "b": 0.5}, {"a": 1.0}, {"a": 0.5, "b": 0.5}], "expected the classes"),
        ([0.1, None, 0.3], "got .*nan.* in row 1"),
    ],
)
def test_wrong_json_answers_name_what_is_wrong(served: Served, connect: Any, predictions: Any, message: str) -> None:
    served.answer = lambda scores: {"predictions": predictions}
    with pytest.raises(ModelError, match=message):
        connect(served.url).predict(pl.DataFrame({"p": [0.1, 0.2, 0.3]}))


def test_row_of_a_bad_number_counts_from_the_start_of_the_table(served: Served, connect: Any) -> None:
    served.answer = lambda scores: {"predictions": [p if p < 0.8 else None for p in scores]}
    with pytest.raises(ModelError, match=r"got .*nan.* in row 40"):
        connect(served.url, batch_rows=8).predict(pl.DataFrame({"p": np.arange(50) / 50}))


def test_scores_that_are_none_are_refused_where_scores_are_stated(served: Served, connect: Any) -> None:
    served.answer = lambda scores: {"predictions": [1.5, 2.5]}
    with pytest.raises(ModelError, match=r"expected probabilities within \[0, 1\]"):
        connect(served.url, response=EndpointResponse(scores="predictions")).predict(pl.DataFrame({"p": [0.1, 0.2]}))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>welcome</html>", "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b"", "is no JSON"),
        (b"[" * 200_000, "nested too deep"),
        (b"1" * 5000, "is no JSON"),
        (b"null", "without one"),
    ],
)
def test_garbage_is_no_answer(served: Served, connect: Any, body: bytes, message: str, table: pl.DataFrame) -> None:
    served.replies = failing({0: Reply(body=body)})
    with pytest.raises(ModelError, match=message):
        connect(served.model).predict(table)


@pytest.mark.parametrize(
    "stated",
    [
        {"inputs": [{"name": "x"}]},
        {"inputs": [tensor("x", "FP7", -1)]},
        {"inputs": ["x"]},
        {"inputs": [tensor("x", "FP32", -1), tensor("x", "FP32", -1)]},
    ],
)
def test_garbage_is_no_metadata(served: Served, connect: Any, stated: Any) -> None:
    served.stated = stated
    with pytest.raises(ModelError, match="metadata"):
        connect(served.model)


def test_huge_answer_is_not_read_to_its_end(served: Served, connect: Any, table: pl.DataFrame) -> None:
    served.replies = failing({0: Reply(body=b" " * (3 << 20))})
    with pytest.raises(ModelError, match="more than 1 MiB"):
        connect(served.model, max_response_mb=1).predict(table)


def test_compressed_answer_is_refused(served: Served, connect: Any, table: pl.DataFrame) -> None:
    served.replies = failing({0: Reply(body=b"x", headers={"Content-Encoding": "gzip"})})
    with pytest.raises(ModelError, match="compressed"):
        connect(served.model).predict(table)


# Trouble on the way


@pytest.mark.parametrize("status", [429, 502, 503, 504, None])
def test_passing_trouble_is_tried_again(served: Served, connect: Any, status: int | None, table: pl.DataFrame) -> None:
    served.replies = failing({0: Reply(status), 1: Reply(status)})
    assert connect(served.model).predict(table).scores.shape == (50, 2)
    assert len(served.at) == 3


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured(served: Served, connect: Any, form: str) -> None:
    later = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    served.replies = failing({0: Reply(429, headers={"Retry-After": "1" if form == "seconds" else later})})
    connect(served.model).predict(pl.DataFrame({"p": [0.5]}))
    assert served.at[1] - served.at[0] >= (1.0 if form == "seconds" else 0.9)


def test_wait_that_is_too_long_is_an_error_at_once(served: Served, connect: Any) -> None:
    served.replies = lambda number: Reply(429, headers={"Retry-After": "86400"})
    with pytest.raises(EndpointError, match=r"throttles.*asks to wait 86400 s"):
        connect(served.model).predict(pl.DataFrame({"p": [0.5]}))
    assert len(served.at) == 1


def test_waits_between_attempts_double_with_jitter(served: Served, connect: Any) -> None:
    served.replies = lambda number: Reply(503)
    with pytest.raises(EndpointError, match="status 503; asked 4 times"):
        connect(served.model, retries=3, backoff_s=0.1).predict(pl.DataFrame({"p": [0.5]}))
    waits = np.diff(served.at)
    assert (waits >= np.array([0.05, 0.1, 0.2])).all()
    assert (waits <= np.array([0.1, 0.2, 0.4]) + 0.1).all()


def test_endpoint_that_is_down_is_asked_only_once_more_each_time(served: Served, connect: Any) -> None:
    served.replies = lambda number: Reply(503)
    model = connect(served.model)
    for _ in range(3):
        with pytest.raises(EndpointError):
            model.predict(pl.DataFrame({"p": [0.5]}))
    assert len(served.at) == 5


def test_endpoint_that_comes_back_is_asked_as_before(served: Served, connect: Any) -> None:
    served.replies = lambda number: Reply(503) if number < 3 else None
    model = connect(served.model)
    with pytest.raises(EndpointError):
        model.predict(pl.DataFrame({"p": [0.5]}))
    assert model.predict(pl.DataFrame({"p": [0.5]})).scores.tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize("reply", [Reply(wait_s=0.6), Reply(body=b" " * 1000, drip_s=0.02)])
def test_server_that_hangs_is_left_in_time(served: Served, connect: Any, reply: Reply) -> None:
    served.replies = lambda number: reply
    model = connect(served.model, timeout_s=0.2, retries=1)
    start = time.monotonic()
    with pytest.raises(EndpointError, match=r"answer within 0.2 s; asked 2 times"):
        model.predict(pl.DataFrame({"p": [0.5]}))
    assert time.monotonic() - start < 15


def test_nobody_there_says_so(connect: Any) -> None:
    with serving(rising) as server:
        url = server.model
    with pytest.raises(EndpointError, match="ConnectError") as caught:
        connect(url)
    assert "run the same command again" in caught.value.hint


@pytest.mark.parametrize("host", ["a..b", "x" * 300, "localhost:1", "[::1]:1", "a\x7f"])
def test_host_that_cannot_be_asked_is_told_in_words(host: str) -> None:
    endpoint = Endpoint(retries=0, timeout_s=2.0)
    with pytest.raises((InputError, ModelError)):
        open_endpoint(f"http://{host}/v2/models/m", endpoint, environment={}).close()


def test_first_of_several_bad_batches_is_named(served: Served, connect: Any) -> None:
    served.answer = lambda scores: {"predictions": [None if p >= 0.2 else p for p in scores]}
    model = connect(served.url, batch_rows=1, max_concurrent=8)
    with pytest.raises(ModelError, match=r"in row 10\n"):
        model.predict(pl.DataFrame({"p": np.arange(50) / 50}))


def test_redirect_to_another_host_is_not_followed(served: Served, connect: Any, table: pl.DataFrame) -> None:
    with serving(rising) as other:
        target = f"{other.model}/infer?token=abc"
        served.replies = lambda number: Reply(307, headers={"Location": target})
        with pytest.raises(ModelError, match="another host or port") as caught:
            connect(served.model).predict(table)
        assert caught.value.message.endswith(f"not followed: {other.model}/infer")
        assert not other.at


def test_redirect_on_the_same_host_is_followed(served: Served, connect: Any, table: pl.DataFrame) -> None:
    served.replies = failing({0: Reply(308, headers={"Location": "/v3/infer"})})
    assert connect(served.model).predict(table).scores.shape == (50, 2)


def test_circle_of_redirects_ends(served: Served, connect: Any, table: pl.DataFrame) -> None:
    served.replies = lambda number: Reply(307, headers={"Location": "/round"})
    with pytest.raises(ModelError, match="more than 3 times"):
        connect(served.model).predict(table)


@pytest.mark.parametrize(
    "location", ["", "http://[bad", "ftp://127.0.0.1/", "//evil.example/x", "http://127.0.0.1:99999/"]
)
def test_strange_redirects_are_errors_and_no_requests(served: Served, connect: Any, location: str) -> None:
    served.replies = lambda number: Reply(302, headers={"Location": location})
    with pytest.raises(ModelError, match="redirect"):
        connect(served.model).predict(pl.DataFrame({"p": [0.5]}))


def test_error_of_the_server_is_told_without_the_rows_it_repeats(served: Served, connect: Any) -> None:
    body = b'{"error": "no such\\nversion", "input": {"name": "Jane Doe"}}'
    served.replies = lambda number: Reply(500, body)
    with pytest.raises(ModelError, match="status 500, no such version") as caught:
        connect(served.model).predict(pl.DataFrame({"p": [0.5]}))
    assert "Jane" not in str(caught.value)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + signed.public_bytes(Encoding.PEM))
    return path


def test_certificate_that_nobody_vouches_for_is_refused_at_once(certificate: Path, connect: Any) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    with serving(rising, tls=tls) as server, pytest.raises(EndpointError, match="certificate does not hold") as caught:
        connect(server.model)
    assert "SSL_CERT_FILE" in caught.value.hint


# Limits


def test_requests_keep_to_their_rate(served: Served, connect: Any) -> None:
    model = connect(served.url, requests_per_second=20, batch_rows=1)
    begun = time.monotonic()  # the server may see the first request late, but none before its turn
    model.predict(pl.DataFrame({"p": [0.1] * 6}))
    assert max(served.at) - begun >= 5 / 20 - 0.02


def test_no_more_requests_at_once_than_allowed_even_from_many_threads(served: Served, connect: Any) -> None:
    served.delay_s = 0.02
    model = connect(served.url, max_concurrent=3, batch_rows=2)
    table = pl.DataFrame({"p": np.linspace(0, 1, 24)})
    threads = [threading.Thread(target=model.predict, args=(table,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert served.most_at_once == 3
    assert model.queries == 96


def test_budget_is_not_exceeded_and_nothing_is_sent_in_vain(served: Served, connect: Any, table: pl.DataFrame) -> None:
    model = connect(served.url, max_queries=80)
    model.predict(table)
    with pytest.raises(BudgetError, match=r"50 more rows would exceed the 80.*50 were"):
        model.predict(table)
    assert (len(served.at), model.queries) == (1, 50)


# Secrets


def test_secret_header_is_sent(served: Served, connect: Any, table: pl.DataFrame) -> None:
    model = connect(served.model, {"TOKEN": "s3cr3t-value"}, headers={"Authorization": "Bearer ${TOKEN}"})
    model.predict(table)
    assert served.headers[0]["Authorization"] == "Bearer s3cr3t-value"


def test_user_and_password_of_the_url_come_from_the_environment(served: Served, connect: Any) -> None:
    url = served.model.replace("http://", "http://me:${PASSWORD}@")
    model = connect(url, {"PASSWORD": "pässword"})
    model.predict(pl.DataFrame({"p": [0.5]}))
    assert served.headers[0]["Authorization"] == "Basic bWU6cMOkc3N3b3Jk"
    assert "@" not in model.info.description


def test_missing_secret_is_named() -> None:
    with pytest.raises(InputError, match="'Authorization' takes its value from the environment variable TOKEN"):
        open_endpoint("https://h/v2/models/m", Endpoint(headers={"Authorization": "Bearer ${TOKEN}"}), environment={})


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("https://h/v2/models/m", {"Authorization": "Bearer hunter2"}),
        ("https://h/v2/models/m", {"X-Api-Key": "hunter2"}),
        ("https://me:hunter2@h/v2/models/m", {}),
        ("https://h/v2/models/m?api_key=hunter2", {}),
        ("https://me:hunter2@/v2/models/m", {}),
        ("https://me:hunter2@h:port/v2/models/m", {}),
        ("https://me:hunter2@[h/v2/models/m", {}),
    ],
)
def test_written_out_secret_is_refused_and_not_repeated(url: str, headers: dict[str, str]) -> None:
    with pytest.raises(InputError) as caught:
        open_endpoint(url, Endpoint(headers=headers), environment={})
    assert "hunter2" not in str(caught.value)


def test_header_that_would_begin_another_is_refused() -> None:
    endpoint = Endpoint(headers={"Authorization": "${TOKEN}"})
    with pytest.raises(InputError) as caught:
        open_endpoint("https://h/v2/models/m", endpoint, environment={"TOKEN": "a\r\nX-Evil: hunter2"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_name_the_variable(served: Served, connect: Any, status: int) -> None:
    served.replies = lambda number: Reply(status, b'{"error": "bad token s3cr3t-value"}')
    model = connect(served.model, {"TOKEN": "s3cr3t-value"}, headers={"Authorization": "Bearer ${TOKEN}"})
    with pytest.raises(EndpointError, match=f"status {status}") as caught:
        model.predict(pl.DataFrame({"p": [0.5]}))
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.hint == "look at the value of TOKEN"
    assert len(served.at) == 1


def test_server_that_repeats_the_secret_is_not_read(served: Served, connect: Any) -> None:
    served.answer = lambda scores: {"predictions": ["s3cr3t-value"]}
    model = connect(served.url, {"TOKEN": "s3cr3t-value"}, headers={"Authorization": "Bearer ${TOKEN}"})
    with pytest.raises(ModelError, match="repeats a secret") as caught:
        model.predict(pl.DataFrame({"p": [0.5]}))
    assert "s3cr3t" not in str(caught.value)


def test_no_log_line_holds_a_secret(served: Served, connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = served.model.replace("http://", "http://me:${PASSWORD}@")
    connect(url, {"PASSWORD": "s3cr3t-value"}).predict(pl.DataFrame({"p": [0.5]}))
    assert "s3cr3t" not in caplog.text
    assert "bWU6" not in caplog.text


# What it is, and is not


def test_it_cannot_be_trained_again(served: Served, connect: Any, table: pl.DataFrame) -> None:
    with pytest.raises(ModelError, match="cannot be trained again"):
        connect(served.model).refit(table, np.zeros(50), seed=0)


def test_layout_of_the_other_protocol_is_refused(served: Served, connect: Any) -> None:
    with pytest.raises(InputError, match="columns, matrix, got lists"):
        connect(served.model, request=EndpointRequest(layout="lists"))


def test_unencrypted_way_is_said(served: Served) -> None:
    from holdfast.adapters.models.http import _first_info
    from holdfast.adapters.models.http_secrets import resolve_address

    class Spoken:
        description, inputs = "x", ()

    address = resolve_address("http://models.example.org/m", {}, {})
    notes = _first_info(address, Spoken(), Endpoint()).notes  # type: ignore[arg-type]
    assert any("without encryption" in note for note in notes)


def test_empty_table_is_answered_without_asking(served: Served, connect: Any) -> None:
    model = connect(served.model)
    model.predict(pl.DataFrame({"p": [0.5]}))
    assert model.predict(pl.DataFrame({"p": []}, schema={"p": pl.Float64})).scores.shape == (0, 2)
    assert len(served.at) == 1


def test_closed_model_says_so(served: Served, connect: Any) -> None:
    model = connect(served.model)
    model.close()
    with pytest.raises(EndpointError, match="closed"):
        model.predict(pl.DataFrame({"p": [0.5]}))


def test_v2_answer_of_the_test_server_is_one() -> None:
    assert v2_answer([0.25])["outputs"][0]["data"] == [0.75, 0.25]
