"""Faults in the gate, in what is kept for a user, and in what is shown of entities."""

from evals.mutations.mutation import Mutation

_PASSAGES = "portal_rag/evidence/passages.py"
_PORTAL = "portal_rag/clients/backstage_portal.py"
_CREDENTIALS = "portal_rag/clients/credentials.py"
_OFFERING = "portal_rag/understanding/offering.py"
_SETTLING = "portal_rag/understanding/settling.py"
_FOUND = "tests/portal_rag/test_passages.py"
_SEARCHED = "tests/portal_rag/test_portal_search.py"
_SEEN = "tests/portal_rag/test_portals.py"
_ASKED = "tests/portal_rag/test_understanding.py"
_AS_PLUGIN = "tests/portal_rag/test_plugin_identity.py"
_EACH_TIME = f"{_SEEN}::test_the_gate_asks_each_time_and_for_nothing_not_at_all"
_LISTING = f"{_SEEN}::test_a_listing_is_kept_for_a_minute_for_one_token_alone"
_DECISIONS = f"{_AS_PLUGIN}::test_decisions_are_kept_for_half_a_minute_for_one_sign_in_alone"
_KEPT = "            allowed |= await self._allowed(batch, token)\n"
_KEPT_ALWAYS = """
            kept = vars(self).setdefault("kept", {})
            if (key := (token, tuple(batch))) not in kept:
                kept[key] = await self._allowed(batch, token)
            allowed |= kept[key]
"""
_NAMED = "told = [named(visible[ref], note) for ref, note in noted.items() if ref in visible]"
_NAMED_ANYWAY = """told = [
        named(visible[ref], note) if ref in visible else Mention(label=ref.name, ref=ref)
        for ref, note in noted.items()
    ]"""

MUTATIONS = (
    Mutation(
        name="no gate before passages are ranked",
        file=_PASSAGES,
        old="await portal.permitted({_governed(hit) for hits in found for hit in hits})",
        new="{_governed(hit) for hits in found for hit in hits}",
        tests=(f"{_FOUND}::test_what_was_listed_but_is_hidden_by_now_does_not_pass_the_gate",),
    ),
    Mutation(
        name="no gate on what the portal's Search found",
        file="portal_rag/evidence/portal_search.py",
        old="await portal.permitted({page.governed for page in pages})",
        new="{page.governed for page in pages}",
        tests=(f"{_SEARCHED}::test_what_the_gate_refuses_is_dropped_and_counted",),
    ),
    Mutation(
        name="the order of Search's own ranks",
        file="portal_rag/evidence/portal_search.py",
        old="key=lambda each: (-each[0], each[1].url)",
        new="key=lambda each: 0",
        tests=(
            f"{_SEARCHED}::test_pages_come_in_the_order_of_what_they_hold_whatever_search_said",
        ),
    ),
    Mutation(
        name="the gate looks at one of the two entities of a text",
        file="portal_rag/corpus/documents.py",
        old="Governed(frozenset({self.resource_ref, self.entity_ref}), ",
        new="Governed(frozenset({self.entity_ref}), ",
        tests=(f"{_FOUND}::test_a_text_about_one_entity_in_the_files_of_another_needs_both",),
    ),
    Mutation(
        name="the gate does not ask whether an entity exists",
        file=_PORTAL,
        old="            if document.entities <= existing\n            and all(",
        new="            if all(",
        tests=(f"{_SEEN}::test_the_gate_lets_nothing_pass_that_is_not_there",),
    ),
    Mutation(
        name="the gate does not ask for the permission",
        file=_PORTAL,
        old="        return await self._permission.readable_by(wanted, token=token)",
        new="        return wanted",
        tests=(_EACH_TIME,),
    ),
    Mutation(
        name="a document needs no permission of its own",
        file="portal_rag/backstage/document_permissions.py",
        old="        return frozenset({READ, self.by_origin.get(document.origin, READ)})",
        new="        return frozenset({READ})",
        tests=(
            "tests/portal_rag/test_document_permissions.py"
            "::test_docs_that_were_permitted_a_moment_ago_do_not_pass_the_gate",
        ),
    ),
    Mutation(
        name="what was refused still counts for how rare a word is",
        file=_PASSAGES,
        old="            only = Without(visible_to, refused) if refused else visible_to",
        new="            only = visible_to",
        tests=(f"{_FOUND}::test_not_even_how_rare_a_word_is_tells_of_what_is_hidden",),
    ),
    Mutation(
        name="answers of the gate are kept",
        file="portal_rag/backstage/permission.py",
        old=_KEPT,
        new=_KEPT_ALWAYS,
        tests=(_EACH_TIME,),
    ),
    Mutation(
        name="a refusal of the gate lets pass",
        file="portal_rag/backstage/permission.py",
        old='            if verdict == "ALLOW"\n',
        new="            if verdict\n",
        tests=(
            f"{_SEEN}::test_the_gate_lets_pass_what_the_user_may_read",
            "tests/backstage/test_permission.py::test_only_what_backstage_allows_is_readable",
        ),
    ),
    Mutation(
        name="DENY is taken for ALLOW",
        file="portal_rag/clients/plugin_portal.py",
        old="            return OnlyResources(frozenset())",
        new="            return GateDecides()",
        tests=(_DECISIONS,),
    ),
    Mutation(
        name="decisions are shared between users",
        file=_CREDENTIALS,
        old="        return self.user.proof.user_ref, _digest(self.user.proof.token)",
        new='        return EntityRef("user", "default", "anybody"), ""',
        tests=(_DECISIONS,),
    ),
    Mutation(
        name="decisions are shared between sign-ins",
        file=_CREDENTIALS,
        old="        return self.user.proof.user_ref, _digest(self.user.proof.token)",
        new='        return self.user.proof.user_ref, ""',
        tests=(_DECISIONS,),
    ),
    Mutation(
        name="listings are shared between users",
        file=_CREDENTIALS,
        old="        return self.user.user_ref, _digest(self.user.token)",
        new='        return EntityRef("user", "default", "anybody"), ""',
        tests=(_LISTING,),
    ),
    Mutation(
        name="listings and decisions are kept for ever",
        file=_CREDENTIALS,
        old="        return kept[1] if kept and self._timer() - kept[0] < self._seconds else None",
        new="        return kept[1] if kept else None",
        tests=(_LISTING,),
    ),
    Mutation(
        name="no token is passed on",
        file=_CREDENTIALS,
        old="        return self.user.token\n",
        new='        return ""\n',
        tests=(f"{_SEEN}::test_the_gate_lets_pass_what_the_user_may_read",),
    ),
    Mutation(
        name="whoever lacks the permission to ask may ask",
        file="portal_rag/clients/admission.py",
        old="        if not is_allowed:",
        new="        if False:",
        tests=(f"{_AS_PLUGIN}::test_whoever_lacks_the_permission_to_ask_may_not",),
    ),
    Mutation(
        name="references keep their case",
        file="portal_rag/corpus/entity_ref.py",
        old="getattr(self, field).lower()",
        new="getattr(self, field)",
        tests=("tests/backstage/test_catalog.py::test_references_are_asked_for_in_lower_case",),
    ),
    Mutation(
        name="an entity that was not asked for is taken",
        file="portal_rag/backstage/catalog.py",
        old="                if entity and entity.ref == ref\n",
        new="                if entity\n",
        tests=(
            "tests/backstage/test_catalog.py::test_an_entity_that_was_not_asked_for_is_not_taken",
        ),
    ),
    Mutation(
        name="near names come from the listing alone",
        file=_OFFERING,
        old="(entity for entity in alike if entity.ref in readable)",
        new="alike",
        tests=(f"{_ASKED}::test_a_near_name_that_was_hidden_a_moment_ago_is_not_offered",),
    ),
    Mutation(
        name="subjects and choices come from the listing alone",
        file=_SETTLING,
        old="    found = await portal.entities(wanted) if wanted else {}",
        new="    found = {one.ref: one for each in named for one in each.entities}",
        tests=(
            f"{_ASKED}::test_a_subject_that_was_hidden_a_moment_ago_is_unknown",
            f"{_ASKED}::test_a_namesake_that_was_hidden_a_moment_ago_is_not_offered",
        ),
    ),
    Mutation(
        name="relations name hidden entities",
        file="portal_rag/evidence/catalog/relations.py",
        old=_NAMED,
        new=_NAMED_ANYWAY,
        tests=(
            "tests/portal_rag/test_catalog_facts.py"
            "::test_hidden_ends_of_relations_are_absent_without_a_trace",
        ),
    ),
)
