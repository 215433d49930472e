"""The peer of the inbox's start: neomutt on a maildir, with its defaults and a header cache, on the same terminal.

The mails are what mails are: 2 kB, most of it headers that machines have added on the way.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SUBJECT = b"my invoice is wrong"

_MAIL = """\
Return-Path: <author{i}@mail.example.org>
Delivered-To: care@acme.example
Received: from mx1.acme.example ([192.0.2.10]) by store3.acme.example with LMTP id {i:016x} for <care@acme.example>;
 {day} +0000
Received: from out-{i}.mail.example.org (out-{i}.mail.example.org [198.51.100.7]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384
 (256/256 bits)) by mx1.acme.example (Postfix) with ESMTPS id {i:08X} for <care@acme.example>; {day} +0000
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=mail.example.org; s=2026; h=from:to:subject:date:message-id:mime-version:content-type;
 bh={hash:0>43}=; b={hash:0>64}
 {hash:0>64}
 {hash:0>64}
 {hash:0>64}==
Authentication-Results: mx1.acme.example; dkim=pass header.d=mail.example.org; spf=pass smtp.mailfrom=mail.example.org; dmarc=pass
From: Author {i} <author{i}@mail.example.org>
To: Acme Care <care@acme.example>
Subject: my invoice is wrong, number {i}
Date: {day} +0000
Message-ID: <{i:016x}.{i}@mail.example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit
X-Mailer: Example Mail 16.0
List-Unsubscribe: <https://mail.example.org/leave/{i:016x}>

Hello,

my invoice is wrong, number {i}, and nobody answers. I have written three times by now, and each time somebody promised to look at it.
Please help: the amount is not what we agreed on, and the day on which it is due has passed.

Author {i}
"""


@dataclass(frozen=True, slots=True)
class Neomutt:
    """neomutt, its settings and so many mails, in a folder of ours."""

    home: Path
    mails: int

    @staticmethod
    def there() -> bool:
        """Whether this machine has it."""
        return shutil.which("neomutt") is not None

    def fill(self) -> None:
        """Write the mails and the settings."""
        for part in ("cur", "new", "tmp"):
            (self.home / "mail" / part).mkdir(parents=True)
        for i in range(self.mails):
            day = f"Mon, {1 + i // 86_400 % 28} Nov 2026 {i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}"
            text = _MAIL.format(i=i, day=day, hash=f"{i * 2654435761 % 2**61:x}")
            (self.home / "mail" / "cur" / f"{1793000000 + i}.M{i}P7.store3:2,S").write_text(text, encoding="utf-8")
        (self.home / "muttrc").write_text(
            f"set header_cache={self._cache}\nset folder={self.home}/mail\nset quit=yes\n"
        )

    @property
    def _cache(self) -> Path:
        return self.home / "headers"

    def forget(self) -> None:
        """No header cache any more."""
        self._cache.unlink(missing_ok=True)

    @property
    def command(self) -> Sequence[str]:
        """How it starts."""
        return ["neomutt", "-n", "-F", str(self.home / "muttrc"), "-f", str(self.home / "mail")]

    @property
    def environment(self) -> Mapping[str, str]:
        """Nobody's own settings."""
        return {**os.environ, "HOME": str(self.home)}
