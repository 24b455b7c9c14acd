"""FETCH, and the items of its answers."""

import bisect
import re
import time

from . import mime, names
from .grammar import Bad, No

ITEM = re.compile(rb'[A-Za-z0-9][A-Za-z0-9.-]*')
PARTIAL = re.compile(rb'<(\d{1,10})\.(\d{1,10})>')
SIMPLE = {'UID', 'FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY',
          'BODYSTRUCTURE', 'RFC822', 'RFC822.HEADER', 'RFC822.TEXT'}
SAME_AS = {'RFC822': ('', True), 'RFC822.HEADER': ('HEADER', False),
           'RFC822.TEXT': ('TEXT', True)}
MACROS = {'FAST': ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE'],
          'ALL': ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE'],
          'FULL': ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE',
                   'BODY']}
FLUSH = 1 << 18	# octets of answers that are held


class Body:
    """BODY[SECTION]<partial> as it was asked."""

    def __init__(self, section, fields=(), partial=None, peek=False):
        self.section, self.fields = section, fields
        self.partial, self.peek = partial, peek

    def name(self):
        text = self.section
        if self.fields:
            text += ' (%s)' % ' '.join(
                names.quoted(f).decode() if ' ' in f else f
                for f in self.fields)
        start = '<%d>' % self.partial[0] if self.partial else ''
        return ('BODY[%s]%s' % (text, start)).encode()


class Fetching:
    # ----------------------------------------------------- what is asked

    def messages_of(self, args, uid):
        """[(number, uid)] of a set; those of UIDs that are not there are
        left out."""
        ranges = args.set()
        top = (self.uids[-1] if self.uids else 0) if uid else len(self.uids)
        spans = []
        for low, high in ranges:
            low, high = (top if e is None else e for e in (low, high))
            spans.append((min(low, high), max(low, high)))
        if not uid and any(high > len(self.uids) or low < 1
                           for low, high in spans):
            raise Bad('Invalid message sequence number')
        numbers = set()
        for low, high in spans:
            if uid:
                low = bisect.bisect_left(self.uids, low) + 1
                high = bisect.bisect_right(self.uids, high)
            numbers.update(range(low, high + 1))
        found = [(n, self.uids[n - 1]) for n in sorted(numbers)]
        if self.half:
            found = found[:len(found) // 2]
        return found

    def fetch_item(self, args):
        name = args.match(ITEM, 'item').decode('latin-1').upper()
        if name in ('BODY', 'BODY.PEEK') and args.next_is(b'['):
            return self.body_item(args, name == 'BODY.PEEK')
        extra = {'MODSEQ': 'CONDSTORE', 'EMAILID': 'OBJECTID',
                 'THREADID': 'OBJECTID', 'X-GM-MSGID': 'X-GM-EXT-1',
                 'X-GM-THRID': 'X-GM-EXT-1', 'X-GM-LABELS': 'X-GM-EXT-1'}
        if name in extra:
            self.needs(extra[name])
        elif name not in SIMPLE:
            raise Bad('Could not parse command')
        return name

    def body_item(self, args, peek):
        args.octet(b'[')
        text = args.match(re.compile(rb'[A-Za-z0-9.]*'), 'section')
        text = text.decode().upper()
        fields = ()
        if text.endswith(('FIELDS', 'FIELDS.NOT')):
            args.space()
            fields = args.items(args.text_string)
        args.octet(b']')
        m = mime.SECTION.match(text)
        if not m or text.endswith('.') or (
                self.profile.labels and re.search(r'\d\.TEXT\Z', text) and
                mime_text_disliked(text)):
            raise Bad('Could not parse command')
        partial = None
        if args.next_is(b'<'):
            m = PARTIAL.match(args.text, args.at)
            if not m or int(m.group(2)) == 0:
                raise Bad('Could not parse command')
            args.at = m.end()
            partial = (int(m.group(1)), int(m.group(2)))
        return Body(text, fields, partial, peek)

    def do_fetch(self, c, args):
        found = self.messages_of(args, c.uid)
        args.space()
        macro = args.word(*MACROS)
        if macro:
            if self.profile.labels:
                raise Bad('Could not parse command')
            items = MACROS[macro]
        else:
            items = args.items(lambda: self.fetch_item(args)) \
                if args.next_is(b'(') else [self.fetch_item(args)]
        since = None
        if args.more():
            self.needs('CONDSTORE')
            args.space()
            args.octet(b'(')
            if not args.word('CHANGEDSINCE'):
                raise Bad('Could not parse command')
            args.space()
            since = args.number()
            args.octet(b')')
            self.condstore = True
        args.end()
        items = list(items)
        if c.uid and 'UID' not in items:
            items.append('UID')
        if since is not None and 'MODSEQ' not in items:
            items.append('MODSEQ')
        self.condstore |= 'MODSEQ' in items
        missing = False
        for number, uid in found:
            p = self.folder[uid]
            if p is None:
                missing = True
            elif since is None or p.message.modseq > since:
                self.fetch_one(number, p, items)
        if missing and not c.uid:
            raise No('Some messages could not be FETCHed')
        return None

    # ------------------------------------------------------- the answer

    def fetch_one(self, number, p, items):
        m = p.message
        sets_seen = any(isinstance(i, Body) and not i.peek or
                        i in ('RFC822', 'RFC822.TEXT') for i in items)
        if sets_seen and not self.read_only and '\\Seen' not in m.flags:
            m.flags.add('\\Seen')
            self.store.touch(m)
            self.store.changed()
            if 'FLAGS' not in items:
                items = items + ['FLAGS']
        if 'FLAGS' in items:
            self.told[p.uid] = self.flags_at(p.uid)
        said = [self.item(p, i) for i in items]
        if self.profile.labels and self.switches.item_order == 'random':
            self.store.random.shuffle(said)
        self.say(number, b'FETCH (' + b' '.join(said) + b')')
        if self.out_octets > FLUSH and self.cut_after is None:
            self.flush()

    def item(self, p, item):
        m = p.message
        if isinstance(item, Body):
            return self.body(m, item)
        if item in SAME_AS:
            data = mime.section(m.raw, SAME_AS[item][0], (),
                                self.switches.rewrapped and
                                item == 'RFC822.HEADER')
            return item.encode() + b' ' + names.literal(data or b'')
        return {
            'UID': lambda: b'UID %d' % p.uid,
            'FLAGS': lambda: self.flags_item(p),
            'INTERNALDATE': lambda: b'INTERNALDATE ' + internal_date(m.date),
            'RFC822.SIZE': lambda: b'RFC822.SIZE %d' % (
                len(m.raw) + self.switches.size_off),
            'ENVELOPE': lambda: b'ENVELOPE ' + mime.envelope(m.raw),
            'BODY': lambda: b'BODY ' + mime.body_structure(m.raw, False),
            'BODYSTRUCTURE': lambda: b'BODYSTRUCTURE ' +
            mime.body_structure(m.raw, True),
            'MODSEQ': lambda: self.modseq_item(p),
            'EMAILID': lambda: b'EMAILID (%s)' % m.email_id.encode(),
            'THREADID': lambda: b'THREADID (T%d)' % m.thread,
            'X-GM-MSGID': lambda: b'X-GM-MSGID %d' % m.guid,
            'X-GM-THRID': lambda: b'X-GM-THRID %d' % m.thread,
            'X-GM-LABELS': lambda: self.labels_item(m),
        }[item]()

    def flags_item(self, p):
        flags = p.message.all_flags(p)
        return b'FLAGS (%s)' % ' '.join(sorted(flags)).encode()

    def modseq_item(self, p):
        right = self.switches.modseq == 'right'
        return b'MODSEQ (%d)' % (p.message.modseq if right else 0)

    def body(self, m, item):
        data = mime.section(m.raw, item.section, item.fields,
                            self.switches.rewrapped)
        if data is None:
            return item.name() + b' NIL'
        if item.partial:
            start, size = item.partial
            data = data[start:start + size]
        if self.profile.labels and not data:
            return item.name() + b' ""'
        return item.name() + b' ' + names.literal(data)

    # --------------------------------------------------------- labels

    def labels_item(self, m):
        labels = self.store.labels_of(m)
        if self.switches.own_label == 'omitted':
            labels = labels - {self.folder.label}
        words = [self.label_out(label) for label in sorted(labels)]
        if self.switches.label_nil:
            words.append(b'NIL')
        return b'X-GM-LABELS (%s)' % b' '.join(words)

    def label_out(self, label):
        form = self.switches.label_form
        if form == 'mixed':
            form = self.store.random.choice(
                ['plain', 'backslash', 'literal'])
        data = (label if self.utf8 else names.to_utf7(label)).encode()
        if form == 'literal':
            return names.literal(data)
        if form == 'backslash' and label.startswith('\\'):
            return data
        # [x] goes out bare, though "]" is no character of atoms.
        if re.match(rb'[A-Za-z0-9&+\[][A-Za-z0-9&+,.\[\]/_-]*\Z', data) \
                and data.upper() != b'NIL':
            return data
        return names.quoted(data)


def mime_text_disliked(text):
    """BODY[1.TEXT], unless of a message in a message."""
    return text.count('.') == 1


def internal_date(seconds):
    return time.strftime('"%d-%b-%Y %H:%M:%S +0000"',
                         time.gmtime(seconds)).encode()
