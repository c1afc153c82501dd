"""What is read out of a model's answer, and what models are told."""

import pytest

from service.dialogue.messages import Persona, Scene, Spoken, messages, utterance_text
from service.dialogue.prompts import LATEST
from service.dialogue.reply import read_reply

ADA = Persona("e-1", "Ada", "Mathematician.", {"born": 1815})
ALAN = Persona("e-2", "Alan", "", {})


@pytest.mark.parametrize(
    ("answer", "thought", "speech"),
    [
        # the form that is asked for, and its parts missing
        ('*a loom!*\n"It weaves algebra."', "a loom!", "It weaves algebra."),
        ('*a loom!* "It weaves algebra."', "a loom!", "It weaves algebra."),
        ('\n  *a loom!*  \n\n  "It weaves algebra."  \n', "a loom!", "It weaves algebra."),
        ('"It weaves algebra."', "", "It weaves algebra."),
        ("It weaves algebra.", "", "It weaves algebra."),
        ("*a loom!*\nIt weaves algebra.", "a loom!", "It weaves algebra."),
        ("*a loom!*", "a loom!", ""),
        ('*a loom!*\n""', "a loom!", ""),
        ('*a loom!*\n"', "a loom!", ""),
        ('"It weaves', "", "It weaves"),  # cut off
        # Markdown
        ('**a loom!**\n"It weaves algebra."', "a loom!", "It weaves algebra."),
        ('***a loom!***\n"It weaves algebra."', "a loom!", "It weaves algebra."),
        ('**Ada:** *a loom!*\n"It weaves algebra."', "a loom!", "It weaves algebra."),
        ('**Ada**: *a loom!*\n"It weaves algebra."', "a loom!", "It weaves algebra."),
        ('*it *is* a loom*\n"It weaves."', "it *is* a loom", "It weaves."),
        # the speaker's name, which transcripts show and models copy
        ('Ada: *a loom!*\n"It weaves algebra."', "a loom!", "It weaves algebra."),
        ('*a loom!*\nAda: "It weaves algebra."', "a loom!", "It weaves algebra."),
        ("ADA: It weaves algebra.", "", "It weaves algebra."),
        ("Ada： 「機織り」", "", "機織り"),
        ("Adam: It weaves algebra.", "", "Adam: It weaves algebra."),
        ("Ada, Countess: it weaves.", "", "Ada, Countess: it weaves."),
        # quotation marks
        ("*hm*\n\u201cIt weaves.\u201d", "hm", "It weaves."),
        ('\u201cIt weaves."', "", "It weaves."),
        ("\u00ab Elle tisse. \u00bb", "", "Elle tisse."),
        ("\u00ab\u00a0Elle tisse.\u00a0\u00bb", "", "Elle tisse."),
        ("\u00bbEr webt.\u00ab", "", "Er webt."),
        ("\u201eEr webt.\u201c", "", "Er webt."),
        ("\u201eTka.\u201d", "", "Tka."),
        ("\u201dDen väver.\u201d", "", "Den väver."),
        ("\u300c織る。\u300d", "", "織る。"),
        ('"It" weaves "algebra"', "", '"It" weaves "algebra"'),
        ('"It weaves," she said.', "", '"It weaves," she said.'),
        ("\u201cHe called it \u2018a loom\u2019.\u201d", "", "He called it \u2018a loom\u2019."),
        # asterisks later on belong to the speech
        ('"It weaves." *smiles* "Algebra."', "", '"It weaves." *smiles* "Algebra."'),
        ('*hm*\n"It *really* weaves."', "hm", "It *really* weaves."),
        ("*hm*\nIt weaves. *smiles*", "hm", "It weaves. *smiles*"),
        ("*hm* It weaves. *smiles*", "hm", "It weaves. *smiles*"),
        ('*hm* It weaves. *smiles*\n"Yes."', "hm", 'It weaves. *smiles*\n"Yes."'),
        ("It weaves 2*3*4 threads.", "", "It weaves 2*3*4 threads."),
        # several paragraphs
        ('*one\n\ntwo*\n"three\n\nfour"', "one\n\ntwo", "three\n\nfour"),
        # from right to left
        ('*أفكر*\n"مرحبا بكم"', "أفكر", "مرحبا بكم"),
        ('*אני חושב*\n"שלום"', "אני חושב", "שלום"),
        # hardly anything
        ("", "", ""),
        ("*", "", "*"),
        ("**", "", "**"),
        ("****", "", "****"),
    ],
)
def test_answers(answer: str, thought: str, speech: str) -> None:
    assert read_reply(answer, "Ada") == (thought, speech)


@pytest.mark.parametrize("name", ["Ada (1815)", "A.*", "مريم", "Groß", "İpek", "O'Neil: the 2nd", "\\1", "$name", "*"])
def test_any_name_is_taken_off(name: str) -> None:
    assert read_reply(f'{name}: *hm*\n"Yes."', name) == ("hm", "Yes.")
    assert read_reply("Gross: yes.", "Groß") == ("", "Gross: yes.")


def test_long_answers_are_read_quickly() -> None:
    """No answer makes the reading quadratic; 200,000 characters are more than models give."""
    for piece in ("*", '"', "* ", "*a", "Ada:", "\n*", "*a\n", " *a*", "* *a* *"):
        text = piece * (200_000 // len(piece))
        thought, speech = read_reply(text, "Ada")
        assert 0 <= text.count("a") - thought.count("a") - speech.count("a") <= 2  # but for the name, nothing is lost


def test_a_transcript_hides_the_thoughts_of_others() -> None:
    scene = Scene("A panel", [ADA, ALAN], None, LATEST)
    said = [Spoken("e-1", "secret one", "First."), Spoken("e-2", "secret two", "Second.")]
    for speaker, own, other in ((ADA, "secret one", "secret two"), (ALAN, "secret two", "secret one")):
        text = "\n".join(message["content"] for message in messages(scene, speaker, said))
        assert own in text
        assert other not in text
        assert "First." in text
        assert "Second." in text
    text = messages(scene, ALAN, said[:1])[1]["content"]
    assert 'Ada:\n"First."' in text


def test_entities_of_the_same_name_are_told_apart() -> None:
    twin = Persona("e-3", "Ada", "", {})
    scene = Scene("A panel", [ADA, twin], None, LATEST)
    text = messages(scene, twin, [Spoken("e-1", "secret", "First.")])[1]["content"]
    assert "secret" not in text


def test_user_texts_are_no_templates() -> None:
    persona = Persona("e-1", "$context", "$name ${persona} $$ {name} %s", {"$language": ["$occasion", 1]})
    scene = Scene("It costs $5; $name, $transcript $unknown", [persona], "$name", LATEST)
    system, turn = messages(scene, persona, [Spoken("e-1", "$name?", "$transcript!")])
    assert system["content"].startswith("You are $context.\n$name ${persona} $$ {name} %s\n")
    assert '- $language: ["$occasion", 1]' in system["content"]
    assert "It costs $5; $name, $transcript $unknown" in system["content"]
    assert "Answer in this language: $name." in system["content"]
    assert utterance_text("$context", "$name?", "$transcript!") in turn["content"]
    assert turn["content"].endswith("$context, it is your turn.")


def test_prompts_say_what_there_is() -> None:
    system, opening = messages(Scene("A panel", [ADA, ALAN], "Spanish", LATEST), ADA, ())
    for text in ("You are Ada.", "Mathematician.", "- born: 1815", "a conversation with Alan", "A panel", "Spanish"):
        assert text in system["content"]
    assert (system["role"], opening["role"]) == ("system", "user")
    assert opening["content"] == "Nobody has spoken yet. Ada, begin."
    alone = messages(Scene("A panel", [ADA], None, LATEST), ADA, ())[0]["content"]
    assert "a monologue" in alone
    assert "language" not in alone


def test_an_utterance_as_transcripts_show_it() -> None:
    assert utterance_text("Ada", "hm", "Yes.") == 'Ada: *hm*\n"Yes."'
    assert utterance_text("Ada", "", "Yes.") == 'Ada:\n"Yes."'
    for thought, speech in (("hm", "Yes."), ("", "Yes."), ("hm", "")):
        assert read_reply(utterance_text("Ada", thought, speech), "Ada") == (thought, speech)


def test_what_a_model_reasons_before_its_answer_is_left_out():
    assert read_reply('<think>The user wants\nAda.</think>\n*hm*\n"Yes."', "Ada") == ("hm", "Yes.")
    assert read_reply("<think>cut short", "Ada") == ("", "")
