"""Corpora: manifests, fetching from a server and from a folder, whole and checked or not at all."""

from __future__ import annotations

import hashlib
import io
import lzma
import tarfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hybrid.core.errors import CorpusError, HybridError
from hybrid.io.atomic import FILE_LIST
from hybrid.io.corpora import (
    corpus_folder,
    corpus_info,
    data_home,
    fetch,
    fetch_corpus,
    is_fetched,
    list_corpora,
    open_files,
    verify,
)
from hybrid.io.corpora_manifest import Content, Corpus, Upstream, read_manifest

FILES = {"songs/a.txt": b"verse\n", "songs/b.txt": b"chorus\n" * 9000, "LICENSE": b"CC0\n"}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def digests(files: Mapping[str, bytes]) -> Content:
    return Content.of(
        {path: (hashlib.sha256(data).hexdigest(), len(data)) for path, data in files.items()}
    )


def packed(files: Mapping[str, bytes], top: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz" if top else "w") as tar:
        for path, data in files.items():
            member = tarfile.TarInfo(top + path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue() if top else lzma.compress(out.getvalue())


class Server:
    """A loopback server of one archive, whose answers a test may spoil."""

    def __init__(self) -> None:
        self.body = packed({**FILES, "code/x.py": b"skip me"}, "songs-repo-0123/")
        self.status = 200
        self.cut = 0
        self.location = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(outer.status)
                if outer.location:
                    self.send_header("Location", outer.location)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body[: len(outer.body) - outer.cut])

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.http.server_port}/songs.tar.gz"


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()
    running.thread.join()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own, so that nothing of the user's is read or written."""
    folder = tmp_path / "home"
    monkeypatch.setenv("HYBRID_DATA", str(folder))
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    return folder


def manifest(address: str = "https://127.0.0.1/x", **changes: object) -> Corpus:
    archive = packed({path: FILES[path] for path in FILES if path != "LICENSE"})
    upstream = Upstream(
        "https://127.0.0.1/songs-repo", COMMIT, address, take=("songs/*.txt", "LICENSE")
    )
    corpus = Corpus(
        name="songs",
        title="Songs",
        description="Two songs.",
        licence="CC0-1.0",
        credit="Nobody.",
        training="yes",
        split="None.",
        builder="Nothing changed.",
        content=digests(FILES),
        archive="songs.tar.xz",
        archive_sha256=hashlib.sha256(archive).hexdigest(),
        beside=("LICENSE",),
        upstream=(upstream,),
    )
    return replace(corpus, **changes)  # type: ignore[arg-type]


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder of corpora as they lie beside a checkout."""
    folder = tmp_path / "shelf" / "songs"
    folder.mkdir(parents=True)
    archive = packed({path: FILES[path] for path in FILES if path != "LICENSE"})
    (folder / "songs.tar.xz").write_bytes(archive)
    (folder / "LICENSE").write_bytes(FILES["LICENSE"])
    (folder / "SOURCE.md").write_text("not part of it")
    return folder.parent


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != FILE_LIST
    }


def nothing_left(folder: Path) -> bool:
    return not folder.exists() or not list(folder.rglob("*"))


# --- The manifests that ship --------------------------------------------------


def test_every_corpus_has_a_sound_manifest() -> None:
    corpora = list_corpora()
    assert [corpus.name for corpus in corpora] == [
        "bach_chorales",
        "groove",
        "js-fakes",
        "jsb-chorales",
        "mcgill-billboard",
        "mozart_dice",
        "nottingham",
        "openscore-string-quartets",
        "pop909",
        "pop909-cl",
        "pop909-structure",
        "roman_numerals",
        "salami",
    ]
    for corpus in corpora:
        assert corpus.licence
        assert corpus.credit
        assert corpus.split
        assert corpus.content.files > 0
        for upstream in corpus.upstream:
            assert upstream.commit in upstream.archive
            assert upstream.archive.startswith(upstream.repository)


def test_licences_decide_about_training() -> None:
    """Copyleft, unlicensed and mixed data never count as free to train on."""
    allowed = {"CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "MIT"}
    for corpus in list_corpora():
        free = set(corpus.licence.split(" AND ")) <= allowed
        assert free == (corpus.training == "yes"), corpus.name


def test_what_cannot_be_downloaded_says_why() -> None:
    without = [corpus.name for corpus in list_corpora() if corpus.from_network is None]
    assert without == ["openscore-string-quartets", "roman_numerals"]
    with pytest.raises(CorpusError, match=r"cannot be downloaded: It is a conversion.*--from"):
        fetch("openscore-string-quartets")


def test_unknown_corpus_lists_the_known() -> None:
    with pytest.raises(CorpusError, match=r"one of bach_chorales, .*salami; got 'billboard'"):
        corpus_info("billboard")
    with pytest.raises(CorpusError, match=r"corpus must be one of .*; got '\.\./x'"):
        corpus_info("../x")


@pytest.mark.parametrize(
    "corpus",
    [corpus for corpus in list_corpora() if corpus.archive],
    ids=lambda corpus: corpus.name,
)
def test_archives_beside_the_checkout_have_the_pinned_sha256(
    corpus: Corpus, shared_data: Path
) -> None:
    data = (shared_data / corpus.name / corpus.archive).read_bytes()
    assert hashlib.sha256(data).hexdigest() == corpus.archive_sha256


@pytest.mark.parametrize("name", ["jsb-chorales", "mcgill-billboard", "mozart_dice", "js-fakes"])
def test_small_corpora_are_fetched_from_a_folder(name: str, shared_data: Path) -> None:
    folder = fetch(name, from_dir=shared_data)
    assert folder == corpus_folder(name)
    assert verify(name) == corpus_info(name).content
    assert is_fetched(name)


@pytest.mark.slow
@pytest.mark.parametrize("corpus", list_corpora(), ids=lambda corpus: corpus.name)
def test_every_corpus_is_fetched_from_a_folder(
    corpus: Corpus, shared_data: Path, tmp_path: Path
) -> None:
    folder = fetch(corpus.name, tmp_path / "out", from_dir=shared_data)
    assert verify(corpus.name, folder) == corpus.content


# --- From a server ------------------------------------------------------------


def test_download_takes_what_belongs_and_nothing_else(server: Server, home: Path) -> None:
    steps: list[tuple[int, int | None]] = []
    folder = fetch_corpus(
        manifest(server.address), progress=lambda done, total: steps.append((done, total))
    )
    assert folder == home / "corpora" / "songs"
    assert contents(folder) == FILES
    assert steps[-1] == (len(server.body), len(server.body))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_second_fetch_replaces_the_first(server: Server) -> None:
    folder = fetch_corpus(manifest(server.address))
    (folder / "songs/a.txt").write_bytes(b"spoilt")
    assert fetch_corpus(manifest(server.address)) == folder
    assert contents(folder) == FILES


def test_wrong_content_leaves_nothing_behind(server: Server, home: Path) -> None:
    server.body = packed({**FILES, "songs/a.txt": b"Verse\n"}, "songs-repo-0123/")
    with pytest.raises(CorpusError, match=r"downloaded files must have content sha256 .*3 files"):
        fetch_corpus(manifest(server.address))
    assert nothing_left(home)


def test_failed_fetch_keeps_the_old_copy(server: Server) -> None:
    folder = fetch_corpus(manifest(server.address))
    server.body = packed({"songs/a.txt": b""}, "x/")
    with pytest.raises(CorpusError, match="content sha256"):
        fetch_corpus(manifest(server.address))
    assert contents(folder) == FILES
    assert sorted(path.name for path in folder.parent.iterdir()) == ["songs"]


@pytest.mark.parametrize("missing", ["songs/a.txt", "LICENSE"])
def test_missing_file_is_noticed(server: Server, home: Path, missing: str) -> None:
    kept = {path: data for path, data in FILES.items() if path != missing}
    server.body = packed(kept, "x/")
    with pytest.raises(CorpusError, match=r"got \w+ \(2 files"):
        fetch_corpus(manifest(server.address))
    assert nothing_left(home)


def test_huge_archives_are_stopped_early(server: Server, home: Path) -> None:
    server.body = packed({**FILES, "songs/c.txt": bytes(10_000_000)}, "x/")
    with pytest.raises(CorpusError, match=r"must have \d+ bytes in all, passed them in"):
        fetch_corpus(manifest(server.address))
    assert nothing_left(home)


def test_server_errors(server: Server, home: Path) -> None:
    server.status = 404
    with pytest.raises(CorpusError, match=r"cannot reach http.*songs\.tar\.gz.*Not Found"):
        fetch_corpus(manifest(server.address))
    assert nothing_left(home)


def test_broken_off_download(server: Server, home: Path) -> None:
    server.cut = 100
    with pytest.raises(CorpusError, match=r"broke off|cannot reach"):
        fetch_corpus(manifest(server.address))
    assert nothing_left(home)


@pytest.mark.parametrize("body", [b"not an archive", b"", packed(FILES, "x/")[:200]])
def test_no_archive_at_the_address(server: Server, home: Path, body: bytes) -> None:
    server.body = body
    with pytest.raises(CorpusError, match=r"must be a tar\.gz archive|content sha256"):
        fetch_corpus(manifest(server.address))
    assert nothing_left(home)


def test_nobody_answers(home: Path) -> None:
    # Port 9 is "discard"; nothing listens there in a test machine.
    with pytest.raises(CorpusError, match=r"cannot reach http://127\.0\.0\.1:9/x"):
        fetch_corpus(manifest("http://127.0.0.1:9/x"))
    assert nothing_left(home)


def test_redirection_to_an_unprotected_address_is_refused(server: Server, home: Path) -> None:
    server.status, server.location = 302, "ftp://127.0.0.1/songs.tar.gz"
    with pytest.raises(CorpusError, match=r"cannot reach|must begin with https"):
        fetch_corpus(manifest(server.address))
    assert nothing_left(home)


@pytest.mark.parametrize("path", ["../out.txt", "/abs.txt", "a/../../out.txt", "a\\b"])
def test_paths_that_climb_out_are_refused(server: Server, home: Path, path: str) -> None:
    server.body = packed({"evil": b"x"}, "x/")
    upstream = Upstream("https://127.0.0.1/r", COMMIT, server.address, rename={"evil": path})
    with pytest.raises(CorpusError, match="must stay inside its folder"):
        fetch_corpus(manifest(server.address, upstream=(upstream,)))
    assert nothing_left(home)


def test_links_in_archives_are_passed_over(server: Server) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        link = tarfile.TarInfo("x/songs/link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
        for path, data in FILES.items():
            member = tarfile.TarInfo(f"x/{path}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    server.body = out.getvalue()
    assert contents(fetch_corpus(manifest(server.address))) == FILES


def test_less_from_upstream_than_in_our_build(server: Server) -> None:
    some = {path: FILES[path] for path in ("songs/a.txt", "LICENSE")}
    upstream = Upstream(
        "https://127.0.0.1/r", COMMIT, server.address, take=("*", "songs/*"), leave=("songs/b.*",)
    )
    corpus = manifest(upstream=(upstream,), upstream_content=digests(some), upstream_note="no b")
    assert contents(fetch_corpus(corpus)) == some


def test_foreign_folders_are_left_alone(server: Server, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    with pytest.raises(HybridError, match=r"holds files that are not of an earlier run"):
        fetch_corpus(manifest(server.address), mine)
    assert contents(mine) == {"thesis.tex": b"years of work"}


# --- From a folder ------------------------------------------------------------


def test_folder_with_an_archive(shelf: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    folder = fetch_corpus(
        manifest(), tmp_path / "out", from_dir=shelf, progress=lambda done, _: steps.append(done)
    )
    assert contents(folder) == FILES
    assert steps[-1] == sum(map(len, FILES.values()))


def test_wrong_archive_leaves_nothing_behind(shelf: Path, tmp_path: Path) -> None:
    (shelf / "songs" / "songs.tar.xz").write_bytes(packed({"songs/a.txt": b"other"}))
    with pytest.raises(CorpusError, match=r"archive .* must have sha256"):
        fetch_corpus(manifest(), tmp_path / "out", from_dir=shelf)
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*"))


def test_absent_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"must lie in .*songs/songs\.tar\.xz; found neither"):
        fetch_corpus(manifest(), tmp_path / "out", from_dir=tmp_path)


# --- Reading and checking -----------------------------------------------------


@pytest.mark.parametrize("where", ["shelf", "folder", "fetched", "inside"])
def test_files_open_wherever_they_lie(shelf: Path, tmp_path: Path, where: str) -> None:
    corpus = manifest()
    fetch_corpus(corpus, tmp_path / "all" / "songs", from_dir=shelf)
    places = {
        "shelf": shelf,
        "folder": shelf / "songs",
        "fetched": tmp_path / "all",
        "inside": tmp_path / "all" / "songs",
    }
    found = {path: stream.read() for path, stream in open_files(corpus, places[where])}
    assert found == FILES
    chosen = [path for path, _ in open_files(corpus, places[where], ["songs/a.*"])]
    assert chosen == ["songs/a.txt"]


def test_reading_what_is_not_there_names_the_command() -> None:
    with pytest.raises(CorpusError, match="run: hybrid corpora fetch salami"):
        next(open_files("salami"))
    with pytest.raises(CorpusError, match="run: hybrid corpora fetch salami"):
        verify("salami")
    assert not is_fetched("salami")


def test_verify_notices_any_change(shared_data: Path) -> None:
    folder = fetch("jsb-chorales", from_dir=shared_data)
    assert verify("jsb-chorales").files == 2
    (folder / "extra.txt").write_text("x")
    with pytest.raises(CorpusError, match=r"files in .* must have content sha256 .*3 files"):
        verify("jsb-chorales")


def test_data_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert data_home() == tmp_path / "home"
    monkeypatch.delenv("HYBRID_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert data_home() == tmp_path / "xdg" / "hybrid"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_home() == tmp_path / ".local" / "share" / "hybrid"


# --- Manifests ----------------------------------------------------------------

GOOD = f"""
name = "songs"
title = "Songs"
description = "d"
licence = "CC0-1.0"
credit = "c"
training = "yes"
split = "s"
builder = "b"
beside = ["*.txt"]
[content]
files = 1
bytes = 2
sha256 = "{"a" * 64}"
[[upstream]]
repository = "https://127.0.0.1/r"
commit = "{COMMIT}"
archive = "https://127.0.0.1/r.tar.gz"
take = ["*.txt"]
"""


def test_manifest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "songs.toml"
    path.write_text(GOOD)
    corpus = read_manifest(path)
    assert corpus.upstream[0].target("a.txt") == "a.txt"
    assert corpus.upstream[0].target("b/a.txt") is None
    assert corpus.from_network == corpus.content == Content(1, 2, "a" * 64)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('title = "Songs"', "", "lacks .*'title'"),
        ('title = "Songs"', "title = 3", "title must be str, got 3"),
        ('title = "Songs"', 'titel = "Songs"', "unknown key titel"),
        ("files = 1", "files = true", r"content\.files must be int, got True"),
        ('name = "songs"', 'name = "song"', "name must be 'songs' as its file"),
        ('training = "yes"', 'training = "maybe"', "training must be yes, no or part"),
        ("a" * 64, "a" * 63, "sha256 must be 64 hexadecimal digits"),
        (COMMIT, "main", "commit must be 40 hexadecimal digits, got 'main'"),
        ("https://127.0.0.1/r.tar.gz", "http://198.51.100.7/r", "must begin with https://"),
        ('take = ["*.txt"]', "", "must take some files"),
        ('take = ["*.txt"]', "take = [1]", r"upstream\.take must be tuple"),
        ('beside = ["*.txt"]', 'archive = "x.tar.xz"', "archive_sha256 must be 64"),
        ("[[upstream]]", "[upstream]", "upstream must be an array"),
        ("[content]", "[content", "must be readable TOML"),
    ],
)
def test_bad_manifests_name_file_and_key(tmp_path: Path, old: str, new: str, match: str) -> None:
    path = tmp_path / "songs.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(CorpusError, match=rf"manifest songs\.toml.*{match}"):
        read_manifest(path)


def test_content_digest_is_what_sha256sum_prints() -> None:
    lines = "".join(
        f"{hashlib.sha256(FILES[path]).hexdigest()}  {path}\n"
        for path in ("LICENSE", "songs/a.txt", "songs/b.txt")
    )
    assert digests(FILES).sha256 == hashlib.sha256(lines.encode()).hexdigest()
