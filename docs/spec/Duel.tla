-------------------------------- MODULE Duel --------------------------------
(* Progress only: do two live writers that both believe they own the        *)
(* partition ever get a command acknowledged? (R2: a writer fences again    *)
(* only while the group names it owner.) Places in the log are reduced to   *)
(* "has anything of another's landed since my last record".                 *)
EXTENDS Naturals
CONSTANTS Writers,
          Obey,        \* only the writer that the group names appends a fence
          Contiguity   \* strict | gapread, as in WriteProtocol
VARIABLES state, top, between, owner, acked, moves, late
vars == <<state, top, between, owner, acked, moves, late>>
Others(w) == [v \in Writers |-> IF v = w THEN FALSE ELSE TRUE]
Init == /\ state = [w \in Writers |-> "idle"] /\ top \in Writers /\ between = [w \in Writers |-> FALSE]
        /\ owner \in Writers /\ acked = FALSE /\ moves = 2 /\ late = 2
Fence(w) == /\ state[w] = "idle" /\ (Obey => owner = w) /\ state' = [state EXCEPT ![w] = "serving"] /\ top' = w
            /\ between' = Others(w) /\ acked' = FALSE /\ UNCHANGED <<owner, moves, late>>
Land(w) == /\ state[w] = "serving"
           /\ LET lost == IF Contiguity = "strict" THEN between[w] ELSE top # w IN
              /\ state' = [state EXCEPT ![w] = IF lost THEN "idle" ELSE "serving"]
              /\ acked' = ~lost
           /\ between' = Others(w) /\ UNCHANGED <<top, owner, moves, late>>
\* the group names another owner
Move == /\ moves > 0 /\ moves' = moves - 1 /\ \E w \in Writers: owner' = w
        /\ acked' = FALSE /\ UNCHANGED <<state, top, between, late>>
\* a record of a dead writer lands
Late == /\ late > 0 /\ late' = late - 1 /\ between' = [v \in Writers |-> TRUE]
        /\ acked' = FALSE /\ UNCHANGED <<state, top, owner, moves>>
Next == Move \/ Late \/ \E w \in Writers: Fence(w) \/ Land(w)
Behaviour == Init /\ [][Next]_vars /\ \A w \in Writers: WF_vars(Fence(w)) /\ WF_vars(Land(w))
Progress == []<>acked
=============================================================================
