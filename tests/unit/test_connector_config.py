"""The configuration is checked whole, and every mistake has its line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from mostek.connector import companies as companies_module
from mostek.connector.companies import load
from mostek.connector.config import Config, ConfigError, lines_of
from mostek.plugin.plugin import Plugin, Site
from mostek.wire.fields import unknown_paths

RIGHT = """\
[hub]
link = "link.example.com:443"
api = "api.example.com:443"
[connector]
name = "acme"

[companies.main]
plugin = "memory"
greeting = "hello"
"""


class FileStore(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["file"]
    path: str


class NoStore(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["none"] = "none"


class Limits(BaseModel):
    rows: int | str = 1


class MemoryConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")
    greeting: str
    password: str = ""
    store: Annotated[FileStore | NoStore, Field(discriminator="kind")] = NoStore()
    limits: Limits = Limits()


class Memory(Plugin):
    config_type = MemoryConfig
    erp = "Memory"

    def __init__(self, config: MemoryConfig, site: Site) -> None:
        super().__init__(config, site)
        if config.greeting == "rude":
            raise ValueError("greeting: be polite")


class Point:
    name = "memory"

    def load(self) -> type[Plugin]:
        return Memory


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companies_module, "installed_plugins", lambda: {"memory": Point()})


def loaded(folder: Path, text: str) -> Config:
    file = folder / "connector.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)[0]


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        loaded(folder, text)
    return [str(mistake) for mistake in error.value.mistakes]


def test_a_right_file_is_taken(tmp_path: Path) -> None:
    loaded(tmp_path, RIGHT)


def test_every_mistake_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    text = """\
[hub]
link = "nowhere"

[connector]
name = "Acme Ltd"
slots = 0
colour = "red"

[policy]
writes = "perhaps"
deny = ["Customer.nip"]

[companies.main]
time_zone = "Europe/Warsaw"

[companies.other]
plugin = "memory"
greting = "hello"
"""
    found = [mistake.split("; Customer has ")[0] for mistake in mistakes(tmp_path, text)]
    assert found == [
        "line 2: hub.link: must be host:port, e.g. link.example.com:443",
        "line 5: connector.name: must be 1 to 63 lower-case letters, digits and dashes",
        "line 6: connector.slots: input should be greater than or equal to 1",
        "line 7: connector.colour: is not a setting; see the documentation for those there are",
        "line 10: policy.writes: input should be a valid boolean, unable to interpret input",
        "line 11: policy.deny: 'Customer.nip': no field of the contract",
        "line 13: companies.main.plugin: is required",
        "line 16: companies.other.greeting: is required",
        "line 18: companies.other.greting: is not a setting; see the documentation for those there are",
    ]


def test_the_plugins_own_settings_are_checked_with_their_lines(tmp_path: Path) -> None:
    text = RIGHT.replace('greeting = "hello"', "greeting = 7\nvolume = 11")
    assert mistakes(tmp_path, text) == [
        "line 9: companies.main.greeting: input should be a valid string",
        "line 10: companies.main.volume: is not a setting; see the documentation for those there are",
    ]


def test_the_choices_of_a_union_do_not_show_in_a_mistakes_path(tmp_path: Path) -> None:
    text = (
        RIGHT
        + "[companies.main.store]\nkind = 'file'\npth = 'x'\n[companies.main.limits]\nrows = []\n"
    )
    assert mistakes(tmp_path, text) == [
        "line 10: companies.main.store.path: is required",
        "line 12: companies.main.store.pth: is not a setting; see the documentation for those there are",
        "line 14: companies.main.limits.rows: input should be a valid integer",
        "line 14: companies.main.limits.rows: input should be a valid string",
    ]


def test_what_a_plugin_refuses_is_a_mistake_too(tmp_path: Path) -> None:
    text = RIGHT.replace("hello", "rude")
    assert mistakes(tmp_path, text) == ["line 7: companies.main: greeting: be polite"]


def test_a_plugin_that_is_not_installed_is_named_with_those_that_are(tmp_path: Path) -> None:
    text = RIGHT.replace('plugin = "memory"', 'plugin = "subject"')
    assert mistakes(tmp_path, text) == [
        "line 8: companies.main.plugin: no plugin 'subject' is installed (installed: memory)"
    ]


def test_mistakes_of_all_companies_come_together(tmp_path: Path) -> None:
    text = RIGHT.replace("greeting", "greting") + '\n[companies.two]\nplugin = "x"\n'
    assert len(mistakes(tmp_path, text)) == 3


def test_a_time_zone_must_exist(tmp_path: Path) -> None:
    text = RIGHT.replace('plugin = "memory"', 'plugin = "memory"\ntime_zone = "Europe/Wolf"')
    assert mistakes(tmp_path, text) == [
        "line 9: companies.main.time_zone: 'Europe/Wolf' is no time zone; write e.g. Europe/Warsaw"
    ]


def test_text_that_is_no_toml_is_told_with_line_and_column(tmp_path: Path) -> None:
    assert mistakes(tmp_path, '[hub]\nlink = "a\n')[0].startswith("line 2: ")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="there is no such file: `mostek-connector enroll TOKEN` writes one"
    ):
        load(tmp_path / "none.toml")


def test_an_error_never_shows_a_value_of_the_file(tmp_path: Path) -> None:
    text = RIGHT + 'password = ["s3cret"]\n'
    [mistake] = mistakes(tmp_path, text)
    assert "s3cret" not in mistake


def test_the_state_folder_is_beside_the_file_and_the_identity_in_it(tmp_path: Path) -> None:
    config = loaded(tmp_path, RIGHT)
    assert config.connector.state == tmp_path / "state"
    assert config.hub.identity == tmp_path / "state" / "identity.pem"
    assert config.hub.ca == tmp_path / "state" / "hub-ca.pem"


def test_files_that_are_named_are_beside_the_file(tmp_path: Path) -> None:
    text = RIGHT.replace("[connector]", 'identity = "a.pem"\nca_bundle = "b.pem"\n[connector]')
    hub = loaded(tmp_path, text).hub
    assert (hub.identity, hub.ca_bundle) == (tmp_path / "a.pem", tmp_path / "b.pem")


def test_a_connector_without_tls_dials_only_this_machine(tmp_path: Path) -> None:
    text = RIGHT.replace("[connector]", "insecure = true\n[connector]")
    assert mistakes(tmp_path, text) == [
        "line 1: hub: insecure = true is for a hub on this machine, such as 127.0.0.1; enrol instead"
    ]
    loaded(tmp_path, text.replace("link.example.com:443", "127.0.0.1:7444"))


def test_the_api_is_needed_to_renew_certificates(tmp_path: Path) -> None:
    text = RIGHT.replace('api = "api.example.com:443"\n', "")
    [mistake] = mistakes(tmp_path, text)
    assert "hub: api is required" in mistake
    assert "mostek-connector enroll" in mistake


def test_denied_paths_must_name_fields_of_the_contract() -> None:
    paths = [
        "Customer.pesel",
        "Invoice.lines.net_price",
        "Customer.attributes.route",
        "Records.routes.km",
    ]
    assert unknown_paths(paths) == []
    wrong = ["Customer", "Customer.nip", "customer.pesel", "Client.name", ""]
    assert unknown_paths(wrong) == wrong


def with_policy(policy: str) -> str:
    return f"{RIGHT}\n[policy]\n{policy}\n"


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ('operations = ["ListClients"]', "'ListClients': no operation; there are DescribeErp,"),
        ('deny_operations = ["x"]', "'x': no operation; there are DescribeErp,"),
        ('preset = "most"', "preset: input should be 'least', 'orders' or 'all'"),
        ('allow = ["Client"]', "'Client': no field of Customer, CustomerBalance, CustomerMatch,"),
        ('allow = ["Customer.address.town"]', "'Customer.address.town': .* Address has street,"),
        ('deny = ["Client.name"]', "'Client.name': no field of the contract; write e.g. Customer"),
        (
            'deny = ["Records.a.b.c"]',
            r"'Records\.a\.b\.c': .*; write Records\.list or Records\.list\.",
        ),
        ('deny = ["Customer.id"]', r"'Customer\.id' can't be denied, .* deny the operations"),
        ('export_hours = "22-6"', "export_hours: must be from-to, e.g. 18:00-06:00"),
        ("page_rows = 0", "page_rows: input should be greater than or equal to 1"),
        ('rows = "9"', "rows: is not a setting"),
        (
            "[policy.companies.mian]\nwrites = true",
            "there is no company of this name; there are main",
        ),
        ('[policy.companies.main]\ndeny = ["Client.name"]', "no field of the contract"),
    ],
)
def test_what_a_policy_names_must_exist_and_what_there_is_is_told(
    tmp_path: Path, policy: str, said: str
) -> None:
    text = with_policy(policy)
    [mistake] = mistakes(tmp_path, text)
    assert re.search(said, mistake), mistake
    line = int(mistake.removeprefix("line ").partition(":")[0])
    assert text.splitlines()[line - 1] in policy.splitlines()


def test_what_a_site_has_of_its_own_must_be_there_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = with_policy('deny = ["Customer.pesel", "Customer.attributes.rout", "Records.wages"]')
    loaded(tmp_path, text)
    own = frozenset({"Customer.attributes.route", "Records.wages.sum"})
    monkeypatch.setattr(Memory, "own_fields", lambda self: own)
    assert mistakes(tmp_path, text) == [
        "line 12: policy.deny: Customer.attributes.rout: the site has no field of its own of this name; "
        "it has Customer.attributes.route, Records.wages.sum"
    ]
    text = with_policy('[policy.companies.main]\nallow = ["Records.wage"]')
    [mistake] = mistakes(tmp_path, text)
    assert "line 13: policy.companies.main.allow: Records.wage: the site has no field" in mistake


def test_lines_are_found_in_tables_arrays_and_after_long_strings() -> None:
    text = 'a = """\n[x]\nb = 1\n"""\n[t."u"]\nc.d = 1 # c\n[[l]]\ne = 1\n[[l]]\ne = 2\n'
    assert dict(lines_of(text)) == {
        ("a",): 1,
        ("t", "u"): 5,
        ("t", "u", "c", "d"): 6,
        ("l", 0): 7,
        ("l", 0, "e"): 8,
        ("l", 1): 9,
        ("l", 1, "e"): 10,
    }


@given(st.text())
def test_no_text_confuses_the_search_for_lines(text: str) -> None:
    for path, line in lines_of(text):
        assert path
        assert line >= 1
