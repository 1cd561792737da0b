"""What is private in a text -> stand-ins of the same size. Pure.

`keep` replaces credentials, ids, e-mail addresses, host names and the owners of home folders, and leaves the language.
`fill` replaces the language as well, word by word: punctuation, white space, markup and short numbers stay, and so do
the characters that only have to stay as they are: no-break and zero-width spaces, combining marks, letters that Unicode
would normalise. Bytes that are no UTF-8 (as `surrogateescape` has them) go where they are more than the
beginning of one character.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from unicodedata import combining, normalize

from harness.traffic.pseudonym import Pseudonyms

# What the providers and the clients themselves are reached at tells nothing about a user.
_PUBLIC = frozenset(
    {"anthropic.com", "claude.com", "claude.ai", "openai.com", "googleapis.com", "github.com", "json-schema.org"}
)
_SCHEMES = frozenset({"http", "https", "data", "file"})

_PRIVATE = r"""
    (?P<credential> \b(?: sk | pk | rk )[-_][\w-]{12,} | \bAIza[\w-]{20,} | \bgh[opsu]_\w{20,} | \bxox[a-z]-[\w-]{10,}
        | \bAKIA[A-Z0-9]{12,} | \beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)? | \bsm_[\w-]{12,} )
  | (?P<email> [\w.+-]+@[\w-]+(?:\.[\w-]+)+ )
  | (?P<id> \b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b | \b[0-9a-f]{32,}\b
        | \b(?: msg | toolu | srvtoolu | req | call | resp | chatcmpl | fc | rs | org | proj | user | account | file
              | session | batch | run | thread | asst )[-_](?=[A-Za-z]*\d)[A-Za-z0-9]{8,}\b )
  | (?P<host> \b(?:[a-zA-Z0-9-]+\.)+(?: com | org | net | io | ai | dev | app | cloud | local | internal | corp | lan
              | intra | eu | de | fr | uk | us | cn | jp | in )\b )
  | (?<= /home/ ) (?P<owner> [\w.-]+ ) | (?<= /Users/ ) (?P<owner_mac> [\w.-]+ )
  | (?<= \\Users\\ ) (?P<owner_windows> [\w.-]+ )
"""
_LANGUAGE = r"""
    (?P<tag> </?[A-Za-z][\w:-]*(?=[\s/>]) )
  | (?P<mixed> \b(?=[^\W_]*\d)(?=[^\W_]*[^\W\d_])[^\W_]{10,}\b )
  | (?P<word> [^\W\d_]+ )
  | (?P<number> [0-9]{5,} )
  | (?P<raw> [\udc80-\udcff]{4,} )
"""
_NOTHING = r"(?!)"


@dataclass(frozen=True, slots=True)
class Texts:
    """How the texts of one recording are scrubbed; `secrets` are replaced wherever they stand."""

    pseudonyms: Pseudonyms
    kept: re.Pattern[str]
    filled: re.Pattern[str]

    @classmethod
    def of(cls, pseudonyms: Pseudonyms, secrets: Collection[str] = ()) -> Texts:
        known = "|".join(re.escape(secret) for secret in sorted(secrets, key=len, reverse=True)) or _NOTHING
        private = rf"(?P<secret>{known})|(?x:{_PRIVATE})"
        return cls(pseudonyms, re.compile(private), re.compile(rf"{private}|(?x:{_LANGUAGE})"))

    def keep(self, text: str) -> str:
        return self.kept.sub(self._replaced, text)

    def fill(self, text: str) -> str:
        return self.filled.sub(self._replaced, text)

    def _replaced(self, found: re.Match[str]) -> str:
        whole = found[0]
        match found.lastgroup:
            case "secret" | "credential" | "mixed":
                return self.pseudonyms.opaque(whole)
            case "id":
                return self.pseudonyms.id(whole)
            case "email":
                return self._named(whole)
            case "host":
                return whole if ".".join(whole.lower().split(".")[-2:]) in _PUBLIC else self._named(whole)
            case "tag":
                return whole if _is_closed(whole, found.string) else self._named(whole)
            case "number":
                return self.pseudonyms.digits(whole)
            case "word" if whole in _SCHEMES and found.string.startswith(":", found.end()):
                return whole
            case "raw":
                return self.pseudonyms.raw(whole)
            case _:
                return self._with_base(self._named(whole), whole, found.string[found.end() : found.end() + 1])

    def _with_base(self, stand_in: str, word: str, mark: str) -> str:
        """The stand-in, its last letter such that what follows it, a combining mark, still composes with it."""
        base = word[-1]
        if not mark or not combining(mark) or not base.isascii() or normalize("NFC", base + mark) == base + mark:
            return stand_in
        return stand_in[:-1] + self.pseudonyms.base(base, mark, word)

    def _named(self, name: str) -> str:
        """Word by word; the last one after a dot (a top-level domain) stays."""
        end = name.rfind(".") if "." in name else len(name)
        return re.sub(r"[^\W_]+", lambda word: self._part(word[0]), name[:end]) + name[end:]

    def _part(self, part: str) -> str:
        return self.pseudonyms.word(part) if part.isalpha() else self.pseudonyms.opaque(part)


def _is_closed(tag: str, text: str) -> bool:
    """Markup has an end tag; whatever else stands between angle brackets may be a name."""
    name = tag.lstrip("</")
    return f"</{name}>" in text and (tag.startswith("</") or f"<{name}" in text)
