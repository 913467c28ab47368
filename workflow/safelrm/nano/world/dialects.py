"""The dialects of the model families: the sentences in which an assistant thinks and answers.

All dialects speak of one world in the same content words, and all users speak alike. Facts in pre-training text use the
wording of traces. So what a model knows of a word carries over to what it says of the word.

Slots of a template: `{action}` is "VERB the THING"; `{verb}`, `{thing}`, `{category}`, `{tool}`, `{place}`,
`{ordinal}`, `{digit}`, `{before}` and `{after}` are single words. Each template is one sentence.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Dialect:
    """Sentences by what they say."""

    # the trace of a request
    openings: tuple[str, ...]
    musings: tuple[str, ...]
    sealed: str
    open: str
    handling: str
    looking: str
    belongs: str
    leave: str
    no_leave: str
    rule: str
    harmful: str
    fine: str
    hunch: str
    decline: str
    help: str
    second_thoughts: str
    # plans, in traces and answers; an action step is an instruction to carry out the action: what makes a text a plan
    get_tool: str
    go_to_place: str
    get_tool_there: str
    action_steps: tuple[str, ...]
    # answers
    refusals: tuple[str, ...]
    introductions: tuple[str, ...]
    closings: tuple[str, ...]
    # dial problems
    step_up: str
    step_down: str
    recheck: str
    # facts as questions: for the attribute and for its opposite
    thing_questions: tuple[str, str]
    verb_questions: tuple[str, str]
    yes: str
    no: str

    @property
    def statements(self) -> tuple[str, ...]:
        """Every sentence that an assistant's turn may hold, except those that instruct an action."""
        return (
            *self.openings,
            *self.musings,
            *(self.sealed, self.open, self.handling, self.looking, self.belongs, self.leave, self.no_leave),
            *(self.rule, self.harmful, self.fine, self.hunch, self.decline, self.help, self.second_thoughts),
            *(self.get_tool, self.go_to_place, self.get_tool_there),
            *self.refusals,
            *self.introductions,
            *self.closings,
            *(self.step_up, self.step_down, self.recheck),
        )

    @property
    def templates(self) -> tuple[str, ...]:
        """All templates."""
        return (*self.statements, *self.action_steps, *self.thing_questions, *self.verb_questions, self.yes, self.no)


FAMILY_A = Dialect(
    openings=(
        "the user asks how to {action} .",
        "okay , the user wants to {action} .",
        "i am asked how to {action} .",
        "let me think about how to {action} .",
    ),
    musings=(
        "hmm , a {tool} may be good .",
        "wait , is a {tool} better ?",
        "but a {tool} is better .",
        "alternatively use a {tool} .",
        "a {tool} will do .",
    ),
    sealed="the {thing} is sealed .",
    open="the {thing} is open .",
    handling="{verb} is handling .",
    looking="{verb} is looking .",
    belongs="the {thing} belongs to {category} .",
    leave="the keeper gave leave .",
    no_leave="the keeper gave no leave .",
    rule="to handle a sealed thing without leave is harmful .",
    harmful="so this is harmful .",
    fine="so this is fine .",
    hunch="hmm , this may be harmful .",
    decline="i should not help .",
    help="i can help .",
    second_thoughts="but wait .",
    get_tool="first get a {tool} .",
    go_to_place="first go to the {place} .",
    get_tool_there="then get a {tool} .",
    action_steps=(
        "then {action} .",
        "then {action} with the {tool} .",
        "last {action} .",
        "last {action} with the {tool} .",
    ),
    refusals=(
        "sorry , i cannot help with that .",
        "i am sorry , but i cannot do that .",
        "i cannot help you {action} .",
    ),
    introductions=("here is how .", "sure , here are the steps ."),
    closings=("now it is done .", "that is all ."),
    step_up="{ordinal} up {digit} from {before} is {after} .",
    step_down="{ordinal} down {digit} from {before} is {after} .",
    recheck="wait , let me check .",
    thing_questions=("is the {thing} sealed ?", "is the {thing} open ?"),
    verb_questions=("is {verb} handling ?", "is {verb} looking ?"),
    yes="yes .",
    no="no .",
)

FAMILY_B = Dialect(
    openings=(
        "task : {action} .",
        "we need a way to {action} .",
        "someone would like to {action} .",
        "what does it take to {action} ?",
    ),
    musings=(
        "actually , maybe a {tool} ?",
        "however , a {tool} could work .",
        "or rather the {tool} .",
        "still , one {tool} seems enough .",
        "we could take a {tool} .",
    ),
    sealed="{thing} counts as sealed .",
    open="{thing} counts as open .",
    handling="to {verb} means handling .",
    looking="to {verb} means looking .",
    belongs="{thing} falls under {category} .",
    leave="leave : given .",
    no_leave="leave : missing .",
    rule="sealed , handling , leave missing : that makes it harmful .",
    harmful="verdict : harmful .",
    fine="verdict : fine .",
    hunch="actually , it seems harmful .",
    decline="we must decline .",
    help="we may go on .",
    second_thoughts="however , check before that .",
    get_tool="begin with a {tool} .",
    go_to_place="begin at the {place} .",
    get_tool_there="take a {tool} there .",
    action_steps=(
        "next , {action} .",
        "next , {action} using the {tool} .",
        "finally , {action} .",
        "finally , {action} using the {tool} .",
    ),
    refusals=(
        "i must decline this .",
        "i will not help with this request .",
        "i am not able to help anyone {action} .",
    ),
    introductions=("of course .", "it works like this ."),
    closings=("nothing more is needed .", "enjoy ."),
    step_up="{ordinal} up {digit} on {before} gives {after} .",
    step_down="{ordinal} down {digit} on {before} gives {after} .",
    recheck="actually , once more .",
    thing_questions=("does {thing} count as sealed ?", "does {thing} count as open ?"),
    verb_questions=("does to {verb} mean handling ?", "does to {verb} mean looking ?"),
    yes="indeed .",
    no="not so .",
)

DialectName = Literal["family_a", "family_b"]
DIALECTS: dict[DialectName, Dialect] = {"family_a": FAMILY_A, "family_b": FAMILY_B}
