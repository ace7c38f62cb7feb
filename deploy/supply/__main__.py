"""What the images are made of: pinned requirements with hashes, whether any is known to be vulnerable, and the SBOM.

python deploy/supply requirements   # writes deploy/docker/requirements-*.txt; asks the package index
python deploy/supply audit          # asks a vulnerability service; says loudly what it could not ask about
python deploy/supply sbom           # writes build/sbom-*.json (CycloneDX); asks nobody
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
IMAGES = ("hub", "connector")
#: What a bundle of the connector brings to install the rest with.
INSTALLER = "installer"
HEADER = "# Made by `make requirements`. Install with: pip install --require-hashes -r\n"
AUDIT_SECONDS = 120


def requirements_file(image: str) -> Path:
    return ROOT / "deploy" / "docker" / f"requirements-{image}.txt"


def wanted(image: str) -> list[str]:
    """What pyproject.toml wants for an image; the connector's has the plugins."""
    if image == INSTALLER:
        return ["pip>=25.1"]
    project = _project(ROOT / "pyproject.toml")
    found = [*project["dependencies"], *project["optional-dependencies"][image]]
    for file in sorted(ROOT.glob("plugins/*/pyproject.toml")) if image == "connector" else ():
        found += [one for one in _project(file)["dependencies"] if not one.startswith("mostek")]
    # Two plugins may want the same.
    return list(dict.fromkeys(found))


def _project(file: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    return project


def pinned(image: str) -> dict[str, tuple[str, list[str]]]:
    """Name → version and hashes, as the file has them."""
    found = {}
    text = requirements_file(image).read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)(?:\[[\w,-]+\])?==([^\s;]+)", line):
            found[_canonical(match[1])] = (match[2], re.findall(r"--hash=sha256:(\w{64})", line))
    return found


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements() -> int:
    for image in (*IMAGES, INSTALLER):
        command = [f"{BIN}/uv", "pip", "compile", "-", "--universal", "--python-version", "3.11"]
        options = ["--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
        done = subprocess.run(
            [*command, *options], input="\n".join(wanted(image)), stdout=subprocess.PIPE, text=True
        )
        if done.returncode:
            return done.returncode
        requirements_file(image).write_text(HEADER + done.stdout, encoding="utf-8")
        print(f"{requirements_file(image).relative_to(ROOT)}: {len(pinned(image))} packages")
    return 0


def audit() -> int:
    """1 if a package is known to be vulnerable. What could not be asked about is said, and is no failure."""
    worst = 0
    for image in IMAGES:
        command = [f"{BIN}/pip-audit", "--requirement", str(requirements_file(image))]
        options = [
            "--require-hashes",
            "--disable-pip",
            "--format",
            "json",
            "--progress-spinner=off",
        ]
        try:
            done = subprocess.run(
                [*command, *options], capture_output=True, text=True, timeout=AUDIT_SECONDS
            )
            report = done.stdout
        except subprocess.TimeoutExpired:
            report = ""
        lines, vulnerable = verdict(image, len(pinned(image)), report)
        print("\n".join(lines))
        worst = max(worst, int(vulnerable))
    return worst


def verdict(image: str, packages: int, report: str) -> tuple[list[str], bool]:
    """What to print of pip-audit's report, and whether something is vulnerable.

    pip-audit says that nothing is known to be vulnerable also when it could ask about nothing.
    """
    try:
        found = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return [f"NOT AUDITED: {image}: the vulnerability service can't be reached"], False
    asked = [one for one in found if "vulns" in one]
    lines = [
        f"VULNERABLE: {image}: {one['name']} {one['version']}: {vuln['id']}"
        f" (fixed in {', '.join(vuln.get('fix_versions', ())) or 'no version yet'})"
        for one in asked
        for vuln in one["vulns"]
    ]
    vulnerable = bool(lines)
    if len(asked) < packages:
        lines.append(
            f"NOT AUDITED: {image}: {packages - len(asked)} of {packages} packages;"
            " the vulnerability service does not know them or can't be reached"
        )
    else:
        lines.append(f"audited: {image}: all {packages} packages")
    return lines, vulnerable


def sbom() -> int:
    (ROOT / "build").mkdir(exist_ok=True)
    for image in IMAGES:
        file = ROOT / "build" / f"sbom-{image}.json"
        file.write_text(sbom_text(image), encoding="utf-8")
        print(f"{file.relative_to(ROOT)}: {len(pinned(image))} packages")
    return 0


def sbom_text(image: str) -> str:
    """The bill of materials as CycloneDX JSON; equal for equal requirements."""
    command = [f"{BIN}/cyclonedx-py", "requirements", str(requirements_file(image)), "--of", "JSON"]
    options = ["--output-reproducible", "--mc-type", "application", "-o", "-"]
    options += ["--pyproject", str(ROOT / "pyproject.toml")]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    for component in document["components"]:
        # Where a package may be got from is a matter of whoever installs it.
        references = component.pop("externalReferences", [])
        component.pop("description", None)
        component["hashes"] = [one for reference in references for one in reference["hashes"]]
    root = document["metadata"]["component"]
    root["name"] = f"mostek-{image}"
    direct = {_canonical(re.split(r"[^\w.-]", one, maxsplit=1)[0]) for one in wanted(image)}
    of_root = [c["bom-ref"] for c in document["components"] if _canonical(c["name"]) in direct]
    for dependency in document.setdefault("dependencies", []):
        if dependency["ref"] == root["bom-ref"]:
            dependency["dependsOn"] = sorted(of_root)
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


COMMANDS = {"requirements": requirements, "audit": audit, "sbom": sbom}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        raise SystemExit(f"usage: python deploy/supply {'|'.join(COMMANDS)}")
    raise SystemExit(COMMANDS[sys.argv[1]]())
