"""A language of the page with the forms of its numbers, money and times. Pure; s since the epoch in, UTC out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton
from babel.numbers import NumberPattern, format_decimal, get_currency_symbol, parse_pattern
from markupsafe import Markup

from supervisor.domain.money import EXACT, minor_digits, rounded
from supervisor.domain.words import span
from supervisor.faces.documents import rfc3339
from supervisor.faces.languages import spanish, spanish_told
from supervisor.faces.languages.phrasebook import Phrasebook

_LOCALES = {"en": "en", "es": "es_CO"}
"""Where the page's Spanish is read, an amount is written as in Bogotá."""

_WORDS = {english: other for english, other in spanish.TEXTS.items() if "{" not in english}
_MONEY = r"-?[0-9][0-9,]*(?:\.[0-9]+)? \S+"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as people read it ("3 min ago", "14:03:11 UTC"; "09:03:11 America/Bogota" or "") and as programs do."""

    ago: str
    clock: str
    local: str
    iso: str


class Language:
    """How the page speaks.

    Args:
        code: "en" or "es".
        time_zone: the zone (IANA) of those who read it; their time stands beside UTC.
    """

    def __init__(self, code: str, time_zone: str) -> None:
        self.code = code
        self._locale = Locale.parse(_LOCALES[code])
        self._zone = None if time_zone == "UTC" else ZoneInfo(time_zone)
        self._texts: Mapping[str, str] = spanish.TEXTS if code == "es" else {}
        special = {
            "span": (".+?", self._turned),
            "money": (_MONEY, self._priced),
            "other_money": (_MONEY, self._priced),
            "check": (r"\w+", self._named),
        }
        self._told = Phrasebook({**_WORDS, **spanish_told.PHRASES}, special) if code == "es" else None

    def say(self, text: str, /, **values: object) -> str:
        """Return a text of the page, with `values` in its gaps."""
        said = self._texts.get(text, text)
        return said.format_map(values) if values else said

    def html(self, text: str, /, **values: object) -> Markup:
        """Return a text of the page that may hold elements; the values are escaped."""
        said = Markup(self._texts.get(text, text))  # noqa: S704 - our own texts
        return said.format_map(values) if values else said

    def tell(self, sentence: str) -> str:
        """Return what was said in English (a reason, a finding): what is not ours stays as it is."""
        return sentence if self._told is None else self._told.tell(sentence)

    def number(self, number: int | Decimal) -> str:
        """Return "1,204"."""
        return _number(self._locale, number)

    def amount(self, amount: Decimal, currency: str) -> str:
        """Return an amount without its currency: "681,398.27"."""
        return self._apply(_digits(currency), rounded(amount, currency), None)

    def money(self, amount: Decimal, currency: str) -> str:
        """Return an amount in the currency's own form: "$681,398.27"."""
        return self._apply(_form(self._locale, currency), rounded(amount, currency), currency)

    def span(self, seconds: float) -> str:
        """Return a length of time: "1.5 s", "2 h 5 min"."""
        return self._turned(span(seconds))

    def day(self, at: float) -> str:
        """Return the day in UTC: "Feb 17"."""
        return _day(self._locale, rfc3339(at)[:10], "MMMd")

    def moment(self, at: float, now: float) -> Moment:
        """Return `at` in UTC, with the date where it is not today's, and as it is where the page is read."""
        iso, today = rfc3339(at), _iso(now)
        date = "" if iso[:10] == today[:10] else self.day(at) + " "
        if iso[:4] != today[:4]:
            date = _day(self._locale, iso[:10], "yMMMd") + " "
        length = self.span(abs(now - at))
        ago = self.say("{span} ago", span=length) if at <= now else self.say("in {span}", span=length)
        return Moment(ago, f"{date}{iso[11:19]} UTC", self._local(iso), f"{iso[:19]}Z")

    def _local(self, iso: str) -> str:
        if self._zone is None:
            return ""
        try:
            local = datetime.fromisoformat(iso).astimezone(self._zone)
        except OverflowError:  # the calendar's ends
            return ""
        day = local.date().isoformat()
        date = "" if day == iso[:10] else _day(self._locale, day, "MMMd") + " "
        return f"{date}{local:%H:%M:%S} {self._zone.key}"

    def _apply(self, form: NumberPattern, amount: Decimal, currency: str | None) -> str:
        with localcontext(EXACT):
            return str(form.apply(amount, self._locale, currency=currency, currency_digits=False))

    def _turned(self, length: str) -> str:
        return length.replace(".", ",") if self.code == "es" else length

    def _priced(self, spoken: str) -> str:
        """Return "1,500.00 USD" in the currency's own form."""
        amount, currency = spoken.split(" ", 1)
        return self.money(Decimal(amount.replace(",", "")), currency)

    def _named(self, check: str) -> str:
        return self.tell(check.replace("_", " "))


@lru_cache
def language(code: str, time_zone: str) -> Language:
    """Return the language of this code ("en", "es") for readers in this zone (IANA)."""
    return Language(code, time_zone)


ENGLISH = language("en", "UTC")


_iso = lru_cache(rfc3339)


@lru_cache(1024)
def _number(locale: Locale, number: int | Decimal) -> str:
    with localcontext(EXACT):
        return str(format_decimal(number, locale=locale, decimal_quantization=False))


@lru_cache
def _day(locale: Locale, iso: str, skeleton: str) -> str:
    return str(format_skeleton(skeleton, datetime.fromisoformat(iso).replace(tzinfo=UTC), locale=locale))


@lru_cache
def _form(locale: Locale, currency: str) -> NumberPattern:
    """Return how `locale` writes `currency`. Decimals are ISO 4217's: CLDR's hide what nobody pays in cash."""
    pattern = locale.currency_formats["standard"].pattern
    if get_currency_symbol(currency, locale)[-1:].isalpha():
        pattern = pattern.replace("¤#", "¤\u00a0#")  # CLDR's spacing, which Babel does not apply
    return _exact(parse_pattern(pattern), currency)


@lru_cache
def _digits(currency: str) -> NumberPattern:
    return _exact(parse_pattern("#,##0.00"), currency)


def _exact(form: NumberPattern, currency: str) -> NumberPattern:
    form.frac_prec = (minor_digits(currency), minor_digits(currency))
    return form
