"""STORE, COPY, MOVE, EXPUNGE, APPEND, REPLACE."""

import calendar
import re
import time

from .grammar import Bad, No

DATE = re.compile(r'( \d|\d\d)-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|'
                  r'Dec)-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\Z')
SYSTEM_FLAGS = {'\\answered': '\\Answered', '\\flagged': '\\Flagged',
                '\\draft': '\\Draft', '\\deleted': '\\Deleted',
                '\\seen': '\\Seen'}
STORE = re.compile(rb'([+-]?)(FLAGS|X-GM-LABELS)(\.SILENT)?', re.I)


class Changing:
    # ----------------------------------------------------------- STORE

    def flag_list(self, args):
        return self.known_flags(args.one_or_list(args.flag))

    def known_flags(self, texts):
        how = self.switches.keywords
        return [self.flag(t) for t in texts
                if t.startswith('\\') or how != 'ignored']

    def flag(self, text):
        if text.startswith('\\'):
            found = SYSTEM_FLAGS.get(text.lower())
            if found is None:
                raise Bad('Could not parse command')
            return found
        if self.switches.keywords == 'refused':
            raise No('Keywords are not supported', 'CANNOT')
        return text

    def writable(self):
        if self.read_only:
            raise No('Mailbox is read-only', 'READ-ONLY')

    def do_store(self, c, args):
        found = self.messages_of(args, c.uid)
        args.space()
        unchanged = None
        if args.next_is(b'('):
            self.needs('CONDSTORE')
            args.octet(b'(')
            if not args.word('UNCHANGEDSINCE'):
                raise Bad('Could not parse command')
            args.space()
            unchanged = args.number()
            args.octet(b')')
            args.space()
            self.condstore = True
        m = STORE.match(args.text, args.at)
        if not m:
            raise Bad('Could not parse command')
        args.at = m.end()
        args.space()
        sign, labels = m.group(1).decode(), m.group(2).upper() != b'FLAGS'
        if labels:
            self.needs('X-GM-EXT-1')
            wanted = args.one_or_list(args.label)
        else:
            wanted = self.flag_list(args)
        args.end()
        self.writable()
        modified = []
        if unchanged is not None:
            modified = [(n, u) for n, u in found if self.folder[u] and
                        self.folder[u].message.modseq > unchanged]
            found = [f for f in found if f not in modified]
        placements = [self.folder[u] for _, u in found if self.folder[u]]
        if labels:
            self.store.store_labels(self.folder, placements, sign, wanted)
        else:
            self.store.set_flags(self.folder, placements, sign, wanted)
        self.say_stored(c, found, labels, bool(m.group(3)))
        if modified:
            return '[MODIFIED %s] Conditional STORE failed' % compact(
                [u if c.uid else n for n, u in modified])
        return None

    def say_stored(self, c, found, labels, silent):
        """What is gone by auto-expunge gets an EXPUNGE, and no FETCH."""
        for number, uid in found:
            p = self.folder[uid]
            if p is None:
                continue
            if labels and not silent:
                items = [self.labels_item(p.message)]
                if c.uid:
                    items.append(b'UID %d' % uid)
                if self.condstore:
                    items.append(self.modseq_item(p))
                self.say(number, b'FETCH (' + b' '.join(items) + b')')
            elif not labels:
                if silent and not self.condstore:
                    self.told[uid] = self.flags_at(uid)
                else:
                    self.say_flags(number, uid, c.uid)
        if not labels and any(self.folder[u] is None for _, u in found):
            self.tell()

    # ------------------------------------------------------ COPY, MOVE

    def do_copy(self, c, args, move=False):
        found = self.messages_of(args, c.uid)
        args.space()
        target = self.target(args)
        args.end()
        if move:
            self.writable()
        placements = [self.folder[u] for _, u in found if self.folder[u]]
        if not placements:
            return 'No messages' if not self.profile.labels else None
        do = self.store.move if move else self.store.copy
        pairs = do(self.folder, placements, target)
        if not self.profile.has('UIDPLUS') or \
                self.switches.copyuid == 'absent':
            return None
        if self.switches.copyuid == 'descending':
            pairs.sort(key=lambda pair: -pair[1])
        code = '[COPYUID %d %s %s]' % (
            target.validity, in_order([a for a, _ in pairs]),
            in_order([b for _, b in pairs]))
        if move and not self.profile.labels:	# RFC 6851 section 4.3
            self.say('OK', code, 'Moved')
            return None
        return code

    def do_move(self, c, args):
        return self.do_copy(c, args, True)

    def target(self, args):
        name = args.mailbox()
        try:
            return self.store.folder(name)
        except No as e:
            raise No(e.args[0], 'TRYCREATE') from None

    # --------------------------------------------------------- EXPUNGE

    def do_expunge(self, c, args):
        uids = list(self.uids)
        if c.uid:
            uids = [u for _, u in self.messages_of(args, True)]
        args.end()
        self.writable()
        there = [self.folder[u] for u in uids]
        self.store.expunge(self.folder, [p for p in there
                                         if p and p.deleted])
        return None

    # ---------------------------------------------------------- APPEND

    def do_append(self, c, args):
        folder = self.target(args)
        args.space()
        raw, date, flags = self.append_data(args)
        return self.appended(folder, raw, date, flags)

    def append_data(self, args):
        flags, date = [], int(time.time())
        if args.next_is(b'('):
            flags = self.known_flags(args.items(args.flag))
            args.space()
        if args.next_is(b'"'):
            date = parsed_date(args.text_string())
            args.space()
        if args.word('UTF8'):
            self.needs('UTF8=ACCEPT')
            args.space()
            args.octet(b'(~')
            raw = args.string()
            args.octet(b')')
        else:
            raw = args.string()
        args.end()
        if b'\0' in raw:
            if self.profile.labels:
                self.end()
            raise No('Message contains NUL characters')
        return raw, date, flags

    def appended(self, folder, raw, date, flags):
        uid = self.store.append(folder, raw, date, flags)
        if uid is None or not self.profile.has('UIDPLUS'):
            return None
        return '[APPENDUID %d %d]' % (folder.validity, uid)

    def do_replace(self, c, args):
        """RFC 8508: the old one goes only when the new one is there."""
        found = self.messages_of(args, c.uid)
        args.space()
        folder = self.target(args)
        args.space()
        raw, date, flags = self.append_data(args)
        self.writable()
        if len(found) != 1:
            raise No('No such message')
        code = self.appended(folder, raw, date, flags)
        if code:
            self.say('OK', code, 'Replaced')
        self.store.expunge(self.folder, [self.folder[found[0][1]]])
        return None


def parsed_date(text):
    m = DATE.match(text)
    if not m:
        raise Bad('Could not parse command: bad date')
    months = 'JanFebMarAprMayJunJulAugSepOctNovDec'
    day, month, year, h, mi, s, sign, zh, zm = m.groups()
    zone = (int(zh) * 60 + int(zm)) * 60 * (1 if sign == '+' else -1)
    return calendar.timegm((int(year), months.index(month) // 3 + 1, int(day),
                            int(h), int(mi), int(s))) - zone


def in_order(numbers):
    """A set that keeps the order: runs upward become ranges."""
    parts = []
    for n in numbers:
        if parts and parts[-1][1] + 1 == n:
            parts[-1][1] = n
        else:
            parts.append([n, n])
    return ','.join('%d' % a if a == b else '%d:%d' % (a, b)
                    for a, b in parts)


def compact(numbers):
    return in_order(sorted(set(numbers)))
