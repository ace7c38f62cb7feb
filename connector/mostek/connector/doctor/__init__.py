"""`mostek-connector doctor`: what is wrong at this site, and what to do about it.

examination   checks, findings, what is examined
texts         every sentence, in English and Polish
machine · network · tls · hub · erp   the checks
report        printed; support: the file to send
"""

from mostek.connector.doctor.checks import CHECKS
from mostek.connector.doctor.examination import Finding, Hub, Subject, examined, worst
from mostek.connector.doctor.subject import subject_of

__all__ = ["CHECKS", "Finding", "Hub", "Subject", "examined", "subject_of", "worst"]
