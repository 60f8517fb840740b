"""Who may do what: the parties table of the domain as data, in this one file. Deny by default.

`administrator` runs the installation (tokens, rebuilds) and reads no person. A row's `own` says that the caller
sees or touches only what its organisation recorded, or what was referred to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Scope = Literal["all", "own"]


@dataclass(frozen=True, slots=True)
class Rule:
    """The roles that may do an action, and how far: over everything, or over what is their own."""

    all: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()

    @property
    def roles(self) -> frozenset[str]:
        """Every role that may do it in some scope."""
        return self.all | self.own


def _rule(all_: str = "", own: str = "") -> Rule:
    return Rule(frozenset(all_.split()), frozenset(own.split()))


EVERYONE = (
    "first_responder competent_authority social_affairs provider justice labour embassy_desk coordinator auditor "
    "administrator"
)

POLICY: Mapping[str, Rule] = {
    # identification
    # who meets persons; a provider, a court or a desk that does so, too, holds the role of a first responder besides
    "case.open": _rule("first_responder competent_authority social_affairs"),
    "case.screen": _rule("competent_authority", own="first_responder"),
    "case.determine": _rule("competent_authority"),
    "case.consent": _rule("competent_authority social_affairs", own="first_responder provider"),
    "case.correct": _rule("competent_authority"),
    "case.link": _rule("competent_authority"),
    "case.duplicates": _rule("competent_authority social_affairs", own="first_responder"),
    "case.review": _rule("competent_authority"),
    "case.close": _rule("competent_authority"),
    # two people in two roles (the decider and the database both see to it); an auditor records nothing
    "case.shred_request": _rule("competent_authority administrator"),
    "case.shred_approve": _rule("competent_authority administrator"),
    # a provider's own are the persons referred to it, a court's the victims of its court cases; a desk reads the
    # repatriations of its corridor, and there of the person what its step needs
    "case.read": _rule("competent_authority auditor social_affairs", own="first_responder provider justice"),
    "case.list": _rule("competent_authority auditor social_affairs", own="first_responder provider justice"),
    "case.read_names": _rule("competent_authority social_affairs", own="first_responder provider justice"),
    # own: what the labour ministry counts of agencies and their workers, no person
    "case.import": _rule("competent_authority social_affairs administrator", own="labour"),
    # no person: what the count needs of somebody who gave no consent
    "notice.make": _rule("first_responder competent_authority social_affairs"),
    "notice.read": _rule("competent_authority auditor social_affairs", own="first_responder"),
    "case.advise": _rule("competent_authority", own="first_responder"),
    "due.read": _rule("competent_authority social_affairs auditor", own="first_responder"),
    "due.coming_of_age": _rule("competent_authority", own="first_responder"),
    "due.count": _rule("competent_authority social_affairs auditor coordinator"),
    "instrument.read": _rule(EVERYONE),
    # referral
    "provider.register": _rule("provider social_affairs"),
    "provider.decide": _rule("social_affairs"),
    "provider.change": _rule("social_affairs", own="provider"),
    "provider.read": _rule(
        "first_responder competent_authority social_affairs provider embassy_desk coordinator auditor"
    ),
    "referral.make": _rule("competent_authority social_affairs", own="first_responder provider"),
    "referral.decide": _rule("social_affairs"),
    "referral.respond": _rule(own="provider"),
    "referral.complete": _rule("social_affairs", own="provider"),
    "referral.read": _rule("competent_authority social_affairs auditor", own="first_responder provider"),
    "options.read": _rule("competent_authority social_affairs", own="first_responder provider"),
    "referral.due": _rule("competent_authority social_affairs coordinator auditor", own="first_responder provider"),
    "need.record": _rule("competent_authority social_affairs", own="first_responder provider"),
    "need.read": _rule("competent_authority social_affairs auditor", own="first_responder provider"),
    "need.count": _rule("competent_authority social_affairs coordinator auditor"),
    # aftercare
    "shelter.open": _rule("social_affairs", own="provider"),
    "shelter.capacity": _rule("social_affairs", own="provider"),
    "shelter.hold": _rule("social_affairs competent_authority", own="provider"),
    "shelter.inspect": _rule("social_affairs"),
    "shelter.read": _rule("competent_authority social_affairs coordinator auditor", own="provider"),
    "placement.admit": _rule("social_affairs", own="provider"),
    "placement.change": _rule("social_affairs", own="provider"),
    "placement.read": _rule("social_affairs competent_authority auditor", own="provider"),
    "follow_up.record": _rule("social_affairs", own="provider"),
    "plan.change": _rule("social_affairs", own="provider"),
    "alert.read": _rule("competent_authority social_affairs auditor", own="provider"),
    "alert.resolve": _rule("competent_authority social_affairs"),
    "care.due": _rule("competent_authority social_affairs coordinator auditor", own="provider"),
    "standard.read": _rule(EVERYONE),
    # justice
    "report.file": _rule("justice first_responder"),
    "report.read": _rule("justice competent_authority auditor", own="first_responder"),
    "court_case.open": _rule("justice"),
    "court_case.change": _rule("justice"),
    "court_case.read": _rule("justice competent_authority auditor"),
    "victim_charge.record": _rule("justice first_responder competent_authority"),
    "victim_charge.read": _rule("justice competent_authority auditor"),
    "victim_charge.assign": _rule("competent_authority"),
    "victim_charge.resolve": _rule("competent_authority justice"),
    "statute.read": _rule(EVERYONE),
    # repatriation
    "corridor.read": _rule(EVERYONE),
    # own: a desk's corridor; for the others, the steps that the corridor's SOP lets them record
    "repatriation.start": _rule("social_affairs competent_authority", own="embassy_desk"),
    "repatriation.step": _rule("social_affairs competent_authority", own="embassy_desk first_responder provider"),
    "repatriation.read": _rule(
        "social_affairs competent_authority auditor", own="embassy_desk first_responder provider"
    ),
    "repatriation.read_names": _rule("social_affairs competent_authority"),
    "handover_file.read": _rule("social_affairs competent_authority", own="embassy_desk"),
    "handover_file.withdraw": _rule("social_affairs competent_authority", own="embassy_desk"),
    "handover_file.verify": _rule(EVERYONE),
    "inbox.post": _rule(own="embassy_desk"),
    "inbox.read": _rule(own="embassy_desk"),
    # what an organisation is told of itself: what awaits it, is due, is overdue
    "notification.read": _rule(own="first_responder competent_authority social_affairs provider embassy_desk"),
    "webhook.manage": _rule(own="first_responder competent_authority social_affairs provider embassy_desk"),
    # views
    "view.shelter_capacity": _rule(
        "competent_authority social_affairs coordinator auditor first_responder", own="provider"
    ),
    "view.court_outcomes": _rule("competent_authority justice social_affairs coordinator auditor"),
    "view.cross_border": _rule("social_affairs competent_authority coordinator auditor", own="embassy_desk"),
    "view.coverage": _rule("competent_authority social_affairs coordinator auditor"),
    "statistics.read": _rule(EVERYONE),
    "statistics.read_small_cells": _rule("competent_authority auditor"),
    "statistics.trace": _rule("competent_authority auditor"),
    "statistics.release": _rule("competent_authority"),
    "statistics.export": _rule("competent_authority"),
    # audit
    "history.read": _rule(
        "auditor competent_authority social_affairs", own="first_responder provider justice embassy_desk"
    ),
    "history.read_names": _rule("competent_authority social_affairs", own="first_responder provider justice"),
    "history.read_names_with_reason": _rule("auditor"),
    # what referral and aftercare recorded tells where the person is: never for justice, labour, embassy desks
    "history.read_care": _rule("auditor competent_authority social_affairs", own="first_responder provider"),
    # a desk sees its corridor's repatriations: of the case's other events, none
    "history.read_case": _rule("auditor competent_authority social_affairs", own="first_responder provider justice"),
    "history.export": _rule("auditor competent_authority social_affairs"),
    "events.read": _rule("auditor administrator"),
    # hashes and signatures only; each party that recorded something must be able to check that it is in the log
    "log.read": _rule(EVERYONE),
    "access_log.read": _rule("auditor competent_authority"),
    "emergency.review": _rule("competent_authority"),
}


EMERGENCY: Mapping[str, frozenset[str]] = {
    action: frozenset({"first_responder", "provider"})
    for action in ("case.read", "case.read_names", "history.read", "history.read_names", "history.read_case")
}
"""What who meets a person in danger may read of another's case by stating an emergency: never where a shelter is."""


def scope(action: str, roles: frozenset[str]) -> Scope | None:
    """How far a caller with these roles may do an action; None where not at all."""
    rule = POLICY[action]
    if roles & rule.all:
        return "all"
    return "own" if roles & rule.own else None
