"""SEARCH: keys of RFC 3501 and Google's own, ESEARCH (RFC 4731)."""

import calendar
import codecs
import email
import email.policy
import email.utils
import re
import shlex

from . import mime
from .changing import compact
from .grammar import DEPTH, Bad, No

FLAG_KEYS = {'ANSWERED': '\\Answered', 'DELETED': '\\Deleted',
             'DRAFT': '\\Draft', 'FLAGGED': '\\Flagged', 'SEEN': '\\Seen'}
DATE_KEYS = ('BEFORE', 'ON', 'SINCE', 'SENTBEFORE', 'SENTON', 'SENTSINCE')
HEADER_KEYS = ('BCC', 'CC', 'FROM', 'SUBJECT', 'TO')
DAY = re.compile(r'(\d{1,2})-(\w{3})-(\d{4})\Z')
MONTHS = 'JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC'


def never(*_):
    return False


class Searching:
    """A key becomes a function of (number, placement)."""

    def do_search(self, c, args):
        returns = None
        if args.word('RETURN'):
            self.needs('ESEARCH')
            args.space()
            returns = [w.upper() for w in args.items(args.atom)]
            if set(returns) - {'MIN', 'MAX', 'COUNT', 'ALL'}:
                raise Bad('Could not parse command')
            returns = returns or ['ALL']
            args.space()
        self.charset = 'utf-8' if self.utf8 else 'ascii'
        if args.word('CHARSET'):
            args.space()
            self.charset = args.text_string().lower()
            if self.charset not in ('us-ascii', 'ascii', 'utf-8'):
                raise No('Unsupported charset', 'BADCHARSET')
            args.space()
        test = self.keys(args)
        args.end()
        found, highest = [], 0
        for number, uid in enumerate(self.uids, 1):
            p = self.folder[uid]
            if p is None or (p.deleted and self.profile.labels and
                             self.switches.deleted_search == 'hidden'):
                continue
            if test(number, p):
                found.append(uid if c.uid else number)
                highest = max(highest, p.message.modseq)
        if self.half:
            found = found[:len(found) // 2]
        with_modseq = b'MODSEQ' in c.rest.upper() and found
        if returns is None:
            text = ''.join(' %d' % n for n in found)
            if with_modseq:
                text += ' (MODSEQ %d)' % highest
            self.say('SEARCH' + text)
        else:
            self.say_esearch(c, found, returns,
                             highest if with_modseq else 0)
        return 'SEARCH completed'

    def say_esearch(self, c, found, returns, modseq):
        parts = ['(TAG "%s")' % c.tag.decode()]
        if c.uid:
            parts.append('UID')
        if found and 'MIN' in returns:
            parts.append('MIN %d' % found[0])
        if found and 'MAX' in returns:
            parts.append('MAX %d' % found[-1])
        if 'COUNT' in returns:
            parts.append('COUNT %d' % len(found))
        if found and 'ALL' in returns:
            parts.append('ALL ' + compact(found))
        if modseq:
            parts.append('MODSEQ %d' % modseq)
        self.say('ESEARCH', ' '.join(parts))

    # ------------------------------------------------------------ keys

    def keys(self, args):
        tests = [self.key(args)]
        while args.next_is(b' '):
            args.space()
            tests.append(self.key(args))
        return lambda n, p: all(t(n, p) for t in tests)

    def key(self, args):
        args.depth += 1
        if args.depth > DEPTH:
            raise Bad('Could not parse command: too deep')
        try:
            return self.one_key(args)
        finally:
            args.depth -= 1

    def one_key(self, args):
        if args.next_is(b'('):
            args.octet(b'(')
            test = self.keys(args)
            args.octet(b')')
            return test
        if re.match(rb'[\d*]', args.text[args.at:args.at + 1]):
            chosen = {u for _, u in self.messages_of(args, False)}
            return lambda n, p: p.uid in chosen
        word = args.atom().upper()
        if word in FLAG_KEYS or (word.startswith('UN') and
                                 word[2:] in FLAG_KEYS):
            return self.flag_key(word)
        if word in ('ALL', 'OLD'):
            return lambda n, p: True
        if word in ('NEW', 'RECENT'):
            return never
        if word == 'NOT':
            args.space()
            test = self.key(args)
            return lambda n, p: not test(n, p)
        if word == 'OR':
            args.space()
            one = self.key(args)
            args.space()
            two = self.key(args)
            return lambda n, p: one(n, p) or two(n, p)
        args.space()
        return self.key_with_value(word, args)

    def flag_key(self, word):
        wanted = word in FLAG_KEYS
        flag = FLAG_KEYS[word if wanted else word[2:]]
        return lambda n, p: (flag in p.message.all_flags(p)) == wanted

    def key_with_value(self, word, args):
        if word == 'UID':
            half, self.half = self.half, False
            chosen = {u for _, u in self.messages_of(args, True)}
            self.half = half
            return lambda n, p: p.uid in chosen
        if word in ('KEYWORD', 'UNKEYWORD'):
            flag = args.flag()
            return lambda n, p: (flag in p.message.flags) == (
                word == 'KEYWORD')
        if word in ('LARGER', 'SMALLER'):
            size = args.number()
            return lambda n, p: len(p.message.raw) != size and (
                len(p.message.raw) > size) == (word == 'LARGER')
        if word in DATE_KEYS:
            return self.date_key(word, args.text_string())
        if word == 'MODSEQ' and self.profile.has('CONDSTORE'):
            self.condstore = True
            least = args.number()
            return lambda n, p: p.message.modseq >= least
        if word in ('EMAILID', 'THREADID') and self.profile.has('OBJECTID'):
            wanted = args.atom()
            return lambda n, p: wanted == (
                p.message.email_id if word == 'EMAILID'
                else 'T%d' % p.message.thread)
        if word.startswith('X-GM-') and self.profile.labels:
            return self.gmail_key(word, args)
        return self.text_key(word, args)

    def date_key(self, word, text):
        m = DAY.match(text)
        if not m or m.group(2).upper() not in MONTHS:
            raise Bad('Could not parse command: bad date')
        day = calendar.timegm((
            int(m.group(3)), MONTHS.index(m.group(2).upper()) // 3 + 1,
            int(m.group(1)), 0, 0, 0)) // 86400

        def test(n, p):
            when = p.message.date if not word.startswith('SENT') \
                else sent_date(p.message.raw)
            if when is None:
                return False
            when //= 86400
            kind = word.replace('SENT', '') or 'SINCE'
            return {'BEFORE': when < day, 'ON': when == day,
                    'SINCE': when >= day}[kind if kind in (
                        'BEFORE', 'ON') else 'SINCE']
        return test

    def value(self, args):
        data = args.astring()
        try:
            return data.decode(self.charset)
        except UnicodeDecodeError:
            raise Bad('Could not parse command: charset') from None

    def text_key(self, word, args):
        if word == 'HEADER':
            name = args.text_string().lower()
            args.space()
        elif word in HEADER_KEYS:
            name = word.lower()
        elif word in ('BODY', 'TEXT'):
            name = None
        else:
            raise Bad('Could not parse command: unknown search key')
        wanted = self.value(args).lower()
        if name == 'message-id' and '%' in wanted and self.profile.labels \
                and self.switches.percent_search == 'nothing':
            return never
        if name is None:
            return self.indexed(lambda m: wanted in whole_text(
                m.raw, word == 'TEXT').lower())
        return self.indexed(lambda m: any(
            wanted in mime.decoded(v).lower() for v in values(m.raw, name)))

    def indexed(self, test):
        return lambda n, p: self.store.indexed(p.message) and test(p.message)

    # ---------------------------------------------------------- Google

    def gmail_key(self, word, args):
        if word == 'X-GM-MSGID':
            wanted = args.number()
            return lambda n, p: p.message.guid == wanted
        if word == 'X-GM-THRID':
            wanted = args.number()
            return lambda n, p: p.message.thread == wanted
        if word == 'X-GM-LABELS':
            label = args.label()
            wanted = label.lower()
            return lambda n, p: wanted in {
                x.lower() for x in self.store.labels_of(p.message)}
        if word == 'X-GM-RAW':
            return self.indexed(self.raw_query(self.value(args)))
        raise Bad('Could not parse command: unknown search key')

    def raw_query(self, text):
        """The part of the web search that is known here; all words hold."""
        try:
            words = shlex.split(text.replace("'", "\\'"))
        except ValueError:
            words = text.split()
        tests = [self.raw_word(w) for w in words]
        return lambda m: all(t(m) for t in tests)

    def raw_word(self, word):
        if word.startswith('-') and len(word) > 1:
            test = self.raw_word(word[1:])
            return lambda m: not test(m)
        key, colon, value = word.partition(':')
        known = getattr(self, 'raw_' + key.lower(), None) if colon else None
        if known is None:
            return lambda m: word.lower() in whole_text(m.raw, True).lower()
        return known(value.lower())

    def raw_rfc822msgid(self, value):
        value = value.strip('<>')
        return lambda m: m.message_id.lower() == value

    def raw_label(self, value):
        def plain(label):
            return re.sub(r'[ /&()]', '-', label.lower().lstrip('\\'))
        return lambda m: plain(value) in {
            plain(x) for x in self.store.labels_of(m)}

    def raw_in(self, value):
        if value == 'anywhere':
            return lambda m: True
        if value in ('trash', 'spam'):
            return lambda m: m.place == value
        return self.raw_label({'drafts': 'draft'}.get(value, value))

    def raw_is(self, value):
        if value in ('read', 'unread'):
            return lambda m: ('\\Seen' in m.flags) == (value == 'read')
        return self.raw_label(value)

    def raw_has(self, value):
        if value == 'attachment':
            return lambda m: re.search(rb'(?i)\ncontent-disposition:\s*'
                                       rb'attachment', m.raw) is not None
        if value == 'userlabels':
            return lambda m: any(x[0] != '\\' for x in m.labels)
        if value == 'nouserlabels':
            return lambda m: not any(x[0] != '\\' for x in m.labels)
        return never

    def raw_header(self, name):
        return lambda value: lambda m: any(
            value in mime.decoded(v).lower() for v in values(m.raw, name))

    raw_from = property(lambda self: self.raw_header('from'))
    raw_to = property(lambda self: self.raw_header('to'))
    raw_subject = property(lambda self: self.raw_header('subject'))


def sent_date(raw):
    text = mime.value(mime.split(raw)[0], 'date')
    try:
        when = email.utils.parsedate_tz(text)
    except (TypeError, ValueError):
        when = None
    return calendar.timegm(when[:6]) if when else None


def values(raw, name):
    header, _ = mime.split(raw)
    return [mime.value(octets, n) for n, octets in mime.fields(header)
            if n == name]


def whole_text(raw, header):
    """Decoded as far as encoded words and transfer encodings go."""
    found = []
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    for part in message.walk():
        if header:
            found += ['%s: %s' % (k, mime.decoded(str(v)))
                      for k, v in part.items()]
        if part.get_content_maintype() in ('text', 'message'):
            data = part.get_payload(decode=True) or b''
            found.append(data.decode(charset(part), 'replace'))
    return '\n'.join(found)


def charset(part):
    name = part.get_content_charset() or 'utf-8'
    try:
        codecs.lookup(name)
        return name
    except LookupError:
        return 'utf-8'
