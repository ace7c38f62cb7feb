"""The `mostek-connector` command."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console

from mostek.connector.companies import Company, load
from mostek.connector.config import Config, ConfigError, read_toml
from mostek.connector.connector import Connector, policy_of
from mostek.connector.doctor import CHECKS, Hub, examined, subject_of, worst
from mostek.connector.doctor.report import lines, summary, write_zip
from mostek.connector.doctor.subject import idle_spans
from mostek.connector.doctor.texts import Lang, Level
from mostek.connector.explain import explained
from mostek.connector.hub_api import ApiError
from mostek.connector.identity import IdentityError
from mostek.connector.journal import SiteKeyError
from mostek.connector.journal.cli import journal
from mostek.connector.launcher.words import SUPERVISED
from mostek.connector.outcomes import StateInUse
from mostek.connector.proxy import checked_proxy
from mostek.connector.site import SiteError, set_up
from mostek.connector.supervised import Supervisor
from mostek.connector.trial import MOST_ROWS, told, tried
from mostek.connector.upgrade import upgrade
from mostek.plugin.rights import LoginNames, logins_script
from mostek.plugin.secret import to_keyring
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.wire import loop
from mostek.wire.failures import CommandFailure
from mostek.wire.logs import LEVELS, configure_logs, set_level
from mostek.wire.operations import OPERATIONS
from mostek.wire.tracing import TracingError
from mostek.wire.trust import EnrolmentToken

__all__ = ["leave_stragglers", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="The connector of Mostek.",
)

policies = typer.Typer(no_args_is_help=True, help="What may leave this site.")
app.add_typer(policies, name="policy")
secrets = typer.Typer(no_args_is_help=True, help="Secrets in the system's keyring.")
app.add_typer(secrets, name="secret")
app.add_typer(journal, name="journal")
app.command()(upgrade)

ConfigFile = Annotated[
    Path,
    typer.Option(
        "--config", "-c", help="The configuration file.", envvar="MOSTEK_CONNECTOR_CONFIG"
    ),
]
DEFAULT_FILE = Path("connector.toml")
#: Seconds between looks at the configuration file's log level.
LOOK_EVERY = 5.0
#: Seconds that threads have to end when the connector has.
THREADS_END_WITHIN = 2.0
#: Seconds after which a thread that converts rows must let the event loop have the interpreter: at Python's own 5 ms
#: each step of a small command waits so long.
SWITCH_AFTER = 0.0005


@app.command()
def run(
    config: ConfigFile = DEFAULT_FILE,
    supervised: Annotated[bool, typer.Option(SUPERVISED, hidden=True)] = False,
) -> None:
    """Connect to the hub and serve its commands until SIGTERM or Ctrl-C."""
    supervisor = Supervisor.by_stdio() if supervised else None
    settings, companies = _load(config)
    configure_logs(settings.connector.log_level, connector=settings.connector.name)
    sys.setswitchinterval(SWITCH_AFTER)
    if supervisor is not None and not supervisor.wait_for_go():
        return
    try:
        loop.run(_run(config, settings, companies, supervisor))
    except (StateInUse, IdentityError, SiteKeyError, TracingError, OSError) as error:
        raise SystemExit(f"mostek-connector: {error}") from None
    leave_stragglers()


def leave_stragglers() -> None:
    """End although a plugin's call hangs: Python would wait for its thread for ever."""
    ends = time.monotonic() + THREADS_END_WITHIN
    others = [t for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]
    for thread in others:
        thread.join(max(0.0, ends - time.monotonic()))
    if any(thread.is_alive() for thread in others):
        structlog.get_logger().warning(
            "commands did not end; the process does", threads=len(others)
        )
        sys.stderr.flush()
        os._exit(0)


@app.command()
def check(config: ConfigFile = DEFAULT_FILE) -> None:
    """Check the configuration whole; every mistake is reported at once, with its line."""
    settings, companies = _load(config)
    print(f"{config}: all right. Connector {settings.connector.name} serves:")
    for company in companies:
        print(f"  {company.name}: {company.plugin.erp} ({company.plugin_name})")


@app.command()
def enroll(
    token: Annotated[
        str, typer.Argument(help="From the hub's operator; - reads it from standard input.")
    ],
    config: ConfigFile = DEFAULT_FILE,
    proxy: Annotated[
        str, typer.Option(help="HTTP proxy on the way, http://user:password@host:port.")
    ] = "",
    ca_bundle: Annotated[
        Path | None,
        typer.Option(help="PEM file with the hub's authority, where it is not to be asked for it."),
    ] = None,
    force: Annotated[
        bool, typer.Option(help="Replace the key and certificate that are here already.")
    ] = False,
) -> None:
    """Make this site's key, get its certificate from the hub and write a configuration to fill in."""
    try:
        given = EnrolmentToken.of(sys.stdin.read() if token == "-" else token)  # noqa: S105 - no token
        proxy = checked_proxy(proxy) if proxy else proxy
        for line in set_up(given, config, proxy=proxy, ca_bundle=ca_bundle, force=force):
            print(line)
    except (ValueError, ApiError, IdentityError, SiteError, ConfigError) as error:
        raise SystemExit(f"mostek-connector: {error}") from None


@app.command()
def doctor(
    config: ConfigFile = DEFAULT_FILE,
    hub: Annotated[str, typer.Option(help="host:port of the link, before there is a file.")] = "",
    api: Annotated[
        str, typer.Option(help="host:port of the hub's API: its clock and version.")
    ] = "",
    ca: Annotated[
        Path | None, typer.Option(help="PEM file of the authority that the hub's link has.")
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="The link is encrypted.")] = False,
    lang: Annotated[str, typer.Option(help="en or pl; else that of the environment.")] = "",
    idle: Annotated[
        float, typer.Option(help="Seconds of silence to try on the way to the hub.", min=0)
    ] = 0.0,
    archive: Annotated[
        Path | None, typer.Option("--zip", help="Write a file for support, without secrets.")
    ] = None,
    log: Annotated[Path | None, typer.Option(help="The connector's log, for --zip.")] = None,
) -> None:
    """Say what is wrong here and what to do; exits with 0, 1 for warnings or 2 for failures."""
    given = Hub(hub, api=api, ca=ca, tls=tls or ca is not None)
    subject = subject_of(config, given, idle_spans(idle))
    language: Lang = "pl" if (lang or os.environ.get("LANG", "")).startswith("pl") else "en"
    findings = []
    for finding in examined(subject, CHECKS):
        findings.append(finding)
        for level, line in lines(finding, language):
            typer.secho(line, fg=_COLOURS[level])
    print(summary(findings, language))
    if archive is not None:
        try:
            write_zip(archive, subject, findings, log)
        except OSError as error:
            raise SystemExit(f"mostek-connector: {error.filename}: {error.strerror}") from None
        print(archive)
    for company in subject.companies:
        company.plugin.close()
    raise SystemExit(worst(findings))


_COLOURS = {
    Level.OK: "green",
    Level.WARNING: "yellow",
    Level.FAILURE: "red",
    Level.SKIPPED: "white",
}


@app.command()
def logins(
    company: Annotated[str, typer.Argument(help="The company; needed if there are several.")] = "",
    config: ConfigFile = DEFAULT_FILE,
    columns: Annotated[
        bool, typer.Option("--columns", help="SELECT on single columns instead of on tables.")
    ] = False,
) -> None:
    """Print the T-SQL script that makes the two database logins with just the rights they need."""
    one = _one_of(_load(config)[1], company)
    plugin = one.plugin
    if not isinstance(plugin, SqlPlugin):
        raise SystemExit(f"mostek-connector: {one.plugin_name} needs no database login")
    names_of = LoginNames.of(plugin.database.config)
    try:
        print(logins_script(plugin.rights(), names_of, columns=columns), end="")
    except ValueError as error:
        raise SystemExit(f"mostek-connector: {error}") from None


@policies.command("explain")
def explain_policy(
    config: ConfigFile = DEFAULT_FILE,
    company: Annotated[str, typer.Option(help="The company; needed if there are several.")] = "",
    operation: Annotated[str, typer.Option(help="Only what this one answers: ListInvoices.")] = "",
) -> None:
    """Show what would leave this site and what would not, by which line of the policy, on a record of the ERP."""
    settings, companies = _load(config)
    if operation and operation not in OPERATIONS:
        names = ", ".join(OPERATIONS)
        raise SystemExit(f"mostek-connector: {operation!r} is no operation; there are {names}")
    one = _one_of(companies, company)
    try:
        for part in explained(one, policy_of(settings, companies).of(one.name), operation):
            Console().print(part)
    except CommandFailure as failure:
        raise SystemExit(_said(failure)) from None
    finally:
        for one in companies:
            one.plugin.close()


@app.command("try")
def try_list(
    name: Annotated[
        str,
        typer.Argument(help="customers, products, …, or the name of a list of the site's own."),
    ],
    config: ConfigFile = DEFAULT_FILE,
    limit: Annotated[int, typer.Option(help="Rows to show.", min=1, max=MOST_ROWS)] = 3,
    company: Annotated[str, typer.Option(help="The company; needed if there are several.")] = "",
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="name=value: a filter, or a list's parameter."),
    ] = None,
) -> None:
    """Show real rows of a list as a caller would get them, and the SQL with its time. Nothing leaves the site."""
    settings, companies = _load(config)
    one = _one_of(companies, company)
    pairs = [text.partition("=") for text in parameter or ()]
    try:
        policy = policy_of(settings, companies).of(one.name)
        given = {name: value for name, _, value in pairs}
        for line in told(tried(one, policy, name, limit, given)):
            print(line)
    except CommandFailure as failure:
        raise SystemExit(_said(failure)) from None
    finally:
        for one in companies:
            one.plugin.close()


def _said(failure: CommandFailure) -> str:
    text = f" ({failure.erp_text})" if failure.erp_text else ""
    return f"mostek-connector: {failure.message}{text}"


def _one_of(companies: Sequence[Company], name: str) -> Company:
    found = [one for one in companies if name in {"", one.name}]
    if len(found) != 1:
        names = ", ".join(one.name for one in companies)
        raise SystemExit(f"mostek-connector: name one of the companies: {names}")
    return found[0]


@secrets.command("set")
def set_secret(
    entry: Annotated[str, typer.Argument(help="service/user, as the configuration names it.")],
) -> None:
    """Keep a secret in the keyring of this account; it is asked for, or read from standard input."""
    value = (
        typer.prompt("Secret", hide_input=True)
        if sys.stdin.isatty()
        else sys.stdin.readline().rstrip("\r\n")
    )
    try:
        to_keyring(entry, value)
    except ValueError as error:
        raise SystemExit(f"mostek-connector: {error}") from None
    print(f'Kept. Name it in the configuration: {{ keyring = "{entry}" }}')


def _load(file: Path) -> tuple[Config, list[Company]]:
    try:
        return load(file)
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


async def _run(
    file: Path, config: Config, companies: Sequence[Company], supervisor: Supervisor | None
) -> None:
    stop = asyncio.Event()
    _on_signals(stop)
    if supervisor is not None:
        running = asyncio.get_running_loop()
        supervisor.stop_when_gone(
            lambda: running.call_soon_threadsafe(stop.set), config.connector.stop_grace
        )
    async with Connector(config, companies).running() as link:
        tasks = [asyncio.create_task(_follow_log_level(file), name="log level")]
        if supervisor is not None:
            tasks.append(asyncio.create_task(supervisor.report(link, companies), name="report"))
        await stop.wait()
        for task in tasks:
            task.cancel()


async def _follow_log_level(file: Path) -> None:
    """Take `connector.log_level` over when the file changes; whatever else changed in it waits for a restart."""
    seen = _changed_at(file)
    while True:
        await asyncio.sleep(LOOK_EVERY)
        if (changed := _changed_at(file)) == seen:
            continue
        seen = changed
        try:
            data, _ = await asyncio.to_thread(read_toml, file)
        except ConfigError as error:
            structlog.get_logger().warning(
                "the changed configuration is not right", fault=str(error)
            )
            continue
        level = data.get("connector", {}).get("log_level", "info")
        if level in LEVELS:
            set_level(level)
            structlog.get_logger().warning("the level of the log is that of the file", level=level)


def _changed_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _on_signals(stop: asyncio.Event) -> None:
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: running.call_soon_threadsafe(stop.set))
        else:
            running.add_signal_handler(number, stop.set)


def main() -> None:
    """Entry point."""
    app()
