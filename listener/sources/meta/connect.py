"""Signing in to a Page or a professional account: which permissions are there, whose Pages, and a token that lasts.

Owns what is asked for and said. It takes a token that a person made (by Meta's Graph API Explorer or an app's own sign-in); the browser's
way through Meta's dialogue needs an address on the internet and is not walked from here. Refuses to store anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from listener.errors import Refused, SourceStopped, TryAgain
from listener.model.heard import Author
from listener.sources.base import Asking, Connected
from listener.sources.meta.graph import Graph
from listener.sources.meta.shapes import ident, inside, moment, words

FACEBOOK = {
    "pages_show_list": "to see which Pages are yours",
    "pages_manage_metadata": "to have webhooks come",
    "pages_read_engagement": "to read your posts",
    "pages_read_user_content": "to read what others write there",
    "pages_manage_engagement": "to answer, like, hide and delete comments",
    "pages_messaging": "to hear and answer private messages, and to answer a comment in private",
}
INSTAGRAM = {
    "instagram_basic": "to read your posts",
    "instagram_manage_comments": "to read, answer, hide and delete comments",
    "instagram_manage_messages": "to hear and answer private messages, and to answer a comment in private",
    "pages_show_list": "to see which Pages are yours",
    "pages_read_engagement": "to read by the Page that the account is linked to",
}
INSTAGRAM_LOGIN = {
    "instagram_business_basic": "to read your posts",
    "instagram_business_manage_comments": "to read, answer, hide and delete comments",
    "instagram_business_manage_messages": "to hear and answer private messages, and to answer a comment in private",
}

REVIEW = (
    "Meta lets an app see what people outside its own roles write only after App Review for each permission, and after Business "
    "Verification; both take weeks. Until then everything here works with people who have a role in the app, and webhooks of others "
    "do not come."
)


async def facebook(asking: Asking) -> Connected:
    """A Page, with a token of its own. Errors as `Connect` promises."""
    return await _by_page(asking, "Facebook", FACEBOOK)


async def instagram(asking: Asking) -> Connected:
    """A professional account, by its Page or by Instagram's own login. Errors as `Connect` promises."""
    way = await asking.ask(
        "Was the token made by Facebook Login or by Instagram Login? (facebook, instagram)", default="facebook"
    )
    if way.strip().lower() != "instagram":
        return await _by_page(asking, "Instagram", INSTAGRAM)
    _explain(asking, INSTAGRAM_LOGIN)
    secret = str(asking.options.get("app_secret") or "")
    graph = _graph(asking, "Instagram", str(asking.options["instagram_graph"]), secret)
    token = await _token(asking)
    told = []
    try:
        made = await graph.ask(
            "access_token", token, {"grant_type": "ig_exchange_token", "client_secret": secret, "access_token": token}
        )
        token = words(made.get("access_token")) or token
        told.append("the token was exchanged for one that lasts 60 days")
    except (Refused, SourceStopped):
        told.append("the token was not exchanged: either it lasts 60 days already, or it ends within the hour")
    me = await _me(graph, token, "user_id,username,name")
    who = Author(
        "instagram", ident(me.get("user_id")) or ident(me.get("id")), words(me.get("username")), words(me.get("name"))
    )
    if not who.external_id:
        raise Refused(
            "the token is of no professional account", hint="make it one in Instagram's settings", code="no_account"
        )
    told.append("Instagram tells no program which permissions a token has: what is missing shows when it is used")
    return Connected(who.handle or who.external_id, "", token, who, {"login": "instagram"}, (*told, REVIEW))


async def _by_page(asking: Asking, title: str, needed: Mapping[str, str]) -> Connected:
    _explain(asking, needed)
    options = asking.options
    app_id = str(options.get("app_id") or "") or await asking.ask(
        "The id of your app at Meta (empty: none)", default=""
    )
    secret = str(options.get("app_secret") or "")
    if not secret:
        secret = await asking.ask("The app's secret (empty: none)", secret=True, default="")
    graph = _graph(asking, title, str(options["graph"]), secret)
    token = await _token(asking)
    token, told = await _lasting(graph, token, app_id, secret)
    there, ends = await _granted(graph, token, f"{app_id}|{secret}" if app_id and secret else token)
    told += _permissions(needed, there)
    row = await _choice(asking, graph, token, title)
    page_token = words(row.get("access_token")) or token
    if page_token != token:
        told.append("the Page has a token of its own: it lasts for as long as this person may manage the Page")
        _, ends = await _granted(graph, page_token, f"{app_id}|{secret}" if app_id and secret else page_token)
    if ends:
        told.append(f"the login ends by itself: {ends}")
    if isinstance(tasks := row.get("tasks"), list) and not {"MODERATE", "MANAGE", "CREATE_CONTENT"} & {
        t for t in tasks if isinstance(t, str)
    }:
        told.append("this person may not moderate the Page: comments can be read and not answered")
    account = row if title == "Facebook" else inside(row, "instagram_business_account")
    who = Author(
        title.lower(), ident(inside(account, "id")), words(inside(account, "username")), words(inside(account, "name"))
    )
    if not who.external_id:
        raise Refused(
            "the Page has no professional account of Instagram linked to it",
            hint="link it in the Page's settings",
            code="no_account",
        )
    return Connected(who.handle or who.external_id, "", page_token, who, {}, (*told, REVIEW))


def _explain(asking: Asking, needed: Mapping[str, str]) -> None:
    asking.say("The token needs these permissions:")
    for name, why in needed.items():
        asking.say(f"  {name}: {why}")
    asking.say(REVIEW)


def _graph(asking: Asking, title: str, base: str, secret: str) -> Graph:
    return Graph(asking.web, base, str(asking.options["version"]), network=title, app_secret=secret)


async def _token(asking: Asking) -> str:
    token = (await asking.ask("The access token", secret=True)).strip()
    if not token:
        raise Refused("there is no token", hint="make one at developers.facebook.com/tools/explorer", code="no_token")
    return token


async def _me(graph: Graph, token: str, fields: str) -> dict[str, Any]:
    try:
        return await graph.get("me", token, [("fields", fields)])
    except SourceStopped as no:
        raise Refused(no.what, where=no.where, hint="make a new token", code=no.code) from None


async def _lasting(graph: Graph, token: str, app_id: str, secret: str) -> tuple[str, list[str]]:
    """A token that lasts about 60 days, where the app may exchange it."""
    if not app_id or not secret:
        return token, ["without the app's id and secret the token cannot be exchanged for one that lasts"]
    asked = {
        "grant_type": "fb_exchange_token",
        "client_id": app_id,
        "client_secret": secret,
        "fb_exchange_token": token,
    }
    try:
        made = await graph.ask("oauth/access_token", f"{app_id}|{secret}", asked)
    except (Refused, SourceStopped) as no:
        return token, [f"the token was not exchanged for one that lasts: {no.what}"]
    return words(made.get("access_token")) or token, ["the token was exchanged for one that lasts"]


async def _granted(graph: Graph, token: str, asking: str) -> tuple[frozenset[str] | None, str]:
    """(permissions that are there, None where Meta does not say; when the login ends, '' for never or not said)."""
    try:
        seen = inside(await graph.ask("debug_token", asking, {"input_token": token}), "data")
    except (Refused, SourceStopped, TryAgain):
        seen = None
    if inside(seen, "is_valid") is False:
        raise Refused("Meta says that the token is not valid any more", hint="make a new one", code="bad_token")
    scopes = inside(seen, "scopes")
    there = frozenset(one for one in scopes if isinstance(one, str)) if isinstance(scopes, list) else None
    ends = [at for name in ("expires_at", "data_access_expires_at") if (at := moment(inside(seen, name)))]
    if there is None:
        try:
            rows = (await graph.get("me/permissions", token)).get("data")
        except (Refused, SourceStopped):
            rows = None
        if isinstance(rows, list):
            there = frozenset(words(inside(one, "permission")) for one in rows if inside(one, "status") == "granted")
    return there, f"{min(ends):%Y-%m-%d}" if ends else ""


def _permissions(needed: Mapping[str, str], there: frozenset[str] | None) -> list[str]:
    if there is None:
        return ["Meta did not say which permissions the token has"]
    missing = [f"{name} is missing: {why}" for name, why in needed.items() if name not in there]
    return missing or ["all permissions are there"]


async def _choice(asking: Asking, graph: Graph, token: str, title: str) -> dict[str, Any]:
    """The Page, by its own token or chosen among a person's."""
    gram = ",instagram_business_account{id,username,name}"
    try:
        return await _me(graph, token, f"id,name,username,category{gram}")
    except Refused as no:
        if no.code.startswith(("graph_190", "graph_102", "permission")):
            raise
    rows: list[dict[str, Any]] = []
    async for page, _ in graph.pages("me/accounts", token, [("fields", f"id,name,username,access_token,tasks{gram}")]):
        rows += [one for one in page if title == "Facebook" or one.get("instagram_business_account")]
    if not rows:
        raise Refused("this person manages no Page that fits", hint="sign in as somebody who does", code="no_page")
    for number, row in enumerate(rows, 1):
        asking.say(f"  {number}  {words(row.get('name'))} ({ident(row.get('id'))})")
    said = (await asking.ask(f"Which one? (1 to {len(rows)})", default="1")).strip()
    if not said.isdecimal() or not 1 <= int(said) <= len(rows):
        raise Refused("that is none of them", where=said[:20], code="no_choice")
    return rows[int(said) - 1]
