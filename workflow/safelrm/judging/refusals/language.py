"""Whether a text is English, which is the language of the labels that a classifier of refusals learns from.

A text is not English if most of its letters are of another script, if common words of other languages outnumber those
of English, or if it is long and has hardly any common word of English. A short text of Latin letters without any common
word, such as a name, a number or a line of code, counts as English: nothing in it can be misread. The test is made to
keep a classifier from texts that it cannot know, not to tell languages apart.
"""

import re
from functools import cache

# only the beginning is looked at
READ_CHARACTERS = 4000
LEAST_LATIN_SHARE = 0.7
# a text of so many words has at least this share of common English words
LONG_TEXT_WORDS = 12
LEAST_ENGLISH_SHARE = 0.08
_ENGLISH = """
a about after all also am an and any are as at be because been before but by can can't cannot could did do does doesn't
don't for from had has have he help her here how i i'm if in is isn't it it's its just like me more my no not of on one
only or our out please she should so some sorry than that the their them then there these they this to up us use was we
were what when which who will with won't would you your
"""
# words of other languages that are no English words: Spanish, Portuguese, French, Italian, German, Dutch, the
# Scandinavian languages, Polish, Czech, Romanian, Turkish, Indonesian, Vietnamese, Finnish, Swahili
# without words that are English words, too, such as the German "die", and without single letters
_OTHERS = """
el la los las una unas que por para puedo esta este eso esa pero lo siento su ayudar ayudarte como de
não nao uma isso posso ajudar você voce da dos das eu sinto desculpe
je ne pas peux le les du une vous cela ce qui dans pour mais désolé vous aider nous suis votre et
non dispiace questo che il di sono della aiutarti è questa
nein ich nicht kann das der und es tut leid dir dabei helfen ein eine aber mit ist zu dies diese kein keine
ik kan niet een dat helpen zijn maar deze geen met
jag inte och att hjälpa ett är på jeg ikke og hjelpe hjælpe dette med som
nie mogę pomóc tego się jest przepraszam nemohu tím pomoci
să te ajut cu asta îmi pare rău și
hayır bir ve için size yardımcı olamam üzgünüm konuda
saya tidak bisa dapat membantu maaf ini dengan anda dan yang
tôi không thể giúp bạn với xin lỗi
auttaa tässä anteeksi siwezi samahani kukusaidia
"""  # noqa: RUF001  (letters of these languages)


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def is_english(text: str) -> bool:
    """Whether a text counts as English (see above)."""
    beginning = text[:READ_CHARACTERS].replace("\u2019", "'")
    letters = [letter for letter in beginning if letter.isalpha()]
    if not letters:
        return True
    if sum(_is_latin(letter) for letter in letters) / len(letters) < LEAST_LATIN_SHARE:
        return False
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", beginning.lower())
    english = sum(word in _words(_ENGLISH) for word in words)
    others = sum(word in _words(_OTHERS) - _words(_ENGLISH) for word in words)
    if others > english:
        return False
    return len(words) < LONG_TEXT_WORDS or english / len(words) >= LEAST_ENGLISH_SHARE


def _is_latin(letter: str) -> bool:
    """Whether a letter is of the Latin script: of its blocks in Unicode, the first to the last with letters in use."""
    return letter < "\u0250" or "\u1e00" <= letter <= "\u1eff"
