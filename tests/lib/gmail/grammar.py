"""Commands of a client, from octets to arguments (RFC 3501 section 9).

A Reader collects one command with its literals from a wire; an Arguments
walks through it.  What is not IMAP raises Bad, with the text of the answer.
"""

import re

from . import names

LITERAL = re.compile(rb'\{(\d{1,19})(\+?)\}\r?\n\Z')
NUMBER = re.compile(rb'\d{1,20}')
ATOM = re.compile(rb'[^\x00-\x20\x7f(){%*"\\\]]+')
ASTRING = re.compile(rb'[^\x00-\x20\x7f(){%*"\\]+')
LIST_ATOM = re.compile(rb'[^\x00-\x20\x7f(){"\\]+')
FLAG = re.compile(rb'\\?[^\x00-\x20\x7f(){%*"\\\]]+')
LABEL = re.compile(rb'\\?[^\x00-\x20\x7f(){"\\]+')
SET = re.compile(rb'[\d:,*]+')
QUOTED = re.compile(rb'"((?:[^"\\\r\n\0]|\\["\\])*)"')
TAG = re.compile(rb'[^\x00-\x20\x7f(){%*"\\+]{1,200}\Z')
DEPTH = 20


class Bad(Exception):
    """A tagged BAD."""


class No(Exception):
    """A tagged NO."""


class Command:
    """tag, name ('UID FETCH' for those of UIDs), uid, arguments."""

    def __init__(self, text, literals):
        self.text, self.literals = text, literals
        tag, _, rest = text.partition(b' ')
        if not TAG.match(tag):
            self.tag = None
            return
        self.tag = tag
        name, _, rest = rest.partition(b' ')
        self.uid = name.upper() == b'UID'
        if self.uid:
            name, _, rest = rest.partition(b' ')
        self.verb = name.decode('latin-1').upper()
        self.name = ('UID ' if self.uid else '') + self.verb
        self.rest = rest

    def arguments(self, utf8=False):
        return Arguments(self.rest, self.literals, utf8)

    def shown(self):
        """For the log: without passwords and literals."""
        rest = self.rest.decode('utf-8', 'replace')
        if self.verb in ('LOGIN', 'AUTHENTICATE'):
            rest = rest.split(' ')[0]
        return ('%s %s' % (self.name, rest)).strip()


class Reader:
    """Reads commands.  WIRE has line() and take(n); LITERAL_COMES(n, sync,
    text) says whether to go on with a literal (it answers the client)."""

    def __init__(self, wire, literal_comes):
        self.wire, self.literal_comes = wire, literal_comes

    def command(self):
        """The next one; None if a literal was refused: the answer is sent."""
        text, literals = b'', []
        while True:
            line = self.wire.line()
            m = LITERAL.search(line)
            if not m:
                return Command(text + line.rstrip(b'\r\n'), literals)
            size, sync = int(m.group(1)), not m.group(2)
            text += line
            if not self.literal_comes(size, sync, text):
                return None
            literals.append(self.wire.take(size))


class Arguments:
    def __init__(self, text, literals, utf8=False):
        self.text, self.at = text, 0
        self.literals, self.utf8 = list(literals), utf8
        self.depth = 0

    # ------------------------------------------------------------ looking

    def more(self):
        return self.at < len(self.text)

    def next_is(self, data):
        return self.text.startswith(data, self.at)

    def word(self, *words):
        """Takes one of these atoms, if the next is one; in upper case."""
        m = ATOM.match(self.text, self.at)
        if m and m.group().decode('latin-1').upper() in words:
            self.at = m.end()
            return m.group().decode('latin-1').upper()
        return None

    # ------------------------------------------------------------- taking

    def match(self, pattern, what):
        m = pattern.match(self.text, self.at)
        if not m:
            raise Bad('Could not parse command: %s expected' % what)
        self.at = m.end()
        return m.group()

    def octet(self, data):
        if not self.next_is(data):
            raise Bad('Could not parse command: %s expected' % data.decode())
        self.at += len(data)

    def space(self):
        self.octet(b' ')

    def end(self):
        if self.more():
            raise Bad('Could not parse command: too many arguments')

    def atom(self):
        return self.match(ATOM, 'atom').decode('utf-8', 'replace')

    def number(self):
        return int(self.match(NUMBER, 'number'))

    def string(self, bare=None):
        """Octets of a quoted string or literal, or of a BARE pattern."""
        if self.next_is(b'"'):
            data = self.match(QUOTED, 'quoted string')[1:-1]
            return re.sub(rb'\\(["\\])', rb'\1', data)
        if self.next_is(b'{'):
            self.match(re.compile(rb'\{\d+\+?\}\r?\n'), 'literal')
            return self.literals.pop(0)
        if bare is None:
            raise Bad('Could not parse command: string expected')
        return self.match(bare, 'string')

    def astring(self):
        return self.string(ASTRING)

    def text_string(self):
        return self.astring().decode('utf-8', 'replace')

    def name(self, data):
        """The text of a mailbox name or label."""
        try:
            text = data.decode('utf-8' if self.utf8 else 'ascii')
            if not self.utf8 or (b'&' in data and data.isascii()):
                try:
                    text = names.from_utf7(text)
                except ValueError:
                    if not self.utf8:
                        raise
            return text
        except ValueError:
            raise Bad('Could not parse command: bad mailbox name') from None

    def mailbox(self):
        text = self.name(self.astring())
        return 'INBOX' if text.upper() == 'INBOX' else text

    def pattern(self):
        return self.name(self.string(LIST_ATOM))

    def set(self):
        """[(low, high)], '*' as None."""
        data = self.match(SET, 'set').decode()
        ranges = []
        for part in data.split(','):
            ends = part.split(':')
            if len(ends) > 2 or not all(
                    e == '*' or (e.isdigit() and 0 < int(e) < 2 ** 32)
                    for e in ends):
                raise Bad('Could not parse command: bad set')
            ends = [None if e == '*' else int(e) for e in ends]
            ranges.append((ends[0], ends[-1]))
        return ranges

    def items(self, one):
        """A list in parentheses of what ONE() takes."""
        self.depth += 1
        if self.depth > DEPTH:
            raise Bad('Could not parse command: too deep')
        self.octet(b'(')
        found = []
        while self.next_is(b' '):
            self.space()
        while not self.next_is(b')'):
            if found:
                self.space()
            found.append(one())
        self.octet(b')')
        self.depth -= 1
        return found

    def one_or_list(self, one):
        if self.next_is(b'('):
            return self.items(one)
        found = [one()]
        while self.next_is(b' '):
            self.space()
            found.append(one())
        return found

    def flag(self):
        return self.match(FLAG, 'flag').decode('utf-8', 'replace')

    def label(self):
        """A label as text; system labels keep their backslash."""
        return self.name(self.string(LABEL))
