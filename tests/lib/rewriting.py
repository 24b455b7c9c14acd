"""Mail that is rewritten, for the crash tests, and where it must end.

What a message is stands among its flags: `rewritten`, `broken`, or the
original without either.
"""

import collections

import crash
import maildir
import places
import tamis

SUBJECTS = ['plain', 'tag', 'tag star', 'tag move', 'tag copy', 'tag label',
            'tag both', 'tag delete', 'same']

RULES = '''\
version: 1
rules:
  - name: star
    when: {subject: star}
    then: [{mark: [starred, read]}]
  - name: move
    when: {subject: move}
    then: [{move: Lists}]
  - name: copy
    when: {subject: copy}
    then: [{copy: Copies}]
  - name: both
    when: {subject: both}
    then: [{copy: Copies}, archive]
  - name: label
    when: {subject: [label, both]}
    then: [{label: work}]
  - name: delete
    when: {subject: delete}
    then: [delete]
  - name: tag
    when: {subject: tag}
    then: [{set_header: {Subject: clean}}]
  - name: same
    when: {subject: same}
    then: [{pipe: [cat]}]
'''

SEEN, STAR, NEW = '\\Seen', '\\Flagged', 'rewritten'

EXPECTED = {
    ('INBOX', 1): set(),
    ('INBOX', 2): {NEW},
    ('INBOX', 3): {NEW, SEEN, STAR},
    ('Lists', 4): {NEW},
    ('INBOX', 5): {NEW},
    ('Copies', 5): {NEW},
    ('INBOX', 6): {NEW, 'work'},
    ('Archive', 7): {NEW, 'work'},
    ('Copies', 7): {NEW, 'work'},
    ('INBOX', 9): set(),
}


class Plan(crash.Plan):
    """What is in Trash does not count as there, nor what is broken."""

    def lost(self, boxes):
        return super().lost(without_trash(boxes))

    def doubled(self, boxes):
        return super().doubled(without_trash(boxes))

    def differences(self, boxes, refused=False):
        lines = super().differences(without_trash(boxes), refused)
        numbers = sorted(n for _, n, flags in crash.places(
            {'Trash': boxes.get('Trash', [])}) if NEW not in flags)
        if numbers != [2, 3, 4, 5, 6, 7, 8]:
            lines.append('originals in Trash: %s' % numbers)
        return lines


def without_trash(boxes):
    return {name: [m for m in mails if 'broken' not in m.flags]
            for name, mails in boxes.items() if name != 'Trash'}


def looked_at(plan, mail):
    """With what it is as one more flag, and without its name."""
    with open(mail.path, 'rb') as f:
        data = f.read().replace(b'\r\n', b'\n')
    flags = set(mail.flags)
    number = int(mail.message_id[1:].partition('@')[0])
    original = plan.messages[number - 1].replace(b'\r\n', b'\n')
    if data != original:
        subject = original.split(b'Subject: ')[1].split(b'\n')[0]
        rest = data[data.find(b'From:'):].replace(
            b'Subject: clean\n', b'Subject: %s\n' % subject)
        flags.add(NEW if data.startswith(b'X-Tamis-Replaced: ') and
                  b'Subject: clean\n' in data and rest == original
                  else 'broken')
    return mail._replace(flags=frozenset(flags), path='')


class Place(places.Maildir):
    def __init__(self, path, plan):
        super().__init__(path)
        self.plan = plan

    def boxes(self):
        return boxes_of(self.path, self.plan)


def boxes_of(path, plan):
    return {name: [looked_at(plan, m) for m in mails]
            for name, mails in maildir.dump(path).items()}


def make_plan():
    return Plan('rewriting', SUBJECTS, RULES, EXPECTED, deleted=[8])


def on_maildir():
    plan = make_plan()
    folder = places.tempfile.mkdtemp()
    place = Place(folder + '/Maildir', plan)
    return places.trial(
        place, tamis.Tamis(folder), {'maildir': place.path},
        lambda: maildir.deliver(place.path, plan.messages), plan)


def on_dovecot(server, connect_to):
    plan, t = make_plan(), tamis.Tamis()

    def boxes():
        server.settle()
        return boxes_of(server.folder + '/home/alice/Maildir', plan)
    server.boxes = boxes
    return places.trial(server, t, t.account(connect_to),
                        lambda: server.append('alice', 'INBOX',
                                              plan.messages), plan)


# ------------------------------------------------------------------ Gmail

# subject, labels and flags before, labels and flags at the end
ON_GMAIL = [
    ('plain', ('\\Inbox',), (), '\\Inbox', ''),
    ('tag', ('\\Inbox', 'a/b', '\\Important'), ('\\Seen', '\\Flagged'),
     '\\Inbox \\Important a/b', '\\Flagged \\Seen'),
    ('tag label', ('\\Inbox',), (), '\\Inbox work', ''),
    ('tag move', ('\\Inbox', 'own'), (), 'Lists own', ''),
    ('tag archive', ('\\Inbox',), ('kw',), '', 'kw'),
    ('tag copy', ('\\Inbox',), (), '\\Inbox Copies', ''),
    ('same', ('\\Inbox',), (), '\\Inbox', ''),
]
GMAIL_RULES = RULES.replace('  - name: tag\n', '''\
  - name: archive
    when: {subject: archive}
    then: [archive]
  - name: tag
''')


class GmailPlan:
    """As gmailplan.Plan; what is in Trash are the originals."""
    name, rules, deleted = 'rewriting', GMAIL_RULES, ()

    def __init__(self):
        self.messages = [crash.MAIL % (row[0].encode(), n, n, n)
                         for n, row in enumerate(ON_GMAIL, 1)]

    def config(self, account):
        return {'accounts': {'home': account}, 'limits': {'late': '0s'}}

    def load(self, control):
        control.load([
            {'raw': raw, 'labels': row[1], 'flags': row[2]}
            for raw, row in zip(self.messages, ON_GMAIL)])
        self.before = {number_of(m['raw']): m for m in
                       control.dump(raw=True)['messages'].values()}

    def live(self, messages):
        """{number: [message]}; broken ones are none."""
        found = collections.defaultdict(list)
        for m in messages.values():
            n = number_of(m['raw'])
            if m['place'] == 'mail' and self.kind(n, m['raw']):
                found[n].append(m)
        return found

    def kind(self, n, raw):
        """'old', 'new', or None where it is neither whole."""
        old = self.messages[n - 1].decode('latin-1')
        if raw == old:
            return 'old'
        raw = self.with_old_id(n, raw)
        lines = raw[raw.find('From:'):].split('\r\n')
        # one second later, or more for each copy that lies in Trash
        dates = ['Date: Mon, 13 Jul 2026 10:00:%02d +0000' % (n + k)
                 for k in range(1, 4)]
        date = [x for x in lines if x in dates]
        want = [date[0] if x.startswith('Date:') and date else
                'Subject: clean' if x.startswith('Subject:') else x
                for x in old.split('\r\n')]
        return 'new' if raw.startswith('X-Tamis-Replaced: ') and \
            lines == want else None

    def with_old_id(self, n, raw):
        """Where the server seemed to swallow it, it got another one, and the
        old one stands in References."""
        old = '<m%d@example.org>\r\n' % n
        if 'References: ' + old not in raw or '@tamis.invalid>' not in raw:
            return raw
        head, _, rest = raw.partition('Message-ID: ')
        raw = head + rest.partition('\r\n')[2]
        raw = raw.replace('References: ' + old, '')
        return raw.replace('Date: ', 'Message-ID: %sDate: ' % old)

    def lost(self, messages):
        return set(range(1, len(ON_GMAIL) + 1)) - set(self.live(messages))

    def doubled(self, messages):
        return {n for n, m in self.live(messages).items() if len(m) > 1}

    def differences(self, messages, refused=False):
        lines, live = [], self.live(messages)
        for n, (subject, _, _, labels, flags) in enumerate(ON_GMAIL, 1):
            if len(live[n]) != 1:
                lines.append('%d is there %d times' % (n, len(live[n])))
                continue
            m, = live[n]
            kind = 'new' if 'tag' in subject else 'old'
            is_ = (self.kind(n, m['raw']), sorted(m['labels']),
                   sorted(m['flags']), m['thread'], m['date'])
            want = (kind, sorted(labels.split()), sorted(flags.split()),
                    self.before[n]['thread'], self.before[n]['date'])
            if is_ != want:
                lines.append('%d (%s) is %s, not %s' % (
                    n, subject, is_, want))
        return lines


def number_of(raw):
    """By its body, as another Message-ID is one way to get it there."""
    return int(raw.rpartition('Hello, ')[2].partition('.')[0])


def on_gmail(server, connect_to, **account):
    plan, t = GmailPlan(), tamis.Tamis()
    server.boxes = lambda: server.control.dump(raw=True)['messages']
    return places.trial(server, t, t.account(connect_to, **account),
                        lambda: plan.load(server.control), plan)
