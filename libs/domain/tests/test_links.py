"""Links have two halves: this one is decided here, and is pending until the other entity has its own."""

from __future__ import annotations

import pytest
from examples import INC, LATER, NOW, OPENED, OTHER, THIRD, given

from opsroom_domain.entities.incident import (
    INVERSE,
    Link,
    LinkBack,
    Linked,
    LinkedBack,
    LinkSettled,
    LinkTo,
    Relation,
    SettleLink,
    Standing,
    Unlink,
    UnlinkBack,
    Unlinked,
)
from opsroom_domain.ids import EntityId

LINKED = Linked(**LATER, target=OTHER, relation="blocks")
SETTLED = LinkSettled(**LATER, target=OTHER, relation="blocks")
REFUSED = LinkSettled(**LATER, target=OTHER, relation="blocks", reason="it does not exist")


def test_each_relation_has_an_inverse_that_leads_back() -> None:
    assert set(INVERSE) == set(Relation)
    assert all(INVERSE[INVERSE[relation]] == relation for relation in Relation)


def test_a_link_is_pending_until_it_is_settled() -> None:
    after = given(OPENED).when(Link(**NOW, target=OTHER, relation="blocks")).then(Linked(**NOW, target=OTHER, relation="blocks"))
    assert after.links == (LinkTo(target=OTHER, relation="blocks", standing=Standing.PENDING),)
    settled = given(OPENED, LINKED).when(SettleLink(**NOW, target=OTHER, relation="blocks"))
    assert settled.then(LinkSettled(**NOW, target=OTHER, relation="blocks")).links[0].standing is Standing.DONE


def test_a_refused_link_stays_and_says_why_and_can_be_tried_again() -> None:
    command = SettleLink(**NOW, target=OTHER, relation="blocks", reason="it does\nnot exist")
    expected = LinkSettled(**NOW, target=OTHER, relation="blocks", reason="it does not exist")
    after = given(OPENED, LINKED).when(command).then(expected)
    assert after.links == (LinkTo(target=OTHER, relation="blocks", standing=Standing.REFUSED, reason="it does not exist"),)
    again = given(OPENED, LINKED, REFUSED).when(Link(**NOW, target=OTHER, relation="blocks"))
    assert again.then(Linked(**NOW, target=OTHER, relation="blocks")).links[0].standing is Standing.PENDING


@pytest.mark.parametrize("history", [(OPENED,), (OPENED, LINKED, SETTLED), (OPENED, LINKED, REFUSED)], ids=["gone", "done", "refused"])
def test_only_what_is_pending_is_settled(history: tuple[Linked, ...]) -> None:
    given(*history).when(SettleLink(**NOW, target=OTHER, relation="blocks")).then_nothing()


def test_the_other_half_is_whole_at_once() -> None:
    after = given(OPENED).when(LinkBack(**NOW, target=OTHER, relation="blocked-by"))
    links = after.then(LinkedBack(**NOW, target=OTHER, relation="blocked-by")).links
    assert links == (LinkTo(target=OTHER, relation="blocked-by", standing=Standing.DONE),)


def test_when_both_linked_at_once_each_keeps_its_own_half() -> None:
    given(OPENED, LINKED).when(LinkBack(**NOW, target=OTHER, relation="blocks")).then_nothing()


def test_a_half_that_was_refused_is_whole_when_the_other_one_links() -> None:
    after = given(OPENED, LINKED, REFUSED).when(LinkBack(**NOW, target=OTHER, relation="blocks"))
    assert after.then(LinkedBack(**NOW, target=OTHER, relation="blocks")).links[0].standing is Standing.DONE


def test_unlinking_the_other_half_is_unlinking() -> None:
    after = given(OPENED, LINKED).when(UnlinkBack(**NOW, target=OTHER, relation="blocks"))
    assert after.then(Unlinked(**NOW, target=OTHER, relation="blocks")).links == ()
    given(OPENED).when(UnlinkBack(**NOW, target=OTHER, relation="blocks")).then_nothing()
    assert given(OPENED, LINKED, SETTLED).when(Unlink(**NOW, target=OTHER, relation="blocks")).events


def test_a_word_that_is_no_relation_is_refused_with_those_that_are() -> None:
    given(OPENED).when(Link(**NOW, target=OTHER, relation="likes")).then_refused("bad-relation", "blocked-by", "child")
    given(OPENED).when(LinkBack(**NOW, target=INC, relation="blocks")).then_refused("link-to-itself", INC)


def test_the_other_half_needs_room_too() -> None:
    full = [Linked(**LATER, target=EntityId(f"inc_01k{number:023d}"), relation="related") for number in range(100)]
    given(OPENED, *full).when(LinkBack(**NOW, target=THIRD, relation="related")).then_refused("too-many", "100")
