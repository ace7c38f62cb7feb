"""The chain: whatever is changed in a journal is found, here or by who remembers its head."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mostek.connector.journal import Head, Verdict, verify
from mostek.connector.journal.chain import NO_ENTRY, entry_of, link_of, sealed
from mostek.connector.journal.files import hash_now, segments
from mostek.connector.journal.tape import Tape

ENTRIES = st.lists(
    st.dictionaries(
        st.text(max_size=5), st.text(max_size=10) | st.integers(0, 2**60), min_size=1, max_size=3
    ),
    min_size=3,
    max_size=8,
)
#: Each writes files.
few = settings(max_examples=30)
FIRST = {"at": "2026-11-24T08:00:00.000Z", "key": "k"}


@pytest.fixture(scope="module", autouse=True)
def disk() -> Iterator[None]:
    """What is written here need not survive the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


def written(folder: Path, contents: list[dict[str, object]], *, files: int = 2) -> Head:
    """A journal with these entries spread over files, beside the entries that begin each."""
    tape = Tape.open(folder, FIRST, [])
    for index, content in enumerate(contents):
        if index and index % max(1, len(contents) // files) == 0:
            tape.close()
            tape = Tape.begun(folder, tape.head, FIRST)
        tape.write([{f"x{name}": value for name, value in content.items()}])
    tape.close()
    return tape.head


def on_disk(check: Callable[[Path], None]) -> None:
    """In a folder of its own for each example."""
    with tempfile.TemporaryDirectory() as folder:
        check(Path(folder))


def lines_of(folder: Path) -> list[tuple[Path, int, bytes]]:
    return [
        (segment.path, number, line)
        for segment in segments(folder)
        for number, line in enumerate(segment.path.read_bytes().splitlines(keepends=True))
    ]


def edit(path: Path, change: Callable[[list[bytes]], object]) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)
    path.write_bytes(b"".join(lines))


@few
@given(ENTRIES, st.integers(1, 4))
def test_what_was_written_is_whole(contents: list[dict[str, object]], files: int) -> None:
    def check(folder: Path) -> None:
        head = written(folder, contents, files=files)
        verdict = verify(folder, head)
        assert verdict.faults == []
        assert (verdict.first, verdict.head) == (1, head)
        assert verdict.entries == head.number == len(lines_of(folder))
        for _, _, line in lines_of(folder):
            link = link_of(line[:-1])
            assert link is not None
            assert hash_now(folder, link.number) == link.stated

    on_disk(check)


@few
@given(ENTRIES, st.data())
def test_any_changed_byte_is_found(contents: list[dict[str, object]], data: st.DataObject) -> None:
    def check(folder: Path) -> None:
        head = written(folder, contents)
        path = data.draw(st.sampled_from(segments(folder))).path
        was = path.read_bytes()
        at = data.draw(st.integers(0, len(was) - 1))
        path.write_bytes(
            was[:at] + bytes([was[at] ^ data.draw(st.integers(1, 255))]) + was[at + 1 :]
        )
        verdict = verify(folder, head)
        assert verdict.faults
        # In the end of the last file it might be a line that a crash has cut; then its entry is missing.
        assert verify(folder).faults or (verdict.unfinished and verdict.head.number < head.number)

    on_disk(check)


@few
@given(ENTRIES, st.data())
def test_a_line_that_is_gone_swapped_or_put_in_is_found(
    contents: list[dict[str, object]], data: st.DataObject
) -> None:
    def check(folder: Path) -> None:
        written(folder, contents)
        path, number, line = data.draw(st.sampled_from(lines_of(folder)[:-1]))
        others = [one for one in lines_of(folder) if one[2] != line]
        other_path, other_number, other = data.draw(st.sampled_from(others))
        act = data.draw(st.sampled_from(["remove", "copy", "swap", "blank"]))
        if act == "remove":
            edit(path, lambda lines: lines.pop(number))
        elif act == "copy":
            edit(other_path, lambda lines: lines.insert(other_number, line))
        elif act == "blank":
            edit(path, lambda lines: lines.insert(number, b"\n"))
        else:
            edit(path, lambda lines: lines.__setitem__(number, other))
            edit(other_path, lambda lines: lines.__setitem__(other_number, line))
        assert verify(folder).faults

    on_disk(check)


@few
@given(ENTRIES, st.data())
def test_an_inner_part_that_is_cut_out_is_found(
    contents: list[dict[str, object]], data: st.DataObject
) -> None:
    def check(folder: Path) -> None:
        written(folder, contents)
        files = segments(folder)
        if data.draw(st.booleans()):
            data.draw(st.sampled_from(files[:-1])).path.unlink()
        else:
            path = data.draw(st.sampled_from(files[:-1])).path
            size = path.stat().st_size
            path.write_bytes(path.read_bytes()[: data.draw(st.integers(0, size - 1))])
        assert verify(folder).faults

    on_disk(check)


@few
@given(ENTRIES, st.data())
def test_a_cut_end_is_found_by_who_knows_the_head(
    contents: list[dict[str, object]], data: st.DataObject
) -> None:
    def check(folder: Path) -> None:
        head = written(folder, contents)
        last = segments(folder)[-1].path
        last.write_bytes(last.read_bytes()[: data.draw(st.integers(0, last.stat().st_size - 1))])
        assert verify(folder, head).faults
        assert hash_now(folder, head.number) is None

    on_disk(check)


@few
@given(ENTRIES, st.data())
def test_a_journal_that_was_written_anew_has_other_hashes(
    contents: list[dict[str, object]], data: st.DataObject
) -> None:
    def check(folder: Path) -> None:
        head = written(folder / "one", contents)
        changed = data.draw(st.integers(0, len(contents) - 1))
        contents[changed] = {**contents[changed], "more": 1}
        written(folder / "two", contents)
        assert verify(folder / "two").faults == []
        assert verify(folder / "two", head).faults
        assert hash_now(folder / "two", head.number) not in (None, head.hash)

    on_disk(check)


def test_a_change_inside_shows_in_the_hash_of_what_comes_after(tmp_path: Path) -> None:
    head = written(tmp_path, [{"a": "one"}, {"a": "two"}, {"a": "three"}], files=1)
    [segment] = segments(tmp_path)
    segment.path.write_bytes(segment.path.read_bytes().replace(b'"two"', b'"owt"'))
    # The lines after it still state the hashes that they had.
    assert hash_now(tmp_path, head.number) not in (None, head.hash)


def test_the_hash_is_what_the_page_says(tmp_path: Path) -> None:
    written(tmp_path, [{"a": "ą"}], files=1)
    before = bytes(32)
    for _, _, line in lines_of(tmp_path):
        content, _, rest = line.decode().rpartition(',"hash":"')
        before = hashlib.sha256(before + content.encode()).digest()
        assert rest == before.hex() + '"}\n'
        assert entry_of(line) is not None


def test_files_that_are_gone_without_a_word_are_missed(tmp_path: Path) -> None:
    head = written(tmp_path, [{"a": i} for i in range(6)], files=3)
    first, second, *_ = segments(tmp_path)
    first.path.unlink()
    [fault] = verify(tmp_path).faults
    assert "entries 1 to 3 are missing, and no entry says that they were deleted" in str(fault)
    # With an entry that says so it is in order, if it is about these very entries.
    until = Head(second.number - 1, hash_now(tmp_path, second.number - 1) or b"")
    deleted = {"event": "deleted", "until": until.number, "reason": "age"}
    tape = Tape.open(tmp_path, FIRST, [])
    tape.write([deleted | {"until_hash": head.hash.hex()}])
    assert verify(tmp_path).faults
    tape.write([deleted | {"until_hash": until.hash.hex()}])
    tape.close()
    verdict = verify(tmp_path)
    assert verdict.faults == []
    assert (verdict.first, verdict.deleted, verdict.deleted_for) == (4, until, "age")


@pytest.mark.parametrize("left", [b"", b"{", b'{"number":9,"at"', bytes(700), b"\xff\nx\n\n"])
def test_what_a_crash_left_of_a_line_is_taken_away(tmp_path: Path, left: bytes) -> None:
    head = written(tmp_path, [{"a": 1}, {"a": 2}, {"a": 3}], files=1)
    [segment] = segments(tmp_path)
    with segment.path.open("ab") as opened:
        opened.write(left)
    torn: list[object] = []
    tape = Tape.open(tmp_path, FIRST, torn)  # type: ignore[arg-type]
    assert tape.head == head
    assert len(torn) == bool(left)
    tape.write([{"a": 4}])
    tape.close()
    assert verify(tmp_path, head).faults == []


@pytest.mark.parametrize("left", [b"", b'{"number":5,"at":'])
def test_a_file_whose_first_line_a_crash_cut_is_begun_again(tmp_path: Path, left: bytes) -> None:
    head = written(tmp_path, [{"a": 1}, {"a": 2}, {"a": 3}], files=1)
    (tmp_path / "journal-000000000005.ndjson").write_bytes(left)
    tape = Tape.open(tmp_path, FIRST, [])
    assert tape.head == head
    tape.close()
    assert verify(tmp_path, head).faults == []


def test_a_file_that_was_overwritten_is_kept_aside(tmp_path: Path) -> None:
    written(tmp_path, [{"a": 1}], files=1)
    [segment] = segments(tmp_path)
    segment.path.write_bytes(b"all gone\n" * 9)
    tape = Tape.open(tmp_path, FIRST, [])
    tape.close()
    assert tape.head.number == 1
    assert segment.path.with_name(segment.path.name + ".damaged").exists()


def test_a_change_before_the_end_is_not_repaired_away(tmp_path: Path) -> None:
    written(tmp_path, [{"a": 1}, {"a": 2}, {"a": 3}], files=1)
    [segment] = segments(tmp_path)
    data = segment.path.read_bytes()
    segment.path.write_bytes(data.replace(b'"xa":2', b'"xa":9'))
    torn: list[object] = []
    tape = Tape.open(tmp_path, FIRST, torn)  # type: ignore[arg-type]
    tape.close()
    assert torn == []
    assert len(segment.path.read_bytes()) == len(data)
    assert "entry 3 is not what its hash says" in str(verify(tmp_path).faults[0])


def test_many_faults_are_counted_and_some_are_told(tmp_path: Path) -> None:
    written(tmp_path, [{"a": i} for i in range(40)], files=1)
    [segment] = segments(tmp_path)
    segment.path.write_bytes(segment.path.read_bytes().replace(b'"xa"', b'"xb"'))
    verdict = verify(tmp_path)
    assert len(verdict.faults) + verdict.more_faults == 40
    assert verdict.more_faults == 20


def test_an_empty_folder_is_whole_and_has_nothing(tmp_path: Path) -> None:
    assert verify(tmp_path / "none") == Verdict()
    assert hash_now(tmp_path / "none", 1) is None
    assert verify(tmp_path / "none", Head(1, bytes(32))).faults


def test_a_line_of_another_form_is_none() -> None:
    line, head = sealed(NO_ENTRY, {"a": 1})
    assert link_of(line[:-1]) is not None
    for wrong in (line, line[:-2], b" " + line[:-1], line[:-1].upper(), b""):
        assert link_of(wrong) is None
    assert head.number == 1
