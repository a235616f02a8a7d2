"""Amounts of money: a ``Decimal`` beside an ISO 4217 currency, exact, never a float.

An amount has exactly the places of its currency (JPY 0, EUR 2, KWD 3), so that equal amounts are equal text: ``120.50``, never ``120.5``. In JSON
and in the log it is that text. Avro's own ``decimal`` fixes one scale in the schema; here each currency has its own, and one text that is
the same in a row, a record and a bidder's request cannot be misread by a factor of ten.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from opsroom_domain.decider import Invalid

DIGITS_MAX = 15
"""Digits in front of the point."""
_TWO = """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK
DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD
LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG
SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG"""
_OTHER = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
PLACES: Mapping[str, int] = dict.fromkeys(_TWO.split(), 2) | {code: places for places, codes in _OTHER.items() for code in codes.split()}
"""Digits behind the point, by currency (ISO 4217's minor unit)."""


def exact_amount(field: str, value: Decimal, currency: str) -> Decimal:
    """The amount with the places of its currency. Nothing is rounded. Raises Invalid ``unknown-currency`` or ``bad-amount``."""
    places = PLACES.get(currency)
    if places is None:
        raise Invalid("unknown-currency", f"{currency[:8]!r} is no currency; send its three letters from ISO 4217, like EUR")
    if not value.is_finite() or value < 0 or value.adjusted() >= DIGITS_MAX:
        raise Invalid(
            "bad-amount", f"{field} must be an amount from 0 and have up to {DIGITS_MAX} digits in front of the point; correct it"
        )
    amount = value.quantize(Decimal(1).scaleb(-places))
    if amount != value:
        raise Invalid("bad-amount", f"{field} has more than the {places} places that {currency} has; nothing is rounded: correct it")
    # A zero may come with a sign; without it equal amounts are equal text.
    return amount.copy_abs()


def amount_text(amount: Decimal) -> str:
    """The amount as rows and details write it: ``120.50``."""
    return f"{amount:f}"
