"""Steps out of their order, links that lead no further, outcomes that come late; and looking, which changes nothing."""

from functools import partial

from sqlalchemy import text

from services.portal.pages import moment
from services.portal.words import say
from shared.store.tables import metadata
from tests.support.invited import ANSWERS, PASSWORD, Invited, activates, chooses, sets, signs_in
from tests.support.registrations import hr_event, message, publish, registration
from tests.support.site import Site
from tests.support.tap import Tap
from tests.support.waiting import eventually
from tests.support.web import Page, Visitor, at_once

ACTIVATION = "/account/activation"
OTHER_PASSWORD = "Basikal-Biru-8823"
ADDED = {"next_question": "mother_name", "next_answer": ANSWERS["mother_name"]}
ALL_TOLD = (
    "SELECT (SELECT count(*) FROM mails WHERE result IS NOT NULL) = "
    "(SELECT count(*) FROM state_inbox WHERE type = 'aktif.MailSettled.v1')"
)


def test_looking_at_a_link_writes_nothing_and_says_nothing(site: Site) -> None:
    person = site.person()
    site.world.settle(lambda: site.knows(ALL_TOLD) == [(True,)])
    tap, before = Tap(site.world.amqp_url), rows(site)
    scanner, browser = site.visitor(), site.visitor()

    for _ in range(20):
        assert scanner.http.head(person.link, follow_redirects=False).status_code == 303
        assert scanner.http.get(person.link, follow_redirects=False).status_code == 303
        assert scanner.http.head(person.link).status_code == 200
        assert scanner.http.head(ACTIVATION).content == b""
        assert browser.goes_to(person.link).has_form
        assert browser.goes_to(f"{ACTIVATION}/password").path == ACTIVATION

    assert rows(site) == before
    assert tap.seen() == []
    tap.close()
    assert activates(browser, person).path == f"{ACTIVATION}/done"


def test_the_token_leaves_the_address_bar_at_once(site: Site) -> None:
    person, visitor = site.person(), site.visitor()

    page = visitor.goes_to(person.link)

    assert page.path == ACTIVATION
    assert person.token not in str(page.answer.url) + page.html
    assert [said.status_code for said in page.answer.history] == [303]
    for shown in (person.ic_number, person.name, person.email, "13/07/2020 10:45:50 AM"):
        assert shown in page.html


def test_a_step_before_its_time_leads_back_to_the_step_that_is_due(site: Site) -> None:
    person, visitor = site.person(), site.visitor()
    questions = visitor.goes_to(person.link)
    later = [f"{ACTIVATION}/{step}" for step in ("password", "done", "wait")]

    assert [visitor.goes_to(path).path for path in later] == [ACTIVATION] * 3
    begun = visitor.submits(questions, "add", **ADDED)
    assert [visitor.goes_to(path).path for path in later] == [ACTIVATION] * 3
    typed = {**begun.form.filled(None, {}), "password": PASSWORD, "again": PASSWORD}
    early = visitor.posts(f"{ACTIVATION}/password", data=typed)

    assert (early.status, early.answer.headers["location"]) == (303, ACTIVATION)
    assert site.knows("SELECT state FROM accounts WHERE ic_number = :n", n=person.ic_number) == [("redeemed",)]


def test_a_step_after_its_time_leads_on_to_the_step_that_is_due(site: Site) -> None:
    person, visitor = site.person(), site.visitor()
    questions = visitor.goes_to(person.link)
    password = chooses(visitor, questions)

    assert visitor.goes_to(person.link).path == f"{ACTIVATION}/password"  # the mail's link once more
    done = sets(visitor, password)
    assert [visitor.goes_to(path).path for path in (person.link, f"{ACTIVATION}/password")] == [done.path] * 2
    assert visitor.submits(questions, "next").path == done.path


def test_questions_chosen_again_in_another_window_replace_the_first_until_the_password_is_set(site: Site) -> None:
    person, visitor = site.person(), site.visitor()
    second_window = visitor.goes_to(person.link)
    chooses(visitor, visitor.goes_to(person.link))
    others = {"first_pet": "Kucing Oren", "first_dish": "Nasi Lemak", "first_phone": "Telefon Biru"}

    password = chooses(visitor, second_window, others)
    done = sets(visitor, password)

    assert (password.path, done.path) == (f"{ACTIVATION}/password", f"{ACTIVATION}/done")
    asked = "SELECT question FROM questions JOIN accounts USING (account_id) WHERE ic_number = :n ORDER BY position"
    assert [row[0] for row in site.knows(asked, n=person.ic_number)] == list(others)


def test_the_password_page_twice_ends_well_with_the_same_password_and_says_so_with_another(site: Site) -> None:
    person, visitor = site.person(), site.visitor()
    page = chooses(visitor, visitor.goes_to(person.link))

    first, same, other = (sets(visitor, page, password) for password in (PASSWORD, PASSWORD, OTHER_PASSWORD))

    assert [first.path, same.path] == [f"{ACTIVATION}/done"] * 2
    assert_leads_no_further(other, "other_password")
    assert signs_in(site.visitor(), person.ic_number, PASSWORD).path == "/welcome"
    assert signs_in(site.visitor(), person.ic_number, OTHER_PASSWORD).status == 401


def test_of_several_passwords_at_once_the_one_that_is_said_to_stand_works_and_no_other(site: Site) -> None:
    passwords = (PASSWORD, OTHER_PASSWORD, "Pokok-Hijau-3391", "Bulan-Terang-7720")

    for person in site.people(4):
        visitor = site.visitor()
        page = chooses(visitor, visitor.goes_to(person.link))
        pages = at_once([partial(sets, visitor, page, password) for password in passwords])

        works = [signs_in(site.visitor(), person.ic_number, password).status == 200 for password in passwords]
        assert works.count(True) == 1
        assert [page.path == f"{ACTIVATION}/done" for page in pages] == works
        for refused in [page for page, stands in zip(pages, works, strict=True) if not stands]:
            assert_leads_no_further(refused, "other_password")


class TestALinkThatLeadsNoFurther:
    """Each its own page, with the next step on it; and what is posted to it is not carried out."""

    def test_expired(self, site: Site) -> None:
        person, visitor = site.person(), site.visitor()
        page = visitor.goes_to(person.link)
        change(site, "UPDATE mails SET accepted_at = accepted_at - interval '31 min' WHERE link_id = :link", person)

        assert_leads_no_further(visitor.submits(page, "add", **ADDED), "expired", "/account/resend")
        assert_leads_no_further(site.visitor().goes_to(person.link), "expired", "/account/resend")

    def test_superseded_with_the_time_of_the_newer_mail(self, site: Site) -> None:
        person, visitor = site.person(), site.visitor()
        page = visitor.goes_to(person.link)
        corrected = registration(person.index, email="baharu@example.gov.my")
        publish(site.world.amqp_url, [message(hr_event(f"corrected-{person.index}", corrected))])
        eventually(
            "the newer mail's time is told", lambda: newer_mail(site, person) in visitor.goes_to(person.link).html
        )

        assert_leads_no_further(visitor.submits(page, "add", **ADDED), "superseded", "/account/resend")

    def test_opened_in_another_browser(self, site: Site) -> None:
        person, visitor, other = site.person(), site.visitor(), site.visitor()
        late = other.goes_to(person.link)
        visitor.submits(visitor.goes_to(person.link), "add", **ADDED)

        assert_leads_no_further(other.submits(late, "add", **ADDED), "elsewhere", "/account/resend")
        assert_leads_no_further(site.visitor().goes_to(person.link), "elsewhere", "/account/resend")
        assert visitor.goes_to(person.link).has_form

    def test_already_active(self, site: Site) -> None:
        person = site.active_person()

        assert_leads_no_further(site.visitor().goes_to(person.link), "active", "/account/recovery")

    def test_withdrawn(self, site: Site) -> None:
        person, visitor = site.person(), site.visitor()
        page = visitor.goes_to(person.link)
        withdraw(site, person)
        eventually("it is withdrawn", lambda: visitor.goes_to(person.link).status == 410)

        assert_leads_no_further(visitor.submits(page, "add", **ADDED), "withdrawn", "/")

    def test_a_session_that_is_over(self, site: Site) -> None:
        person, visitor = site.person(), site.visitor()
        page = chooses(visitor, visitor.goes_to(person.link))
        change(site, "UPDATE links SET redeemed_at = redeemed_at - interval '31 min' WHERE link_id = :link", person)

        assert_leads_no_further(sets(visitor, page), "session_over", "/account/resend")

    def test_none_in_this_browser(self, site: Site) -> None:
        for path in (ACTIVATION, f"{ACTIVATION}/password", f"{ACTIVATION}/done", f"{ACTIVATION}/wait"):
            assert_leads_no_further(site.visitor().goes_to(path), "no_link", "/account/resend", status=404)

    def test_forged(self, site: Site) -> None:
        token = site.person().token
        for forged in (token[:-1], token[:-1] + ("A" if token[-1] != "A" else "B"), "", "é" * 64):
            page = site.visitor().goes_to(f"{ACTIVATION}?token={forged}")
            assert_leads_no_further(page, "forged", "/account/resend", status=404)


class TestAnOutcomeThatTakesLonger:
    """State stands still for more than five seconds."""

    def test_the_first_button_is_pressed_again(self, site: Site) -> None:
        person, visitor = site.person(), site.visitor()
        page = visitor.goes_to(person.link)

        with site.without("state"):
            again = visitor.submits(page, "add", **ADDED)
        assert again.status == 200
        assert str(say("en", "page.again")) in again.html
        assert again.form.filled("add", {})["next_answer"] == [ADDED["next_answer"]]  # nothing has to be typed twice

        added = visitor.submits(again, "add")
        assert str(say("en", "questions.count", count=1)) in added.html
        assert chooses(visitor, added, rest()).path == f"{ACTIVATION}/password"

    def test_the_waiting_page_leads_on_by_itself(self, site: Site) -> None:
        person, visitor = site.person(), site.visitor()
        page = all_chosen(visitor, person)

        with site.without("state"):
            waiting = visitor.submits(page, "next")
            assert (waiting.status, waiting.path) == (200, f"{ACTIVATION}/wait")
            assert 'http-equiv="refresh"' in waiting.html
            assert visitor.goes_to(waiting.path).path == waiting.path
        eventually("it leads on", lambda: visitor.goes_to(waiting.path).path == f"{ACTIVATION}/password")

        password = visitor.goes_to(waiting.path)
        with site.without("state"):
            assert sets(visitor, password).path == f"{ACTIVATION}/wait"
        eventually("it is done", lambda: visitor.goes_to(waiting.path).path == f"{ACTIVATION}/done")
        assert signs_in(site.visitor(), person.ic_number, PASSWORD).path == "/welcome"

    def test_a_rejection_is_told_on_the_waiting_page(self, site: Site) -> None:
        person, visitor = site.person(), site.visitor()
        page = all_chosen(visitor, person)

        with site.without("state"):
            withdraw(site, person)
            waiting = visitor.submits(page, "next")
            assert waiting.path == f"{ACTIVATION}/wait"
        eventually("it is told", lambda: visitor.goes_to(waiting.path).status == 410)

        assert_leads_no_further(visitor.goes_to(waiting.path), "withdrawn", "/")

    def test_what_became_a_dead_letter_is_told_too(self, site: Site) -> None:
        person, visitor = site.person(), site.visitor()
        page = all_chosen(visitor, person)

        with site.without("state"):
            waiting = visitor.submits(page, "next")
            assert waiting.path == f"{ACTIVATION}/wait"
            change(site, "DELETE FROM links WHERE link_id = :link", person)
        eventually("it is told", lambda: visitor.goes_to(waiting.path).status == 500)

        assert_leads_no_further(visitor.goes_to(waiting.path), "failed", "/account/resend", status=500)
        assert ("unknown_link",) in site.knows("SELECT reason FROM letters")


def test_a_forgotten_password_is_set_anew_in_the_browser(site: Site) -> None:
    person, visitor = site.active_person(), site.visitor()
    page = visitor.goes_to(site.recovery_link(person))

    assert page.path == "/account/recovery/questions"
    assert person.ic_number not in page.html  # who holds a recovery mail learns nothing more
    page = visitor.submits(page, answer=[f"  {answer.upper()} " for answer in ANSWERS.values()])
    assert page.path == "/account/recovery/password"
    assert sets(visitor, page, OTHER_PASSWORD).path == "/account/recovery/done"

    assert signs_in(site.visitor(), person.ic_number, OTHER_PASSWORD).path == "/welcome"
    assert signs_in(site.visitor(), person.ic_number, PASSWORD).status == 401


def test_a_password_is_refused_with_the_reason_and_nothing_is_set(site: Site) -> None:
    person, visitor = site.person(), site.visitor()
    page = chooses(visitor, visitor.goes_to(person.link))

    for password, again in [
        ("kata", "kata"),
        (PASSWORD, PASSWORD + "!"),
        (f"Aa-{person.ic_number}", f"Aa-{person.ic_number}"),
        ("Sekolah Bukit Hijau!1", "Sekolah Bukit Hijau!2"),
    ]:
        page = visitor.submits(page, password=password, again=again)
        assert page.path == f"{ACTIVATION}/password"
        assert 'role="alert"' in page.html
        assert password not in page.html
    assert site.knows("SELECT state FROM accounts WHERE ic_number = :n", n=person.ic_number) == [("questions_set",)]


def all_chosen(visitor: Visitor, person: Invited) -> Page:
    """The page with three questions, one press before the password."""
    page = visitor.goes_to(person.link)
    for question, answer in ANSWERS.items():
        page = visitor.submits(page, "add", next_question=question, next_answer=answer)
    return page


def rest() -> dict[str, str]:
    """The answers but the first."""
    return {question: answer for question, answer in ANSWERS.items() if question != ADDED["next_question"]}


def assert_leads_no_further(
    page: Page, reason: str, next_step: str = "/account/recovery", *, status: int = 410
) -> None:
    """The page of a reason, with a link to what to do next."""
    assert (page.status, page.heading) == (status, str(say("en", f"bad_link.{reason}.title")))
    assert next_step in page.links
    assert not page.has_form


def change(site: Site, statement: str, person: Invited) -> None:
    """Changes the rows of a person's link, as time would."""
    with site.world.engine.begin() as connection:
        link = "SELECT link_id FROM links JOIN accounts USING (account_id) WHERE ic_number = :number"
        link_id = connection.execute(text(link), {"number": person.ic_number}).scalar_one()
        assert connection.execute(text(statement), {"link": link_id}).rowcount == 1


def withdraw(site: Site, person: Invited) -> None:
    """HR takes a registration back."""
    event = hr_event(f"withdrawn-{person.index}", {"ic_number": person.ic_number}, "AccountWithdrawn")
    publish(site.world.amqp_url, [message(event)])


def rows(site: Site) -> list[str]:
    """Every row of every table."""
    with site.world.engine.connect() as connection:
        tables = {
            table.name: connection.execute(text(f"SELECT * FROM {table.name}")) for table in metadata.sorted_tables
        }
        return sorted(f"{name}: {tuple(row)}" for name, found in tables.items() for row in found)


def newer_mail(site: Site, person: Invited) -> str:
    """When the newest mail of a person was accepted, as pages print it."""
    newest = "SELECT max(m.accepted_at) FROM mails m JOIN accounts USING (account_id) WHERE ic_number = :number"
    found = site.knows(newest, number=person.ic_number)[0][0]
    return moment(found) if found else "none yet"
