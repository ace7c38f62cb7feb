"""The record of what left the site, kept there: an entry for each command, chained by hashes, without ERP data."""

from mostek.connector.journal.chain import Head
from mostek.connector.journal.config import JournalConfig
from mostek.connector.journal.files import journal_folder
from mostek.connector.journal.journal import Journal, NotJournaled
from mostek.connector.journal.trace import Trace
from mostek.connector.journal.values import SiteKeyError
from mostek.connector.journal.verify import Fault, Verdict, verify

__all__ = [
    "Fault",
    "Head",
    "Journal",
    "JournalConfig",
    "NotJournaled",
    "SiteKeyError",
    "Trace",
    "Verdict",
    "journal_folder",
    "verify",
]
