--------------------------- MODULE WriteProtocol ---------------------------
(* One partition of ops.events and one entity: several writers, a leader    *)
(* broker that may fail over, one projector. The words and the rules R1-R9  *)
(* are those of docs/explanation/write-protocol.md. Each rule is a constant *)
(* that can be taken away, so that the schedule it prevents can be seen.    *)
(* docs/spec/check.py gives the constants; docs/spec/README.md explains.    *)
EXTENDS Naturals, Sequences, FiniteSets, TLC

CONSTANTS
  \* --- what there is, and how much of it
  Writers, Commands,
  Kind,          \* of a command: edit (seen at version 0) | add | two (two events) | set | clr | clrx (refused, where clr has nothing to do)
  Minted,        \* the time in a command id
  Attempts,      \* how often a command is sent
  LogMax, TermsMax,
  WaitingMax,    \* commands of one writer that wait for an answer
  Remembered,    \* K: how many command ids an entity's state remembers
  FailOversMax, RecreatedMax,
  \* environment: writers crash, and give up on batches; Postgres loses its last commits; the projector parks the entity; writers drop state
  Stops, LoseCommits, Park, Evict,
  \* --- R1
  Term,          \* id: the fence's own id | offset: where the fence stands
  OwnFence,      \* id: a writer knows its fence by id | writer: any fence of its name
  \* --- R2
  Contiguity,    \* gapread | strict | none: what an acknowledgement proves
  Settlement,    \* fence: a batch in doubt is settled by a later fence | early: as soon as one looks
  \* --- R3
  BatchesOnWire, \* 1; with more, the broker may lose the first and take the second
  WholeBatches,  \* the records of a batch land together; FALSE: as if each were a batch of its own
  \* --- R4
  Barrier,       \* batch: an answer waits for a batch sent after the decision | wire: for one sent before | none
  Join,          \* a retry of an unacknowledged command waits for the next batch
  \* --- R5
  Source,        \* log | row | torn (row and checkpoint from two reads): where a new term's state comes from
  RowCounts,     \* a row counts only if its checkpoint covers what was dropped, and the entity is not parked
  \* --- R6
  LookUp,        \* an id older than the memory: unknown | covered (look-up and cover check) | and what goes wrong: forget (taken as new),
                 \* blind (no cover check), early (cover check before the decision waits), expected (offsets of unacknowledged events
                 \* count as places in the log), unparked (a parked entity's versions are believed)
  VoidIds,       \* TRUE: ids of void events are remembered
  \* --- R7
  Refusals,      \* owner: the owner remembers refused ids | log: marks carry them | none
  \* --- R8
  TermInCheckpoint,
  \* --- R9
  Topic          \* safe | unclean | min-isr-1 | acks-1

VARIABLES
  log,           \* of the partition's leader
  safe,          \* how many records of it are on enough in-sync replicas
  net,           \* batches on their way, or dropped by a fail-over and retried
  W,             \* writers
  attempts, P,   \* P: the projector's checkpoint and row, as Postgres shows them
  PF,            \* ... as Postgres has them on disk
  bad,           \* the first false answer
  refused, notApplied, acked, terms, faults
vars == <<log, safe, net, W, attempts, P, PF, bad, refused, notApplied, acked, terms, faults>>

\* ------------------------------------------------------------------ the fold
None == [c |-> ""]
S0 == [ver |-> 0, ids |-> <<>>, flag |-> FALSE, forgotten |-> 0, off |-> 0]
Entry(s, c) == IF \E i \in 1..Len(s.ids): s.ids[i].c = c
               THEN s.ids[CHOOSE i \in 1..Len(s.ids): s.ids[i].c = c] ELSE None
Max(a, b) == IF a > b THEN a ELSE b
Remember(s, r, res, o) ==
  LET n == Len(s.ids)
      e == [c |-> r.c, res |-> res, ver |-> r.ver, off |-> o]
  IN IF n > 0 /\ s.ids[n].c = r.c THEN [s EXCEPT !.ids[n] = e]  \* the command's second event
     ELSE IF n < Remembered THEN [s EXCEPT !.ids = Append(@, e)]
     ELSE [s EXCEPT !.ids = Append(Tail(@), e), !.forgotten = Max(@, Minted[Head(s.ids).c])]
Apply(s, r, o) ==
  CASE r.t = "event" -> [Remember(s, r, "ok", o) EXCEPT !.ver = r.ver, !.off = o,
         !.flag = IF Kind[r.c] = "set" THEN TRUE ELSE IF Kind[r.c] \in {"clr", "clrx"} THEN FALSE ELSE @]
    [] r.t = "refusal" -> Remember(s, r, "rej", o)
    [] OTHER -> s
RECURSIVE ApplyAll(_, _, _)
ApplyAll(s, rs, o) == IF rs = <<>> THEN s ELSE ApplyAll(Apply(s, Head(rs), o), Tail(rs), o + 1)
Fresh(s, c) ==
  CASE Kind[c] = "edit" -> IF s.ver = 0 THEN "event" ELSE "rej"
    [] Kind[c] \in {"add", "two"} -> "event"
    [] Kind[c] = "set" -> IF s.flag THEN "noop" ELSE "event"
    [] Kind[c] = "clrx" -> IF s.flag THEN "event" ELSE "rej"
    [] Kind[c] = "clr" -> IF s.flag THEN "event" ELSE "noop"
Decide(s, c) == IF Entry(s, c) # None THEN "known"
                ELSE IF LookUp # "forget" /\ Minted[c] <= s.forgotten THEN "old" ELSE Fresh(s, c)
Events(c) == IF Kind[c] = "two" THEN 2 ELSE 1

\* ------------------------------------------------- the log, and readers of it
TermOf(l, o) == IF Term = "id" THEN l[o].ss ELSE o
LastFence(l, o) == LET fs == {i \in 1..o: l[i].t = "fence"} IN IF fs = {} THEN 0 ELSE CHOOSE i \in fs: \A j \in fs: j <= i
Valid(l, o) == l[o].t # "fence" /\ LET f == LastFence(l, o) IN f > 0 /\ l[o].term = TermOf(l, f)
\* a reader: [off, term, st, vs], vs being the versions table: the version of each command that was seen; one record further
X0 == [off |-> 0, term |-> 0, st |-> S0, vs |-> [c \in Commands |-> 0]]
Read(x, l) ==
  LET o == x.off + 1  r == l[o]
  IN IF r.t = "fence" THEN [x EXCEPT !.off = o, !.term = TermOf(l, o)]
     ELSE IF r.term = x.term
     THEN [x EXCEPT !.off = o, !.st = Apply(@, r, o), !.vs = IF r.t = "event" THEN [@ EXCEPT ![r.c] = r.ver] ELSE @]
     ELSE [x EXCEPT !.off = o, !.st = IF VoidIds /\ r.t = "event" THEN Remember(@, r, "ok", o) ELSE @]
RECURSIVE ReadTo(_, _, _)
ReadTo(x, l, n) == IF x.off >= n THEN x ELSE ReadTo(Read(x, l), l, n)
Fold(l, n) == ReadTo(X0, l, n)
\* what a reader without any fault makes of the log
RECURSIVE Truth_(_, _, _, _)
Truth_(l, i, n, s) == IF i > n THEN s ELSE Truth_(l, i + 1, n, IF Valid(l, i) THEN Apply(s, l[i], i) ELSE s)
Truth(l, n) == Truth_(l, 1, n, S0)
ValidEvents(l, c) == {o \in 1..Len(l): l[o].t = "event" /\ l[o].c = c /\ Valid(l, o)}
BatchEnd(l, n) == n = 0 \/ l[n].z
Places(ss, sq) == {o \in 1..Len(log): log[o].ss = ss /\ log[o].sq = sq}
Base(ss, sq) == CHOOSE o \in Places(ss, sq): \A p \in Places(ss, sq): o <= p

\* what a consumer sees, and what a producer is told: R9
Readable == IF Topic = "min-isr-1" THEN Len(log) ELSE safe
AckedTo == IF Topic \in {"min-isr-1", "acks-1"} THEN Len(log) ELSE safe
Landed(ss, sq, n, upto) == Cardinality(Places(ss, sq)) = n /\ \A o \in Places(ss, sq): o <= upto

\* ------------------------------------------------------------------- answers
\* Whether a record is void depends on what stands before it only, so a check at the time of the answer is final.
OkBad(c, ver) ==
  LET v == {log[o].ver: o \in ValidEvents(log, c)} IN
  IF v = {} THEN "false 200: not valid in the log" ELSE IF ver \notin v \/ \E u \in v: u > ver THEN "200 with a wrong version" ELSE ""
NoEventBad(i) ==  \* no event: it was true of a valid state between the command's arrival and its answer
  IF \/ \E n \in i.arr..Readable: BatchEnd(log, n) /\ LET s == Truth(log, n)  e == Entry(s, i.c)
                                                     IN i.res = IF e # None THEN e.res ELSE Fresh(s, i.c)
     \/ \E o \in 1..Len(log): log[o].t = "refusal" /\ log[o].c = i.c /\ i.res = "rej" /\ Valid(log, o)
  THEN "" ELSE "stale " \o i.res
AnswerBad(i) == IF i.res = "ok" THEN OkBad(i.c, i.ver) ELSE NoEventBad(i)
Answer(items) ==  \* a set
  /\ bad' = LET b == {i \in items: AnswerBad(i) # ""} IN IF bad # "" \/ b = {} THEN bad ELSE AnswerBad(CHOOSE i \in b: TRUE)
  /\ refused' = refused \cup {i.c: i \in {j \in items: j.res = "rej"}}
  /\ acked' = IF FailOversMax = 0 THEN acked ELSE acked \cup {<<i.c, i.ver>>: i \in {j \in items: j.res = "ok"}}
NoAnswer == UNCHANGED <<bad, refused, acked>>
Set(s) == {s[i]: i \in 1..Len(s)}

\* -------------------------------------------------------------------- broker
LandBatch(b) ==
  /\ Len(log) + Len(b.recs) <= LogMax
  /\ LET all == WholeBatches \/ Len(b.recs) = 1 IN
     /\ log' = IF all THEN log \o b.recs ELSE Append(log, Head(b.recs))
     /\ net' = (net \ {b}) \cup (IF all THEN {} ELSE {[b EXCEPT !.recs = Tail(@)]})
  /\ safe' = IF FailOversMax = 0 THEN Len(log') ELSE safe
  /\ UNCHANGED <<W, attempts, P, PF, bad, refused, notApplied, acked, terms, faults>>
Land == \E b \in net: LandBatch(b)
Replicate == /\ safe < Len(log) /\ safe' = Len(log)
             /\ UNCHANGED <<log, net, W, attempts, P, PF, bad, refused, notApplied, acked, terms, faults>>
\* Another broker leads. What the old leader alone had (it may have been isolated for a while) is gone; producers retry it.
FailOver ==
  /\ faults < FailOversMax /\ faults' = faults + 1
  /\ \E n \in {m \in (IF Topic = "unclean" THEN 0 ELSE safe)..Len(log): BatchEnd(log, m)}:
       /\ log' = SubSeq(log, 1, n) /\ safe' = n
       /\ net' = net \cup {[ss |-> log[o].ss, sq |-> log[o].sq, recs |-> SubSeq(log, Base(log[o].ss, log[o].sq), o)]:
                             o \in {p \in (Max(n, safe) + 1)..Len(log): log[p].z}}
  /\ UNCHANGED <<W, attempts, P, PF, bad, refused, notApplied, acked, terms>>
\* The topic is made anew under live writers.
Recreate ==
  /\ faults < RecreatedMax /\ faults' = faults + 1 /\ log' = <<>> /\ safe' = 0
  /\ UNCHANGED <<net, W, attempts, P, PF, bad, refused, notApplied, acked, terms>>

\* -------------------------------------------------------------------- writer
Next0 == [items |-> <<>>, recs |-> <<>>]
W0 == [m |-> "idle", ss |-> 0, sq |-> 0, term |-> 0, fence |-> 0, last |-> 0, conf |-> S0, away |-> FALSE,
       wire |-> <<>>, next |-> Next0, open |-> {}, known |-> {}, looks |-> {}]
RECURSIVE WireRecs(_)
WireRecs(wire) == IF wire = <<>> THEN <<>> ELSE Head(wire).recs \o WireRecs(Tail(wire))
\* the speculative state: what is on the wire and what waits, at the offsets where it is expected
Spec(x) == ApplyAll(x.conf, WireRecs(x.wire) \o x.next.recs, x.last + 1)
RECURSIVE WireItems(_)
WireItems(wire) == IF wire = <<>> THEN {} ELSE Set(Head(wire).items) \cup WireItems(Tail(wire))
RECURSIVE Open(_, _)
Open(ss, wire) == IF wire = <<>> THEN {}
  ELSE {[c |-> i.c, arr |-> i.arr, res |-> i.res, ver |-> i.ver, ss |-> ss, sq |-> Head(wire).sq]: i \in Set(Head(wire).items)}
       \cup Open(ss, Tail(wire))
\* The term is over: all state is dropped, what was sent is in doubt, what was not sent changed nothing.
Doubt(x) == [W0 EXCEPT !.m = "doubt", !.fence = x.fence, !.open = Open(x.ss, x.wire)]
Won(i, f) == \E o \in Places(i.ss, i.sq): o < f /\ Valid(log, o)
Settled(open, f) ==
  /\ Answer({i \in open: Won(i, f)})
  /\ notApplied' = notApplied \cup {<<i.ss, i.sq>>: i \in {j \in open: ~Won(j, f)}}

StartFence(w) == LET x == W[w] IN
  /\ x.m \in {"idle", "doubt", "fencing"} /\ terms <= TermsMax /\ terms' = terms + 1
  /\ net' = net \cup {[ss |-> terms, sq |-> 1, recs |-> <<[t |-> "fence", ss |-> terms, sq |-> 1, w |-> w, z |-> TRUE]>>]}
  /\ W' = [W EXCEPT ![w] = [W0 EXCEPT !.m = "fencing", !.ss = terms, !.sq = 1, !.open = x.open, !.fence = x.fence]]
  /\ UNCHANGED <<log, safe, attempts, P, PF, bad, refused, notApplied, acked, faults>>
FenceRead(w) == LET x == W[w] IN
  /\ x.m = "fencing" /\ Landed(x.ss, 1, 1, Readable)
  /\ LET f == Base(x.ss, 1)
         own == IF OwnFence = "id" THEN {f} ELSE {o \in 1..Len(log): log[o].t = "fence" /\ log[o].w = w}
         row == IF Source = "torn" THEN [P.x EXCEPT !.st = PF.x.st] ELSE P.x
         st == IF Source = "log" \/ (RowCounts /\ P.park) THEN Fold(log, f).st ELSE ReadTo(row, log, f).st
     IN /\ \E e \in own: W' = [W EXCEPT ![w] = [x EXCEPT !.m = "serving", !.term = TermOf(log, e), !.fence = f, !.last = f,
                                                         !.conf = st, !.open = {}]]
        /\ Settled(x.open, f)
  /\ UNCHANGED <<log, safe, net, attempts, P, PF, terms, faults>>

\* A look-up is one statement: the command's version if it was seen (else 0), the checkpoint, whether the entity is parked.
Look(c, arr) == [c |-> c, arr |-> arr, ver |-> P.x.vs[c], off |-> P.x.off, park |-> P.park]
\* The versions table has all that the memory has forgotten.
Covered(x, k) ==
  LET oldest == Head(Spec(x).ids).off IN
  /\ k.off + 1 >= oldest
  /\ LookUp = "expected" \/ oldest <= x.last + 1
  /\ LookUp = "unparked" \/ ~k.park
\* Command c, decided as d on x: who waits for what.
Take(w, x, c, arr, d) ==
  LET s == Spec(x)
      item(res, ver) == [c |-> c, arr |-> arr, res |-> res, ver |-> ver]
      now(i) == W' = [W EXCEPT ![w] = x] /\ Answer({i})
      wait(i, recs) == /\ W' = [W EXCEPT ![w] = [x EXCEPT !.next = [items |-> Append(@.items, i), recs |-> @.recs \o recs]]] /\ NoAnswer
      onWire(i) == /\ W' = [W EXCEPT ![w] = [x EXCEPT !.wire[Len(x.wire)].items = Append(@, i)]] /\ NoAnswer
      e == Entry(s, c)
  IN CASE d = "event" -> wait(item("ok", s.ver + Events(c)), [i \in 1..Events(c) |-> [t |-> "event", c |-> c, ver |-> s.ver + i]])
       [] d = "known" -> IF ~Join \/ Entry(x.conf, c) # None THEN now(item(e.res, e.ver)) ELSE wait(item(e.res, e.ver), <<>>)
       [] OTHER ->
            IF Barrier = "batch"
            THEN wait(item(d, s.ver), IF Refusals = "log" /\ d = "rej" THEN <<[t |-> "refusal", c |-> c, ver |-> s.ver]>> ELSE <<>>)
            ELSE IF Barrier = "wire" /\ x.next.items # <<>> THEN wait(item(d, s.ver), <<>>)
            ELSE IF Barrier = "wire" /\ x.wire # <<>> THEN onWire(item(d, s.ver)) ELSE now(item(d, s.ver))
\* A command is decided when it arrives: one that waited before is one that arrives later.
Ask(w, c) == LET x == W[w]  d == Decide(Spec(x), c)  arr == Readable IN
  /\ x.m = "serving" /\ ~x.away /\ attempts[c] < Attempts[c] /\ attempts' = [attempts EXCEPT ![c] = @ + 1]
  /\ Cardinality(WireItems(x.wire)) + Len(x.next.items) < WaitingMax
  /\ IF c \in x.known THEN UNCHANGED W /\ NoAnswer  \* refused a moment ago: the same refusal again
     ELSE IF d # "old" THEN Take(w, x, c, arr, d)
     ELSE /\ NoAnswer                                \* "outcome unknown", or looked up
          /\ W' = IF LookUp = "unknown" \/ (LookUp = "early" /\ ~Covered(x, Look(c, arr))) THEN W
                  ELSE [W EXCEPT ![w].looks = @ \cup {Look(c, arr)}]
  /\ UNCHANGED <<log, safe, net, P, PF, notApplied, terms, faults>>
LookedUp(w, k) == LET x == [W[w] EXCEPT !.looks = @ \ {k}] IN
  /\ x.m = "serving" /\ ~x.away /\ Cardinality(WireItems(x.wire)) + Len(x.next.items) < WaitingMax
  /\ IF Entry(Spec(x), k.c) # None THEN Take(w, x, k.c, k.arr, "known")
     ELSE IF k.ver > 0 THEN W' = [W EXCEPT ![w] = x] /\ Answer({[c |-> k.c, arr |-> k.arr, res |-> "ok", ver |-> k.ver]})
     ELSE IF LookUp \in {"blind", "early"} \/ Covered(x, k) THEN Take(w, x, k.c, k.arr, Fresh(Spec(x), k.c))
     ELSE W' = [W EXCEPT ![w] = x] /\ NoAnswer
  /\ UNCHANGED <<log, safe, net, attempts, P, PF, notApplied, terms, faults>>
Looked(w) == \E k \in W[w].looks: LookedUp(w, k)
\* The next batch goes on the wire: the events of all who wait, or one mark if none of them needs an event.
Send(w) == LET x == W[w] IN
  /\ x.m = "serving" /\ x.next.items # <<>> /\ Len(x.wire) < BatchesOnWire
  /\ LET recs == IF x.next.recs = <<>> THEN <<[t |-> "mark", c |-> "", ver |-> 0]>> ELSE x.next.recs
         n == Len(recs)
         full == [i \in 1..n |-> [t |-> recs[i].t, c |-> recs[i].c, ver |-> recs[i].ver,
                                  ss |-> x.ss, sq |-> x.sq + 1, term |-> x.term, z |-> i = n]]
     IN /\ net' = net \cup {[ss |-> x.ss, sq |-> x.sq + 1, recs |-> full]}
        /\ W' = [W EXCEPT ![w].sq = @ + 1, ![w].next = Next0,
                          ![w].wire = Append(@, [sq |-> x.sq + 1, items |-> x.next.items, recs |-> recs])]
  /\ UNCHANGED <<log, safe, attempts, P, PF, bad, refused, notApplied, acked, terms, faults>>
Ack(w) == LET x == W[w] IN
  /\ x.m = "serving" /\ x.wire # <<>>
  /\ LET b == Head(x.wire)  n == Len(b.recs) IN
     /\ Landed(x.ss, b.sq, n, AckedTo)
     /\ LET o == Base(x.ss, b.sq)
            good == \/ Contiguity = "none"
                    \/ o = x.last + 1
                    \/ Contiguity = "gapread" /\ o > x.last /\ \A j \in (x.last + 1)..(o - 1): log[j].t # "fence"
        IN IF good
           THEN /\ W' = [W EXCEPT ![w].last = o + n - 1, ![w].wire = Tail(@), ![w].conf = ApplyAll(@, b.recs, o),
                                  ![w].known = IF Refusals = "owner" THEN @ \cup {i.c: i \in {j \in Set(b.items): j.res = "rej"}} ELSE @]
                /\ Answer(Set(b.items))
           ELSE W' = [W EXCEPT ![w] = Doubt(x)] /\ NoAnswer
  /\ UNCHANGED <<log, safe, net, attempts, P, PF, notApplied, terms, faults>>
\* A time-out, offset -1 that is not found, a fatal error of the producer.
GiveUp(w) == /\ Stops /\ W[w].m = "serving" /\ W[w].wire # <<>> /\ W' = [W EXCEPT ![w] = Doubt(W[w])]
             /\ UNCHANGED <<log, safe, net, attempts, P, PF, bad, refused, notApplied, acked, terms, faults>>
\* Any fence after its own settles all batches of a lost term ("early" waits for none).
Settle(w) == LET x == W[w]
                 later == {o \in 1..Readable: o > x.fence /\ log[o].t = "fence"}
                 f == IF Settlement = "early" THEN Readable + 1 ELSE IF later = {} THEN 0 ELSE CHOOSE o \in later: \A p \in later: o <= p IN
  /\ x.m = "doubt" /\ x.open # {} /\ f > 0 /\ Settled(x.open, f) /\ W' = [W EXCEPT ![w].open = {}]
  /\ UNCHANGED <<log, safe, net, attempts, P, PF, terms, faults>>
Crash(w) == /\ Stops /\ W[w].m # "idle" /\ W' = [W EXCEPT ![w] = W0]
            /\ UNCHANGED <<log, safe, net, attempts, P, PF, bad, refused, notApplied, acked, terms, faults>>
DropState(w) == LET x == W[w] IN
  /\ Evict /\ x.m = "serving" /\ ~x.away /\ x.wire = <<>> /\ x.next = Next0 /\ x.conf.off > 0 /\ x.conf.off <= P.x.off
  /\ W' = [W EXCEPT ![w].away = TRUE]  \* conf stays for its offset only: up to there the events are no longer held
  /\ UNCHANGED <<log, safe, net, attempts, P, PF, bad, refused, notApplied, acked, terms, faults>>
Load(w) == LET x == W[w]  counts == ~RowCounts \/ (P.x.off >= x.conf.off /\ ~P.park) IN
  /\ x.m = "serving" /\ x.away
  /\ W' = [W EXCEPT ![w].away = FALSE, ![w].conf = IF counts THEN P.x.st ELSE Fold(log, x.last).st]
  /\ UNCHANGED <<log, safe, net, attempts, P, PF, bad, refused, notApplied, acked, terms, faults>>

\* ----------------------------------------------------------------- projector
Rows == Source # "log" \/ Evict \/ ~TermInCheckpoint \/ LookUp \notin {"unknown", "forget"}
Project ==
  /\ Rows /\ P.x.off < Readable
  /\ \E park \in (IF Park THEN {P.park, TRUE} ELSE {FALSE}):
       LET y == Read(P.x, log) IN P' = [x |-> IF park THEN [y EXCEPT !.st = P.x.st, !.vs = P.x.vs] ELSE y, park |-> park]
  /\ PF' = IF LoseCommits THEN PF ELSE P'
  /\ UNCHANGED <<log, safe, net, W, attempts, bad, refused, notApplied, acked, terms, faults>>
Flush == LoseCommits /\ PF # P /\ PF' = P /\ UNCHANGED <<log, safe, net, W, attempts, P, bad, refused, notApplied, acked, terms, faults>>
PostgresCrash == LoseCommits /\ PF # P /\ P' = PF
                 /\ UNCHANGED <<log, safe, net, W, attempts, PF, bad, refused, notApplied, acked, terms, faults>>
\* Without a term in its checkpoint, a restarted reader believes the next event that it sees.
Restart == /\ ~TermInCheckpoint /\ P.x.off < Readable /\ log[P.x.off + 1].t # "fence" /\ P.x.term # log[P.x.off + 1].term
           /\ P' = [P EXCEPT !.x.term = log[P.x.off + 1].term] /\ PF' = P'
           /\ UNCHANGED <<log, safe, net, W, attempts, bad, refused, notApplied, acked, terms, faults>>

Init == /\ log = <<>> /\ safe = 0 /\ net = {} /\ W = [w \in Writers |-> W0] /\ attempts = [c \in Commands |-> 0]
        /\ P = [x |-> X0, park |-> FALSE] /\ PF = P /\ bad = "" /\ refused = {} /\ notApplied = {} /\ acked = {}
        /\ terms = 1 /\ faults = 0
Next == \/ Land \/ Replicate \/ FailOver \/ Recreate
        \/ \E w \in Writers: \/ StartFence(w) \/ FenceRead(w) \/ Send(w) \/ Ack(w) \/ GiveUp(w) \/ Settle(w) \/ Crash(w)
                             \/ DropState(w) \/ Load(w) \/ Looked(w)
        \/ \E w \in Writers, c \in Commands: Ask(w, c)
        \/ Project \/ Flush \/ PostgresCrash \/ Restart
Symmetry == Permutations(Writers)
Behaviour == Init /\ [][Next]_vars

\* ---------------------------------------------------------------- invariants
AllEvents == {o \in 1..Len(log): log[o].t = "event" /\ Valid(log, o)}
Answers == bad = ""                                                \* no false answer
Durable == \A a \in acked: \E o \in ValidEvents(log, a[1]): log[o].ver = a[2]
Once == \A c \in Commands: Cardinality(ValidEvents(log, c)) <= Events(c)
Whole == \A c \in Commands: ValidEvents(log, c) # {} => Cardinality(ValidEvents(log, c)) >= Events(c)
Contiguous == \A o \in AllEvents: log[o].ver = Cardinality({p \in AllEvents: p <= o})
NoLostUpdate == Cardinality({o \in AllEvents: Kind[log[o].c] = "edit"}) <= 1
RefusalFinal == \A c \in refused: ValidEvents(log, c) = {}
NotAppliedTrue == \A i \in notApplied: \A o \in Places(i[1], i[2]): ~Valid(log, o)
Reader == P.park \/ P.x.off > Len(log) \/ P.x.st = Truth(log, P.x.off)
============================================================================
