"""The catalogue: found wherever it is installed, known by fingerprint, and loud about a broken file."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from opsroom_common.contracts.avro import SchemaBroken, load_catalogue, read_schema
from opsroom_common.contracts.schema_files import SchemasMissing, checked_root, installed_schemas

_EMPTY = '{"type": "record", "name": "Thing", "namespace": "opsroom.test", "fields": []}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "schemas"
    shutil.copytree(str(installed_schemas()), copy, ignore=shutil.ignore_patterns("*.egg-info", "build", "__pycache__"))
    return copy


def test_the_fingerprint_is_crc_64_avro_of_the_canonical_form() -> None:
    """The specification's own example: the Rabin fingerprint of the schema "int" is 7275d51a3f395c8f, written little-endian."""
    one = read_schema(_EMPTY, ("events", "Thing"))
    other = read_schema(_EMPTY.replace('"fields"', '"doc": "x", "opsroom.personal": true, "fields"'), ("events", "Thing"))
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint == _rabin(b'{"name":"opsroom.test.Thing","type":"record","fields":[]}')
    assert _rabin(b'"int"') == bytes.fromhex("7275d51a3f395c8f")[::-1].hex()


def _rabin(data: bytes) -> str:
    """As the Avro specification writes it down, bit by bit."""
    empty = 0xC15D213AA4D7A795
    result = empty
    for byte in data:
        result ^= byte
        for _ in range(8):
            result = (result >> 1) ^ (empty if result & 1 else 0)
    return result.to_bytes(8, "little").hex()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not an Avro schema"),
        ('{"type": "record"}', "not an Avro schema"),
        ('{"type": "record", "name": "Thing", "fields": [{"name": "a", "type": "nothing"}]}', "not an Avro schema"),
        ('"string"', "one record schema"),
        (_EMPTY.replace("Thing", "Other"), "name the file after it"),
    ],
)
def test_a_broken_schema_names_its_file(text: str, says: str) -> None:
    with pytest.raises(SchemaBroken, match=says) as caught:
        read_schema(text, ("events", "test", "Thing"))
    assert "events/test/Thing" in str(caught.value)


def test_an_edited_published_version_is_noticed(folder: Path) -> None:
    file = next((folder / "history" / "events" / "incident" / "Noted").iterdir())
    file.write_text(file.read_text().replace('"text"', '"words"'))
    with pytest.raises(SchemaBroken, match="never edited"):
        load_catalogue(folder)


def test_one_name_in_two_files_is_noticed(folder: Path) -> None:
    (folder / "events" / "more").mkdir()
    shutil.copy(folder / "events" / "incident" / "Noted.avsc", folder / "events" / "more" / "Noted.avsc")
    with pytest.raises(SchemaBroken, match="keep one"):
        load_catalogue(folder)


def test_a_folder_without_schemas_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SchemasMissing, match="schemas"):
        checked_root(tmp_path)


@pytest.mark.timeout(120)
def test_an_installed_package_holds_every_schema(folder: Path, tmp_path: Path) -> None:
    """Built as a wheel, without the checkout: the same schemas, and nothing of the golden histories."""
    build = "from setuptools import build_meta as b; b.build_wheel('.')"
    done = subprocess.run([sys.executable, "-c", build], cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")
    installed = tmp_path / "site" / "opsroom_schemas"
    ours, theirs = load_catalogue(folder), load_catalogue(checked_root(installed))
    assert {name: schema.text for name, schema in ours.current.items()} == {name: schema.text for name, schema in theirs.current.items()}
    assert ours.published.keys() == theirs.published.keys()
    assert not (installed / "golden").exists()
