"""With what questions about a team or a person are answered."""

from portal_rag.understanding.means import With, documents, facts, words

_MEMBERS = words(
    r"\bmembers?\b|\bwho(?:'s| is| are| all is)? (?:in|on|part of)\b|\bwho works?\b|\bpeople\b"
    r"|\bhow many\b|\bhow big\b|\bwer ist\b|\bteam ?mates?\b|\bwho belongs\b|\bwho are the\b"
)
_OWNS = words(
    r"\bown\b|\bowns\b|\bowned\b|\bresponsible\b|\bin charge\b|\bbelongs? to\b|\bmaintains?\b"
    r"|\blooks? after\b|\brun\b|\bworking on\b"
)
_TEAM_OF = words(
    r"\b(?:which|what) (?:teams?|groups?|squads?)\b.*\b(?:in|on|of|for|part|belong|member)\b"
    r"|\bpart of\b|\bwho is \w+(?: \w+)?\W*$|\bwho is \w+ in\b|\bteam am i\b|\bmember of\b"
)
_REACH = words(
    r"\breach\b|\bcontact\b|\be-?mails?\b|\bphone\b|\bget hold\b|\bget in touch\b|\bslack\b|\bask\b"
)
_TEAM_RULES = words(r"\boffice hours\b|\bhow (?:quick\w*|fast)\b|\badmins?\b|\bmission\b")


def of_team(masked: str) -> With:
    """Tell members, what is owned, the team of a person and how to reach it apart."""
    if _TEAM_RULES.search(masked):
        return documents(topics=("contact",))
    if _REACH.search(masked):
        return facts("contact")
    if _TEAM_OF.search(masked) and not words(r"\bwho(?:'s| is| are) (?:in|on|part)\b").search(
        masked
    ):
        return facts("teams")
    if _MEMBERS.search(masked):
        return facts("members")
    return facts("owns") if _OWNS.search(masked) else facts("members", "contact")
