"""Rules of the repository itself."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_source_root_hides_the_others() -> None:
    assert not list(ROOT.glob("*/mostek/__init__.py"))


def test_every_package_says_that_it_is_typed() -> None:
    packages = [
        *ROOT.glob("*/mostek/*/__init__.py"),
        *ROOT.glob("protos/mostek/*/v1/__init__.py"),
        *ROOT.glob("plugins/*/mostek_*/__init__.py"),
    ]
    assert len(packages) > 5
    assert [p for p in packages if not (p.parent / "py.typed").exists()] == []
