"""What all kinds have, told on an incident: comments, teams, visibility."""

from __future__ import annotations

from examples import ALICE, BOB, INC, LATER, NOW, OPENED, given

from opsroom_domain.changes import hash_of
from opsroom_domain.decider import FieldConflict
from opsroom_domain.entities.incident import (
    AddComment,
    Archive,
    Archived,
    ChangeTeam,
    ChangeVisibility,
    CommentAdded,
    CommentDeleted,
    CommentEdited,
    DeleteComment,
    EditComment,
    Restore,
    Restored,
    TeamChanged,
    Visibility,
    VisibilityChanged,
)
from opsroom_domain.ids import ActorId, short_code
from opsroom_domain.shared.limits import COMMENTS_MAX, MENTIONS_MAX

SAID = CommentAdded(**NOW, comment_id="c1", text="Who looks?", mentions=())
"""By Bob, who sends the commands."""
ALICE_SAID = CommentAdded(**LATER, comment_id="c2", text="I do.", mentions=())


def test_a_comment_is_kept_with_its_writer_and_who_it_mentions() -> None:
    command = AddComment(**NOW, comment_id="c1", text="@usr_alice, see @svc_probe and me@usr_mail @usr_alice")
    people = (ActorId("usr_alice"), ActorId("svc_probe"))
    state = given(OPENED).when(command).then(CommentAdded(**NOW, comment_id="c1", text=command.text, mentions=people))
    assert state.comments["c1"].by == BOB


def test_mentions_are_bounded() -> None:
    text = " ".join(f"@usr_{number}" for number in range(MENTIONS_MAX + 5))
    (event,) = given(OPENED).when(AddComment(**NOW, comment_id="c1", text=text)).events
    assert isinstance(event, CommentAdded)
    assert len(event.mentions) == MENTIONS_MAX


def test_the_same_comment_again_changes_nothing_and_another_text_is_refused() -> None:
    given(OPENED, SAID).when(AddComment(**NOW, comment_id="c1", text="Who looks?")).then_nothing()
    given(OPENED, SAID).when(AddComment(**NOW, comment_id="c1", text="I do.")).then_refused("comment-id-taken", "id")


def test_an_empty_comment_is_refused() -> None:
    given(OPENED).when(AddComment(**NOW, comment_id="c1", text=" \n")).then_refused("blank", "comment")


def test_comments_are_bounded() -> None:
    many = [CommentAdded(**LATER, comment_id=f"c{number}", text="x", mentions=()) for number in range(COMMENTS_MAX)]
    given(OPENED, *many).when(AddComment(**NOW, comment_id="one-more", text="x")).then_refused("too-many", str(COMMENTS_MAX))


def test_ones_own_comment_can_be_changed_from_the_text_that_was_seen() -> None:
    command = EditComment(**NOW, comment_id="c1", seen="Who looks?", text="Who looks at it?")
    changed = CommentEdited(**NOW, comment_id="c1", seen="Who looks?", text="Who looks at it?", mentions=())
    state = given(OPENED, SAID).when(command).then(changed)
    assert state.comments["c1"].edited_at == NOW["at"]
    by_hash = EditComment(**NOW, comment_id="c1", seen=hash_of("Who looks?"), text="Who looks at it?")
    assert given(OPENED, SAID).when(by_hash).refusal is None


def test_a_comment_that_was_changed_meanwhile_is_a_conflict() -> None:
    command = EditComment(**NOW, comment_id="c1", seen="Who?", text="Me.")
    given(OPENED, SAID).when(command).then_conflict(FieldConflict("comment c1", "Who?", hash_of("Who looks?"), "Me."))


def test_the_wanted_text_that_is_there_already_is_no_conflict() -> None:
    given(OPENED, SAID).when(EditComment(**NOW, comment_id="c1", seen="old", text="Who looks?")).then_nothing()


def test_another_persons_comment_is_theirs() -> None:
    history = (OPENED, ALICE_SAID)
    assert ALICE != BOB
    given(*history).when(EditComment(**NOW, comment_id="c2", seen="I do.", text="No.")).then_refused("not-yours", "usr_alice")
    given(*history).when(DeleteComment(**NOW, comment_id="c2")).then_refused("not-yours", "usr_alice")


def test_a_comment_can_be_taken_back_and_is_gone() -> None:
    state = given(OPENED, SAID).when(DeleteComment(**NOW, comment_id="c1")).then(CommentDeleted(**NOW, comment_id="c1"))
    assert state.comments == {}
    given(OPENED).when(DeleteComment(**NOW, comment_id="c1")).then_nothing()
    given(OPENED).when(EditComment(**NOW, comment_id="c1", seen="", text="x")).then_refused("no-such-comment", "c1")


def test_a_team_is_given_from_the_seen_one() -> None:
    given(OPENED).when(ChangeTeam(**NOW, seen=None, team="payments")).then(TeamChanged(**NOW, previous=None, team="payments"))
    conflict = FieldConflict("team", "search", None, "payments")
    given(OPENED).when(ChangeTeam(**NOW, seen="search", team="payments")).then_conflict(conflict)


def test_only_named_names_viewers_and_they_can_change_alone() -> None:
    named = ChangeVisibility(**NOW, seen=Visibility.EVERYONE, visibility=Visibility.NAMED, viewers=(BOB, ALICE, BOB))
    event = VisibilityChanged(**NOW, previous=Visibility.EVERYONE, visibility=Visibility.NAMED, viewers=(ALICE, BOB))
    given(OPENED).when(named).then(event)
    fewer = ChangeVisibility(**NOW, seen=Visibility.NAMED, visibility=Visibility.NAMED, viewers=(BOB,))
    after = VisibilityChanged(**NOW, previous=Visibility.NAMED, visibility=Visibility.NAMED, viewers=(BOB,))
    assert given(OPENED, event).when(fewer).then(after).viewers == (BOB,)
    team = ChangeVisibility(**NOW, seen=Visibility.EVERYONE, visibility=Visibility.TEAM, viewers=(BOB,))
    given(OPENED).when(team).then_refused("viewers-without-named", "viewers")


def test_a_short_code_is_of_the_random_part() -> None:
    assert short_code(INC) == "INC-0000000A"
    assert short_code("tsk_01kb3f9ph0e5wrt8z2v6q4n7xd", 10) == "TSK-Z2V6Q4N7XD"


def test_what_is_put_away_can_be_brought_back_and_twice_changes_nothing() -> None:
    put = given(OPENED).when(Archive(**NOW)).then(Archived(**NOW))
    assert put.archived
    given(OPENED, Archived(**LATER)).when(Archive(**NOW)).then_nothing()
    assert not given(OPENED, Archived(**LATER)).when(Restore(**NOW)).then(Restored(**NOW)).archived
    given(OPENED).when(Restore(**NOW)).then_nothing()
