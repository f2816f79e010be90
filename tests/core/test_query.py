import pytest

from packages_app.core.query import Condition, Every, Not, QueryRefused, Some, is_query, parse_query

NGINX = Condition("name", "=", "nginx")
KIRO = Condition("name", "=", "kiro")
DOC = Condition("name", "%", "*-doc")


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("nginx", NGINX),
        (" nginx\n", NGINX),
        ("*-doc", DOC),
        ("nginx, kiro", Every((NGINX, KIRO))),
        ("nginx and kiro AND *-doc", Every((NGINX, KIRO, DOC))),
        ("nginx | kiro, *-doc", Some((NGINX, Every((KIRO, DOC))))),
        ("(nginx or kiro), *-doc", Every((Some((NGINX, KIRO)), DOC))),
        ("!nginx, kiro", Every((Not(NGINX), KIRO))),
        ("not (nginx | kiro)", Not(Some((NGINX, KIRO)))),
        ("!!nginx", Not(Not(NGINX))),
        ("nginx (>= 1.24~)", Every((NGINX, Condition("version", ">=", "1.24~")))),
        ("nginx (1.0)", Every((NGINX, Condition("version", "=", "1.0")))),
        ("nginx(% 1.*)", Every((NGINX, Condition("version", "%", "1.*")))),
        (
            "nginx (<< 2:1.0) {arm64}",
            Every((NGINX, Condition("version", "<<", "2:1.0"), Condition("architecture", "=", "arm64"))),
        ),
        (
            "nginx_1:1.0-1_amd64",
            Every((NGINX, Condition("version", "=", "1:1.0-1"), Condition("architecture", "%", "amd64"))),
        ),
        ("$Suite (stable)", Condition("suite", "=", "stable")),
        ("Suite(=stable)", Condition("suite", "=", "stable")),
        ("$Version (>> 1)", Condition("version", ">>", "1")),
        ("Package (x)", Condition("name", "=", "x")),
        ("$PackageType (adopted)", Condition("type", "=", "adopted")),
        ("Maintainer (% *@example.org>)", None),
        ("Maintainer (% '*@example.org>')", Condition("maintainer", "%", "*@example.org>")),
        ('Maintainer ("A B (C)")', Condition("maintainer", "=", "A B (C)")),
        ("Section (non-free/net tools)", Condition("section", "=", "non-free/net tools")),
        ("Built-Using", Condition("built-using", "", "")),
        ("Size (>> 10M)", Condition("size", ">>", 10_000_000)),
        ("Size (<= 2KiB)", Condition("size", "<=", 2048)),
        ("Size (500)", Condition("size", "=", 500)),
        ("Age (>= 4w)", Condition("age", ">=", 4 * 7 * 24 * 3600)),
        ("nginx (= 1.0", None),
        ("", None),
        ("nginx kiro", None),
        ("nginx,", None),
        ("nginx)", None),
        ("| nginx", None),
        ("nginx (< 1.0)", None),
        ("nginx (~ 1)", None),
        ("nginx ()", None),
        ("nginx (= v.1_0)", None),
        ("nginx {amd64", None),
        ("a_b", None),
        ("a_b_c_d", None),
        ("name/with/slash", None),
        ("$", None),
        ("Section (>> net)", None),
        ("Size (>= ten)", None),
        ("Size (% 1*)", None),
        ("Age (>= 3y)", None),
        ("Section ('net)", None),
        ("Section (% ***a*b*c*d*e*f*)", None),
        ("(" * 51 + "nginx" + ")" * 51, None),
        ("!" * 5000 + "nginx", None),
        ("a|" * 3000 + "a", None),
    ],
)
def test_a_query_is_read_or_refused(text, query):
    if query is None:
        with pytest.raises(QueryRefused):
            parse_query(text)
    else:
        assert parse_query(text) == query


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("nginx kiro", 7),
        ("nginx (= v_1)", 10),
        ("Section ('net)", 10),
        ("nginx,", 7),
        ("$Suite (stable", 15),
        ("x (< 1)", 4),
    ],
)
def test_a_refusal_shows_where_the_query_is_wrong(text, place):
    with pytest.raises(QueryRefused) as refused:
        parse_query(text)

    assert f"at character {place} of" in refused.value.message
    assert f"<here>{text[place - 1 :]}" in refused.value.message


@pytest.mark.parametrize("text", ["kiro", "Kiro", "kiro#1.0", "kiro-", ""])
def test_a_part_of_a_name_is_no_query(text):
    assert not is_query(text)


@pytest.mark.parametrize("text", ["kiro*", "a, b", "$Suite (x)", "kiro_1_all", "!kiro"])
def test_marks_make_a_query(text):
    assert is_query(text)
