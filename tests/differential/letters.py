"""Random messages that are valid and still odd: for comparing programs.

    for letter in letters.many(random.Random(7), 20): letter.data

Only forms that a standard allows are made, so that a difference between two
programs is somebody's mistake, or a difference of meaning that can be named.
What a peer does not know is left out by a word of WITHOUT:

    decoding    nothing is encoded
    language    no language in encoded words (RFC 2231 section 5)
    case        names of fields in one spelling
    nobody      no group without members
    route       no <@relay.example:alice@example.org> (RFC 5322 4.4)
"""

import base64
import datetime
import quopri

WORDS = ['invoice', 'patch', 'release', 'Garden', 'tomato', 'hail', 'weekly',
         'RFC', 'report', 'holiday', 'budget', 'urgent', 'lunch', 'minutes']
LATIN = ['Überweisung', 'café', 'naïve', 'Straße', 'ñandú']
CHARSETS = ['utf-8', 'UTF-8', 'iso-8859-1', 'windows-1252', 'ISO-8859-15']
FOREIGN = ['Überweisung', 'café', 'naïve', 'Straße', 'Привет', '会議', 'ñandú']
LOCALS = ['alice', 'bob', 'carol.smith', 'dave', 'no-reply', 'Team', 'x_y']
DETAILS = ['', '', '', '+lists', '+shop', '+a.b']
DOMAINS = ['example.org', 'example.com', 'lists.example.org',
           'Mail.Example.NET', 'sub.dept.example.com']
NAMES = ['Alice', 'Bob Builder', 'Carol', 'Dave of Example', 'Support']
TAGS = ['red', 'green', 'blue', 'red alert', 'Deep-Green', '42']
DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep',
          'Oct', 'Nov', 'Dec']


class Letter:
    def __init__(self, data):
        self.data = data			# with CRLF

    @property
    def unix(self):
        return self.data.replace(b'\r\n', b'\n')


def encoded_word(rng, text, without):
    """RFC 2047, one word or two; RFC 2231 section 5 for a language."""
    cut = rng.randrange(1, len(text)) if len(text) > 3 and \
        rng.random() < 0.4 else len(text)
    charset = rng.choice(CHARSETS)

    def one(part):
        try:
            name, data = charset, part.encode(charset)
        except UnicodeEncodeError:
            name, data = 'utf-8', part.encode()
        if rng.random() < 0.1 and 'language' not in without:
            name += '*en'
        if rng.random() < 0.5:
            return '=?%s?%s?%s?=' % (name, rng.choice('bB'),
                                     base64.b64encode(data).decode())
        return '=?%s?%s?%s?=' % (name, rng.choice('qQ'), ''.join(
            chr(c) if chr(c).isalnum() and c < 128 else
            '_' if c == 32 else '=%02X' % c for c in data))
    return rng.choice([' ', ' ', '\r\n ', '  ']).join(
        one(p) for p in (text[:cut], text[cut:]) if p)


def address(rng):
    return rng.choice(LOCALS) + rng.choice(DETAILS) + '@' + \
        rng.choice(DOMAINS)


def mailbox(rng, without):
    """RFC 5322 3.4, in several dresses."""
    a = address(rng)
    name = rng.choice(NAMES)
    forms = [a, '<%s>' % a, '%s <%s>' % (name, a), '"%s" <%s>' % (name, a),
             '"%s, Jr." <%s>' % (name, a), '%s (%s)' % (a, name),
             '%s (a (nested) one)' % a, '"a \\"quoted\\" name" <%s>' % a,
             '%s\r\n <%s>' % (name, a), '%s<%s>' % (name, a),
             '(before) %s' % a,
             '"%s"@example.org' % rng.choice(['john smith', 'a.b', 'x,y'])]
    if 'route' not in without:
        forms.append('<@relay.example,@b.example:%s>' % a)
    if 'decoding' not in without:
        forms.append('%s <%s>' % (
            encoded_word(rng, rng.choice(FOREIGN), without), a))
    return rng.choice(forms)


def mailboxes(rng, without):
    some = [mailbox(rng, without) for _ in range(rng.randrange(1, 4))]
    if rng.random() < 0.1:
        return rng.choice(['Friends: %s;', 'Friends: %s; , x@example.org',
                           'y@example.org, "A, B": %s;']) % ', '.join(some)
    if rng.random() < 0.05 and 'nobody' not in without:
        return 'undisclosed-recipients:;'
    return (',\r\n\t' if rng.random() < 0.3 else ', ').join(some)


def subject(rng, without):
    words = [rng.choice(WORDS) for _ in range(rng.randrange(1, 6))]
    if 'decoding' not in without and rng.random() < 0.5:
        at = rng.randrange(len(words) + 1)
        words.insert(at, encoded_word(rng, rng.choice(FOREIGN), without))
        if at + 1 < len(words) and rng.random() < 0.3:
            words[at + 1] = encoded_word(rng, ' ' + words[at + 1], without)
    if rng.random() < 0.3:
        words[0] = '[%s]' % words[0]
    text = words[0]
    for word in words[1:]:
        text += (rng.choice(['\r\n ', '\r\n\t', '  ', ' \r\n  '])
                 if rng.random() < 0.2 else ' ') + word
    if rng.random() < 0.1:
        text += '  '
    return ('Re: ' if rng.random() < 0.2 else '') + text


def date(rng):
    year, month = rng.randrange(2023, 2027), rng.randrange(1, 13)
    day = rng.randrange(1, 29)
    zone = rng.choice(['+0000', '-0500', '+0530', '+1300', '-1100', 'GMT',
                       'EST', 'PDT', 'UT', '-0000', '+0000 (UTC)'])
    text = '%d %s %s %02d:%02d%s %s' % (
        day, MONTHS[month - 1], rng.choice([year, year, year % 100]),
        rng.randrange(24), rng.randrange(60),
        ':%02d' % rng.randrange(60) if rng.random() < 0.9 else '', zone)
    if rng.random() < 0.9:
        text = '%s,%s%s' % (
            DAYS[datetime.date(year, month, day).weekday()],
            rng.choice([' ', ' ', '', '\r\n ', ' (a comment) ']), text)
    return text


def text(rng, without):
    pool = WORDS if 'decoding' in without else WORDS + FOREIGN
    return '\r\n'.join(
        ' '.join(rng.choice(pool) for _ in range(rng.randrange(1, 9)))
        for _ in range(rng.randrange(1, 8))) + '\r\n'


def text_part(rng, without):
    """Header lines and an encoded body."""
    body = text(rng, without)
    plain = 'decoding' in without
    how = '7bit' if plain else rng.choice(
        ['8bit', 'quoted-printable', 'base64'])
    data = body.encode()
    if how == 'base64':
        data = base64.encodebytes(data).replace(b'\n', b'\r\n')
    elif how == 'quoted-printable':
        data = quopri.encodestring(
            data.replace(b'\r\n', b'\n')).replace(b'\n', b'\r\n')
    charset = 'us-ascii' if plain else 'utf-8'
    return (['Content-Type: text/plain; charset=%s' % charset,
             'Content-Transfer-Encoding: ' + how], data)


def letter(rng, n, without):
    head = ['From: ' + mailbox(rng, without), 'To: ' + mailboxes(rng, without),
            'Subject: ' + subject(rng, without),
            'Message-ID: <%d@mail.example.org>' % n]
    if rng.random() < 0.4:
        head.append('Cc: ' + mailboxes(rng, without))
    if rng.random() < 0.95:
        head.append('Date: ' + date(rng))
    if rng.random() < 0.3:
        head.append('List-Id: %s <%s.lists.example.org>' % (
            rng.choice(WORDS), rng.choice(WORDS).lower()))
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        name = rng.choice(['X-Tag: ', 'X-Tag:', 'x-tag: ', 'X-TAG:  '])
        head.append((name if 'case' not in without else 'X-Tag: ') +
                    rng.choice(TAGS))
    rng.shuffle(head)
    head.append('MIME-Version: 1.0')
    lines, data = text_part(rng, without)
    if 'decoding' not in without and rng.random() < 0.3:
        head.append('Content-Type: multipart/mixed; boundary="b%d"' % n)
        parts = [(lines, data),
                 (['Content-Type: application/octet-stream',
                   'Content-Disposition: attachment; filename="a.bin"',
                   'Content-Transfer-Encoding: base64'],
                  base64.b64encode(bytes(rng.randrange(256)
                                         for _ in range(30))) + b'\r\n')]
        data = b''.join(
            b'--b%d\r\n' % n + '\r\n'.join(h).encode() + b'\r\n\r\n' + d +
            b'\r\n' for h, d in parts) + b'--b%d--\r\n' % n
    else:
        head += lines
    return Letter('\r\n'.join(head).encode() + b'\r\n\r\n' + data)


def many(rng, n, without=()):
    return [letter(rng, i + 1, without) for i in range(n)]
