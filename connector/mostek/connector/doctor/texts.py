"""What the doctor says, in English and Polish: a key has one level, one sentence, and what to do about it."""

from __future__ import annotations

from mostek.connector.doctor.text import Lang, Level, Text
from mostek.connector.doctor.texts_journal import JOURNAL_TEXTS

__all__ = ["CHECKS", "TEXTS", "Lang", "Level", "Text"]

#: Names of the checks.
CHECKS: dict[str, tuple[str, str]] = {
    "configuration": ("Configuration", "Konfiguracja"),
    "machine": ("This machine", "Ten komputer"),
    "journal": ("Journal of what left", "Dziennik tego, co wyszło"),
    "name": ("Name of the hub", "Nazwa huba"),
    "proxy": ("Proxy", "Proxy"),
    "route": ("Route to the hub", "Droga do huba"),
    "tls": ("TLS and its certificates", "TLS i certyfikaty"),
    "identity": ("Certificate of this connector", "Certyfikat tego konektora"),
    "api": ("API of the hub: clock, version", "API huba: zegar, wersja"),
    "stream": ("Stream and its round trip", "Strumień i czas odpowiedzi"),
    "idle": ("Idle connections", "Bezczynne połączenia"),
    "odbc": ("ODBC manager and driver", "Menedżer i sterownik ODBC"),
    "database": ("Database logins", "Loginy bazy danych"),
    "rights": ("Rights of the logins", "Prawa loginów"),
    "isolation": ("Isolation of reads", "Izolacja odczytów"),
    "schema": ("Tables and columns of the ERP", "Tabele i kolumny ERP"),
    # What checks need besides other checks.
    "hub": ("Address of the hub", "Adres huba"),
    "companies": ("A right configuration", "Poprawna konfiguracja"),
}

_OK, _WARN, _FAIL = Level.OK, Level.WARNING, Level.FAILURE

TEXTS: dict[str, Text] = JOURNAL_TEXTS | {
    "skipped": Text(
        Level.SKIPPED,
        "not looked at, because of: {because}",
        "nie sprawdzono z powodu: {because}",
    ),
    "not-asked": Text(Level.SKIPPED, "not asked for ({option})", "nie zlecono ({option})"),
    # configuration
    "config.ok": Text(
        _OK, "{file} is right; companies: {companies}", "{file} jest poprawny; firmy: {companies}"
    ),
    "config.none": Text(
        _WARN,
        "{file} is not there yet",
        "pliku {file} jeszcze nie ma",
        "write it after enrolment; until then only the way to the hub is looked at",
        "utwórz go po rejestracji; do tego czasu sprawdzana jest tylko droga do huba",
    ),
    "config.mistake": Text(
        _FAIL,
        "{mistake}",
        "{mistake}",
        "correct {file}; `mostek-connector check` shows all mistakes at once",
        "popraw {file}; `mostek-connector check` pokazuje wszystkie błędy naraz",
    ),
    "hub.unknown": Text(
        _FAIL,
        "no hub is named",
        "nie podano adresu huba",
        "set hub.link in the configuration, or give --hub host:port",
        "ustaw hub.link w konfiguracji albo podaj --hub host:port",
    ),
    # machine
    "machine.version": Text(
        _OK,
        "Mostek {version}, Python {python}, {system}",
        "Mostek {version}, Python {python}, {system}",
    ),
    "disk.ok": Text(_OK, "{free} MB free in {folder}", "{free} MB wolnego miejsca w {folder}"),
    "disk.low": Text(
        _WARN,
        "only {free} MB free in {folder}",
        "tylko {free} MB wolnego miejsca w {folder}",
        "free some space: writes are refused when outcomes can't be recorded",
        "zwolnij miejsce: zapisy są odrzucane, gdy nie można zapisać ich wyniku",
    ),
    "disk.full": Text(
        _FAIL,
        "only {free} MB free in {folder}",
        "tylko {free} MB wolnego miejsca w {folder}",
        "free some space now: writes are refused when outcomes can't be recorded",
        "zwolnij miejsce teraz: zapisy są odrzucane, gdy nie można zapisać ich wyniku",
    ),
    "state.unwritable": Text(
        _FAIL,
        "{folder} can't be written to: {reason}",
        "nie można pisać do {folder}: {reason}",
        "let the account that the connector runs as ({account}) write there, or set connector.state",
        "daj kontu konektora ({account}) prawo zapisu albo ustaw connector.state",
    ),
    # name, proxy, route
    "name.ok": Text(_OK, "{host} is {addresses}", "{host} to {addresses}"),
    "name.by-proxy": Text(_OK, "the proxy looks up {host}", "nazwę {host} rozwiązuje proxy"),
    "name.unknown": Text(
        _FAIL,
        "{host} does not resolve ({reason})",
        "nazwa {host} nie jest rozwiązywana ({reason})",
        "check the name in hub.link and this machine's DNS; if names go through a proxy only, set hub.proxy",
        "sprawdź nazwę w hub.link i DNS tego komputera; jeśli nazwy rozwiązuje tylko proxy, ustaw hub.proxy",
    ),
    "proxy.none": Text(
        _OK, "none; the hub is dialled directly", "brak; połączenie jest bezpośrednie"
    ),
    "proxy.ok": Text(_OK, "{proxy} lets through to {hub}", "{proxy} przepuszcza do {hub}"),
    "proxy.wrong": Text(
        _FAIL,
        "the proxy's address can't be used: {reason}",
        "adresu proxy nie można użyć: {reason}",
        "correct hub.proxy, or HTTPS_PROXY in the connector's environment",
        "popraw hub.proxy albo HTTPS_PROXY w środowisku konektora",
    ),
    "proxy.unreachable": Text(
        _FAIL,
        "the proxy {proxy} can't be reached ({reason})",
        "proxy {proxy} jest nieosiągalne ({reason})",
        "check hub.proxy (or HTTPS_PROXY) and whether the proxy runs",
        "sprawdź hub.proxy (lub HTTPS_PROXY) i czy proxy działa",
    ),
    "proxy.login": Text(
        _FAIL,
        "the proxy {proxy} wants a login (HTTP {status}; offers {schemes})",
        "proxy {proxy} wymaga logowania (HTTP {status}; oferuje {schemes})",
        'set hub.proxy = "http://user:password@host:port"; if it offers only NTLM or Negotiate, let a relay'
        " (px, cntlm) run beside the connector, or have the hub's address exempted",
        'ustaw hub.proxy = "http://użytkownik:hasło@host:port"; jeśli oferuje tylko NTLM lub Negotiate, uruchom obok'
        " konektora pośrednika (px, cntlm) albo poproś o wyłączenie adresu huba",
    ),
    "proxy.refused": Text(
        _FAIL,
        "the proxy {proxy} does not let through to {hub} (HTTP {status})",
        "proxy {proxy} nie przepuszcza do {hub} (HTTP {status})",
        "ask its administrator to allow CONNECT to {hub}",
        "poproś administratora o zezwolenie na CONNECT do {hub}",
    ),
    "proxy.strange": Text(
        _FAIL,
        "{proxy} does not answer like an HTTP proxy",
        "{proxy} nie odpowiada jak proxy HTTP",
        "check the address: the proxy's HTTP port is needed, not that of a SOCKS proxy or a web page",
        "sprawdź adres: potrzebny jest port proxy HTTP, a nie SOCKS ani strony WWW",
    ),
    "route.ok": Text(
        _OK,
        "{hub} takes connections ({milliseconds} ms)",
        "{hub} przyjmuje połączenia ({milliseconds} ms)",
    ),
    "route.refused": Text(
        _FAIL,
        "{hub} refuses connections",
        "{hub} odrzuca połączenia",
        "check the port in hub.link; if it is right, the hub is down or a firewall rejects: ask its operator",
        "sprawdź port w hub.link; jeśli jest dobry, hub nie działa albo zapora odrzuca: zapytaj operatora",
    ),
    "route.silent": Text(
        _FAIL,
        "{hub} does not answer within {seconds} s",
        "{hub} nie odpowiada przez {seconds} s",
        "let the firewall allow outgoing TCP to {hub}, or set hub.proxy if there is only a proxy",
        "zezwól w zaporze na wychodzące TCP do {hub} albo ustaw hub.proxy, jeśli wyjście jest tylko przez proxy",
    ),
    "route.none": Text(
        _FAIL,
        "there is no way to {hub} ({reason})",
        "nie ma drogi do {hub} ({reason})",
        "check network, gateway and VPN of this machine",
        "sprawdź sieć, bramę i VPN tego komputera",
    ),
    # tls
    "tls.off": Text(
        _OK,
        "the link is not encrypted, as configured",
        "łącze nie jest szyfrowane, zgodnie z konfiguracją",
    ),
    "tls.ok": Text(
        _OK, "{version}, certificate of {issuer}", "{version}, certyfikat wystawiony przez {issuer}"
    ),
    "tls.none": Text(
        _FAIL,
        "{hub} does not speak TLS ({reason})",
        "{hub} nie obsługuje TLS ({reason})",
        "check host and port in hub.link: something else answers there",
        "sprawdź host i port w hub.link: odpowiada tam coś innego",
    ),
    "tls.intercepted": Text(
        _FAIL,
        "the connection is intercepted by {issuer}: the certificate of {subject} is not the hub's",
        "połączenie przechwytuje {issuer}: certyfikat {subject} nie należy do huba",
        "have {hub} exempted from TLS inspection; the connector trusts only the hub's own authority",
        "wyłącz {hub} z inspekcji TLS; konektor ufa tylko urzędowi certyfikacji huba",
    ),
    "tls.expired": Text(
        _FAIL,
        "the hub's certificate expired on {until}",
        "certyfikat huba wygasł {until}",
        "check this machine's clock; if it is right, tell the hub's operator",
        "sprawdź zegar tego komputera; jeśli jest dobry, powiadom operatora huba",
    ),
    "tls.not-yet": Text(
        _FAIL,
        "the hub's certificate is valid only from {since}",
        "certyfikat huba jest ważny dopiero od {since}",
        "set this machine's clock: it is most likely slow",
        "ustaw zegar tego komputera: najpewniej się spóźnia",
    ),
    "tls.ends-soon": Text(
        _WARN,
        "the hub's certificate ends on {until}",
        "certyfikat huba wygasa {until}",
        "tell the hub's operator",
        "powiadom operatora huba",
    ),
    "tls.other-name": Text(
        _FAIL,
        "the certificate is for {names}, not for {host}",
        "certyfikat jest dla {names}, a nie dla {host}",
        "write the hub's own name in hub.link, not an address or an alias",
        "wpisz w hub.link nazwę huba, a nie adres ani alias",
    ),
    "tls.handshake": Text(
        _FAIL,
        "the certificate is not accepted ({reason})",
        "certyfikat nie został przyjęty ({reason})",
        "send this report to the hub's operator (--zip)",
        "wyślij ten raport operatorowi huba (--zip)",
    ),
    "alpn.ok": Text(_OK, "HTTP/2 is agreed on (ALPN h2)", "uzgodniono HTTP/2 (ALPN h2)"),
    "alpn.missing": Text(
        _FAIL,
        "HTTP/2 is not agreed on: the other side answers {protocol} to ALPN",
        "nie uzgodniono HTTP/2: druga strona odpowiada {protocol} na ALPN",
        "something on the way terminates TLS without HTTP/2: have {hub} exempted from inspection",
        "coś po drodze kończy TLS bez HTTP/2: wyłącz {hub} z inspekcji",
    ),
    # the connector's own certificate
    "identity.ok": Text(_OK, "{subject}, valid until {until}", "{subject}, ważny do {until}"),
    "identity.none": Text(
        _WARN,
        "this connector is not enrolled",
        "ten konektor nie jest zarejestrowany",
        "ask the hub's operator for a token and run `mostek-connector enroll`",
        "poproś operatora huba o token i uruchom `mostek-connector enroll`",
    ),
    "identity.unreadable": Text(
        _FAIL,
        "{file} can't be read as a certificate ({reason})",
        "pliku {file} nie można odczytać jako certyfikatu ({reason})",
        "restore it from the backup of the state folder, or enrol again",
        "odtwórz go z kopii folderu stanu albo zarejestruj ponownie",
    ),
    "identity.expired": Text(
        _FAIL,
        "the certificate ended on {until}",
        "certyfikat wygasł {until}",
        "check this machine's clock; if it is right, enrol again",
        "sprawdź zegar tego komputera; jeśli jest dobry, zarejestruj ponownie",
    ),
    "identity.not-yet": Text(
        _FAIL,
        "the certificate is valid only from {since}",
        "certyfikat jest ważny dopiero od {since}",
        "set this machine's clock: it is slow",
        "ustaw zegar tego komputera: spóźnia się",
    ),
    "identity.ends-soon": Text(
        _WARN,
        "the certificate ends on {until} and was not renewed",
        "certyfikat wygasa {until} i nie został odnowiony",
        "start the connector, and look in its log for why renewal fails",
        "uruchom konektor i sprawdź w jego dzienniku, czemu odnowienie się nie udaje",
    ),
    # api
    "api.unreachable": Text(
        _WARN,
        "the hub's API at {api} can't be asked ({reason})",
        "nie można zapytać API huba pod {api} ({reason})",
        "let the firewall allow {api} too: certificates are renewed there",
        "zezwól w zaporze także na {api}: tam odnawiane są certyfikaty",
    ),
    "clock.ok": Text(
        _OK,
        "the clock is right within {seconds} s",
        "zegar jest dobry z dokładnością do {seconds} s",
    ),
    "clock.skewed": Text(
        _WARN,
        "this machine's clock is {seconds} s off",
        "zegar tego komputera różni się o {seconds} s",
        "turn on time synchronisation",
        "włącz synchronizację czasu",
    ),
    "clock.wrong": Text(
        _FAIL,
        "this machine's clock is {seconds} s off",
        "zegar tego komputera różni się o {seconds} s",
        "set the clock and turn on time synchronisation: certificates are refused by a wrong clock",
        "ustaw zegar i włącz synchronizację czasu: przy złym zegarze certyfikaty są odrzucane",
    ),
    "version.same": Text(_OK, "the hub runs {hub} too", "hub ma tę samą wersję: {hub}"),
    "version.other": Text(
        _WARN,
        "the hub runs {hub}, this connector {own}",
        "hub ma wersję {hub}, ten konektor {own}",
        "update the connector at a quiet time; until then both understand each other as far as they can",
        "zaktualizuj konektor w spokojnej chwili; do tego czasu rozumieją się w miarę możliwości",
    ),
    # stream, idle
    "stream.ok": Text(
        _OK,
        "frames come and go; round trip {milliseconds} ms",
        "ramki przechodzą w obie strony; czas odpowiedzi {milliseconds} ms",
    ),
    "stream.refused": Text(
        _FAIL,
        "the hub refuses this connector: {reason}",
        "hub odrzuca ten konektor: {reason}",
        "ask the hub's operator; the certificate may be revoked",
        "zapytaj operatora huba; certyfikat mógł zostać unieważniony",
    ),
    "stream.broken": Text(
        _FAIL,
        "no stream can be held with {hub} ({reason})",
        "nie można utrzymać strumienia z {hub} ({reason})",
        "something on the way breaks HTTP/2 streams, or no hub answers: send this report to its operator (--zip)",
        "coś po drodze zrywa strumienie HTTP/2 albo odpowiada nie hub: wyślij ten raport jego operatorowi (--zip)",
    ),
    "stream.silent": Text(
        _FAIL,
        "the stream opens, and nothing comes back within {seconds} s",
        "strumień się otwiera, ale przez {seconds} s nic nie wraca",
        "a proxy or an inspection gathers the stream: have {hub} exempted",
        "proxy lub inspekcja zatrzymuje strumień: wyłącz {hub}",
    ),
    "idle.ok": Text(
        _OK,
        "a silent connection lives for {seconds} s at least",
        "bezczynne połączenie żyje co najmniej {seconds} s",
    ),
    "idle.cut": Text(
        _OK,
        "a silent connection is cut between {alive} and {dead} s; heartbeats every {beat} s keep it",
        "bezczynne połączenie jest zrywane między {alive} a {dead} s; podtrzymują je sygnały co {beat} s",
    ),
    "idle.cut-early": Text(
        _WARN,
        "a silent connection is cut between {alive} and {dead} s, sooner than heartbeats ({beat} s) can prevent",
        "bezczynne połączenie jest zrywane między {alive} a {dead} s, szybciej niż zdążą sygnały ({beat} s)",
        "raise the idle time-out of the firewall or the proxy to a minute or more",
        "podnieś limit bezczynności zapory lub proxy do minuty lub więcej",
    ),
    "idle.failed": Text(
        _WARN,
        "no connection could be held to measure ({reason})",
        "nie udało się utrzymać połączenia do pomiaru ({reason})",
        "see the findings before this one",
        "patrz wcześniejsze wyniki",
    ),
    # odbc
    "odbc.not-needed": Text(_OK, "no company is on SQL Server", "żadna firma nie używa SQL Server"),
    "odbc.no-manager": Text(
        _FAIL,
        "the ODBC manager is missing ({reason})",
        "brak menedżera ODBC ({reason})",
        "{how}",
        "{how}",
    ),
    "odbc.no-driver": Text(
        _FAIL,
        "the driver {driver} is not installed; there are: {drivers}",
        "sterownik {driver} nie jest zainstalowany; są: {drivers}",
        "install Microsoft's ODBC Driver 18 for SQL Server ({how}), or set `driver` to one that is there",
        "zainstaluj ODBC Driver 18 for SQL Server firmy Microsoft ({how}) albo ustaw `driver` na istniejący",
    ),
    "odbc.ok": Text(_OK, "{driver} is installed", "{driver} jest zainstalowany"),
    # database
    "database.ok": Text(_OK, "{company}: {login} logs in", "{company}: {login} loguje się"),
    "database.failed": Text(
        _FAIL,
        "{company}: {login} can't log in: {reason}",
        "{company}: {login} nie może się zalogować: {reason}",
        "correct [companies.{company}.database] accordingly; the driver says: {erp_text}",
        "popraw odpowiednio [companies.{company}.database]; sterownik zgłasza: {erp_text}",
    ),
    "database.unreachable": Text(
        _FAIL,
        "{company}: the database server can't be reached",
        "{company}: serwer bazy danych jest nieosiągalny",
        "check that SQL Server runs, that TCP/IP is on in its configuration manager, that `server` is right, and the"
        " firewall; the driver says: {erp_text}",
        "sprawdź, czy SQL Server działa, czy w jego menedżerze konfiguracji włączono TCP/IP, czy `server` jest dobry,"
        " oraz zaporę; sterownik zgłasza: {erp_text}",
    ),
    "database.login": Text(
        _FAIL,
        "{company}: the server refuses {login}",
        "{company}: serwer odrzuca {login}",
        "check user and password; `mostek-connector logins {company}` prints the script that makes the login",
        "sprawdź użytkownika i hasło; `mostek-connector logins {company}` drukuje skrypt tworzący login",
    ),
    "database.name": Text(
        _FAIL,
        "{company}: there is no such database for {login}",
        "{company}: {login} nie widzi takiej bazy",
        "check `database`, and run the script of `mostek-connector logins {company}` in it",
        "sprawdź `database` i uruchom w niej skrypt z `mostek-connector logins {company}`",
    ),
    "database.sandbox": Text(_OK, "{company}: a sandbox, {path}", "{company}: piaskownica, {path}"),
    "database.none": Text(
        _OK, "{company}: the plugin reads no database", "{company}: wtyczka nie czyta bazy danych"
    ),
    "rights.ok": Text(
        _OK,
        "{company}: {login} may do what is needed, and no more",
        "{company}: {login} ma potrzebne prawa i żadnych więcej",
    ),
    "rights.sandbox": Text(
        _OK, "{company}: a sandbox has no logins", "{company}: piaskownica nie ma loginów"
    ),
    "rights.missing": Text(
        _FAIL,
        "{company}: {login} lacks {rights}",
        "{company}: {login} nie ma {rights}",
        "run the script of `mostek-connector logins {company}` as the server's administrator",
        "uruchom skrypt z `mostek-connector logins {company}` jako administrator serwera",
    ),
    "rights.more": Text(
        _WARN,
        "{company}: {login} may do more than is needed: {rights}",
        "{company}: {login} ma więcej praw niż potrzeba: {rights}",
        "give it a login of its own: `mostek-connector logins {company}` prints the script",
        "utwórz osobny login: `mostek-connector logins {company}` drukuje skrypt",
    ),
    "rights.shared": Text(
        _WARN,
        "{company}: {login} both reads and writes",
        "{company}: {login} służy do odczytu i do zapisu",
        "set write_login: `mostek-connector logins {company}` prints the script of two logins",
        "ustaw write_login: `mostek-connector logins {company}` drukuje skrypt dwóch loginów",
    ),
    "rights.unknown": Text(
        _WARN,
        "{company}: the rights of {login} can't be asked for",
        "{company}: nie można sprawdzić praw {login}",
        "send this report to support (--zip); the server says: {erp_text}",
        "wyślij ten raport do wsparcia (--zip); serwer zgłasza: {erp_text}",
    ),
    "isolation.snapshot": Text(
        _OK,
        "{company}: reads see one moment and lock nobody (SNAPSHOT)",
        "{company}: odczyty widzą jedną chwilę i nikogo nie blokują (SNAPSHOT)",
    ),
    "isolation.committed": Text(
        _OK,
        "{company}: reads wait for locks, at most {seconds} s twice (READ COMMITTED)",
        "{company}: odczyty czekają na blokady, najwyżej dwa razy po {seconds} s (READ COMMITTED)",
    ),
    "isolation.uncommitted": Text(
        _WARN,
        "{company}: reads see what is not saved yet (READ UNCOMMITTED)",
        "{company}: odczyty widzą dane jeszcze niezapisane (READ UNCOMMITTED)",
        'set isolation = "auto" unless it was chosen knowingly',
        'ustaw isolation = "auto", chyba że wybrano to świadomie',
    ),
    "isolation.sandbox": Text(
        _OK, "{company}: reads see one moment", "{company}: odczyty widzą jedną chwilę"
    ),
    # schema
    "schema.ok": Text(
        _OK,
        "{company}: the database has all that {query} names",
        "{company}: baza ma wszystko, co wymienia {query}",
    ),
    "schema.fields": Text(
        _WARN,
        "{company}: {query}: the database has no {name}; unavailable: {fields}",
        "{company}: {query}: baza nie ma {name}; niedostępne: {fields}",
        "an older version of the ERP: update it, or live without these fields",
        "starsza wersja ERP: zaktualizuj go albo obejdź się bez tych pól",
    ),
    "schema.filter": Text(
        _WARN,
        "{company}: {query}: the database has no {name}; a filter fails",
        "{company}: {query}: baza nie ma {name}; nie działa filtr",
        "an older version of the ERP: update it, or do without the filter",
        "starsza wersja ERP: zaktualizuj go albo obejdź się bez filtra",
    ),
    "schema.fails": Text(
        _FAIL,
        "{company}: {query} fails: the database has no {name}",
        "{company}: {query} nie działa: baza nie ma {name}",
        "the ERP's version is not known to this plugin: update Mostek, or send this report to support (--zip)",
        "wtyczka nie zna tej wersji ERP: zaktualizuj Mostek albo wyślij ten raport do wsparcia (--zip)",
    ),
    "schema.writes": Text(
        _FAIL,
        "{company}: {note}",
        "{company}: {note}",
        "until then the orders that it concerns are refused",
        "do tego czasu zamówienia, których to dotyczy, będą odrzucane",
    ),
    "schema.other": Text(
        _WARN,
        "{company}: {note}",
        "{company}: {note}",
        "send this report to support (--zip)",
        "wyślij ten raport do wsparcia (--zip)",
    ),
    "schema.failed": Text(
        _FAIL,
        "{company}: nothing of it can be read: {reason}",
        "{company}: niczego z niej nie można odczytać: {reason}",
        "correct that, or see the findings about its database, of which is known: {erp_text}",
        "popraw to albo patrz wyniki dotyczące jej bazy, o której wiadomo: {erp_text}",
    ),
    "crashed": Text(
        _FAIL,
        "the check itself failed ({reason})",
        "samo sprawdzenie nie powiodło się ({reason})",
        "send this report to support (--zip)",
        "wyślij ten raport do wsparcia (--zip)",
    ),
}
