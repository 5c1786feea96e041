from __future__ import annotations

from pathlib import Path

import pytest

from na64.datasets.basics.toml import TomlTable, load, load_table, nearest, unknown


def table(**keys: object) -> TomlTable:
    return TomlTable(keys, "cuts.toml")


def message(error: pytest.ExceptionInfo[Exception]) -> str:
    return str(error.value.args[0])


def test_nearest_is_the_likest_name_whatever_its_case() -> None:
    assert nearest("Gev", ["MeV", "GeV", "mm"]) == "GeV"
    assert nearest("ECAL", ["hcal", "ecal"]) == "ecal"


def test_nearest_of_equally_like_names_is_the_first_in_the_alphabet() -> None:
    assert nearest("hcal_9", ["hcal_2", "hcal_1"]) == "hcal_1"


def test_nearest_of_nothing_is_empty_and_not_mentioned() -> None:
    assert nearest("a", []) == ""
    assert unknown("key", "a", []) == 'unknown key "a"'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = 1\na = 2\n", "Cannot overwrite a value"),
        (b"a = ", "Invalid value"),
        (b"a = '\xff'", "utf-8"),
        (b"a = " + b"[" * 5000, "nested too deeply"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "bad.toml").write_bytes(content)
    with pytest.raises(ValueError, match=f"bad.toml: .*{said}"):
        load(tmp_path / "bad.toml")


def test_every_type_is_read(tmp_path: Path) -> None:
    (tmp_path / "all.toml").write_text(
        't = "x"\nn = 1\nf = 1.5\nb = true\nns = [1, 2.5]\nis = [1, 2]\nts = ["a"]\n'
        "[sub]\na = 1\n[[many]]\na = 2\n"
    )
    read = load_table(tmp_path / "all.toml")
    assert read.text("t") == "x"
    assert (read.number("n"), read.number("f"), read.integer("n")) == (1.0, 1.5, 1)
    assert type(read.number("n")) is float
    assert read.flag("b") is True
    assert (read.numbers("ns"), read.integers("is"), read.texts("ts")) == ((1.0, 2.5), (1, 2), ("a",))
    assert read.table("sub").integer("a") == 1
    assert [one.integer("a") for one in read.tables("many")] == [2]
    read.done()


@pytest.mark.parametrize(
    ("getter", "value", "said"),
    [
        ("text", 1, "1 is not a string"),
        ("number", True, "true is not an integer"),
        ("number", "1", "'1' is not a finite number"),
        ("number", float("nan"), "nan is not a finite number"),
        ("number", float("inf"), "inf is not a finite number"),
        ("number", 10**400, "is not an integer"),
        ("integer", 1.0, "1.0 is not an integer"),
        ("integer", True, "true is not an integer"),
        ("integer", 2**63, "is not an integer"),
        ("flag", 1, "1 is not true or false"),
        ("texts", "ab", "'ab' is not a list"),
        ("texts", ["a", 1], r"\[1\]: 1 is not a string"),
        ("numbers", [1, False], r"\[1\]: false is not"),
        ("integers", [0.5], r"\[0\]: 0.5 is not an integer"),
        ("table", [], r"\[\] is not a table"),
        ("tables", {}, "{} is not a list"),
        ("tables", [1], r"\[0\]: 1 is not a table"),
    ],
)
def test_a_wrong_type_is_refused_with_place_and_value(getter: str, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=rf"^cuts.toml: key.*{said}"):
        getattr(table(key=value), getter)("key")


def test_the_smallest_and_largest_integers_pass() -> None:
    assert table(key=-(2**63)).integer("key") == -(2**63)
    assert table(key=2**63 - 1).integer("key") == 2**63 - 1


@pytest.mark.parametrize(
    "getter", ["text", "number", "integer", "flag", "texts", "numbers", "integers", "table", "tables"]
)
def test_a_missing_key_is_named_or_defaults(getter: str) -> None:
    with pytest.raises(KeyError) as error:
        getattr(table(), getter)("width")
    assert message(error) == 'cuts.toml: "width" is missing'
    assert getattr(table(), getter)("width", None) is None


@pytest.mark.parametrize(
    ("key", "hint"), [("widthh", ', there is "widthh"'), ("depth", ""), ("asked_width", "")]
)
def test_a_missing_key_that_may_be_there_misspelt_is_named_with_it(key: str, hint: str) -> None:
    given = table(**{key: 1})
    given.has("asked_width")
    with pytest.raises(KeyError) as error:
        given.number("width")
    assert message(error) == f'cuts.toml: "width" is missing{hint}'


def test_a_default_does_not_hide_a_wrong_value() -> None:
    with pytest.raises(ValueError, match="is not a finite number"):
        table(key="x").number("key", 1.0)


def test_unread_keys_are_refused_with_the_nearest_read_one() -> None:
    read = table(label="x", thresholds=1)
    read.text("label")
    read.number("threshold", 0.0)
    with pytest.raises(KeyError) as error:
        read.done()
    assert message(error) == 'cuts.toml: unknown key "thresholds", nearest known is "threshold"'


def test_unread_keys_are_refused_in_tables_within_tables() -> None:
    read = table(cut=[{"a": 1}, {"a": 1, "sub": {"b": 2}}])
    for one in read.tables("cut"):
        one.integer("a")
        one.table("sub", None)
    with pytest.raises(KeyError) as error:
        read.done()
    assert message(error) == 'cuts.toml: cut[1].sub: unknown key "b"'


def test_a_key_asked_for_by_has_is_known() -> None:
    read = table(a=1)
    assert read.has("a")
    assert not read.has("b")
    read.done()


def test_names_come_in_file_order() -> None:
    assert table(b=1, a=2).names() == ("b", "a")


def test_files_are_read_again_when_their_text_changes(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    for text, value in (("a = 1", 1), ("a = 2", 2), ("a = 1", 1)):
        file.write_text(text)
        assert load(file) == {"a": value}


@pytest.mark.parametrize(
    "text", ['a = "x\\u001b[2J"', 'b = ["ok", "\\u202e"]', '[t]\n"k\\u0007" = 1', 'a = "\\r"']
)
def test_names_and_labels_with_control_characters_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(ValueError, match=r'a\.toml: ".*\\[xu]\w+.*" has control characters'):
        load(tmp_path / "a.toml")


def test_a_key_that_may_be_misspelt_is_named_before_what_is_missing_without_it() -> None:
    table = TomlTable({"detectors": [], "name": "x"}, "file.toml")

    def read() -> None:
        with table.telling_misspelt():
            table.text("name")
            table.tables("detector", ())
            raise ValueError("nothing called zdc")

    with pytest.raises(KeyError, match=r'file\.toml: unknown key "detectors", nearest known is "detector"'):
        read()
    table = TomlTable({"something": [], "name": "x"}, "file.toml")
    with pytest.raises(ValueError, match="nothing called zdc"):
        read()
