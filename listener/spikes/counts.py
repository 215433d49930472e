"""How likely a count is by chance alone: tails of the negative binomial and of the beta-binomial, in bits. Owns this arithmetic.

A count of messages varies more than a Poisson count: one post begets others. The negative binomial has one more number for that, its
`size`: the variance is mean + mean² / size. The beta-binomial is the same for a share. Tails are computed as logarithms, so that the
chance of a storm is a number and not nought. Refuses to say what is usual: means are handed in.
"""

from __future__ import annotations

from math import exp, inf, lgamma, log, log1p, sqrt

_TINY = 1e-300
_MOST = 400


def bits_above(seen: int, mean: float, size: float) -> float:
    """Bits of surprise that the count is so high or higher: 10 bits are one time in 1024. 0 where nothing was seen."""
    if seen <= 0 or mean <= 0:
        return 0.0 if seen <= 0 else inf
    return _bits(_log_beta_part(seen, size, mean / (mean + size)))


def bits_below(seen: int, mean: float, size: float) -> float:
    """Bits of surprise that the count is so low or lower."""
    if mean <= 0:
        return 0.0
    return _bits(_log_beta_part(size, seen + 1, size / (mean + size)))


def share_bits(part: int, whole: int, share: float, weight: float) -> float:
    """Bits of surprise that so many or more of `whole` are of a kind whose share is `share`, known as if from `weight` messages."""
    if part <= 0 or part > whole:
        return 0.0
    one, other = share * weight, (1 - share) * weight
    if one <= 0:
        return inf
    term = (
        lgamma(whole + 1) - lgamma(part + 1) - lgamma(whole - part + 1)
        + lgamma(part + one) + lgamma(whole - part + other) - lgamma(whole + weight)
        + lgamma(weight) - lgamma(one) - lgamma(other)
    )  # fmt: skip
    total = ratio = 1.0
    for n in range(part, whole):
        ratio *= (whole - n) / (n + 1) * (n + one) / (whole - n - 1 + other)
        total += ratio
        if ratio < total * 1e-9 and n > part + 8:
            break
    return _bits(term + log(total))


def sigmas_of(bits: float) -> float:
    """How many spreads of a bell curve are as rare, upwards (Abramowitz and Stegun, 26.2.23); 0 where it is rarer than not."""
    t = sqrt(2 * log(2) * bits)
    above = 2.515517 + 0.802853 * t + 0.010328 * t * t
    return max(0.0, t - above / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t**3))


def _bits(logarithm: float) -> float:
    return max(0.0, -logarithm / log(2))


def _log_beta_part(a: float, b: float, x: float) -> float:
    """The logarithm of the regularised incomplete beta function, by Lentz's continued fraction (Numerical Recipes, 6.4)."""
    if not 0 < x < 1:
        return -inf if x <= 0 else 0.0
    front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)
    if x < (a + 1) / (a + b + 2):
        return front + log(_fraction(a, b, x) / a)
    rest = exp(min(0.0, front + log(_fraction(b, a, 1 - x) / b)))
    return log1p(-rest) if rest < 1 else -inf


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    found = d
    for m in range(1, _MOST):
        for up in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + up * d
            d = 1 / (d if abs(d) > _TINY else _TINY)
            c = 1 + up / c
            c = c if abs(c) > _TINY else _TINY
            found *= d * c
        if abs(d * c - 1) < 1e-12:
            break
    return found
