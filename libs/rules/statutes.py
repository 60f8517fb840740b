"""The statutes as data: which article stood on which day, what a court may give under it, and whether a charge fits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from libs.rules.load import ROOT, BadRules, Document, Fault, Source, load, source_of

PATH = ROOT / "services/justice/rules/statutes.v1.yaml"


class UnknownArticle(LookupError):
    """Raised when no statute of the table has this article, or it was not in force on that day."""


@dataclass(frozen=True, slots=True)
class Range:
    """What an article allows, both ends included: months of prison, or riel."""

    min: int
    max: int


@dataclass(frozen=True, slots=True)
class Article:
    """One article of a statute: what it punishes, how, and since when. A `placeholder` range is not confirmed."""

    statute: str
    article: str
    title: str
    kind: str
    exploitative_purpose: bool
    prison_months: Range | None
    fine_khr: Range | None
    aggravated_months: Range | None
    victims_often_charged: bool
    penalty_in: str | None
    in_force_from: date
    in_force_until: date | None
    source: Source

    @property
    def placeholder(self) -> bool:
        """Whether its range still has to be confirmed."""
        return self.source.placeholder

    def in_force(self, day: date) -> bool:
        """Whether it stood on this day."""
        return self.in_force_from <= day and (self.in_force_until is None or day <= self.in_force_until)


@dataclass(frozen=True, slots=True)
class Statute:
    """A law and its articles."""

    id: str
    title: Mapping[str, str]
    source: Source
    articles: tuple[Article, ...]


@dataclass(frozen=True, slots=True)
class Precedence:
    """How an article of the law of 2008 and one of the Penal Code relate; `stands` is a statute, or `both`."""

    relation: str
    law: tuple[str, str]
    code: tuple[str, str]
    stands: str
    detail: str
    source: Source


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of sentencing that stands in an article of its own."""

    statute: str
    article: str
    detail: str
    source: Source


@dataclass(frozen=True, slots=True)
class Breach:
    """A sentence the law does not allow: the rule it breaks, and how; `placeholder` if the range is unconfirmed."""

    rule: str
    detail: str
    placeholder: bool


@dataclass(frozen=True, slots=True)
class Advice:
    """A warning that a charge may not fit the facts, and the articles that may."""

    code: str
    detail: str
    suggest: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Statutes:
    """The whole table: statutes, rules of sentencing, precedence and suggestions."""

    version: int
    statutes: tuple[Statute, ...]
    alternatives: Rule
    allowed: frozenset[str]
    concurrent_counts: Rule
    precedence: tuple[Precedence, ...]
    smuggling: tuple[tuple[str, str], ...]
    trafficking: tuple[tuple[str, str], ...]

    def article(self, statute: str, article: str, on: date) -> Article:
        """The article as it stood on a day; raises `UnknownArticle`, saying what is missing."""
        laws = {law.id: law for law in self.statutes}
        if statute not in laws:
            raise UnknownArticle(f"there is no statute {statute!r}; known are {', '.join(sorted(laws))}")
        found = [entry for entry in laws[statute].articles if entry.article == article]
        if not found:
            raise UnknownArticle(f"{statute} has no article {article!r} in the statute table")
        standing = [entry for entry in found if entry.in_force(on)]
        if not standing:
            raise UnknownArticle(f"{statute} article {article} was not in force on {on.isoformat()}")
        return standing[-1]

    def stands(self, law: tuple[str, str], code: tuple[str, str]) -> Precedence | None:
        """Which of two charged articles stands, where the table pairs them."""
        return next((pair for pair in self.precedence if (pair.law, pair.code) in ((law, code), (code, law))), None)

    def check_sentence(
        self, article: Article, prison_months: int | None, fine_khr: int | None, counts: int = 1
    ) -> Breach | None:
        """None if the court may give this for these counts of one crime; else the rule that it breaks."""
        if counts < 1:
            raise ValueError("a sentence is for one count or more")
        return (
            self._form(article, prison_months, fine_khr)
            or self._prison(article, prison_months, counts)
            or _fine(article, fine_khr)
        )

    def charge_fit(self, article: Article, purposes: frozenset[str]) -> Advice | None:
        """Advice where a charge and the purposes of exploitation found on the case do not go together."""
        if article.kind == "trafficking" and not purposes:
            what = f"{_name(article)} is trafficking, but no exploitative purpose is on the case; smuggling may fit"
            return Advice("trafficking-without-purpose", what, self.smuggling)
        if article.kind == "smuggling" and purposes:
            what = f"{_name(article)} is smuggling, but the case has {', '.join(sorted(purposes))}; trafficking may fit"
            return Advice("smuggling-with-purpose", what, self.trafficking)
        return None

    def _form(self, article: Article, prison_months: int | None, fine_khr: int | None) -> Breach | None:
        """Penal Code art. 97: prison and fine, prison only, or fine only, as far as the article provides them."""
        rule, name = f"{self.alternatives.statute}:{self.alternatives.article}", _name(article)
        if not prison_months and not fine_khr:
            return Breach(rule, "a sentence has prison, a fine, or both", self.alternatives.source.placeholder)
        form = "fine_only" if not prison_months else "prison_and_fine" if fine_khr else "prison_only"
        if form not in self.allowed:
            return Breach(rule, f"{form} is not an alternative under {rule}", self.alternatives.source.placeholder)
        if prison_months and article.prison_months is None:
            return Breach(name, f"{name} provides no prison{_see(article)}", article.placeholder)
        if fine_khr and article.fine_khr is None:
            return Breach(name, f"{name} provides no fine{_see(article)}", article.placeholder)
        return None

    def _prison(self, article: Article, prison_months: int | None, counts: int) -> Breach | None:
        if not prison_months or article.prison_months is None:
            return None
        least = article.prison_months.min
        most = max(article.prison_months.max, article.aggravated_months.max if article.aggravated_months else 0)
        detail = f"{prison_months} months; {_name(article)} allows {least} to {most} months"
        if prison_months > most and counts > 1:  # Penal Code art. 137: one sentence, up to the maximum
            rule = f"{self.concurrent_counts.statute}:{self.concurrent_counts.article}"
            return Breach(rule, f"{detail} for {counts} counts together", article.placeholder)
        return None if least <= prison_months <= most else Breach(_name(article), detail, article.placeholder)


def _fine(article: Article, fine_khr: int | None) -> Breach | None:
    allowed, name = article.fine_khr, _name(article)
    if not fine_khr or allowed is None or allowed.min <= fine_khr <= allowed.max:
        return None
    detail = f"{fine_khr} riel; {name} allows {allowed.min} to {allowed.max} riel"
    return Breach(name, detail, article.placeholder)


def _name(article: Article) -> str:
    return f"{article.statute}:{article.article}"


def _see(article: Article) -> str:
    return f"; the penalty stands in article {article.penalty_in}" if article.penalty_in else ""


@lru_cache(maxsize=4)
def load_statutes(path: Path = PATH) -> Statutes:
    """Read the statute table; raise `BadRules` with the lines at fault."""
    document = load(path, path.parent / "statutes.schema.json")
    if faults := tuple(_faults(document)):
        raise BadRules(faults)
    content = document.content
    rules, fit = content["rules"], content["charge_fit"]
    return Statutes(
        version=content["version"],
        statutes=tuple(_statute(entry) for entry in content["statutes"]),
        alternatives=_rule(rules["alternatives"]),
        allowed=frozenset(rules["alternatives"]["allowed"]),
        concurrent_counts=_rule(rules["concurrent_counts"]),
        precedence=tuple(_precedence(entry) for entry in content["precedence"]),
        smuggling=tuple(_reference(entry) for entry in fit["purpose_missing"]["suggest"]),
        trafficking=tuple(_reference(entry) for entry in fit["purpose_present"]["suggest"]),
    )


def _rule(entry: Mapping[str, Any]) -> Rule:
    return Rule(entry["statute"], entry["article"], entry["detail"], source_of(entry))


def _precedence(entry: Mapping[str, Any]) -> Precedence:
    law, code = _reference(entry["law"]), _reference(entry["code"])
    return Precedence(entry["relation"], law, code, entry["stands"], entry["detail"], source_of(entry))


def _reference(entry: Mapping[str, str]) -> tuple[str, str]:
    return entry["statute"], entry["article"]


def _statute(entry: Mapping[str, Any]) -> Statute:
    articles = tuple(_article(entry, item) for item in entry["articles"])
    return Statute(entry["id"], entry["title"], source_of(entry), articles)


def _article(statute: Mapping[str, Any], entry: Mapping[str, Any]) -> Article:
    until = entry.get("in_force_until", statute["in_force_until"])
    return Article(
        statute=statute["id"],
        article=entry["article"],
        title=entry["title"],
        kind=entry["kind"],
        exploitative_purpose=entry["exploitative_purpose"],
        prison_months=_range(entry["prison_months"]),
        fine_khr=_range(entry["fine_khr"]),
        aggravated_months=_range(entry.get("aggravated", {}).get("prison_months")),
        victims_often_charged=entry.get("victims_often_charged", False),
        penalty_in=entry.get("penalty_in"),
        in_force_from=date.fromisoformat(entry.get("in_force_from", statute["in_force_from"])),
        in_force_until=date.fromisoformat(until) if until else None,
        source=source_of(entry),
    )


def _range(entry: Mapping[str, int] | None) -> Range | None:
    return Range(entry["min"], entry["max"]) if entry else None


def _faults(document: Document) -> Iterator[Fault]:
    known = {(law["id"], entry["article"]) for law in document.content["statutes"] for entry in law["articles"]}
    for pointer, reference in _references(document.content):
        if reference not in known:
            yield document.fault(pointer, f"there is no {':'.join(reference)}")
    for index, statute in enumerate(document.content["statutes"]):
        for number, entry in enumerate(statute["articles"]):
            for key, what in _article_faults(entry):
                yield document.fault(f"/statutes/{index}/articles/{number}{key}", what)


def _references(content: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str]]]:
    for index, pair in enumerate(content["precedence"]):
        yield from ((f"/precedence/{index}/{side}", _reference(pair[side])) for side in ("law", "code"))
    for key, entry in content["charge_fit"].items():
        for index, reference in enumerate(entry["suggest"]):
            yield f"/charge_fit/{key}/suggest/{index}", _reference(reference)


def _article_faults(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    ranges = {
        "/prison_months": entry["prison_months"],
        "/fine_khr": entry["fine_khr"],
        "/aggravated": entry.get("aggravated", {}).get("prison_months"),
    }
    yield from ((key, "min is above max") for key, found in ranges.items() if found and found["min"] > found["max"])
    if entry["prison_months"] is None and entry["fine_khr"] is None and "penalty_in" not in entry:
        yield "", "has no penalty and does not say where it stands (`penalty_in`)"
