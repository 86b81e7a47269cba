from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.money import EXACT, minor_digits
from supervisor.faces.languages.language import ENGLISH, language
from tests.faces.fleets import NOW

SPANISH = language("es", "America/Bogota")
DAY = 86_400.0


@pytest.mark.parametrize(
    ("amount", "currency", "english", "spanish"),
    [
        ("681398.27", "USD", "$681,398.27", "US$681.398,27"),
        ("-1500", "COP", "-COP\u00a01,500.00", "-$1.500,00"),
        ("1200.5", "EUR", "€1,200.50", "EUR\u00a01.200,50"),
        ("1200.5", "JPY", "¥1,201", "JPY\u00a01.201"),
        ("0.0005", "KWD", "KWD\u00a00.001", "KWD\u00a00,001"),
        ("1", "ISK", "ISK\u00a01", "ISK\u00a01"),
        ("1", "IQD", "IQD\u00a01.000", "IQD\u00a01,000"),
        ("7", "no money", "no money\u00a07.00", "no money\u00a07,00"),
        ("12345678901234567890123456789012345.01", "USD", "$12,345,678,901,234,567,890,123,456,789,012,345.01", None),
    ],
)
def test_money_has_the_form_of_its_currency(amount: str, currency: str, english: str, spanish: str | None) -> None:
    assert ENGLISH.money(Decimal(amount), currency) == english
    assert spanish in {None, SPANISH.money(Decimal(amount), currency)}


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40, places=4), st.text())
def test_no_cent_is_lost_in_any_currency(amount: Decimal, currency: str) -> None:
    for speech in (ENGLISH, SPANISH):
        digits = "".join(letter for letter in speech.amount(amount, currency) if letter in "0123456789")
        exact = EXACT.multiply(amount.copy_abs(), Decimal(10) ** minor_digits(currency))
        assert abs(EXACT.subtract(Decimal(digits), exact)) <= Decimal("0.5")
        assert speech.money(amount, currency)


def test_numbers_and_lengths() -> None:
    assert (ENGLISH.number(10_000), SPANISH.number(10_000)) == ("10,000", "10.000")
    assert (ENGLISH.span(1.5), SPANISH.span(1.5)) == ("1.5 s", "1,5 s")
    assert (ENGLISH.day(NOW), SPANISH.day(NOW)) == ("Feb 17", "17 de feb")


def test_a_moment_in_utc_and_where_the_page_is_read() -> None:
    told = SPANISH.moment(NOW - 60, NOW)
    assert (told.ago, told.clock) == ("hace 1 min", "14:02:11 UTC")
    assert (told.local, told.iso) == ("09:02:11 America/Bogota", "2026-02-17T14:02:11Z")
    early = SPANISH.moment(NOW - 12 * 3600, NOW)
    assert (early.clock, early.local) == ("02:03:11 UTC", "16 de feb 21:03:11 America/Bogota")
    assert SPANISH.moment(NOW + DAY, NOW).ago == "en 1 d"
    assert SPANISH.moment(NOW + DAY, NOW).clock == "18 de feb 14:03:11 UTC"
    assert ENGLISH.moment(NOW - 366 * DAY, NOW).clock == "Feb 16, 2025 14:03:11 UTC"
    assert ENGLISH.moment(NOW, NOW).local == ""


@pytest.mark.parametrize("zone", ["America/Bogota", "Pacific/Kiritimati"])
@pytest.mark.parametrize("at", [-1e300, 1e300])
def test_the_ends_of_the_calendar(zone: str, at: float) -> None:
    told = language("en", zone).moment(at, NOW)
    assert told.iso in {"0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"}


@given(st.text())
def test_what_others_wrote_stays_as_it_is(text: str) -> None:
    assert ENGLISH.tell(text) == text
    assert SPANISH.tell(f"\x00{text}\x00") == f"\x00{text}\x00"  # no sentence of ours begins like that


@given(st.text(min_size=1).filter(lambda text: "; " not in text))
def test_what_others_wrote_stays_as_it_is_inside_of_a_sentence(text: str) -> None:
    assert SPANISH.tell(f"the agent reported a failure: {text}") == f"el agente informó una falla: {text}"


def test_no_text_makes_a_phrase_search_for_long() -> None:
    """Each gap ends where its next word first comes: a pattern that could try again would take years here."""
    for piece in (" → ", ": ", " (", "; left by ", " is ", ", line "):
        assert SPANISH.tell(f"x{piece * 30_000}!")


def test_values_are_escaped_where_a_text_may_hold_elements() -> None:
    assert "<b>&lt;i&gt;</b>" in ENGLISH.html("<b>{x}</b>", x="<i>")
