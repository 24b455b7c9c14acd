"""Mail and rules that replace messages, for the crash tests, and where each
message must end (see crash.Plan): on a server like Gmail, and on others."""

import collections
import hashlib
import re

import crash
import places
import tamis

FIELD = 'X-Tamis-Replaced: '
CHANGED = 'X-Mended: yes'

RULES = '''\
version: 1
rules:
  - name: mend
    when: {subject: mend}
    then: [{set_header: {X-Mended: "yes"}}]
  - name: tag
    when: {subject: tag}
    then: [{label: work}, {set_header: {X-Mended: "yes"}}, {mark: read}]
  - name: move
    when: {subject: move}
    then: [{set_header: {X-Mended: "yes"}}, {move: Lists/one}]
'''
MORE_RULES = '''\
  - name: file
    when: {subject: file}
    then: [{set_header: {X-Mended: "yes"}}, archive]
  - name: sweep
    applies_to: all
    when: {subject: sweep}
    then: [{set_header: {X-Mended: "yes"}}]
'''

# subject, (labels, more of control.load), (labels, flags), replaced?
MAIL = [
    ('plain', (('\\Inbox', 'own'), {}), ('\\Inbox own', ''), False),
    ('mend', (('\\Inbox',), {}), ('\\Inbox', ''), True),
    ('mend', (('\\Inbox', 'own', 'a/b', '\\Important'),
              {'flags': ['\\Seen', '\\Flagged']}),
     ('\\Inbox own a/b \\Important', '\\Seen \\Flagged'), True),
    ('tag', (('\\Inbox', 'own'), {}), ('\\Inbox own work', '\\Seen'), True),
    ('move', (('\\Inbox',), {}), ('Lists/one', ''), True),
    ('file', (('\\Inbox', 'own'), {'flags': ['kw']}), ('own', 'kw'), True),
    ('sweep', (('own',), {}), ('own', ''), True),
    ('mend', (('\\Inbox', '\\Sent'), {}), ('\\Inbox \\Sent', ''), True),
    ('mend', (('own',), {}), ('own', ''), False),	# not in INBOX
]


def number(m):
    """Copies may have a Message-ID of their own."""
    return int(re.search(r'\r\nHello, (\d+)\.\r\n\Z', m['raw']).group(1))


class OnGmail:
    """As crash.Plan; what it looks at are the messages of control.dump."""
    name = 'replaced'
    rules = RULES + MORE_RULES
    deleted = set()

    def config(self, account):
        return {'accounts': {'home': account}, 'limits': {'late': '0s'}}

    def load(self, control):
        control.load([dict(
            raw=crash.MAIL % (subject.encode(), n, n, n), labels=labels,
            **more) for n, (subject, (labels, more), _, _) in enumerate(
                MAIL, 1)])
        self.before = {number(m): m for m in
                       control.dump(raw=True)['messages'].values()}

    def lost(self, messages):
        there = {number(m) for m in messages.values()}
        return set(self.before) - there

    def live(self, messages):
        found = collections.defaultdict(list)
        for m in messages.values():
            if m['place'] == 'mail':
                found[number(m)].append(m)
        return found

    def doubled(self, messages):
        return {n for n, them in self.live(messages).items()
                if len(them) > 1}

    def differences(self, messages, refused=False):
        lines, live = [], self.live(messages)
        for n, (subject, _, _, replaced) in enumerate(MAIL, 1):
            if len(live[n]) != 1:
                lines.append('%d (%s) lives %d times' % (
                    n, subject, len(live[n])))
                continue
            lines += self.differs(n, live[n][0])
            lines += self.original(n, messages, replaced)
        return lines

    def differs(self, n, m):
        """What is not so about the one that lives."""
        subject, _, (labels, flags), replaced = MAIL[n - 1]
        is_ = (sorted(m['labels']), sorted(m['flags']))
        want = (sorted(labels.split()), sorted(flags.split()))
        if is_ != want:
            yield '%d (%s) is %s, not %s' % (n, subject, is_, want)
        kept = ('thread', 'date', 'deleted') if replaced else (
            'id', 'thread', 'date', 'deleted', 'digest')
        for what in kept:
            if m[what] != self.before[n][what]:
                yield '%d: its %s was %s, is %s' % (
                    n, what, self.before[n][what], m[what])
        whole = replaced == (FIELD in m['raw']) == (CHANGED in m['raw']) \
            and m['raw'].endswith('\r\n\r\nHello, %d.\r\n' % n)
        if not whole:
            yield '%d (%s) is not as it should be: %r' % (
                n, subject, m['raw'])

    def original(self, n, messages, replaced):
        """It lies in Trash as it was; what else does is ours."""
        old = self.before[n]
        for m in messages.values():
            if number(m) == n and m['place'] != 'mail':
                if m['id'] == old['id'] and m['digest'] == old['digest']:
                    replaced = False
                elif FIELD not in m['raw']:
                    yield '%d: what is this in %s? %r' % (
                        n, m['place'], m['raw'])
        if replaced and messages_by_id(messages).get(old['id']):
            yield '%d: the original lives' % n


def messages_by_id(messages):
    return {m['id']: m for m in messages.values() if m['place'] == 'mail'}


def on_gmail(server, connect_to, **account):
    """A crash.Trial on a gmail.Server."""
    plan, t = OnGmail(), tamis.Tamis()
    server.boxes = lambda: server.control.dump(raw=True)['messages']
    return places.trial(server, t, t.account(connect_to, **account),
                        lambda: plan.load(server.control), plan)


# ---------------------------------------------------------------- others

SUBJECTS = ['plain', 'mend', 'mend', 'tag', 'move', 'plain', 'tag']
EXPECTED = {
    ('INBOX', 1): set(),
    ('INBOX', 2): set(),
    ('INBOX', 3): set(),
    ('INBOX', 4): {'work', '\\Seen'},
    ('Lists/one', 5): set(),
    ('INBOX', 6): set(),
    ('INBOX', 7): {'work', '\\Seen'},
}
REPLACED = {2, 3, 4, 5, 7}


class Elsewhere(crash.Plan):
    """Originals lie in Trash, once or with copies that were taken back; on
    servers without MOVE they are gone, on others still marked."""

    def __init__(self):
        super().__init__('replaced', SUBJECTS, RULES, EXPECTED)
        self.digests = {hashlib.sha256(m).hexdigest()
                        for m in self.messages}

    def live(self, boxes):
        return {box: [m for m in mails if '\\Deleted' not in m.flags]
                for box, mails in boxes.items() if box != 'Trash'}

    def doubled(self, boxes):
        return super().doubled(self.live(boxes))

    def differences(self, boxes, refused=False):
        live = self.live(boxes)
        lines = super().differences(live, refused)
        for box, mails in live.items():
            for m in mails:
                n = crash.places({box: [m]})[0][1]
                if (m.digest in self.digests) == (n in REPLACED):
                    lines.append('%s has %d %s' % (
                        box, n, 'as it was' if n in REPLACED
                        else 'changed'))
        for _, n, _ in crash.places({'': boxes.get('Trash', [])}):
            if n not in REPLACED:
                lines.append('%d is in Trash' % n)
        return lines
