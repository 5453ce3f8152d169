"""Callables of the standard library that write files, or open connections, when a pickle calls them."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.scan_corpus.assemble import at, call, pickled
from benchmarks.scan_corpus.case import BESIDE, MODULE, Case

SCRIPT = f"{MODULE}.py"
FREE = ("127.0.0.1", 9)
_PATH = call("pathlib:PosixPath", "proof")

WRITERS = {
    "builtins.open": call("builtins:open", "proof", "w"),
    "io.open": call("io:open", "proof", "w"),
    "_io.open": call("_io:open", "proof", "w"),
    "io.FileIO": call("io:FileIO", "proof", "w"),
    "_pyio.open": call("_pyio:open", "proof", "w"),
    "codecs.open": call("codecs:open", "proof", "w"),
    "os.open": call("os:open", "proof", 65),
    "os.mkdir": call("os:mkdir", "proof"),
    "os.makedirs": call("os:makedirs", "proof"),
    "os.mkfifo": call("os:mkfifo", "proof"),
    "os.mknod": call("os:mknod", "proof"),
    "os.symlink": call("os:symlink", "x", "proof"),
    "os.link": call("os:link", SCRIPT, "proof"),
    "os.rename": call("os:rename", SCRIPT, "proof"),
    "os.replace": call("posix:replace", SCRIPT, "proof"),
    "os.renames": call("os:renames", SCRIPT, "proof"),
    "gzip.open": call("gzip:open", "proof", "w"),
    "gzip.GzipFile": call("gzip:GzipFile", "proof", "w"),
    "bz2.BZ2File": call("bz2:BZ2File", "proof", "w"),
    "lzma.open": call("lzma:open", "proof", "w"),
    "zipfile": call("zipfile:ZipFile", "proof", "w"),
    "tarfile": call("tarfile:open", "proof", "w"),
    "tarfile.TarFile": call("tarfile:TarFile", "proof", "w"),
    "wave": call("wave:open", "proof", "wb"),
    "aifc": call("aifc:open", "proof", "wb"),
    "sunau": call("sunau:open", "proof", "wb"),
    "mailbox.mbox": call("mailbox:mbox", "proof"),
    "mailbox.Maildir": call("mailbox:Maildir", "proof"),
    "tempfile.mkstemp": call("tempfile:mkstemp", "", "proof", "."),
    "tempfile.mkdtemp": call("tempfile:mkdtemp", "", "proof", "."),
    "shutil.copyfile": call("shutil:copyfile", SCRIPT, "proof"),
    "shutil.copy": call("shutil:copy", SCRIPT, "proof"),
    "shutil.copy2": call("shutil:copy2", SCRIPT, "proof"),
    "shutil.move": call("shutil:move", SCRIPT, "proof"),
    "shutil.copytree": call("shutil:copytree", ".", "proof"),
    "shutil.make_archive": call("shutil:make_archive", "proof", "tar", "/dev/shm"),
    "pathlib.touch": call("pathlib:Path.touch", _PATH),
    "pathlib.mkdir": call("pathlib:Path.mkdir", _PATH),
    "pathlib.write_text": call("pathlib:Path.write_text", _PATH, "x"),
    "pathlib.write_bytes": call("pathlib:PosixPath.write_bytes", _PATH, b"x"),
    "pathlib.symlink_to": call("pathlib:Path.symlink_to", _PATH, "x"),
    "py_compile": call("py_compile:compile", SCRIPT, "proof"),
    "zipapp": call("shutil:copyfileobj", call("io:BytesIO", b"x"), call("io:open", "proof", "wb")),
    "logging.FileHandler": call("logging:FileHandler", "proof"),
    "logging.rotating": call("logging.handlers:RotatingFileHandler", "proof"),
    "logging.timed": call("logging.handlers:TimedRotatingFileHandler", "proof"),
    "logging.watched": call("logging.handlers:WatchedFileHandler", "proof"),
    "shelve": call("shelve:open", "proof"),
    "dbm": call("dbm:open", "proof", "c"),
    "dbm.dumb": call("dbm.dumb:open", "proof"),
    "sqlite3.connect": call("sqlite3.dbapi2:connect", "proof"),
    "sqlite3.Connection": call("sqlite3:Connection", "proof"),
    "distutils.write_file": call("distutils.file_util:write_file", "proof", ["x"]),
    "distutils.mkpath": call("distutils.dir_util:mkpath", "proof"),
    "urlretrieve": call("urllib.request:urlretrieve", "data:,x", "proof"),
    "faulthandler": call("faulthandler:enable", call("builtins:open", "proof", "w")),
    "cProfile.dump": call("cProfile:Profile.dump_stats", call("cProfile:Profile"), "proof"),
    "tracemalloc": call("tracemalloc:Snapshot.dump", call("tracemalloc:Snapshot", (), 1), "proof"),
    "readline": call("readline:write_history_file", "proof"),
    "pickle.dump": call("pickle:dump", 1, call("io:FileIO", "proof", "w")),
    "test.create": call("test.support.os_helper:create_empty_file", "proof"),
    "venv.main": call("venv:main", ["--without-pip", "proof"]),
    "xml.write": call(
        "xml.etree.ElementTree:ElementTree.write",
        call("xml.etree.ElementTree:ElementTree", call("xml.etree.ElementTree:Element", "x")),
        "proof",
    ),
    "http.cookiejar": call("http.cookiejar:LWPCookieJar.save", call("http.cookiejar:LWPCookieJar"), "proof"),
    "turtle": call("posix:open", "proof", 65),
}
"""Files that are written."""

CONNECTIONS = {
    "socket.connect": call("socket:create_connection", FREE),
    "socket.method": call("socket:socket.connect", call("socket:socket"), FREE),
    "socket.getaddrinfo": call("socket:getaddrinfo", "leak.invalid", 80),
    "socket.gethostbyname": call("socket:gethostbyname", "leak.invalid"),
    "ftplib": call("ftplib:FTP", "127.0.0.1"),
    "smtplib": call("smtplib:SMTP", "127.0.0.1"),
    "poplib": call("poplib:POP3", "127.0.0.1"),
    "imaplib": call("imaplib:IMAP4", "127.0.0.1"),
    "nntplib": call("nntplib:NNTP", "127.0.0.1"),
    "telnetlib": call("telnetlib:Telnet", "127.0.0.1"),
    "urlopen": call("urllib.request:urlopen", "http://127.0.0.1:9/"),
    "http.client": call("http.client:HTTPConnection.connect", call("http.client:HTTPConnection", "127.0.0.1", 9)),
    "ssl": call("ssl:get_server_certificate", FREE),
    "multiprocessing.Client": call("multiprocessing.connection:Client", FREE),
    "multiprocessing.Listener": call("multiprocessing.connection:Listener", ("127.0.0.1", 0)),
    "socketserver": call("socketserver:TCPServer", ("127.0.0.1", 0), at("socketserver:BaseRequestHandler")),
    "http.server": call("http.server:HTTPServer", ("127.0.0.1", 0), at("http.server:BaseHTTPRequestHandler")),
    "robotparser": call("urllib.robotparser:RobotFileParser.read", call("urllib.robotparser:RobotFileParser", "http://127.0.0.1:9/")),
    "logging.socket": call("logging.handlers:SysLogHandler", FREE),
}  # fmt: skip
"""Connections that are opened: the proof is the attempt."""

OLD_NAMES = {
    "commands.getoutput": call("commands:getoutput", "touch proof"),
    "__builtin__.open": call("__builtin__:open", "proof", "w"),
    "__builtin__.eval": call("__builtin__:eval", "open('proof', 'w')"),
    "anydbm": call("anydbm:open", "proof", "c"),
    "dumbdbm": call("dumbdbm:open", "proof"),
    "urllib.urlretrieve": call("urllib:urlretrieve", "data:,x", "proof"),
    "thread": call("thread:start_new_thread", at("os:mkdir"), ("proof",)),
    "itertools.imap": call("__builtin__:list", call("itertools:imap", at("__builtin__:eval"), ["open('proof', 'w')"])),
    "cPickle": call("cPickle:loads", pickled(call("os:mkdir", "proof"), 2)),
}
"""Names of Python 2 that only mean something in protocols below 3."""


def cases() -> Iterator[Case]:
    """Yield a file for each callable."""
    for number, (name, expression) in enumerate(WRITERS.items()):
        yield Case(f"write_{name}.pkl", pickled(expression, 4 + number % 2), True, "pickle", BESIDE)
    for name, expression in CONNECTIONS.items():
        yield Case(f"connect_{name}.pkl", pickled(expression, 4), True, "pickle")
    for number, (name, expression) in enumerate(OLD_NAMES.items()):
        yield Case(f"old-name_{name}.pkl", pickled(expression, number % 3), True, "pickle")
