"""Between a ledger and its server: one question and one answer an append, and an answer that never comes."""

from __future__ import annotations

import re
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote

import pytest

from holdfast.evidence.ledger import Ledger
from holdfast.evidence.ledger_storage import Storage
from holdfast.evidence.ledger_verify import verify_ledger
from tests.evidence.ledgers import KEY, event, new_database

NAME = ".s.PGSQL.5432"


class Wire:
    """Passes on what clients and a server say to each other, counts the answers, and loses one when told to."""

    def __init__(self, folder: Path, server: str) -> None:
        self.answers = 0
        self.loses = False
        self._server = server
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(folder / NAME))
        self._door.listen()
        threading.Thread(target=self._let_in, daemon=True).start()

    def close(self) -> None:
        self._door.close()

    def _let_in(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):  # an end is hung up
            server.connect(self._server)
            is_asked = False
            while True:
                ready, _, _ = select.select([client, server], [], [])
                if client in ready:
                    if not (said := client.recv(1 << 16)):
                        return
                    server.sendall(said)
                    is_asked = True
                if server in ready:
                    if not (said := server.recv(1 << 16)) or self.loses:
                        self.loses = False
                        return
                    self.answers += is_asked
                    is_asked = False
                    client.sendall(said)


@pytest.fixture
def at(server: Any) -> Iterator[tuple[str, Wire]]:
    """The address of a ledger of a few entries, by way of a wire, and the wire."""
    place = new_database(server)
    Ledger.create(place, KEY).close()
    with TemporaryDirectory(prefix="holdfast-") as folder:  # the path of a socket must be short
        host = re.search("host=([^&]+)", place)
        assert host is not None
        wire = Wire(Path(folder), f"{unquote(host[1])}/{NAME}")
        yield place.replace(host[0], f"host={folder}"), wire
        wire.close()


def test_an_append_is_one_question_and_one_answer(at: tuple[str, Wire]) -> None:
    place, wire = at
    with Ledger.open(place, KEY) as ledger:
        for number in range(2):  # a statement is prepared when first used, and one that adds nodes is another one
            ledger.enter([event(number)])
        before = wire.answers
        for n in (1, 50, 2):
            ledger.enter([event(number) for number in range(n)])
        assert wire.answers - before == 3
        assert ledger.size == 56
        assert verify_ledger(ledger.storage, trusted=[KEY.public]).status == "trusted"


@pytest.mark.parametrize("with_others", [False, True])
def test_what_the_server_entered_before_its_answer_was_lost_is_entered_once(
    at: tuple[str, Wire], *, with_others: bool
) -> None:
    place, wire = at
    with Ledger.open(place, KEY) as ledger, Ledger.open(place, KEY) as other:
        ledger.enter([event(0)])
        if with_others:  # then nothing was entered before the answer, and it must be entered after it
            other.enter([event(1), event(2)])
        wire.loses = True
        where = ledger.enter([event(7)])
        assert not wire.loses
        assert where.first == (4 if with_others else 2)
        assert other.enter([event(8)]).first == where.first + 1
        assert [entry.position for entry in ledger.entries() if b'"number":7,' in entry.payload] == [where.first]
        assert verify_ledger(ledger.storage, trusted=[KEY.public]).status == "trusted"


def test_a_connection_that_the_server_ended_is_made_again(at: tuple[str, Wire]) -> None:
    place, _ = at
    with Ledger.open(place, KEY) as ledger:
        ledger.enter([event(0)])
        storage = Storage(place)
        with storage.reading() as connection:
            connection.exec_driver_sql(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
        storage.close()
        assert ledger.enter([event(1)]).first == 2
        assert (ledger.size, len(ledger.entries())) == (3, 3)
