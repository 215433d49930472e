"""Every network that users may ask for: what it is called, how far Hubbub goes with it and why no further, and what an operator may set.

Owns the declarations that the settings, the docs and the screens read alike. Pure and light: it imports no source. A network that is heard
has its package in `listener.sources`, its line in the registry and its entry here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Takes(StrEnum):
    """What a setting takes."""

    TEXT = "text"
    ADDRESS = "address"
    LIST = "list"
    """Of texts."""
    ADDRESSES = "addresses"
    NUMBER = "number"
    FLAG = "flag"
    SECRET = "secret"  # noqa: S105
    """By reference only: `<name>_env`, `<name>_file` or `<name>_keyring`."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a network or of an account on it."""

    name: str
    takes: Takes
    says: str
    """In words, for the docs and `hubbub connect`."""
    default: str | float | bool | tuple[str, ...] = ""
    low: float = 0.0
    high: float = 0.0
    """Of a number, both inclusive."""
    schemes: tuple[str, ...] = ("https", "http")
    """Of an address; the first is the one that is told."""


class Reach(StrEnum):
    """How far Hubbub goes with a network."""

    WHOLE = "whole"
    """Heard and answered."""
    LISTEN = "listen"
    """Heard; answered there, by a link."""
    NOT_YET = "not_yet"
    NO_WAY = "no_way"
    """The network has no way."""


class Tried(StrEnum):
    """Against what a source was tried; the strongest first."""

    REAL = "real server"
    RECORDED = "recorded bytes"
    CONTRACT = "published contract"
    PRETEND = "pretend platform"


@dataclass(frozen=True, slots=True)
class Network:
    """One network, as declared."""

    name: str
    """The registry's word, also `Mention.source` and `[source.<name>]`."""
    title: str
    """As people write it."""
    reach: Reach
    why: str = ""
    """Why no further, in words; '' for a whole one."""
    tried: tuple[Tried, ...] = ()
    tells: str = ""
    """What the network charges or forbids, told before anybody connects."""
    secret: str = ""
    """What the secret of an account is called: password, token; '' : it takes no account."""
    settings: tuple[Setting, ...] = ()
    account: tuple[Setting, ...] = ()
    by_default: bool = False
    """Read in public also where the settings do not name it."""
    spoken: str = ""
    """What stands behind 'on' in a sentence; '' : its title."""
    short: str = ""
    """What a narrow column says; '' : the start of its name."""
    one_aside: bool = False
    """It takes one private answer to a public message, and no second."""
    chosen: bool = False
    """It brings only what the settings name one by one, so that a topic may be everything of it (`source:<name>`)."""


_HOURS = 24 * 365

_BLUESKY = Network(
    "bluesky",
    "Bluesky",
    Reach.WHOLE,
    tried=(Tried.REAL, Tried.PRETEND),
    tells="free; an app password is enough; 3,000 requests in five minutes",
    secret="password",  # noqa: S106
    settings=(
        Setting(
            "jetstream",
            Takes.ADDRESSES,
            "hosts of the public stream; more than one for fail-over",
            ("wss://jetstream1.us-east.bsky.network", "wss://jetstream2.us-west.bsky.network"),
            schemes=("wss", "ws"),
        ),
        Setting(
            "firehose",
            Takes.ADDRESSES,
            "hosts that send their own firehose (subscribeRepos), for a network of one's own; it takes the place of jetstream",
            (),
            schemes=("wss", "ws"),
        ),
        Setting("appview", Takes.ADDRESS, "where to read in public", "https://public.api.bsky.app"),
        Setting("pds", Takes.ADDRESS, "where accounts log in", "https://bsky.social"),
        Setting(
            "directory", Takes.ADDRESS, "where `hubbub connect` finds the server of an account", "https://plc.directory"
        ),
        Setting(
            "look_back_hours", Takes.NUMBER, "how far back the stream can resume; beyond it a gap is recorded",
            36.0, 0.01, _HOURS,
        ),
        Setting("poll_seconds", Takes.NUMBER, "how often notifications are read", 20.0, 0.05, 86400),
        Setting("listen", Takes.FLAG, "whether the public stream is read at all", default=True),
    ),
    by_default=True,
    short="bsky",
)  # fmt: skip

_MASTODON = Network(
    "mastodon",
    "Mastodon",
    Reach.WHOLE,
    tried=(Tried.RECORDED, Tried.CONTRACT, Tried.PRETEND),
    tells="free; each server has its own rules and limits, mostly 300 requests in five minutes",
    secret="token",  # noqa: S106
    settings=(
        Setting("streaming", Takes.FLAG, "whether the server may tell at once; without it, its lists are read in turn", default=True),
        Setting("poll_seconds", Takes.NUMBER, "how often the lists are read where the server tells nothing", 30.0, 0.05, 86400),
        Setting("sweep_seconds", Takes.NUMBER, "and how often where it does", 300.0, 0.05, 86400),
    ),
    account=(
        Setting("hashtags", Takes.LIST, "tags whose timelines are heard by this account's server, without #", ()),
        Setting(
            "token_in_address", Takes.FLAG,
            "for servers that read the token of a web socket from its address only; it may then stand in their logs", default=False,
        ),
    ),
    short="masto",
)  # fmt: skip

_TELEGRAM = Network(
    "telegram",
    "Telegram",
    Reach.WHOLE,
    tried=(Tried.CONTRACT, Tried.PRETEND),
    tells="free; a bot from @BotFather; it hears only where it was added, and nothing from before",
    secret="token",  # noqa: S106
    settings=(
        Setting("api", Takes.ADDRESS, "where the Bot API is; a server of your own or Telegram's", "https://api.telegram.org"),
        Setting("poll_seconds", Takes.NUMBER, "how long an ask for what was said stays open", 50.0, 1, 50),
    ),
    account=(
        Setting("own_chats", Takes.LIST, "chats that speak for us: channels, and groups whose anonymous admins are ours; ids or names", ()),
        Setting(
            "webhook_url", Takes.ADDRESS, "the public address of `/hooks/telegram-<handle>`; without it the bot is polled",
        ),
    ),
    short="tg",
)  # fmt: skip

_WEBHOOK = Network(
    "webhook",
    "Webhook",
    Reach.WHOLE,
    tried=(Tried.PRETEND,),
    tells="whatever you wire: your own program delivers what was said and is handed the replies, both signed",
    secret="secret",  # noqa: S106
    account=(
        Setting("reply_url", Takes.ADDRESS, "where replies are handed over; without it there are none"),
        Setting("lookup_url", Takes.ADDRESS, "where to ask whether a reply was taken"),
        Setting("idempotent", Takes.FLAG, "whether the receiver takes the same Idempotency-Key only once", default=False),
    ),
    short="hook",
)  # fmt: skip


def _graph_settings(word: str) -> tuple[Setting, ...]:
    """What is set alike for both networks of Meta; `word` is what its webhook is about."""
    return (
        Setting("graph", Takes.ADDRESS, "where Meta's Graph API is", "https://graph.facebook.com"),
        Setting("version", Takes.TEXT, "its version", "v26.0"),
        Setting("app_id", Takes.TEXT, "the id of your app at Meta, to be told when a login ends"),
        Setting("app_secret", Takes.SECRET, "the app's secret: signs what webhooks deliver and what is asked"),
        Setting("verify_token", Takes.SECRET, "a word of your own, by which Meta's webhook makes itself known"),
        Setting("subscribe", Takes.FLAG, f"whether the webhook's subscription for {word} is looked after every hour", default=True),
        Setting("sweep_seconds", Takes.NUMBER, "how often posts are looked at for what webhooks missed", 300.0, 0.05, 86400),
        Setting("overlap_minutes", Takes.NUMBER, "how far each look goes behind the last one", 60.0, 0, _HOURS * 60),
        Setting("watch_posts", Takes.NUMBER, "how many of the newest posts are looked at", 100.0, 1, 1000),
        Setting("private_messages", Takes.FLAG, "whether private messages are heard too", default=True),
        Setting(
            "human_agent", Takes.FLAG, "whether Meta has given the app its human agent tag: private messages may then be answered for seven "
            "days, without it for 24 hours", default=False,
        ),
    )  # fmt: skip


_FACEBOOK = Network(
    "facebook",
    "Facebook Pages",
    Reach.WHOLE,
    tried=(Tried.RECORDED, Tried.CONTRACT, Tried.PRETEND),
    tells="free; needs an app of your own at Meta with App Review and Business Verification, which take weeks, and an address on the "
    "internet for webhooks; only Pages that you manage",
    secret="token",  # noqa: S106
    settings=_graph_settings("Pages"),
    spoken="Facebook",
    short="fb",
    one_aside=True,
)

_INSTAGRAM = Network(
    "instagram",
    "Instagram",
    Reach.WHOLE,
    tried=(Tried.RECORDED, Tried.CONTRACT, Tried.PRETEND),
    tells="free; professional accounts only; needs an app of your own at Meta with App Review and Business Verification, which take weeks, "
    "and an address on the internet for webhooks",
    secret="token",  # noqa: S106
    settings=(
        *_graph_settings("professional accounts"),
        Setting(
            "instagram_graph", Takes.ADDRESS, "where the Graph API for logins by Instagram itself is", "https://graph.instagram.com"
        ),
        Setting("longest", Takes.NUMBER, "characters of an answer; Instagram has been seen to refuse more than 300", 2200.0, 1, 10000),
    ),
    account=(Setting("login", Takes.TEXT, "who made the token: facebook (by the Page) or instagram", "facebook"),),
    short="ig",
    one_aside=True,
)  # fmt: skip

_UNHEARD = (
    Network("x", "X", Reach.NOT_YET, "reading is paid by the item since February 2026, and the API takes a reply only to people who named or "
            "quoted us; its searches can be written: hubbub query convert --to x", tells="about half a cent for each post that is read"),
    Network("youtube", "YouTube", Reach.NOT_YET, "comments can be read and answered within 10,000 units a day; the source is not written yet"),
    Network("threads", "Threads", Reach.NOT_YET, "needs an app review by Meta; the source is not written yet"),
    Network("reddit", "Reddit", Reach.NOT_YET, "since November 2025 Reddit gives no keys to new programs without an agreement"),
    Network("linkedin", "LinkedIn", Reach.NOT_YET, "company pages only, and only for programs that LinkedIn has vetted"),
    Network("tiktok", "TikTok", Reach.NOT_YET, "business accounts only, after a review by TikTok; the source is not written yet"),
    Network("google", "Google reviews", Reach.NOT_YET, "the Business Profile API is given on request only; the source is not written yet"),
    Network("appstore", "Apple App Store", Reach.NOT_YET, "reviews can be read and answered with a key; the source is not written yet"),
    Network("play", "Google Play", Reach.NOT_YET, "reviews of the last seven days only; the source is not written yet"),
    Network("trustpilot", "Trustpilot", Reach.NOT_YET, "needs a paid business account; the source is not written yet"),
    Network("discord", "Discord", Reach.NOT_YET, "a bot reads the servers it is asked into; the source is not written yet"),
    Network("matrix", "Matrix", Reach.NOT_YET, "rooms without encryption only; the source is not written yet"),
    Network("lemmy", "Lemmy", Reach.NOT_YET, "the source is not written yet"),
    Network("nostr", "Nostr", Reach.NOT_YET, "the source is not written yet"),
    Network("github", "GitHub", Reach.NOT_YET, "the source is not written yet; its feeds of releases and discussions can be read as feeds"),
    Network("hackernews", "Hacker News", Reach.NOT_YET, "nobody can answer there by a program; the source is not written yet"),
    Network("stackexchange", "Stack Exchange", Reach.NOT_YET, "answers by programs are not wanted; its feeds by tag can be read as feeds"),
    Network("pinterest", "Pinterest", Reach.NO_WAY, "its API has no comments at all: they are only counted"),
    Network("snapchat", "Snapchat", Reach.NO_WAY, "no way to read or answer replies was found in its API"),
)  # fmt: skip
"""Asked for, and not heard: in the order in which people ask."""

_FEEDS = Network(
    "feeds",
    "RSS, Atom and JSON Feed",
    Reach.LISTEN,
    "a feed can only be read; an answer is written where the entry's link leads",
    tried=(Tried.RECORDED, Tried.PRETEND),
    tells="free; each feed is asked as seldom as it wants",
    settings=(
        Setting("feeds", Takes.ADDRESSES, "addresses of feeds, by https or plain http; each is a stream of its own"),
        Setting("interval_minutes", Takes.NUMBER, "how often a feed is read that does not ask for more time", 15.0, 1.0, 1440.0),
        Setting("timeout_seconds", Takes.NUMBER, "how long one reading may take", 20.0, 1.0, 120.0),
        Setting(
            "websub_callback", Takes.ADDRESS,
            "the public address of the webhook door, for feeds that have a hub (WebSub); without it feeds are only polled",
        ),
        Setting("contact", Takes.TEXT, "a page or a mail address where those who keep a feed find you; told to their servers"),
        Setting("this_machine", Takes.FLAG, "whether feeds on this machine are read too; others of a private network never are", default=False),
    ),
    chosen=True,
    spoken="Feeds",
    short="feed",
)  # fmt: skip

NETWORKS: Mapping[str, Network] = MappingProxyType({
    network.name: network
    for network in (
        _BLUESKY,
        _MASTODON,
        _TELEGRAM,
        _WEBHOOK,
        _FACEBOOK,
        _INSTAGRAM,
        _FEEDS,
        *_UNHEARD,
    )
})  # fmt: skip
"""By name, in the order in which they are shown."""


def heard() -> tuple[str, ...]:
    """Names of the networks that are heard through settings of their own, in order."""
    return tuple(name for name, network in NETWORKS.items() if network.reach in {Reach.WHOLE, Reach.LISTEN})


def called(source: str) -> str:
    """A network in a sentence, by its name; one that is not declared (an import may say anything) by that, with a capital."""
    network = NETWORKS.get(source)
    return source.capitalize() if network is None else network.spoken or network.title


def short(source: str) -> str:
    """The same for a narrow column."""
    network = NETWORKS.get(source)
    return network.short if network is not None and network.short else source[:8]


def listened(source: str) -> str:
    """Why a network can only be listened to; '' : it can be answered, or is not declared."""
    network = NETWORKS.get(source)
    return network.why if network is not None and network.reach is Reach.LISTEN else ""


def at(handle: str) -> str:
    """A handle as people write it: behind an @, unless it is none (a name of several words, the number of a page)."""
    return handle if handle.startswith("@") or handle.isdigit() or any(map(str.isspace, handle)) else f"@{handle}"


def one_aside(source: str) -> bool:
    """Whether a network takes just one private answer to a public message."""
    network = NETWORKS.get(source)
    return network is not None and network.one_aside
