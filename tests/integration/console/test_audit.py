"""The audit page: who did what, filtered, a page at a time."""

from sqlalchemy import text

from tests.support.console import VIEWER, Console


def test_the_audit_is_shown_newest_first_by_who_and_about_what(console: Console) -> None:
    with console.world.engine.begin() as connection:
        for number in range(130):
            connection.execute(
                text("INSERT INTO audit (who, what, subject, reason) VALUES ('ujian', 'note', :about, 'sebab <b>')"),
                {"about": f"letter {number}"},
            )
    visitor = console.visited_by(VIEWER)

    first = visitor.goes_to("/audit?who=ujian")
    (older,) = [link for link in first.links if "before=" in link]
    second = visitor.goes_to(older)

    assert first.html.count("sebab &lt;b&gt;") == 100
    assert second.html.count("sebab &lt;b&gt;") == 30
    assert first.html.index("letter 129") < first.html.index("letter 128")
    assert visitor.goes_to("/audit?subject=letter+7").html.count("sebab") == 1
    assert visitor.goes_to("/audit?since=1h&what=login").html.count("sebab") == 0


def test_a_time_that_is_none_is_said(console: Console) -> None:
    assert "Give a span such as 30m" in console.visited_by(VIEWER).goes_to("/audit?since=semalam").html
