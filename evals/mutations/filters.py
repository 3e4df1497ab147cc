"""Faults in the filter that is part of a search."""

from evals.mutations.mutation import Mutation

_SELECTION = "portal_rag/corpus/selection.py"
_SHARD = "portal_rag/corpus/edge_shard.py"
_LISTED = "tests/corpus/test_store_contract.py::test_only_chunks_of_listed_resources_are_found"
_NOTHING = (
    "tests/corpus/test_store_contract.py"
    "::test_who_may_read_nothing_finds_nothing_and_the_store_is_not_even_asked"
)
_RANKS = (
    "tests/corpus/test_store_contract.py"
    "::test_hidden_chunks_do_not_change_the_scores_of_visible_ones"
)
_KNOWN_RANKS = (
    "tests/corpus/test_store_contract.py"
    "::test_terms_are_as_rare_as_among_what_is_known_to_be_readable"
)
_FILTERS = "tests/corpus/test_condition_filter.py"
_NEGATION = f"{_FILTERS}::test_negation_finds_the_rest_and_what_is_not_known"
_BY_THEMSELVES = f"{_FILTERS}::test_trees_that_decide_by_themselves_ask_no_engine"
_ANOTHER_SALT = f"{_FILTERS}::test_with_another_salt_nothing_is_found_however_the_condition_negates"
_FOLLOW = f"{_FILTERS}::test_predicates_follow_the_entity_and_nothing_else_changes"
_CONDITIONS = "tests/corpus/test_conditions.py"

MUTATIONS = (
    Mutation(
        name="no filter in the search by meaning",
        file=_SHARD,
        old="        filter=only,\n        with_payload=True,",
        new="        filter=only if rarity else None,\n        with_payload=True,",
        tests=(f"{_LISTED}[edge]",),
    ),
    Mutation(
        name="no filter in the search by words",
        file=_SHARD,
        old="        filter=only,\n        with_payload=True,",
        new="        filter=None if rarity else only,\n        with_payload=True,",
        tests=(f"{_LISTED}[edge]",),
    ),
    Mutation(
        name="no filter in the search of a server by meaning",
        file="portal_rag/corpus/server_collection.py",
        old="                using=DENSE,\n                query_filter=only,",
        new="                using=DENSE,\n                query_filter=None,",
        tests=(f"{_LISTED}[memory]",),
    ),
    Mutation(
        name="no filter in the search of a server by words",
        file="portal_rag/corpus/server_collection.py",
        old="                using=LEXICAL,\n                query_filter=only,",
        new="                using=LEXICAL,\n                query_filter=None,",
        tests=(f"{_LISTED}[memory]",),
    ),
    Mutation(
        name="terms are as rare as in all of the index",
        file=_SHARD,
        old="edge.IdfParams(corpus=corpus)",
        new="edge.IdfParams(corpus=None)",
        tests=(f"{_RANKS}[edge]",),
    ),
    Mutation(
        name="terms are as rare as in all of a server's collection",
        file="portal_rag/corpus/server_points.py",
        old="SearchParams(idf=models.IdfCorpusParams(corpus=corpus)) if corpus else None",
        new="SearchParams()",
        tests=(f"{_RANKS}[memory]",),
    ),
    Mutation(
        name="terms are as rare as among all that is found",
        file=_SELECTION,
        old="            return _counted(by)",
        new="            return select(visibility)",
        tests=(f"{_KNOWN_RANKS}[edge]",),
    ),
    Mutation(
        name="who may read nothing reads everything",
        file=_SELECTION,
        old="            return any_of(RESOURCE_REF, map(str, refs))",
        new="            return any_of(RESOURCE_REF, map(str, refs)) if refs else Everything()",
        tests=(f"{_NOTHING}[edge]",),
    ),
    Mutation(
        name="an empty anyOf matches everything",
        file="portal_rag/corpus/constraints.py",
        old="    return several[0] if several else Nothing()",
        new="    return several[0] if several else Everything()",
        tests=(_BY_THEMSELVES,),
    ),
    Mutation(
        name="an empty allOf matches everything in the search",
        file=_SELECTION,
        old="            return all_of(found) if found else Nothing()",
        new="            return all_of(found)",
        tests=(f"{_NEGATION}[edge]",),
    ),
    Mutation(
        name="an empty allOf holds of everything",
        file="portal_rag/corpus/conditions.py",
        old="            return _first_of(False, each, otherwise=bool(parts))",
        new="            return _first_of(False, each, otherwise=True)",
        tests=(f"{_CONDITIONS}::test_empty_lists_match_nothing_and_may_not_be_negated",),
    ),
    Mutation(
        name="a negation of what is not known is true",
        file="portal_rag/corpus/conditions.py",
        old="            return None if found is None else not found",
        new="            return not found",
        tests=(f"{_CONDITIONS}::test_what_is_not_known_stays_unknown_unless_the_rest_decides",),
    ),
    Mutation(
        name="a negation in the search leaves out what may be read",
        file=_SELECTION,
        old="negation(_certainly(part) if is_generous else _possibly(part))",
        new="negation(_possibly(part))",
        tests=(_BY_THEMSELVES,),
    ),
    Mutation(
        name="a negation beside others is dropped",
        file="portal_rag/corpus/edge_filter.py",
        old="                must_not=list(map(_condition, refused)),",
        new="                must_not=[],",
        tests=(f"{_NEGATION}[edge]",),
    ),
    Mutation(
        name="a negation beside others is dropped in the search of a server",
        file="portal_rag/corpus/server_points.py",
        old="                must_not=list(map(_condition, refused)),",
        new="                must_not=[],",
        tests=(f"{_NEGATION}[memory]",),
    ),
    Mutation(
        name="a negation with another salt finds everything",
        file=_SELECTION,
        old="selection if _asks_for_something(selection) else all_of([known, selection])",
        new="selection",
        tests=(f"{_ANOTHER_SALT}[edge]",),
    ),
    Mutation(
        name="what an entity was stays in the index",
        file=_SHARD,
        old="                governed = AnyOf(RESOURCE_REF, (str(ref),))",
        new='                governed = AnyOf(RESOURCE_REF, (f"former-{ref}",))',
        tests=(f"{_FOLLOW}[edge]",),
    ),
)
